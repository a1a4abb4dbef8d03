"""`wslab explain` reads a file, a text or standard input, and writes what somebody attaches to a ticket."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import msgspec
import pytest
from commandline import wslab_command

from wslab.captures.explanation import Explanation, explain

CAPTURES = Path(__file__).parents[2] / "data" / "captures"


def wslab(*arguments: str, given: bytes = b"") -> CompletedProcess[str]:
    return wslab_command("explain", *arguments, stdin=given)


def test_a_capture_is_explained_in_words() -> None:
    told = wslab(str(CAPTURES / "too-big.pcapng"))
    words = " ".join(told.stdout.split())
    assert told.returncode == 0, told.stderr
    assert "The server refuses a message of 5,000 bytes with 1009" in words
    assert "while one of 4,096 bytes passes" in words
    assert "how sure shown; whose doing: server or proxy" in words


def test_standard_input_is_read_and_json_is_of_the_schema() -> None:
    told = wslab("--json", given=(CAPTURES / "restart.pcapng").read_bytes())
    document = msgspec.json.decode(told.stdout, type=Explanation)
    assert (document.what, document.findings[0].rule) == ("packets", "announced_restart")


def test_words_may_stand_unquoted_on_the_command_line() -> None:
    told = wslab("Error:", "Unexpected", "server", "response:", "502", "--json")
    assert msgspec.json.decode(told.stdout, type=Explanation).statements[0].http_status == 502


def test_one_of_a_kind_is_counted_in_the_singular() -> None:
    told = wslab("websocket: close 1009 (message too big)")
    assert told.stdout.splitlines()[0] == "text: 1 statement"


def test_findings_packets_and_the_run_are_written(tmp_path: Path) -> None:
    files = {option: tmp_path / f"ticket{suffix}" for option, suffix in (("--md", ".md"), ("--save", ".jsonl"))}
    files["--pcapng"] = tmp_path / "ticket.pcapng"
    told = wslab(str(CAPTURES / "too-big.pcapng"), *(str(part) for option in files.items() for part in option))
    assert told.returncode == 0, told.stderr
    assert files["--md"].read_text().startswith("# too-big.pcapng\n\n**The server refuses")
    assert explain(files["--save"]).findings == explain(CAPTURES / "too-big.pcapng").findings
    assert [each.close_code for each in explain(files["--pcapng"]).run.closures] == [1000, 1000, 1009, 1000]


def test_the_report_is_one_page_with_findings_figures_and_tables(tmp_path: Path) -> None:
    page = tmp_path / "ticket.html"
    told = wslab(str(CAPTURES / "too-big.pcapng"), "--html", str(page))
    assert told.returncode == 0, told.stderr
    html = page.read_text(encoding="utf-8")
    assert "The server refuses a message of 5,000 bytes" in html
    assert "data:image" in html
    assert "The traces" in html


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["missing.pcapng"], 1, "missing.pcapng"),
        (["-"], 2, "is empty"),
        ([str(CAPTURES / "too-big.pcapng"), "--html", "/nowhere/page.html"], 1, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: list[str], code: int, sentence: str) -> None:
    told = wslab(*arguments)
    assert told.returncode == code
    assert sentence in told.stderr
    assert len(told.stderr.splitlines()) == 1
