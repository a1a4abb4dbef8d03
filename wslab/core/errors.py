"""The exceptions that the package raises on purpose, and how any error is put into words.

`WslabError` is the base of them all: if you catch it, anything that still gets through is a bug of ours. A network
failure is not an error here but an observation in a record. A class that replaced a built-in exception still derives
from it, so `except ValueError` keeps working.
"""

from __future__ import annotations

import errno

from wslab.core.printable import printable

MAX_WORDS = 500
"""Characters of an error that are kept: a peer may have chosen the words, and written a book."""

_HINTS = {
    errno.ECONNREFUSED: "nobody listens there (a lab server ends with the kernel or script that started it)",
    errno.EMFILE: "this process cannot open more files or sockets; raise its limit (ulimit -n), or open fewer",
    errno.ENFILE: "this machine cannot open more files or sockets; end the programs that hold them",
}


class WslabError(Exception):
    """The base of all exceptions that `wslab` raises on purpose; the message says what is wrong and what to do."""


class BadValueError(WslabError, ValueError):
    """An argument is out of bounds; the message names it, its value, the bound and the unit."""


class BadTypeError(WslabError, TypeError):
    """An argument has the wrong type; the message names it, its value and the expected type."""


class MisuseError(WslabError, RuntimeError):
    """A call was made at a time, or from a place, where it cannot work."""


class MissingPackageError(WslabError, ImportError):
    """An optional package is not installed; the message says how to install it."""


class UnwritableError(WslabError, OSError):
    """A file or folder cannot be written; the message says which and why."""


class LabServerError(WslabError, RuntimeError):
    """A lab server cannot carry out the call: it was stopped, its process died, or its port is taken."""


class RelayError(WslabError, RuntimeError):
    """A relay cannot carry out the call: it is not running, or its certificate cannot be read."""


class NotRecordedError(LabServerError):
    """A replay has no recording of this call; the message says how many others there are and how to run it for real."""


class HerdError(WslabError, RuntimeError):
    """A worker process of a herd has died or does not answer; the message holds its last words."""


class ClusterError(WslabError, RuntimeError):
    """No cluster answers at an address, or it has no workers; the message says how to start them."""


class SimulationError(WslabError, ValueError):
    """The simulation would take too long; the message says why and what to change."""


class PolicyError(WslabError, ValueError):
    """A policy yielded an invalid delay; the message names the policy and the attempt."""


class RunFileError(WslabError, ValueError):
    """A file that is damaged, not a run, or written by a newer version; the message says where and why."""


class CaptureError(WslabError, ValueError):
    """The input of `explain` cannot be read; the message says what it seems to be and what to do."""


class NotebookError(WslabError, ValueError):
    """A file that is not a notebook; the message says why."""


class NoBrowserError(WslabError, OSError):
    """No browser can print here; the message says what to install."""


class DamagedMessageError(WslabError, ValueError):
    """A message that does not decode: its checksum is wrong, or it does not belong to the chunk protocol."""


class UploadRefusedError(WslabError, RuntimeError):
    """The receiver refused the upload; the message is its own. `is_retryable`: it may accept the upload later."""

    def __init__(self, reason: str, *, is_retryable: bool) -> None:
        super().__init__(reason)
        self.is_retryable = is_retryable


def in_words(error: BaseException, *, named: bool = True) -> str:
    """Return an error as one printable line: its class, its message, and what to do if that is known.

    Args:
        named: begin with the class, as in a row. False: omit it and the full stop, as in a sentence.

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
