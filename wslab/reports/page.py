"""A report as one HTML file: nbconvert's exporter under the kit's own template, and formulas that need no script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from latex2mathml.converter import convert as to_mathml
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters.html import HtmlFormatter
from traitlets import default
from traitlets.config import Config

from wslab.reports.fragments import NO_WORDS, Fragments

TEMPLATES = Path(__file__).parent / "templates"

STATIC = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/latex", "text/plain"]
LIVE = ["application/vnd.jupyter.widget-view+json", *STATIC]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data:; "
SCRIPTS = "script-src 'unsafe-inline'"
MORE_SCRIPTS = f"{SCRIPTS} blob:"
"""What widgets of anywidget need besides: modules that they make of the texts that they carry."""


class PageExporter(HTMLExporter):
    """Makes a notebook a page that asks nothing of any host; its content security policy makes sure of that.

    Args:
        name: with which the names of downloaded files begin.
        widgets: whether the views of widgets are kept; their scripts come with the page.
    """

    def __init__(self, name: str, *, widgets: bool = False) -> None:
        self.fragments = Fragments(name)
        self.policy = POLICY + (MORE_SCRIPTS if widgets else SCRIPTS)
        priority = LIVE if widgets else STATIC
        super().__init__(config=Config(NbConvertBase={"display_data_priority": priority}))  # type: ignore[no-untyped-call]

    @default("template_name")
    def _template_name_default(self) -> str:
        return "page"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(TEMPLATES)]

    @default("embed_images")
    def _embed_images_default(self) -> bool:
        return True

    @default("exclude_anchor_links")
    def _exclude_anchor_links_default(self) -> bool:
        return True

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        yield from super().default_filters()  # type: ignore[no-untyped-call]
        yield ("markdown2html", self.markdown2html)
        yield ("settle", self.fragments.settle)
        yield ("described", described)
        yield ("mathml", mathml)

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Return a Markdown cell as HTML, with formulas in MathML, which browsers draw by themselves."""
        renderer = _Renderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=True,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
            exclude_anchor_links=True,
        )
        return self.fragments.settle_prose(str(MarkdownWithMath(renderer=renderer).render(source)))


class _Renderer(IPythonRenderer):
    """nbconvert's, which leaves formulas to a script from a CDN; here they are MathML."""

    def block_math(self, body: str) -> str:
        return mathml(body, display="block")

    def multiline_math(self, text: str) -> str:
        return mathml(text.strip().removeprefix("$$").removesuffix("$$"), display="block")

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", display="block")

    def inline_math(self, body: str) -> str:
        return mathml(body)


def mathml(source: str, display: str = "inline") -> str:
    """Return a formula of TeX as MathML; one that cannot be translated stays as it was written."""
    inner = source.strip().strip("$")
    try:
        return str(to_mathml(inner, display=display))
    except Exception:  # whatever its parser meets in a formula that it does not know
        return f"<code>{source}</code>"


def described(metadata: Any, kind: str) -> str:
    """Return the text alternative that a figure's author put into an output's metadata, or say that there is none."""
    return str(metadata.get(kind, {}).get("alt") or metadata.get("alt") or NO_WORDS)


def code_colours() -> dict[str, str]:
    """Return style sheets for code, for a light and a dark page."""
    return {
        theme: HtmlFormatter(style=style).get_style_defs(".highlight")
        for theme, style in {"light": "default", "dark": "github-dark"}.items()
    }
