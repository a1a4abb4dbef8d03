"""A bad argument is refused at the call, in words that name it and say what to do."""

from __future__ import annotations

import pytest

from wslab.core.arguments import check_choice, check_flag, check_origins, check_seed, check_url, check_whole


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/a b", "ws://127.0.0.1:1/\r\nHost: x", "ws://127.0.0.1:1/ "])
def test_url_with_a_space_or_line_break_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="cannot contain spaces or line breaks"):
        check_url(url)


def test_url_of_another_script_is_a_url() -> None:
    check_url("ws://127.0.0.1:1/語?key=%20")


@pytest.mark.parametrize(
    "origin",
    ["hub.example", "https://", "https://hub.example/", "https://*.hub.example", "https://HUB.example", "*", ""],
)
def test_origin_that_no_page_has_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match=r"origins has .*location\.origin"):
        check_origins([origin])


def test_origin_of_a_page_passes_in_a_list() -> None:
    check_origins(["https://hub.example", "http://[::1]:8888", "vscode-webview://0a1b"])
    with pytest.raises(TypeError, match=r"write \['https://hub.example'\]"):
        check_origins("https://hub.example")


@pytest.mark.parametrize(
    ("unit", "words"), [("bytes", "number of bytes$"), ("(a TCP port)", r"number \(a TCP port\)$")]
)
def test_unit_is_grammatical(unit: str, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        check_whole("n", "80", low=0, unit=unit)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_flag_is_true_or_false(value: object) -> None:
    with pytest.raises(TypeError, match=r"compression is .*True or False"):
        check_flag("compression", value)
    check_flag("compression", None, optional=True)


def test_seed_is_a_whole_number() -> None:
    with pytest.raises(TypeError, match="seed is 'a', but must be a number"):
        check_seed("a")  # type: ignore[arg-type]


def test_choice_says_what_else_there_is() -> None:
    with pytest.raises(ValueError, match="Known: 'text'; for a file, give a Path"):
        check_choice("payload", "a.txt", ["text"], hint="for a file, give a Path")
