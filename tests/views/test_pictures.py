"""What is shown in a notebook is a figure."""

from __future__ import annotations

import pytest

from wslab.views.pictures import show


def test_what_is_no_figure_is_named() -> None:
    with pytest.raises(TypeError, match=r"drawn is 5, but must be the result of a function of wslab\.plots"):
        show(5)  # type: ignore[arg-type]
