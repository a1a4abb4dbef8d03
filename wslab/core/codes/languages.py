"""The languages in which cards and checks speak, and where their words come from. Formats and judges nothing.

English is what the code says; `japanese.toml` beside this module is the one table that holds the rest. A text is
looked up whole, as it is shown, so a table without it shows English rather than nothing.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Literal, TypeAlias

from wslab.core.arguments import check_choice

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ja")

Say: TypeAlias = Callable[[str], str]
"""Returns an English text in the language of the reader."""


def speaking(lang: Language) -> Say:
    """Return what says English texts in `lang`.

    Raises:
        ValueError: no such language.

    >>> speaking("ja")("Main differences"), speaking("en")("Main differences")
    ('主な違い', 'Main differences')
    """
    check_choice("lang", lang, LANGUAGES)
    return str if lang == "en" else _in_japanese


def _in_japanese(text: str) -> str:
    return _japanese().get(text, text)


@functools.cache
def _japanese() -> Mapping[str, str]:
    table: dict[str, str] = tomllib.loads(
        resources.files("wslab.core.codes").joinpath("japanese.toml").read_text(encoding="utf-8")
    )
    return table
