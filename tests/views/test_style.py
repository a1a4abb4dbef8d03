from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import get_args

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from wslab.core.codes.registry import REGISTRY
from wslab.core.records import AttemptOutcome, RestartKind, SendOutcome
from wslab.views.style import GROUPS, LOOKS, RESTARTS, Meaning, in_order, look, luminance

# How the colours of light look to readers without red, green or blue cones: Machado, Oliveira and Fernandes,
# "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009, severity 1.
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
JUST_APART = 14.0
"""Distances in CIELAB: about 2 is just noticeable side by side; markers in one figure need several times that."""


def lab(color: str, vision: str) -> np.ndarray:
    """Return a colour's place in CIELAB, in which distances are about those that are seen."""
    srgb = np.array(to_rgb(color))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(VISION[vision]) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = (
        np.cbrt(part) if part > 0.008856 else 7.787 * part + 16 / 116
        for part in to_xyz @ seen / np.array([0.9505, 1.0, 1.089])
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


FAMILIES = sorted({look(meaning).color for meaning in (*LOOKS, 4000)})
DARK_PAPER = "#212121"  # of JupyterLab's dark theme


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(
    "colors",
    [FAMILIES, [group.color for group in GROUPS], [group.dark for group in GROUPS]],
    ids=["meanings", "groups", "groups on dark"],
)
def test_colors_stay_apart_for_every_reader(colors: list[str], vision: str) -> None:
    for one, other in combinations(colors, 2):
        apart = np.linalg.norm(lab(one, vision) - lab(other, vision))
        assert apart > JUST_APART, f"{one} and {other} are {apart:.1f} apart"


def test_meanings_are_never_told_by_color_alone() -> None:
    looks = [*LOOKS.values(), look(1002), look(4000)]
    assert max(Counter(one.marker for one in looks).values()) == 1
    assert max(Counter(one.label for one in looks).values()) == 1


@pytest.mark.parametrize(
    "meanings",
    [[*get_args(SendOutcome), *REGISTRY, 4000], [*get_args(AttemptOutcome)]],
    ids=["sends and closures", "attempts"],
)
def test_areas_of_one_figure_differ_in_color_or_hatch(meanings: list[Meaning]) -> None:
    own = {meaning for meaning in meanings if meaning in LOOKS} | {4000}
    areas = Counter((look(meaning).color, look(meaning).hatch) for meaning in own)
    assert max(areas.values()) == 1, areas


def test_groups_take_no_color_that_has_a_meaning() -> None:
    assert not {group.color for group in GROUPS} & set(FAMILIES)
    assert len({(group.marker, group.linestyle) for group in GROUPS}) == len(GROUPS)


def test_groups_are_seen_on_dark_paper() -> None:
    assert min(contrast(group.dark, DARK_PAPER) for group in GROUPS) >= 3  # WCAG 2.2, 1.4.11


@pytest.mark.parametrize("meaning", LOOKS)
def test_look_is_seen_on_white_and_its_text_read(meaning: Meaning) -> None:
    assert contrast(look(meaning).edge, "#FFFFFF") >= 3  # WCAG 2.2, 1.4.11
    assert contrast(look(meaning).color, look(meaning).ink) >= 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize("outcome", [*get_args(SendOutcome), *get_args(AttemptOutcome)])
def test_every_outcome_has_a_look(outcome: str) -> None:
    assert look(outcome).label.startswith(outcome)


@pytest.mark.parametrize("code", [*REGISTRY, 0, 999, 2999, 3999, 4999, 65535])
def test_every_close_code_has_a_look_that_names_it(code: int) -> None:
    assert look(code).label.startswith(f"{code} ")


def test_every_restart_has_a_line_of_its_own() -> None:
    assert set(RESTARTS) == set(get_args(RestartKind))
    assert len({one.linestyle for one in RESTARTS.values()}) == len(RESTARTS)


def test_unknown_outcome_is_refused() -> None:
    with pytest.raises(KeyError, match="no figure knows the outcome 'exploded'"):
        look("exploded")


def test_order_is_that_of_the_looks_and_then_of_the_codes() -> None:
    assert in_order({4001, 999, "timeout", 1012, "accepted", 1009}) == ["accepted", 1009, 1012, "timeout", 999, 4001]
