"""A learner's progress: a check that passes in a kernel is kept, and shown by the command and by the panel."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from wslab.core.errors import UnwritableError
from wslab.core.runs import load
from wslab.course import check_bystanders
from wslab.course.progress import lessons_of_course, passed_lessons
from wslab.panels import ProgressPanel
from wslab.reports.execution import kernel_settings

STORY = Path(__file__).parent.parent / "data" / "story.jsonl"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WSLAB_PROGRESS", str(tmp_path / "learner" / "progress.jsonl"))
    return tmp_path / "learner" / "progress.jsonl"


def test_check_that_passes_in_a_kernel_is_kept_once(kept: Path) -> None:
    answers = f"import wslab\nrun = wslab.load({str(STORY)!r})\n" + "".join(
        f"print(wslab.course.check_bystanders({answer}, run))\n" for answer in (1009, 1012, 1012)
    )
    notebook = new_notebook(cells=[new_code_cell(answers)])
    with kernel_settings() as config:
        asyncio.run(NotebookClient(notebook, timeout=60, config=config).async_execute())
    assert [json.loads(line)["lesson"] for line in kept.read_text().splitlines()] == ["00"]


def test_check_in_a_script_is_nobodys_progress(kept: Path) -> None:
    assert check_bystanders(1012, load(STORY)).passed
    assert not kept.exists()


def test_command_and_panel_show_what_is_solved_and_where_that_is_kept(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from wslab.cli.progress import progress

    kept.parent.mkdir()
    lines = ['{"lesson": "00", "day": "2026-11-26"}', '{"lesson": "03", "da', "[]", '{"lesson": "04", "day": "soon"}']
    kept.write_text("\n".join(lines) + "\n")
    assert set(passed_lessons()) == {"00"}
    progress()
    said = capsys.readouterr().out
    assert re.search(r"✓ +00 ", said)
    assert re.search(r"· +01 ", said)
    assert f"1 of {len(lessons_of_course())} lessons solved" in said
    assert str(kept) in said
    panel = ProgressPanel()
    assert "solved on 2026-11-26" in panel.children[0].value
    kept.unlink()
    panel.refresh()
    assert "solved on" not in panel.children[0].value


def test_progress_that_cannot_be_read_or_is_not_wanted_is_said(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.mkdir(parents=True)
    with pytest.raises(UnwritableError, match="cannot be read"):
        passed_lessons()
    monkeypatch.setenv("WSLAB_PROGRESS", "")
    assert passed_lessons() == {}
    assert "nothing is kept" in ProgressPanel().children[0].value
