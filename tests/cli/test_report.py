"""`wslab report` writes whole files or none, and says in one line what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from commandline import wslab_command
from nbformat.v4 import new_code_cell, new_notebook


def notebook(path: Path, *sources: str) -> Path:
    cells = [new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_report_is_named_after_its_notebook_and_has_the_forms_that_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook(tmp_path / "mine.ipynb", "count = 1", "print('counted', count)")
    monkeypatch.chdir(tmp_path)
    done = wslab_command("report", "mine.ipynb", "-p", "count=41", "--md")
    assert (done.returncode, done.stdout) == (0, "saved mine.html\nsaved mine.md\n")
    assert "counted 41" in (tmp_path / "mine.html").read_text()
    assert "counted 41" in (tmp_path / "mine.md").read_text()
    assert done.stderr == ""  # which is no terminal here


def test_failing_cell_leaves_a_report_and_the_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook(tmp_path / "mine.ipynb", "1 / 0")
    monkeypatch.chdir(tmp_path)
    done = wslab_command("report", "mine.ipynb", "--out", "page.html")
    assert done.returncode == 1
    assert "code cell 1 failed: ZeroDivisionError: division by zero" in done.stderr
    assert "ZeroDivisionError" in (tmp_path / "page.html").read_text()


def test_interrupt_leaves_a_report_one_line_and_the_exit_code_130(tmp_path: Path) -> None:
    notebook(tmp_path / "slow.ipynb", "print('kept')", "import time\nopen('ready', 'w').close()\ntime.sleep(100)", "1")
    command = [sys.executable, "-m", "wslab", "report", "slow.ipynb"]
    running = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (tmp_path / "ready").exists():
        assert running.poll() is None
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    printed, told = running.communicate(timeout=60)
    assert (running.returncode, printed) == (130, "saved slow.html\n")
    assert told.splitlines()[-1].strip() == "wslab: interrupted in code cell 2; the report contains what came before"
    assert "Traceback" not in told
    assert "kept" in (tmp_path / "slow.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["text.ipynb"], 2, "is not a notebook: it does not hold JSON"),
        (["gone.ipynb"], 1, "No such file"),
        (["97"], 2, "lesson is '97'"),
        (["mine.ipynb", "-p", "cuont=3"], 2, "did you mean 'count'?"),
        (["mine.ipynb", "-p", "count"], 2, "must be NAME=VALUE"),
        (["newer.jsonl"], 2, "upgrade wslab"),
        (["mine.ipynb", "--out", "missing/page.html"], 1, "cannot be written: No such file or directory"),
        (["mine.ipynb", "--out", "."], 1, "cannot be written: Is a directory"),
    ],
)
def test_bad_input_is_told_in_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], exit_code: int, words: str
) -> None:
    notebook(tmp_path / "mine.ipynb", "count = 1")
    (tmp_path / "text.ipynb").write_text("Dear reader")
    (tmp_path / "newer.jsonl").write_text('{"record": "wonder"}\n{"record":"end","records":0,"format_version":99}\n')
    before = sorted(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    done = wslab_command("report", *arguments)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_pdf_without_a_browser_is_refused_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", "/nowhere")
    notebook(tmp_path / "mine.ipynb", "open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    done = wslab_command("report", "mine.ipynb", "--pdf")
    assert done.returncode == 1
    assert "no browser that prints PDF was found" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.ipynb"]
