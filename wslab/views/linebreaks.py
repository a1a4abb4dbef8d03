"""Where a line of Japanese may end: between any two characters, with a few exceptions (kinsoku, JIS X 4051).

Words in Latin letters stay whole, as do digits before a counter of seconds; no line begins with a closing bracket, a
full stop or a small kana, or ends with an opening bracket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.containers import Lines
from rich.text import Text

_CLOSING = "、。，．・：；？！」』）】〉》”…ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ"
_OPENING = "「『（【〈《“"
_UNBROKEN = re.compile(f"[{_OPENING}]*(?:[!-~～–]+秒?|.)[{_CLOSING} ]*", re.DOTALL)


def line_ends(text: str, width: int) -> Iterator[int]:
    """Yield the end of each line but the last, so that none is wider than `width` terminal cells if possible.

    >>> list(line_ends("ジッターのない短い待ち時間では、全員が同時に戻ってくる。", 30))
    [14]
    """
    used = 0
    for unbroken in _UNBROKEN.finditer(text):
        if used and used + cell_len(unbroken.group().rstrip()) > width:
            yield unbroken.start()
            used = 0
        used += cell_len(unbroken.group())


class JapaneseText(Text):
    """Text that rich breaks by the rules above instead of at spaces, which Japanese does not have."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        lines = Lines()
        for paragraph in self.split(allow_blank=True):
            lines.extend(paragraph.divide(line_ends(paragraph.plain, width)))
        for line in lines:
            line.rstrip()
        return lines
