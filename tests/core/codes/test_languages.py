"""The Japanese table: it has every text that is shown, no other, and says the same of numbers and names."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wslab import course
from wslab.core.codes import languages, sources
from wslab.core.codes.cards import compare
from wslab.core.codes.languages import speaking
from wslab.core.codes.registry import REGISTRY
from wslab.core.runs import Run, load
from wslab.course import checked, exercises, policy_exercises, progress
from wslab.panels import ProgressPanel
from wslab.reports import report
from wslab.reports.rendering import TEMPLATES
from wslab.views.card_pages import card_html

TABLE = dict(languages._japanese())
OF_EACH_KIND = [*REGISTRY, 0, 2000, 3500, 4321, 5000]
JAPANESE = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff]")  # hiragana, katakana, kanji
POLITE = re.compile(r"です|ます[。、]|ません|ください|でしょう")


CHECKS: list[Callable[..., Any]] = [
    checked._tried,
    course.check_bystanders,
    course.check_limit_shown,
    course.check_pieces,
    course.check_code_arrives,
    course.check_announced_restart,
    exercises._met_while_down,
    course.check_polite_policy,
    policy_exercises._first_delays_lack,
    policy_exercises._later_delays_lack,
    course.check_gentle_return,
    course.check_rule,
    course.check_page_is_told,
    course.check_cause,
    course.check_recommended_clients,
    course.check_pair,
]
"""What says what the checks of the lessons in Japanese say."""


class Overheard(dict[str, str]):
    """A table that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(TABLE)
        self.asked: set[str] = set()

    def get(self, key: str, default: str) -> str:  # type: ignore[override]
        self.asked.add(key)
        return super().get(key, default)


@pytest.fixture(scope="module")
def asked(story: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """Everything that is said in Japanese, by cards of each code, alone and in company, and by the checks."""
    table = Overheard()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(languages, "_japanese", lambda: table)
        for code in OF_EACH_KIND:
            card_html(compare(code, lang="ja"))
        card_html(compare(*OF_EACH_KIND, lang="ja"))
        card_html(compare(4001, 4002, lang="ja"))
        repr(course.check_bystanders(..., story, lang="ja"))
        solved = tmp_path_factory.mktemp("learner") / "progress.jsonl"
        solved.write_text('{"lesson": "00", "day": "2026-11-26"}\n')
        for file in (str(solved), ""):
            patch.setenv(progress.PLACE, file)
            ProgressPanel(lang="ja")
        yield table.asked.union(*map(said_by, CHECKS), said_by_reports())


def said_by(check: Callable[..., Any]) -> set[str]:
    """Return the texts in the source of a check, which would take seconds to hear: it tries answers on real servers."""
    nodes = list(ast.walk(ast.parse(inspect.getsource(inspect.unwrap(check)))))
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) in ("lacks", "passes")]
    hints = [node.value for node in nodes if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "hint"]
    texts = [text.value for text in [*hints, *(call.args[0] for call in calls)] if isinstance(text, ast.Constant)]
    return {text for text in texts if isinstance(text, str)}


def said_by_reports() -> set[str]:
    """Return the texts of the page of a report, which need not be executed to be heard."""
    sources = [inspect.getsource(report), *(path.read_text("utf-8") for path in (TEMPLATES / "page").glob("*.j2"))]
    return {text for source in sources for text in re.findall(r'\bsay\("([^"]+)"\)', source)}


@pytest.fixture(scope="module")
def story() -> Run:
    return load("data/story.jsonl")


def test_japanese_has_every_text_that_is_shown(asked: set[str]) -> None:
    assert asked - set(TABLE) == set()


def test_japanese_has_no_text_that_nobody_says(asked: set[str]) -> None:
    lessons = [item for item in vars(sources).values() if isinstance(item, sources.Lesson)]
    to_come = {lesson.question for lesson in lessons if not lesson.is_written}
    assert set(TABLE) - asked - to_come == set()


@pytest.mark.parametrize("english", TABLE)
def test_japanese_entry_is_japanese(english: str) -> None:
    assert TABLE[english] != english
    assert JAPANESE.search(TABLE[english]) or english == "“{said}”"


@pytest.mark.parametrize("english", TABLE)
def test_japanese_entry_says_the_same_numbers_and_names(english: str) -> None:
    kept = re.compile(
        r"\d+(?:\.\d+)*|\{[^}]*\}|[A-Za-z.]+\(\)|ws[s]?://|HTTP|TLS|TCP|RFC|UTF-8|nginx|HAProxy|GraphQL|Centrifuge|uvicorn"
    )
    assert Counter(set(kept.findall(english))) == Counter(set(kept.findall(TABLE[english])))


@pytest.mark.parametrize("english", TABLE)
def test_japanese_entry_is_a_sentence_where_the_english_is(english: str) -> None:
    if english.endswith(".") and not english.endswith("HOST."):
        assert TABLE[english].endswith("。")
    else:
        assert not TABLE[english].endswith(".")


@pytest.mark.parametrize("english", TABLE)
def test_japanese_is_plain_throughout_without_spaces_around_latin_words(english: str) -> None:
    assert not POLITE.search(TABLE[english])
    assert not re.search(rf"{JAPANESE.pattern} [A-Za-z0-9]|[A-Za-z0-9] {JAPANESE.pattern}", TABLE[english])


def test_japanese_tells_apart_what_english_tells_apart() -> None:
    assert [text for text, times in Counter(TABLE.values()).items() if times > 1] == []


@pytest.mark.parametrize("code", OF_EACH_KIND)
def test_japanese_retry_reason_begins_with_the_verdict(code: int) -> None:
    (known,) = compare(code, lang="ja").codes
    opening = {True: "再試行してよい。", False: "しない。", None: "場合による。"}[known.is_retryable]
    assert known.explanation.retry.text.startswith(opening)


def test_speaking_a_text_without_a_translation_says_it_in_english() -> None:
    assert speaking("ja")("never said before") == "never said before"
