"""HTML of a notebook's prose and outputs, reduced to what can only be read.

Whoever wrote it: no script, form, frame or event handler is left, nothing navigates, and a style sheet reaches no
    further
than its own output. nh3 parses and filters; the lists are here.
"""

from __future__ import annotations

from collections.abc import Iterator

import nh3
import tinycss2
from bs4 import BeautifulSoup

_MATH = """
math semantics annotation mrow mi mn mo ms mtext mspace msup msub msubsup mover munder munderover mfrac msqrt mroot
mtable mtr mtd mpadded mphantom mstyle menclose mmultiscripts mprescripts none
"""
_OF_MATH = """
accent accentunder columnalign columnlines columnspacing depth display displaystyle encoding fence form height
linethickness lspace mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace
scriptlevel separator stretchy symmetric voffset width xmlns
"""
MATH = set(_MATH.split())
MEDIA = {"audio": {"controls", "loop", "src"}, "video": {"controls", "loop", "src", "width", "height"}}
ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    **{tag: set(_OF_MATH.split()) for tag in MATH},
    **MEDIA,
    "source": {"src", "type"},
    "details": {"open"},
    "ol": {"start", "type"},
    "table": {"border"},
    "*": {"class", "dir", "id", "lang", "role", "style", "title"},
}
PROSE = nh3.ALLOWED_TAGS | MATH | {*MEDIA, "source", "details", "summary"}
OUTPUT = PROSE | {"style"}

EMBEDDED = ("data:image/", "data:audio/", "data:video/")
"""Data URIs that `src` may have; the page's policy blocks other loads."""


def clean_prose(fragment: str) -> str:
    """Return the HTML of a Markdown cell without anything that could act, or style the rest of the page."""
    return _clean(fragment, PROSE, {"script", "style"})


def clean_output(fragment: str, scope: str) -> str:
    """Return the HTML of an output without anything that could act.

    Args:
        scope: the id of the element that will contain it, to which its style sheets are restricted.
    """
    cleaned = _clean(fragment, OUTPUT, {"script"})
    if "<style" not in cleaned:
        return cleaned
    soup = BeautifulSoup(cleaned, features="html.parser")
    for style in soup.find_all("style"):
        style.string = scoped(style.get_text(), f"#{scope}")
    return str(soup)


def _clean(fragment: str, tags: set[str], without_content: set[str]) -> str:
    return nh3.clean(
        fragment,
        tags=tags,
        attributes=ATTRIBUTES,
        attribute_filter=_address,
        clean_content_tags=without_content,
        generic_attribute_prefixes={"aria-", "data-"},
        url_schemes={"http", "https", "mailto", "data"},
        link_rel=None,
    )


def _address(tag: str, attribute: str, value: str) -> str | None:
    """Allow data URIs for showing media, not for links, which could open a hidden page."""
    if not value.strip().lower().startswith("data:"):
        return value
    return value if attribute == "src" and value.lower().startswith(EMBEDDED) else None


def scoped(css: str, scope: str) -> str:
    """Return a style sheet whose rules apply only within the selector `scope`; anything else is dropped.

    >>> print(scoped("@import 'x'; b, i:is(.c, .d) { color: red } @media print { p { margin: 0 } }", "#here"))
    #here b, #here i:is(.c, .d){ color: red }
    @media print {
    #here p{ margin: 0 }
    }
    """
    # A CSS string may spell a tag in escapes, which would end the style element once resolved.
    return "\n".join(_rules(tinycss2.parse_stylesheet(css, True, True), scope)).replace("<", "\\3c ")


def _rules(nodes: list[tinycss2.ast.Node], scope: str) -> Iterator[str]:
    for node in nodes:
        if node.type == "qualified-rule":
            selectors = ", ".join(f"{scope} {selector}" for selector in _selectors(node.prelude))
            yield f"{selectors}{{{tinycss2.serialize(node.content)}}}"
        elif node.type == "at-rule" and node.lower_at_keyword in ("media", "supports") and node.content is not None:
            condition = tinycss2.serialize(node.prelude).strip()
            inner = tinycss2.parse_rule_list(node.content, True, True)
            yield "\n".join([f"@{node.lower_at_keyword} {condition} {{", *_rules(inner, scope), "}"])


def _selectors(prelude: list[tinycss2.ast.Node]) -> Iterator[str]:
    """Yield the selectors of a rule: the parts between commas outside brackets."""
    selector: list[tinycss2.ast.Node] = []
    for node in [*prelude, None]:
        if node is None or node == ",":
            yield tinycss2.serialize(selector).strip()
            selector = []
        else:
            selector.append(node)
