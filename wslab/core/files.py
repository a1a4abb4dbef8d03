"""Files that appear whole or not at all, with the user's usual permissions."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from wslab.core.errors import UnwritableError, in_words


def write_whole(path: Path, content: bytes) -> Path:
    """Write `content` to `path` and return `path`; until all of it is written, the old content stays.

    An existing file keeps its mode, a new one gets what the umask leaves. Links are followed; anything but a regular
    file, such as /dev/stdout, is written to in place.

    Raises:
        UnwritableError: the path cannot be written; the message names it and says why.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            target.write_bytes(content)
        else:
            _replace(target, content)
    except OSError as error:
        raise UnwritableError(f"{str(path)!r} cannot be written: {in_words(error, named=False)}") from error
    return path


def _replace(target: Path, content: bytes) -> None:
    beside = target.parent / f".wslab-{secrets.token_hex(8)}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # the umask applies
    try:
        with open(descriptor, "wb") as file:
            if target.exists():
                os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
            file.write(content)
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise
