"""A report as one HTML file: nbconvert's exporter with a template of our own, and formulas that need no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from jinja2 import Environment, pass_context
from latex2mathml.converter import convert as to_mathml
from markupsafe import Markup, escape
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters.html import HtmlFormatter
from traitlets import default
from traitlets.config import Config

from wslab.reports.fragments import NO_WORDS, Fragments
from wslab.reports.sanitizing import clean_prose

TEMPLATES = Path(__file__).parent / "templates"

STATIC = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/latex", "text/plain"]
LIVE = ["application/vnd.jupyter.widget-view+json", *STATIC]

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data:; "
    "base-uri 'none'; form-action 'none'; script-src "
)


def policy(scripts: Iterable[str]) -> str:
    """Return a content security policy that loads nothing from any host and runs only these scripts.

    If there are any, modules that they create from text may run too (`blob:`), as anywidget needs; nothing else in the
    page can create one.
    """
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return POLICY + (" ".join([*(f"'sha256-{each}'" for each in hashes), "blob:"]) if hashes else "'none'")


IS_HTML = {
    "highlight_code": "Pygments escapes the code that it colours",
    "ansi2html": "it escapes the text between the colours",
    "markdown2html": "`sanitizing.clean_prose` cleaned it",
    "inline": "likewise",
    "settle": "`sanitizing.clean_output` cleaned it",
    "mathml": "`sanitizing.clean_prose` cleaned it",
}
"""The filters whose results are not escaped, and why. Templates escape everything else."""


class PageExporter(HTMLExporter):
    """Turns a notebook into a page that loads nothing from any host, and runs only the scripts that it is given.

    Args:
        name, site: of this page and its site; see `Fragments`.
        widgets: whether to keep widgets; their scripts come with the page.
    """

    def __init__(self, name: str, *, site: Collection[str] = (), widgets: bool = False) -> None:
        self.fragments = Fragments(name, site)
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
        yield ("inline", self.inline)
        yield ("mathml", lambda source: clean_prose(mathml(source, display="block")))

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()  # type: ignore[no-untyped-call]
        environment.autoescape = True
        return environment

    def _register_filter(self, environ: Environment, name: str, jinja_filter: Any) -> Any:
        registered = super()._register_filter(environ, name, jinja_filter)  # type: ignore[no-untyped-call]
        if name in IS_HTML:
            environ.filters[name] = _marked(environ.filters[name])
        return registered

    @pass_context
    def inline(self, context: Any, source: str) -> str:
        """Return one line of Markdown as HTML, without the paragraph around it."""
        return self.markdown2html(context, source).strip().removeprefix("<p>").removesuffix("</p>")

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Return a Markdown cell as HTML, with formulas in MathML, which browsers draw themselves."""
        renderer = _Renderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=True,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
            exclude_anchor_links=True,
        )
        return self.fragments.settle_prose(str(MarkdownWithMath(renderer=renderer).render(source)))


def _marked(to_html: Callable[..., str]) -> Callable[..., Markup]:
    """Return the filter with results that autoescaping leaves alone."""

    @wraps(to_html)  # keeps the attribute by which jinja2 passes the context
    def marked(*arguments: Any, **options: Any) -> Markup:
        return Markup(to_html(*arguments, **options))

    return marked


class _Renderer(IPythonRenderer):
    """nbconvert's renderer, with MathML instead of a script from a CDN."""

    def block_math(self, body: str) -> str:
        return mathml(body, display="block")

    def multiline_math(self, text: str) -> str:
        return mathml(text.strip().removeprefix("$$").removesuffix("$$"), display="block")

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", display="block")

    def inline_math(self, body: str) -> str:
        return mathml(body)


def mathml(source: str, display: str = "inline") -> str:
    """Return a TeX formula as MathML; one that cannot be translated stays as it is."""
    inner = source.strip().strip("$")
    try:
        return str(to_mathml(inner, display=display))
    except Exception:  # the parser raises all kinds of errors
        return f"<code>{escape(source)}</code>"


def described(metadata: Any, kind: str) -> str:
    """Return the text alternative in an output's metadata, or a text that says there is none."""
    return str(metadata.get(kind, {}).get("alt") or metadata.get("alt") or NO_WORDS)


PORTRAIT_CHARACTERS = 110
"""The widest table that is legible in portrait."""

LANDSCAPE = "@page { size: A4 landscape; }\n@media print { :root { --room: 740pt; } }\n"


def code_colours() -> dict[str, Markup]:
    """Return the style sheets for code on a light and on a dark page."""
    return {
        theme: Markup(HtmlFormatter(style=style).get_style_defs(".highlight"))
        for theme, style in {"light": "default", "dark": "github-dark"}.items()
    }
