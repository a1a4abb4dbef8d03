"""What a command found is printed whatever happens to its files, and what it prints steers no terminal."""

from __future__ import annotations

import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from wslab.cli.console import complain, print_saved


def wslab_command(*arguments: str, largest_file_bytes: int) -> subprocess.CompletedProcess[str]:
    """Run a command that can write no file larger than this, as on a disk that is full."""
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (largest_file_bytes, resource.RLIM_INFINITY))
    command = [sys.executable, "-m", "wslab", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limit)


@pytest.mark.parametrize("as_json", [False, True])
def test_result_is_printed_though_it_cannot_be_saved(tmp_path: Path, as_json: bool) -> None:
    options = ["--clients", "50", "--out", str(tmp_path), *(["--json"] * as_json)]
    done = wslab_command("simulate", *options, largest_file_bytes=20_000)
    assert done.returncode == 1
    assert ("peak_attempts_per_s" if as_json else "attempts per second") in done.stdout
    assert done.stderr.count("\n") == 1
    assert f"{tmp_path}/arrivals.png' cannot be written: File too large" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["simulated.jsonl.gz"]
    assert "simulated.jsonl.gz" in done.stdout


def test_page_that_was_there_stays_where_a_new_one_cannot_be_written(tmp_path: Path) -> None:
    page = tmp_path / "card.html"
    page.write_text("the old page")
    done = wslab_command("codes", "1009", "--html", str(page), largest_file_bytes=1000)
    assert (done.returncode, done.stdout) == (1, "")
    assert "card.html' cannot be written: File too large" in done.stderr
    assert page.read_text() == "the old page"
    assert list(tmp_path.iterdir()) == [page]


def test_what_is_printed_is_no_markup_and_no_escape_sequence(capsys: pytest.CaptureFixture[str]) -> None:
    print_saved([Path("[bold]a[/bold]\x1b[31m.html")])
    assert complain("peer said [red]\x1b]0;title\x07no", 1) == 1
    printed = capsys.readouterr()
    assert printed.out == "saved [bold]a[/bold]\\x1b[31m.html\n"
    assert printed.err == "wslab: peer said [red]\\x1b]0;title\\x07no\n"
