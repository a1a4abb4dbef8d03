"""An option for every knob of a lab server: name, bounds, default and description are the knob's own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Optional, TypeVar

import typer

from wslab.core.arguments import check_choice
from wslab.core.bounds import Field, fields
from wslab.core.errors import BadTypeError
from wslab.core.knobs import Knobs, changed

R = TypeVar("R")

PANEL = "Knobs of the server"

WORDS = {"none": None, "yes": True, "true": True, "no": False, "false": False}


def with_knobs(command: Callable[..., R]) -> Callable[..., R]:
    """Give `command`, whose parameter `knobs` it replaces, an option for each knob that is not its own parameter."""
    own = inspect.signature(command, eval_str=True).parameters
    names = [name for name in fields(Knobs) if name not in own]

    @functools.wraps(command)
    def called(**options: Any) -> R:
        given = {name: value for name in names if (value := options.pop(name)) is not None}
        changes = {name: _read(fields(Knobs)[name], given[name]) for name in given}
        return command(**options, knobs=changed(Knobs(), changes))

    options = [_option(fields(Knobs)[name]) for name in names]
    parameters = [*(parameter for name, parameter in own.items() if name != "knobs"), *options]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def help_of(name: str) -> str:
    """Return what is said of a knob in a command's help: what it is, and what it may be."""
    field = fields(Knobs)[name]
    text = field.description[:1].upper() + field.description[1:]
    default = {None: "none", True: "yes", False: "no"}.get(field.default, field.default)
    values = "" if field.kind is bool else f" Values: {field.values}."
    return f"{text}{values} Default: {default}." if default != "" else text + values


def read_changes(words: list[str]) -> Mapping[str, Any]:
    """Return knobs and their values from words such as `idle_timeout_s=5`.

    Raises:
        ValueError, TypeError: a word is no knob with a value, or the value is out of its bounds.
    """
    changes = {}
    for word in words:
        name, _, text = word.partition("=")
        check_choice("knob", name, fields(Knobs), hint="write KNOB=VALUE, such as idle_timeout_s=5")
        changes[name] = _read(fields(Knobs)[name], text)
        fields(Knobs)[name].check(changes[name])
    return changes


def _option(field: Field) -> inspect.Parameter:
    about: dict[str, Any] = {"help": help_of(field.name), "show_default": False, "rich_help_panel": PANEL}
    if field.kind is bool:
        option = typer.Option(**about)
        annotation: Any = Annotated[Optional[bool], option]  # noqa: UP045  # typer needs a type, not an expression
    else:
        option = typer.Option(
            metavar=field.kind.__name__.upper(),
            autocompletion=lambda: list(field.choices),
            **about,
        )
        annotation = Annotated[Optional[str], option]  # noqa: UP045
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _read(field: Field, text: str | bool) -> Any:
    """Return the value that a text stands for. One that stands for none stays text, which the check then tells."""
    if isinstance(text, bool):
        return text
    if field.optional and text.lower() == "none":
        return None
    if field.kind is bool:
        return WORDS.get(text.lower(), text)
    if field.kind is str or text in field.choices:
        return text
    try:
        return field.kind(text.replace(",", "").replace("_", ""))
    except ValueError:
        raise BadTypeError(f"{field.name} is {text!r}, but must be {field.values}") from None
