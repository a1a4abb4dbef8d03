"""The subjects of the field guide: one small file each, with its requirements.

The file begins with metadata in the form of PEP 723: `dependencies` from PyPI and a table `[tool.wslab]`, in JavaScript
after `//`. Its folder tells its kind: `servers`, `proxies`, `plain` clients, or `reconnecting` ones.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from wslab.core.errors import BadValueError
from wslab.core.fieldguide import Group

HERE = Path(__file__).parent
FOLDERS: dict[str, Group] = {"servers": "server", "proxies": "proxy", "plain": "plain", "reconnecting": "client"}

_BLOCK = re.compile(r"^(?P<mark>#|//) /// script$\n(?P<content>(^(?P=mark)( .*)?$\n)+?)^(?P=mark) ///$", re.MULTILINE)


class Needs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of `[tool.wslab]` in a subject's file.

    Fields:
        npm: packages. program: must be on PATH. debian: packages that contain it.
        runs: the command that runs the file, if it is neither Python nor Node.
        product: the software that it belongs to, if not named after the file; each product is counted once.
        limit: what sets its limit, with N for the number; None: nothing does.
        variants: each is a subject, passed to the program as its last argument. Those of a proxy are the names of the
            servers behind it.
        path, template, greeting, answers: as in `Target`, if it has its own protocol.
    """

    npm: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()
    program: str | None = None
    product: str | None = None
    runs: str | None = None
    limit: str | None = None
    variants: tuple[str, ...] = ()
    path: str = "/"
    template: str | None = None
    greeting: tuple[str, ...] = ()
    answers: dict[str, str] = {}


class GuideSubject(msgspec.Struct, frozen=True):
    """One server, client or proxy, in one of its variants.

    Fields:
        name: of its file, with the variant. about: the sentence after its metadata. pypi: packages. needs: its other
            metadata.
    """

    name: str
    group: Group
    file: Path
    about: str
    pypi: tuple[str, ...]
    needs: Needs
    variant: str | None = None

    @property
    def product(self) -> str:
        return self.needs.product or _named(self.file)

    @property
    def is_python(self) -> bool:
        return self.file.suffix == ".py"


def subjects(folder: Path = HERE) -> dict[str, GuideSubject]:
    """Return all subjects by name: servers, proxies, plain clients, reconnecting clients.

    Raises:
        ValueError: a file has no metadata, or invalid ones; the message names it.
    """
    files = [(path, group) for room, group in FOLDERS.items() for path in sorted((folder / room).glob("*.[jp][sy]"))]
    found = [subject for path, group in files for subject in _read(path, group)]
    return {subject.name: subject for subject in found}


def _read(path: Path, group: Group) -> list[GuideSubject]:
    source = path.read_text(encoding="utf-8")
    block = _BLOCK.search(source)
    if block is None:
        raise BadValueError(f"{path.name} begins with no block of metadata (# /// script … # ///)")
    text = "\n".join(line.removeprefix(block["mark"]).removeprefix(" ") for line in block["content"].splitlines())
    try:
        table = tomllib.loads(text)
        needs = msgspec.convert(table.get("tool", {}).get("wslab", {}), Needs)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadValueError(f"the metadata of {path.name} are wrong: {error}") from None
    pypi = tuple(table.get("dependencies", ()))
    name = _named(path)
    link = " before " if group == "proxy" else ", "
    about = source[block.end() :].strip().splitlines()[0].strip('"/ ').partition(" Run: ")[0]
    if not needs.variants:
        return [GuideSubject(name, group, path, about, pypi, needs)]
    return [GuideSubject(name + link + variant, group, path, about, pypi, needs, variant) for variant in needs.variants]


def _named(path: Path) -> str:
    return path.stem.replace("_", "-")
