"""Text from elsewhere, made fit to be shown: what a peer or a file said cannot steer a terminal or hide on a page."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"
"""Format characters without which Persian, Hindi and many emoji cannot be written."""


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


def _is_seen(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"
