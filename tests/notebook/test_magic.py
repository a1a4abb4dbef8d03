"""`%wslab`: the commands in a cell, and what is wrong in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.error import UsageError
from jupyter_client.manager import start_new_kernel

from wslab.cli import COMMANDS
from wslab.notebook import magic


def test_magic_prints_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    magic.run_command("codes 1012 --lang ja")
    in_a_cell = capsys.readouterr().out
    command = [sys.executable, "-m", "wslab", "codes", "1012", "--lang", "ja"]
    assert in_a_cell == subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_magic_has_every_command_that_needs_no_terminal(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    magic.run_command(f"{command} --help")
    assert f"%wslab {command}" in capsys.readouterr().out


def test_magic_returns_what_was_found() -> None:
    run = magic.run_command("herd --clients 3 --workers 1 --downtime 0.1")
    assert len(run.outages) == 3
    assert run.info.knobs.downtime_s == 0.1
    assert magic.run_command("probe ws://127.0.0.1:9/").status == "unreachable"
    assert [each.code for each in magic.run_command("codes 1009 1012").codes] == [1009, 1012]
    assert "Verdict" in magic.run_command("schema probe")["$defs"]


def test_magic_returns_the_page_that_it_wrote(tmp_path: Path) -> None:
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "mine.ipynb")
    page = tmp_path / "page.html"
    assert magic.run_command(f"report {tmp_path / 'mine.ipynb'} --out {page}") == page
    assert magic.run_command(f"codes 1009 --html {tmp_path / 'card.html'}") == tmp_path / "card.html"


def test_magic_returns_which_lessons_are_solved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tmp_path / "progress.jsonl"
    kept.write_text('{"lesson": "01", "day": "2026-01-02"}\n')
    monkeypatch.setenv("WSLAB_PROGRESS", str(kept))
    lessons = magic.run_command("progress")
    assert {each.lesson: each.day for each in lessons if each.day} == {"01": "2026-01-02"}
    assert [each.lesson for each in lessons] == sorted(each.lesson for each in lessons)
    assert "How big is too big?" in [each.question for each in lessons]


def test_magic_without_a_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    magic.run_command("")
    assert "codes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("codes 70000", "code is 70000, but the two bytes"),
        ("codes 1009 --lang de", "lang is 'de'"),
        ("codes abc", "Invalid value for"),
        ("nonsense", "No such command 'nonsense'"),
        ("serve", "%wslab has no serve: .* wslab.LabServer"),
        ("app --help", "%wslab has no app: .* run it in a terminal"),
        ("codes '1009", "No closing quotation"),
        ("demo --out /dev/null/x", "must be a folder that you may write"),
        ("probe http://127.0.0.1/", "write ws://"),
    ],
)
def test_magic_says_what_is_wrong_in_one_line(line: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        magic.run_command(line)
    assert error.value.__suppress_context__


def outputs_of(client: Any, code: str) -> tuple[str, list[dict[str, Any]]]:
    """Run code in the kernel and return the reply's status and what it displayed or printed."""
    outputs: list[dict[str, Any]] = []
    reply = client.execute_interactive(
        code, output_hook=lambda message: outputs.append(message["content"]), timeout=60, allow_stdin=False
    )
    return reply["content"]["status"], outputs


@pytest.mark.filterwarnings("default")  # of the libraries that start a kernel
def test_magic_in_a_kernel_shows_a_page_and_fails_without_a_traceback() -> None:
    manager, client = start_new_kernel()
    try:
        assert outputs_of(client, "%load_ext wslab")[0] == "ok"
        status, shown = outputs_of(client, "%wslab codes 1009 1012")
        assert status == "ok"
        cards = ["wslab-card" in output.get("data", {}).get("text/html", "") for output in shown]
        assert cards.count(True) == 1
        status, shown = outputs_of(client, "%wslab demo --clients 1 --max-message-bytes 2000")
        assert status == "ok"
        assert "everyone is back" in [output.get("data", {}).get("text/plain") for output in shown]
        status, shown = outputs_of(client, "%wslab codes 70000")
        assert status == "error"
        assert [output["text"][:10] for output in shown if "text" in output] == ["UsageError"]
        assert not any("traceback" in output for output in shown)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
