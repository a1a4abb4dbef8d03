"""Text from elsewhere, made safe to show: words of a peer or a file cannot steer a terminal or hide on a page."""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"
"""Format characters without which Persian, Hindi and many emoji cannot be written."""

_BEGINS_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")

_WORD = r"[\w…%°×→±≥≤–—•·、。「」（）：；？！’'-]*"
_PLAIN = rf"""[“"(]*(?!_){_WORD}(?:[.,:]\d{_WORD})*(?<!_)[.,:;?!)”"]*(?!\S)|(?:\[L?\d+\]|=)(?!\S)"""
_NOT_PLAIN = re.compile(rf"(?<!\S)(?!{_PLAIN})\S+(?: +(?!{_PLAIN})\S+)*")
"""_PLAIN matches a word in which Markdown sees no markup; _NOT_PLAIN matches sequences of all other words."""


def printable(text: str) -> str:
    r"""Return the text with every control, format and unassigned character replaced by its Python escape.

    Such characters could move a terminal's cursor, change its colours or title, reorder a line, or hide in it. Line
    breaks are escaped too, so that a text stays in its cell or line; spaces of every width stay.

    >>> print(printable("caf\u00e9 \x1b[31mred\x07\n\u202eevil\ud800"))
    café \x1b[31mred\x07\n\u202eevil\ud800
    """
    if text.isprintable():
        return text
    return "".join(each if _is_seen(each) else each.encode("unicode_escape").decode("ascii") for each in text)


def as_cell(text: str) -> str:
    r"""Return the text for a cell of a CSV file or a spreadsheet, without formulas and control characters.

    Text that a spreadsheet would take for a formula gets an apostrophe in front, as is usual; line breaks stay.

    >>> as_cell("=1+1"), as_cell("-1.5"), as_cell("two\nlines")
    ("'=1+1", '-1.5', 'two\nlines')
    """
    shown = "\n".join(map(printable, text.replace("\r\n", "\n").split("\n")))
    return f"'{shown}" if shown.lstrip()[:1] in _BEGINS_FORMULA and not _is_number(shown) else shown


def as_markdown(text: str) -> str:
    """Return the text for a line of Markdown, in which none of it acts as markup, a link, a mention or HTML.

    Words that could are set as code.

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
