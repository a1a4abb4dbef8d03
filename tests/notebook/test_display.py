"""In IPython runs and cards look like what they are; outside of it they stay one line, and nothing is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter

from wslab.core import places
from wslab.core.codes.cards import compare
from wslab.core.runs import load
from wslab.experiments import find_limit
from wslab.notebook.display import register


class Shell:
    """As much of IPython's as shows objects."""

    def __init__(self) -> None:
        self.display_formatter = DisplayFormatter(active_types=["text/plain", "text/html"])


@pytest.fixture
def shell() -> Shell:
    shell = Shell()
    register(shell)
    return shell


def bundle(shell: Shell, shown: object) -> dict[str, str]:
    return shell.display_formatter.format(shown)[0]  # type: ignore[no-any-return]


def test_card_in_ipython_is_a_page_and_a_text(shell: Shell) -> None:
    shown = bundle(shell, compare(1009, 1012, lang="ja"))
    assert shown["text/html"].startswith('<article class="wslab-card" lang="ja">')
    assert shown["text/plain"].splitlines()[:3] == ["1009 Message Too Big, 1012 Service Restart", "", "説明"]
    assert "\x1b" not in shown["text/plain"]


def test_card_links_to_the_lessons_that_lie_near(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(places.lessons() / "ja")
    assert '<a href="../02_do_smaller_frames_help.ipynb" title=' in bundle(shell, compare(1009))["text/html"]
    assert '<a href="02_do_smaller_frames_help.ipynb" title=' in bundle(shell, compare(1009, lang="ja"))["text/html"]
    monkeypatch.chdir(places.lessons())
    assert '<a href="ja/02_do_smaller_frames_help.ipynb" title=' in bundle(shell, compare(1009, lang="ja"))["text/html"]
    monkeypatch.chdir(tmp_path)
    assert ".ipynb" not in bundle(shell, compare(1009))["text/html"]


def test_run_in_ipython_is_a_table_and_a_line(shell: Shell) -> None:
    run = load("data/story.jsonl")
    shown = bundle(shell, run)
    assert shown["text/html"].startswith('<div class="wslab-run">')
    assert " ".join(shown["text/plain"].split()) == repr(run)
    assert max(map(len, shown["text/plain"].splitlines())) <= 79


def test_verdict_in_ipython_is_its_finding_and_its_facts(shell: Shell) -> None:
    verdict = find_limit("ws://127.0.0.1:1/")  # nobody listens there, which is an answer, too
    text = bundle(shell, verdict)["text/plain"]
    assert text.splitlines()[0].endswith("ws://127.0.0.1:1/")
    assert verdict.explanation[:40] in text


def test_register_again_changes_nothing(shell: Shell) -> None:
    before = bundle(shell, compare(1009))
    register(shell)
    assert bundle(shell, compare(1009)) == before


def test_one_hook_gives_a_shell_everything_once() -> None:
    program = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "import sys, wslab\n"
        "assert 'wslab' in shell.magics_manager.magics['line']\n"
        "loaded = {name for name in sys.modules if name.startswith('wslab.')}\n"
        "assert not loaded & {'wslab.cli', 'wslab.views.tables', 'wslab.panels'}, loaded\n"
        "before = len(shell.input_transformers_post)\n"
        "shell.run_line_magic('load_ext', 'wslab')\n"
        "assert len(shell.input_transformers_post) == before\n"
        "shell.run_line_magic('wslab', 'codes 1009')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1009 Message Too Big" in done.stdout
