"""`wslab codes`: the card in a language, on a terminal or as a page; and the shell knows the codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import wslab_command

from wslab.core.codes.cards import compare
from wslab.core.codes.registry import REGISTRY
from wslab.views.card_pages import card_page


def completed(line: str) -> list[str]:
    """Return what bash is offered for the last word of a line."""
    words = line.split(" ")
    variables = {"_WSLAB_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return wslab_command(**variables).stdout.split()


def test_codes_in_japanese_prints_the_card_in_japanese() -> None:
    done = wslab_command("codes", "1009", "1012", "--lang", "ja", COLUMNS="100")
    assert "よく言われるが、単純すぎること" in done.stdout
    assert "Description" not in done.stdout


def test_codes_html_writes_the_page_and_says_where(tmp_path: Path) -> None:
    done = wslab_command("codes", "1009", "1012", "--lang", "ja", "--html", str(tmp_path / "card.html"))
    assert done.stdout == f"saved {tmp_path / 'card.html'}\n"
    assert (tmp_path / "card.html").read_text(encoding="utf-8") == card_page(compare(1009, 1012, lang="ja"))


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["1009", "--lang", "jp"], 2, "lang is 'jp'"),
        (["1009", "--html", "/dev/null/card.html"], 1, "/dev/null/card.html"),
    ],
)
def test_codes_wrong_argument_is_one_line_and_an_exit_code(arguments: list[str], exit_code: int, words: str) -> None:
    done = wslab_command("codes", *arguments)
    assert done.returncode == exit_code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_shell_completes_codes_policies_kinds_and_languages() -> None:
    assert completed("wslab codes 101") == [str(code) for code in REGISTRY if 1010 <= code <= 1019]
    assert completed("wslab codes 1009 1012 --lang ") == ["en", "ja"]
    assert {"full_jitter", "equal_jitter"} <= set(completed("wslab simulate --policy "))
    assert completed("wslab herd --kind c") == ["crash"]
    assert "simulate" in completed("wslab s")
