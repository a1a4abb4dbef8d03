"""Every lesson runs from top to bottom, without a hand on it; its exercise fails helpfully until it is solved."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from kernels import execute, running_kernel
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from wslab.core.codes import sources
from wslab.core.codes.cards import compare
from wslab.core.codes.registry import REGISTRY

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"

LESSONS = [
    "00_what_closed_my_connection",
    "01_how_big_is_too_big",
    "02_do_smaller_frames_help",
    "03_why_did_i_see_1006",
    "04_what_does_a_restart_look_like",
    "05_when_should_i_come_back",
    "06_what_if_everyone_comes_back_at_once",
    "07_retry_or_not",
    "08_what_does_a_browser_see",
    "09_a_limit_a_restart_or_the_clock",
    "10_what_do_real_servers_do",
    "11_what_about_my_server_my_client",
]

TRANSLATED = [f"ja/{lesson}" for lesson in LESSONS]
"""Lessons in Japanese; the headings of their sections follow."""
IN_JAPANESE = {
    "Predict": "予想する",
    "Run": "実行する",
    "Look": "見る",
    "Explain": "説明",
    "Try": "試す",
    "Exercise": "演習",
    "What": "このレッスンで見たこと",
}


def test_list_of_lessons_is_the_folder() -> None:
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == LESSONS
    assert sorted(f"ja/{path.stem}" for path in NOTEBOOKS.glob("ja/*.ipynb")) == TRANSLATED


def read(lesson: str) -> NotebookNode:
    return nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4)  # type: ignore[no-any-return]


def tagged(notebook: NotebookNode, tag: str) -> list[int]:
    return [index for index, cell in enumerate(notebook.cells) if tag in cell.metadata.get("tags", [])]


def solution_of(notebook: NotebookNode) -> str:
    """Return the code that is folded away under the exercise."""
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    (solution,) = re.findall(
        r"<details><summary>(?:Solution|解答)</summary><pre><code>(.*?)</code></pre></details>", prose, re.DOTALL
    )
    return str(solution)


def text_of(cell: NotebookNode) -> str:
    return "".join(output.get("text", "") or output.data.get("text/plain", "") for output in cell.outputs)


@pytest.fixture(scope="module")
def kernel() -> Iterator[NotebookClient]:
    """A kernel for one lesson after the other, each of which begins without a name of those before."""
    with running_kernel() as client:
        yield client


def solved(lesson: str, kernel: NotebookClient) -> NotebookNode:
    """Execute a lesson, and behind its check the solution and the check again."""
    notebook = read(lesson)
    (check,) = tagged(notebook, "check")
    more = [new_code_cell(solution_of(notebook)), new_code_cell(notebook.cells[check].source)]
    notebook.cells[check + 1 : check + 1] = more
    execute(notebook, kernel, (NOTEBOOKS / lesson).parent, "%reset -f")
    return notebook


@pytest.mark.parametrize("lesson", [*LESSONS, TRANSLATED[0]])  # the code of the others is the same
@pytest.mark.filterwarnings("default")  # of the libraries that start a kernel; the lesson's own go to its stderr
def test_lesson_runs_and_its_exercise_can_be_solved(lesson: str, kernel: NotebookClient) -> None:
    notebook = solved(lesson, kernel)
    (check,) = tagged(notebook, "check")
    assert text_of(notebook.cells[check]).startswith("✗ まだ：" if lesson in TRANSLATED else "✗ not yet:")
    assert text_of(notebook.cells[check + 2]).startswith("✓")
    complaints = [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr" or output.output_type == "error"
    ]
    assert complaints == []


def test_lessons_lead_from_each_to_the_next() -> None:
    for lesson, following in pairwise(LESSONS):
        last = read(lesson).cells[-1].source
        assert re.findall(r"\*\*Next:\*\* \[.*\]\((.*)\.ipynb\)", last) == [following]


def test_cards_cite_the_lessons_that_there_are() -> None:
    there = {path.stem[:2] for path in NOTEBOOKS.glob("*.ipynb")}
    known = [item for item in vars(sources).values() if isinstance(item, sources.Lesson)]
    assert {item.number for item in known if item.is_written} == there
    cited = {lesson.number for code in REGISTRY for lesson in compare(code).lessons}
    assert cited <= there


@pytest.mark.parametrize("lesson", TRANSLATED)
def test_translated_lesson_runs_the_code_of_the_lesson_itself(lesson: str) -> None:
    pairs = zip(read(lesson).cells, read(lesson.removeprefix("ja/")).cells, strict=True)
    for translated, cell in pairs:
        assert (translated.id, translated.cell_type) == (cell.id, cell.cell_type)
        assert translated.metadata == cell.metadata
        if cell.cell_type == "code":
            assert code_of(translated) == code_of(cell)


def code_of(cell: NotebookNode) -> str:
    """Return what a cell does, whatever its language: its code without comments, the words of f-strings and `lang=`."""
    tree = ast.parse(cell.source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "lang"]
        if isinstance(node, ast.JoinedStr):
            node.values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
    return ast.unparse(tree)


def test_translated_lesson_leads_to_its_english_one_and_back_and_on() -> None:
    for lesson in TRANSLATED:
        cells = [read(lesson).cells, read(lesson.removeprefix("ja/")).cells]
        first, english = (each[0].source for each in cells)
        assert f"](../{lesson.removeprefix('ja/')}.ipynb)" in first
        assert f"]({lesson}.ipynb)" in english
        onwards = [re.findall(r"\[.*\]\((?:\.\./)?(.*)\.ipynb\)", each[-1].source) for each in cells]
        assert onwards[0] == onwards[1]
        assert onwards[0] or lesson == TRANSLATED[-1]


@pytest.mark.parametrize("lesson", [*LESSONS, *TRANSLATED])
def test_lesson_has_the_shape_of_a_lesson(lesson: str) -> None:
    notebook = read(lesson)
    title, *_ = notebook.cells[0].source.splitlines()
    assert title.startswith("# ")
    assert title.endswith(("?", "？"))
    headings = re.findall(r"^## (\w+)", "\n".join(cell.source for cell in notebook.cells), re.MULTILINE)
    expected = [*IN_JAPANESE.values()] if lesson in TRANSLATED else [*IN_JAPANESE]
    assert [heading for heading in dict.fromkeys(headings) if heading in expected] == expected


@pytest.mark.parametrize("lesson", LESSONS)
def test_cells_of_a_lesson_are_short(lesson: str) -> None:
    lengths = {cell.id: len(cell.source.splitlines()) for cell in read(lesson).cells if cell.cell_type == "code"}
    assert {name: length for name, length in lengths.items() if length > 15} == {}
