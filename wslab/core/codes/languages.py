"""The languages of cards and checks, and their translations.

The code holds the English; `japanese.toml` beside this module is the only other table. Texts are looked up whole, and a
text that is missing from the table is shown in English.
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
"""Translates an English text."""


def speaking(lang: Language) -> Say:
    """Return a function that translates English texts into `lang`.

    Raises:
        ValueError: unknown language.

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
