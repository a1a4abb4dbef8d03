"""One meaning, one look: the colour, marker, hatch and label of everything that a figure shows. Draws nothing.

Colour stands for a family of meanings, marker and hatch for a member, so that nothing depends on colour alone. The
colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/) and three dark ones; tests check that readers with each
kind of colour blindness can tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from matplotlib.colors import to_hex, to_rgb

from wslab.core.codes.registry import lookup

Meaning: TypeAlias = int | str
"""A close code, or the name of an outcome of `wslab.core.records`."""

INK = "#111111"
"""Text, and lines that mark a place."""
QUIET = "#8A8A8A"
"""Guides and waiting."""
SHADE = "#E3E3E3"
"""The server is down."""

_WORKS = "#009E73"
_TOO_BIG = "#D55E00"
_RESTART = "#0072B2"
_LATER = "#56B4E9"
_AWAY = "#CC79A7"
_NO_WORD = "#000000"
_NOBODY = "#E69F00"
_PLAIN = "#585858"
_FAULT = "#8B0000"
_APPLICATION = "#332288"

_ON_DARK = {
    _RESTART: "#4FA8E0",
    _NO_WORD: "#FFFFFF",
    _PLAIN: "#B0B0B0",
    _FAULT: "#FF7B7B",
    _APPLICATION: "#A79BFF",
    "#AA4499": "#E619A0",
    "#661100": "#E0BC85",
    "#117733": "#85E0C5",
}
"""Colours for a dark page; those that are not listed stay as they are."""


@dataclass(frozen=True, slots=True)
class Look:
    """How one meaning looks everywhere, and its label."""

    label: str
    color: str
    marker: str = "none"
    hatch: str = ""
    linestyle: str | tuple[int, tuple[int, ...]] = "-"

    @property
    def dark(self) -> str:
        """The colour on a dark page; figures are always on white."""
        return _ON_DARK.get(self.color, self.color)

    @property
    def edge(self) -> str:
        """The colour darkened: it separates overlapping markers, and outlines light ones on white."""
        red, green, blue = to_rgb(self.color)
        return to_hex((0.75 * red, 0.75 * green, 0.75 * blue))

    @property
    def ink(self) -> str:
        """The colour of text on areas of this look: white or `INK`, whichever has more contrast (WCAG 2.2, 1.4.3).

        >>> look(1006).ink, look("refused").ink
        ('white', '#111111')
        """
        return "white" if luminance(self.color) < 0.19 else INK


def luminance(color: str) -> float:
    """Return the relative luminance of a colour, 0 (black) to 1 (white), as WCAG 2.2 defines it.

    >>> luminance("#000000"), luminance("#FFFFFF")
    (0.0, 1.0)
    """
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(color)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _code(code: int, color: str, marker: str, hatch: str, label: str | None = None) -> Look:
    return Look(label or lookup(code).label, color, marker, hatch)


LOOKS: dict[Meaning, Look] = {
    "accepted": Look("accepted", _WORKS, "o"),
    "opened": Look("opened", _WORKS, ">"),
    1000: _code(1000, _PLAIN, "H", "-"),
    1001: _code(1001, _AWAY, "d", "."),
    1005: _code(1005, _PLAIN, "*", "*", "1005 empty close frame"),
    1006: _code(1006, _NO_WORD, "X", "x", "1006 no close frame"),
    1008: _code(1008, _FAULT, "p", "o"),
    1009: _code(1009, _TOO_BIG, "^", "/"),
    1011: _code(1011, _FAULT, "P", "+"),
    1012: _code(1012, _RESTART, "s", "\\"),
    1013: _code(1013, _LATER, "D", "|"),
    "closed": Look("closed, code unknown", _PLAIN, "$c$", "O"),
    "refused": Look("refused: nobody listens", _NOBODY, "v", "/"),
    "rejected": Look("rejected by an HTTP status", _LATER, "$H$", "|"),
    "reset": Look("reset during the handshake", _NO_WORD, r"$\dagger$", "x"),
    "timeout": Look("timeout: no answer came", _NOBODY, "$?$", "o"),
    "unopened": Look("unopened: no connection", _NOBODY, "$0$", "+"),
    "unconfirmed": Look("unconfirmed: no answer awaited", _PLAIN, r"$\sim$", "|"),
    "interrupted": Look("interrupted: the run was stopped", _NOBODY, "$-$", "-"),
    "failed": Look("failed otherwise", _FAULT, "$!$", "*"),
}
"""Every meaning with its own look, in the order in which figures list them."""

RESTARTS: dict[str, Look] = {
    "graceful": Look("graceful restart", INK, linestyle="--"),
    "reload": Look("reload", INK, linestyle="-."),
    "crash": Look("crash", INK, linestyle="-"),
    "rolling": Look("rolling restart, one server after another", INK, linestyle=":"),
}
"""The moment of a restart, by its kind."""

RETURNS: dict[str, Look] = {
    "back": Look("back at the end", _WORKS),
    "away": Look("away at the end", _PLAIN, hatch="x"),
}
"""Where a client was in the end."""

CAPACITY = Look("capacity", _FAULT, linestyle=(0, (5, 2)))

LONE = Look("", _WORKS, "o")
"""The look of a single group."""

GROUPS = (
    Look("", "#AA4499", "o"),
    Look("", "#999933", "s", linestyle="--"),
    Look("", "#661100", "^", linestyle="-."),
    Look("", "#6699CC", "D", linestyle=":"),
    Look("", "#CC6677", "v", linestyle=(0, (8, 2))),
    Look("", "#117733", "P", linestyle=(0, (3, 1, 1, 1, 1, 1))),
)
"""Runs, policies or kinds that are compared, in colours without another meaning."""


def look(meaning: Meaning) -> Look:
    """Return the look of a close code or outcome; a code without its own look has that of its range.

    >>> look(1009).label
    '1009 Message Too Big'
    >>> look(4321).label
    '4321 Private use'
    """
    if meaning in LOOKS:
        return LOOKS[meaning]
    if not isinstance(meaning, int):
        raise KeyError(f"no figure knows the outcome {meaning!r}")
    if 3000 <= meaning <= 4999:  # for libraries and applications (RFC 6455 §7.4.2)
        return _code(meaning, _APPLICATION, "<", "O")
    return _code(meaning, _FAULT, "8", "O")


def in_order(meanings: set[Meaning]) -> list[Meaning]:
    """Return the meanings in the order of `LOOKS`, with other codes after them.

    >>> in_order({4000, "timeout", 1009, "accepted"})
    ['accepted', 1009, 'timeout', 4000]
    """
    rank = {meaning: number for number, meaning in enumerate(LOOKS)}
    return sorted(meanings, key=lambda meaning: rank[meaning] if meaning in rank else len(rank) + int(meaning))
