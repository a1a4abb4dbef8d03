"""How Sphinx builds the documentation: `make docs`. The pages need no network."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parent.parent / "benchmarks"))

import figures
import pages

from wslab.core.fieldguide import read_entries
from wslab.views.fieldguide import page

project = "wslab"
copyright = "wslab contributors"  # noqa: A001 (Sphinx reads it)
version = release = version_of("wslab")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_generated/*.md"]
default_role = "code"  # as docstrings write names: in single backquotes

html_theme = "furo"
html_title = "wslab"
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Fields", "params_style"), ("Columns", "params_style")]


def generate(app: Sphinx) -> None:
    """Draw the figures, render lessons and cards, and let Typer describe the commands, before pages are read."""
    folder = app.srcdir / "_generated"
    figures.draw_all(folder)
    pages.write_all(app.srcdir, app.outdir)
    (app.outdir / "field-guide-matrix.html").write_text(page(read_entries()), encoding="utf-8")
    describe = [sys.executable, "-m", "typer", "wslab.cli", "utils", "docs", "--name", "wslab"]
    commands = subprocess.run(describe, capture_output=True, text=True, check=True).stdout
    (folder / "commands.md").write_text(with_whole_summaries(unescape(commands)), encoding="utf-8")


def with_whole_summaries(commands: str) -> str:
    """Restore the whole sentence about each command in the list, which Typer cuts."""
    for name, first in re.findall(r"^## `wslab (\S+)`\n\n(.+)$", commands, re.MULTILINE):
        line = f"* `{name}`: {first}".replace("\\", r"\\")
        commands = re.sub(rf"^\* `{name}`: .*$", line, commands, flags=re.MULTILINE)
    return commands


def tidy(app: Sphinx, page: str, source: list[str]) -> None:
    """Remove the empty line that tells doctest where an example ends."""
    source[0] = source[0].replace("\n\n```\n", "\n```\n")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", generate)
    app.connect("source-read", tidy)
