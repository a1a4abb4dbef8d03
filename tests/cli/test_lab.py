"""`wslab lab` puts the lessons where the user works, and leaves there what the user wrote."""

from __future__ import annotations

import json
from pathlib import Path

from commandline import wslab_command

from wslab.cli.lab import copy_lessons


def test_lessons_come_with_the_recordings_that_they_open(tmp_path: Path) -> None:
    new = copy_lessons(tmp_path)
    lesson = tmp_path / "notebooks" / "08_what_does_a_browser_see.ipynb"
    assert lesson in new
    assert "../data/browser-" in json.dumps(json.loads(lesson.read_text(encoding="utf-8")))
    assert (lesson.parent / "../data/browser-close-1009.jsonl").is_file()


def test_what_a_learner_wrote_is_kept_and_what_is_missing_comes_back(tmp_path: Path) -> None:
    copy_lessons(tmp_path)
    written, deleted = sorted((tmp_path / "notebooks").glob("0*.ipynb"))[:2]
    written.write_text("mine", encoding="utf-8")
    deleted.unlink()
    assert copy_lessons(tmp_path) == [deleted]
    assert written.read_text(encoding="utf-8") == "mine"


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    done = wslab_command("lab", str(file))
    assert done.returncode == 1
    assert "FOLDER is" in done.stderr
