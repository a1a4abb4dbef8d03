"""The site of the lessons: everything that its index points to is there, and a lesson that failed is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from wslab.core import places
from wslab.core.codes.registry import REGISTRY
from wslab.reports import make_gallery

from .conftest import Write, first

FIGURE = """\
import pandas as pd
from matplotlib.figure import Figure
from wslab import show

figure = Figure()
figure.subplots().plot([1, 2])
show(figure)"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, write: Write) -> Path:
    folder = tmp_path_factory.mktemp("lessons")
    (folder / "ja").mkdir()
    write(folder / "00_why.ipynb", "# Why?\n\n*About five minutes. Nothing leaves this machine.*", FIGURE)
    write(folder / "01_how.ipynb", "# How?\n\n*About ten minutes.*\n\n[Next](00_why.ipynb)", "1 / 0")
    write(folder / "ja" / "01_how.ipynb", "# なぜ？\n\n*約5分。ここで試す。*", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "lessons", lambda: folder)
        site = tmp_path_factory.mktemp("site")
        told: list[str] = []
        shown = make_gallery(site, lambda done, total, name: told.append(f"{done}/{total} {name}"))
    assert told == ["0/3 00_why", "1/3 01_how", "2/3 ja/01_how"]
    assert [lesson.failed for lesson in shown] == [False, True, False]
    return site


def index(site: Path) -> BeautifulSoup:
    return BeautifulSoup((site / "index.html").read_text(encoding="utf-8"), "html.parser")


def test_index_has_a_picture_a_question_and_a_time_of_each_lesson(site: Path) -> None:
    why, how, translated = index(site).select(".lessons li")
    assert (first(why, "h3").get_text(), first(why, "p").get_text().strip()) == ("Why?", "About five minutes")
    assert first(why, "img")["alt"]
    assert (site / str(first(why, "img")["src"])).read_bytes().startswith(b"\x89PNG")
    assert how.img is None
    assert "A cell failed." in how.get_text()
    assert (first(translated, "h3").get_text(), first(translated, "h3")["lang"]) == ("なぜ？", "ja")


def test_page_of_a_japanese_lesson_is_headed_in_japanese(site: Path) -> None:
    page = BeautifulSoup((site / "ja" / "01_how.html").read_text(encoding="utf-8"), "html.parser")
    assert first(page, "html")["lang"] == "ja"
    assert [first(page, place).get_text().strip() for place in (".about summary", ".made label")] == [
        "環境とデータ",
        "コードを隠す",
    ]
    assert "に実行、" in first(page, ".made").get_text()


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        for link in BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select("a[href]"):
            address = str(link["href"]).partition("#")[0]
            if address and not address.startswith(("http:", "https:", "data:")):
                assert (page.parent / address).is_file(), f"{page.name} → {address}"


def test_every_registered_code_has_its_card(site: Path) -> None:
    assert all((site / f"code-{code}.html").is_file() for code in REGISTRY)


def test_card_links_to_lessons_in_its_language_where_there_are_any(site: Path) -> None:
    japanese, english = ((site / f"1009-1012-{lang}.html").read_text(encoding="utf-8") for lang in ("ja", "en"))
    assert 'lang="ja"' in japanese
    assert 'href="ja/01_how.html"' in japanese
    assert 'href="01_how.html"' in english


def test_interrupt_while_a_kernel_starts_leaves_the_lessons_so_far(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("00_why", "01_how"):
        write(tmp_path / f"{name}.ipynb", "# Why?", "1")
    monkeypatch.setattr(places, "lessons", lambda: tmp_path)

    def interrupt_before_the_second(done: int, _total: int, _name: str) -> None:
        if done == 1:
            raise KeyboardInterrupt

    shown = make_gallery(tmp_path / "site", interrupt_before_the_second)
    assert [lesson.name for lesson in shown] == ["00_why"]
    assert len(index(tmp_path / "site").select(".lessons li")) == 1
    with pytest.raises(KeyboardInterrupt):
        make_gallery(tmp_path / "empty", lambda done, total, name: interrupt_before_the_second(1, total, name))
    assert not list((tmp_path / "empty").glob("*.html"))
