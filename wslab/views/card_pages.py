"""Comparison cards in HTML, for a notebook's output or as a page that needs no network.

The same as `wslab.views.cards` on a terminal, with the same headings and marks.
"""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader

from wslab.core.codes.cards import Comparison
from wslab.core.codes.languages import speaking
from wslab.core.codes.registry import CloseCode
from wslab.core.codes.sources import Lesson, Source
from wslab.views.cards import headings, mark
from wslab.views.style import look, luminance

_TEMPLATES = Environment(
    loader=PackageLoader("wslab.views"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def card_html(comparison: Comparison, lessons: Mapping[str, str] | None = None) -> str:
    """Return the card as one styled HTML element.

    Args:
        lessons: links to lessons by number: `{"02": "02_do_smaller_frames_help.html"}`. Other lessons are named without
            a link.

    >>> from wslab.core.codes.cards import compare
    >>> card_html(compare(1009, 1012, lang="ja")).splitlines()[0]
    '<article class="wslab-card" lang="ja">'
    """
    say, known = speaking(comparison.lang), lessons or {}

    def anchor(lesson: Lesson) -> str:
        return "-".join(["wslab", *(str(code.code) for code in comparison.codes), comparison.lang, lesson.number])

    def address(source: Source | Lesson) -> str:
        if isinstance(source, Source):
            return source.url
        return known.get(source.number, f"#{anchor(source)}")

    def title(source: Source | Lesson) -> str:
        return source.labelled(say) if isinstance(source, Lesson) else source.label

    def color(code: CloseCode) -> str:
        own = look(code.code).color
        return own if luminance(own) > 0.05 else "currentColor"  # black does not show on a dark page

    return _TEMPLATES.get_template("card.html.j2").render(
        card=comparison,
        headings=headings(comparison),
        lessons=known,
        say=say,
        mark=mark,
        anchor=anchor,
        address=address,
        title=title,
        color=color,
    )


def card_page(comparison: Comparison, lessons: Mapping[str, str] | None = None) -> str:
    """Return the card as a whole HTML document; `lessons` as in `card_html`."""
    return _TEMPLATES.get_template("page.html.j2").render(card=comparison, content=card_html(comparison, lessons))
