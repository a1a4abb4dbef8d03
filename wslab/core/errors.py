"""What the package raises on purpose, and how any error is put into words.

`WslabError` is the base of all of it: catch that, and what still comes through is a fault of ours. A failure of the
network is no error here; it is an observation in a record. A kind that replaced a built-in exception stays one too, so
`except ValueError` goes on working.
"""

from __future__ import annotations

import errno

from wslab.core.printable import printable

MAX_WORDS = 500
"""Characters of an error that are kept: its words may be a peer's, who may have written a book."""

_HINTS = {
    errno.ECONNREFUSED: "nobody listens there (a lab server ends with the kernel or script that started it)",
    errno.EMFILE: "this process may open no more files and sockets; raise its limit (ulimit -n), or open fewer",
    errno.ENFILE: "this machine may open no more files and sockets; end what holds them",
}


class WslabError(Exception):
    """The base of all that `wslab` raises on purpose; each message says what was wrong and what to do."""


class BadValueError(WslabError, ValueError):
    """An argument is out of its bounds; the message names it, its value, the bound and the unit."""


class BadTypeError(WslabError, TypeError):
    """An argument is of the wrong type; the message names it, its value and what is wanted."""


class MisuseError(WslabError, RuntimeError):
    """A call came at a moment, or from a place, where it cannot work."""


class MissingPackageError(WslabError, ImportError):
    """An optional package is not installed; the message says how to install it."""


class UnwritableError(WslabError, OSError):
    """A file or folder cannot be written; the message says which and why."""


class LabServerError(WslabError, RuntimeError):
    """A lab server cannot do what was asked: it was stopped, its process died, or its port is taken."""


class RelayError(WslabError, RuntimeError):
    """A relay cannot do what was asked: it does not run, or its certificate cannot be read."""


class NotRecordedError(LabServerError):
    """A replay was asked for what nobody recorded; the message says what there is and how to run it for real."""


class HerdError(WslabError, RuntimeError):
    """A worker process of a herd has died or does not answer; the message holds its last words."""


class ClusterError(WslabError, RuntimeError):
    """No cluster answers at an address, or it has no workers; the message says how to start them."""


class SimulationError(WslabError, ValueError):
    """The simulation would not end in good time; the message says why and what to change."""


class PolicyError(WslabError, ValueError):
    """A policy yielded an invalid delay; the message names the policy and the attempt."""


class RunFileError(WslabError, ValueError):
    """A file that is damaged, of another kind, or of a newer version; the message says where and why."""


class CaptureError(WslabError, ValueError):
    """What was brought to be explained cannot be read; the message says what it seems to be and what to do."""


class NotebookError(WslabError, ValueError):
    """A file that is no notebook; the message says why."""


class NoBrowserError(WslabError, OSError):
    """There is nothing here that prints; the message says what to install."""


class DamagedMessageError(WslabError, ValueError):
    """A chunk that does not decode: its checksum is wrong, or it is none of this protocol's."""


class UploadRefusedError(WslabError, RuntimeError):
    """The receiver does not accept the upload, in its own words; `is_retryable` says whether it might later."""

    def __init__(self, reason: str, *, is_retryable: bool) -> None:
        super().__init__(reason)
        self.is_retryable = is_retryable


def in_words(error: BaseException, *, named: bool = True) -> str:
    """Return an error as one printable line: its kind, its message, and what to do where that is known.

    Args:
        named: with its kind in front, as a row keeps it; without, as a sentence takes it, with no full stop.

    >>> in_words(ValueError("odd"))
    'ValueError: odd'
    >>> in_words(TimeoutError(), named=False)
    'no answer in time'
    """
    message = str(error) if named else getattr(error, "strerror", None) or str(error)
    if isinstance(error, TimeoutError) and not message:
        message = "no answer in time"
    said = _bounded(message).rstrip("." if not named else "")
    kind = type(error).__name__
    words = f"{kind}: {said}" if named and said else said or kind
    hint = _HINTS.get(error.errno or 0) if isinstance(error, OSError) else None
    return f"{words}; {hint}" if hint else words


def _bounded(message: str) -> str:
    shown = printable(" ".join(message.splitlines()))
    return shown if len(shown) <= MAX_WORDS else f"{shown[:MAX_WORDS]}…"
