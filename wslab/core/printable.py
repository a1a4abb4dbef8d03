"""Text from elsewhere, made fit to be shown: what a peer or a file said cannot steer a terminal or hide on a page."""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"
"""Format characters without which Persian, Hindi and many emoji cannot be written."""

_BEGINS_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")

_WORD = r"[\w…%°×→±≥≤–—•·、。「」（）：；？！’'-]*"
_PLAIN = rf"""[“"(]*(?!_){_WORD}(?:[.,:]\d{_WORD})*(?<!_)[.,:;?!)”"]*(?!\S)|(?:\[L?\d+\]|=)(?!\S)"""
_NOT_PLAIN = re.compile(rf"(?<!\S)(?!{_PLAIN})\S+(?: +(?!{_PLAIN})\S+)*")
"""Words in which nothing is markup to Markdown, and rows of words of which that cannot be said."""


def printable(text: str) -> str:
    r"""Return the text with every control, format and unassigned character as the escape that Python writes for it.

    Line breaks are escaped too, so that a text stays in its cell or line; spaces of every width stay. What is escaped
    could move a terminal's cursor, change its colours or title, reorder a line, or hide in it.

    >>> print(printable("caf\u00e9 \x1b[31mred\x07\n\u202eevil\ud800"))
    café \x1b[31mred\x07\n\u202eevil\ud800
    """
    if text.isprintable():
        return text
    return "".join(each if _is_seen(each) else each.encode("unicode_escape").decode("ascii") for each in text)


def as_cell(text: str) -> str:
    r"""Return the text for a cell of CSV or of a spreadsheet, where it is no formula and has no control characters.

    A text that a spreadsheet would take for a formula begins with an apostrophe, as is usual there; lines stay lines.

    >>> as_cell("=1+1"), as_cell("-1.5"), as_cell("two\nlines")
    ("'=1+1", '-1.5', 'two\nlines')
    """
    shown = "\n".join(map(printable, text.replace("\r\n", "\n").split("\n")))
    return f"'{shown}" if shown.lstrip()[:1] in _BEGINS_FORMULA and not _is_number(shown) else shown


def as_markdown(text: str) -> str:
    """Return the text for a line of Markdown, where nothing in it is markup, a link, a mention or HTML.

    Words that could be are code, which nothing acts on.

    >>> as_markdown("closed 3 of 12, 1009 first")
    'closed 3 of 12, 1009 first'
    >>> print(as_markdown("said “<b>no</b> way” to @all, https://example.org"))
    said `“<b>no</b>` way” to `@all, https://example.org`
    """
    return _NOT_PLAIN.sub(lambda words: _as_code(words.group()), printable(text))


def _as_code(text: str) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    ticks, pad = "`" * (longest + 1), " " if longest else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_seen(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"
