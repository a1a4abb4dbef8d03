"""A figure in a notebook: a sharp picture with its text alternative, which outlives the kernel."""

from __future__ import annotations

import base64
import html
import io

from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wslab.core.arguments import check_type
from wslab.views.axes import describe
from wslab.views.glyphs import make_legible


def show(drawn: Axes | Figure) -> None:
    """Display a figure under the cell, with an `alt` text computed from its data.

    It needs neither pyplot nor `%matplotlib`, and looks the same in a rendered page, without JavaScript.
    """
    check_type("drawn", drawn, Axes | Figure, "the result of a function of wslab.plots, or another Axes or Figure")
    display({"text/html": picture(drawn), "text/plain": describe(drawn)}, raw=True)


def picture(drawn: Axes | Figure) -> str:
    """Return the figure as an HTML image at twice the resolution of a plain screen, with its text alternative."""
    figure = drawn if isinstance(drawn, Figure) else drawn.figure.figure
    make_legible(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=2 * 96)
    encoded = base64.b64encode(file.getvalue()).decode()
    width_px = round(figure.get_figwidth() * 96)
    return (
        f'<img alt="{html.escape(describe(drawn))}" src="data:image/png;base64,{encoded}" '
        f'style="width: {width_px}px; max-width: 100%; background: white"/>'
    )
