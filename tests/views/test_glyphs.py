"""Figures with Japanese in them: drawn by a font that has it, or numbered with one warning; never an empty box."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from wslab.views import glyphs, plots
from wslab.views.axes import describe, new_axes, save
from wslab.views.glyphs import NoJapaneseFont, japanese_font, make_legible

from .conftest import figure_of, legend_of


@pytest.fixture(autouse=True)
def _as_if_new() -> Iterator[None]:
    """Nothing is remembered from one test to the next."""
    yield
    japanese_font.cache_clear()
    glyphs._warn_once.cache_clear()


@pytest.fixture
def no_font(monkeypatch: pytest.MonkeyPatch) -> None:
    japanese_font.cache_clear()
    glyphs._warn_once.cache_clear()
    monkeypatch.setattr(glyphs, "FONTS", ())
    monkeypatch.setattr(glyphs, "findSystemFonts", list)


OUTAGES = pd.DataFrame({"time_to_reconnect_s": [0.5, 1.0, 3.0], "policy": ["指数バックオフ", "一定", "一定"]})


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if isinstance(text, Text)]


def words(figure: Figure) -> set[str]:
    return {text.get_text() for text in texts(figure)}


def test_figure_without_a_font_numbers_the_words_and_keeps_them_in_its_text_alternative(
    no_font: None, tmp_path: Path
) -> None:
    ax = plots.time_to_reconnect(OUTAGES, by="policy")
    with pytest.warns(NoJapaneseFont, match=r"install fonts-noto-cjk .* restart the kernel"):
        save(ax, tmp_path / "a.png")  # every other warning, of a missing glyph too, is an error
    shown = words(figure_of(ax))
    assert not any(ord(character) > 0x3000 for text in shown for character in text)
    assert {text[:3] for text in shown if text.startswith("[")} == {"[1]", "[2]"}
    assert "指数バックオフ" in describe(ax)


def test_labels_of_ticks_are_numbered_too(no_font: None, tmp_path: Path) -> None:
    ax = plots.outcome_shares(pd.DataFrame({"close_code": [1009, 1012], "run": ["上限", "再起動"]}))
    with pytest.warns(NoJapaneseFont):
        save(ax, tmp_path / "a.svg")
    figure_of(ax).draw_without_rendering()  # which writes them anew
    assert [label.get_text() for label in ax.get_yticklabels()] == ["[1]  n = 1", "[2]  n = 1"]


def test_warning_comes_once(no_font: None) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for _ in range(3):
            ax = new_axes(2)
            ax.set_title("再起動")
            make_legible(figure_of(ax))
    assert len(heard) == 1


def test_same_words_have_the_same_number_in_a_figure(no_font: None) -> None:
    ax = new_axes(2)
    ax.set_title("再起動 1")
    ax.set_xlabel("上限 と 再起動")
    with pytest.warns(NoJapaneseFont):
        make_legible(figure_of(ax))
    number = ax.get_title().removesuffix(" 1")
    assert ax.get_xlabel().split()[2] == number


def test_text_gets_the_font_that_has_its_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """DejaVu Sans, which matplotlib brings, stands for a Japanese font beside one that has only Latin letters."""
    monkeypatch.setattr(glyphs, "FONTS", ("No Such Font", "DejaVu Sans"))
    ax = new_axes(2)
    ax.set_title("перезапуск", family="cmr10")
    ax.set_xlabel("restart", family="cmr10")
    make_legible(figure_of(ax))
    assert ax.title.get_text() == "перезапуск"
    assert ax.title.get_fontfamily() == ["cmr10", "DejaVu Sans"]
    assert ax.xaxis.label.get_fontfamily() == ["cmr10"], "a text that lacks nothing is left alone"


def test_figure_in_english_is_drawn_as_ever() -> None:
    ax = plots.time_to_reconnect(pd.DataFrame({"time_to_reconnect_s": [0.5, 1.0]}))
    figure_of(ax).draw_without_rendering()  # which writes the ticks' labels
    before = [(text.get_text(), text.get_fontfamily()) for text in texts(figure_of(ax))]
    make_legible(figure_of(ax))
    after = [(text.get_text(), text.get_fontfamily()) for text in texts(figure_of(ax))]
    assert after == before


@pytest.mark.skipif(japanese_font() is None, reason="this machine has no Japanese font")
def test_figure_in_japanese_is_drawn_in_japanese(tmp_path: Path) -> None:
    ax = plots.time_to_reconnect(OUTAGES, by="policy")
    save(ax, tmp_path / "a.png")  # warnings are errors
    assert any("指数バックオフ" in text for text in words(figure_of(ax)))


@pytest.mark.skipif(japanese_font() is None, reason="this machine has no Japanese font")
def test_long_name_in_japanese_stays_within_the_figure() -> None:
    name = "とても長い名前の付いた再接続の方針" * 3
    ax = plots.time_to_reconnect(OUTAGES.assign(policy=name), by="policy")
    (entry,) = legend_of(ax).get_texts()
    figure = figure_of(ax)
    make_legible(figure)
    figure.draw_without_rendering()
    assert entry.get_window_extent().x1 <= figure.bbox.x1
