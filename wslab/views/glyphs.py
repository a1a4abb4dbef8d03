"""Draws every character of a figure: in its own font, in a Japanese one, or as a number in brackets.

Matplotlib's default font has no Japanese, but users give Japanese names, for example to runs. No setting of Matplotlib
changes; only texts that need another font get one.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter

FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "IPAexGothic",
    "IPAPGothic",
    "IPAGothic",
    "Hiragino Sans",
    "Hiragino Kaku Gothic ProN",
    "Yu Gothic",
    "Meiryo",
    "BIZ UDPGothic",
    "MS Gothic",
    "TakaoPGothic",
    "VL PGothic",
)
"""Japanese sans serifs of Linux distributions, macOS and Windows; the first that is installed is used."""

_FILES = re.compile(r"noto ?sans(cjk|jp)|ipa|hiragino|ヒラギノ|yugoth|meiryo|bizud|msgothic|takao|vl-", re.IGNORECASE)


class NoJapaneseFont(UserWarning):
    """No font of this machine has some of a figure's characters."""


def make_legible(figure: Figure) -> None:
    """Give each text of the figure a font for all of its characters; what no font has becomes a number in brackets.

    The same words have the same number throughout the figure. The first time, warn and say what to install.
    """
    numbers: dict[str, str] = {}
    take_literally(figure)
    for ax in figure.axes:
        _number_ticks(ax, numbers)
    for text in figure.findobj(Text):
        if isinstance(text, Text) and _lacking(text.get_text(), families := text.get_fontfamily()):
            text.set_fontfamily(_with_japanese(families))
            text.set_text(_numbered(text.get_text(), text.get_fontfamily(), numbers))
    if numbers:
        _warn_once()


def take_literally(drawn: Artist) -> None:
    """Draw no text as TeX: a name with two dollar signs is not a formula, and may be an invalid one.

    Only tick labels that Matplotlib writes itself, such as powers of ten, stay formulas.
    """
    powers = {id(label) for axis in drawn.findobj(Axis) if isinstance(axis, Axis) for label in _powers(axis)}
    for text in drawn.findobj(Text):
        if isinstance(text, Text) and id(text) not in powers:
            text.set_parse_math(False)


def _powers(axis: Axis) -> list[Text]:
    """Return the labels of a logarithmic axis that Matplotlib writes as formulas."""
    major = axis.get_majorticklabels() if isinstance(axis.get_major_formatter(), LogFormatter) else []
    return major + (axis.get_minorticklabels() if isinstance(axis.get_minor_formatter(), LogFormatter) else [])


@functools.cache
def japanese_font() -> str | None:
    """Return the name of an installed Japanese font that Matplotlib knows, or None."""
    if not _known():
        # Matplotlib caches its list of fonts, so newly installed ones are not in it.
        for path in findSystemFonts():
            if _FILES.search(Path(path).stem):
                fontManager.addfont(path)
    return next(iter(_known()), None)


def _known() -> list[str]:
    names = {entry.name for entry in fontManager.ttflist}
    return [name for name in FONTS if name in names]


def _with_japanese(families: Sequence[str]) -> list[str]:
    found = japanese_font()
    return [*families] if found is None else [*families, found]


def _lacking(words: str, families: Iterable[str]) -> set[str]:
    """Return the characters that no font has."""
    wanted = {character for character in words if ord(character) > 0x7E and character.isprintable()}
    for family in families:
        if wanted:
            wanted -= _characters(findfont(FontProperties(family=[family])))
    return wanted


@functools.cache
def _characters(path: str) -> frozenset[str]:
    return frozenset(map(chr, FT2Font(path).get_charmap()))


def _numbered(words: str, families: Iterable[str], numbers: dict[str, str]) -> str:
    """Return the words, with what no font can show as numbers in brackets; `numbers` remembers them."""
    lacking = _lacking(words, families)
    if not lacking:
        return words
    runs = f"[{re.escape(''.join(sorted(lacking)))}]+"
    return re.sub(runs, lambda run: numbers.setdefault(run.group(), f"[{len(numbers) + 1}]"), words)


def _number_ticks(ax: Axes, numbers: dict[str, str]) -> None:
    """Do the same for tick labels, which the axis rewrites from its own list when it is drawn."""
    for axis in (ax.xaxis, ax.yaxis):
        labels = axis.get_ticklabels()
        words = [label.get_text() for label in labels]
        shown = [
            _numbered(label.get_text(), _with_japanese(label.get_fontfamily()), numbers)
            if _lacking(label.get_text(), label.get_fontfamily())
            else label.get_text()
            for label in labels
        ]
        if shown != words:
            axis.set_ticks(axis.get_ticklocs(), shown)


@functools.cache
def _warn_once() -> None:
    warnings.warn(
        "no font of this machine has all characters of the figure, so some words are numbers in brackets; its "
        "text alternative has the words. For Japanese install fonts-noto-cjk or fonts-ipaexfont (Debian, Ubuntu), "
        "google-noto-sans-cjk-fonts (Fedora), noto-fonts-cjk (Arch) or Noto Sans JP (elsewhere), and restart the "
        "kernel",
        NoJapaneseFont,
        stacklevel=4,
    )
