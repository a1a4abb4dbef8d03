from __future__ import annotations

import asyncio
import errno

import pytest

import wslab
from wslab.core import errors
from wslab.core.errors import MAX_WORDS, LabServerError, RunFileError, WslabError, in_words

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, WslabError)]


def test_wslab_error_is_exported() -> None:
    assert wslab.WslabError is WslabError


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not WslabError])
def test_kind_is_still_the_built_in_exception_that_it_was(kind: type[WslabError]) -> None:
    assert issubclass(kind, ValueError | TypeError | RuntimeError | OSError | ImportError)
    assert kind.__doc__


def test_bad_argument_may_be_caught_as_an_error_of_the_package_or_as_a_built_in_one() -> None:
    for kind in (WslabError, ValueError):
        with pytest.raises(kind, match="max_message_bytes is -1"):
            wslab.Knobs(max_message_bytes=-1)


def test_words_name_the_kind_and_the_message() -> None:
    assert in_words(LabServerError("it was stopped")) == "LabServerError: it was stopped"
    assert in_words(RunFileError()) == "RunFileError"


def test_words_in_a_sentence_have_neither_kind_nor_full_stop() -> None:
    assert in_words(ValueError("This is odd."), named=False) == "This is odd"
    assert in_words(OSError(errno.EHOSTUNREACH, "No route to host"), named=False) == "No route to host"
    assert in_words(asyncio.CancelledError(), named=False) == "CancelledError"
    assert in_words(TimeoutError(), named=False) == "no answer in time"


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ECONNREFUSED, "nobody listens there"), (errno.EMFILE, "ulimit -n"), (errno.ENFILE, "this machine")],
)
def test_words_of_the_system_say_what_to_do(number: int, remedy: str) -> None:
    assert remedy in in_words(OSError(number, "as the system says"))
    assert remedy in in_words(OSError(number, "as the system says"), named=False)


def test_words_of_a_peer_are_printable_and_bounded() -> None:
    said = in_words(ValueError("\x1b[31mred\r\n" + "x" * 10**6))
    assert said.isprintable()
    assert len(said) < MAX_WORDS + 50
