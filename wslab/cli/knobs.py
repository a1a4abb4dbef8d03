"""An option for every knob of a lab server, with the knob's own name, bounds, default and description."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Optional, TypeVar

import typer

from wslab.core.bounds import Field, fields
from wslab.core.knobs import Knobs, changed

R = TypeVar("R")

PANEL = "Knobs of the server"

KNOBS = fields(Knobs)


def with_knobs(command: Callable[..., R]) -> Callable[..., R]:
    """Replace the parameter `knobs` of a command by an option for each knob that it does not take itself."""
    own = inspect.signature(command, eval_str=True).parameters
    names = [name for name in KNOBS if name not in own]

    @functools.wraps(command)
    def called(**options: Any) -> R:
        given = {name: value for name in names if (value := options.pop(name)) is not None}
        read = {name: value if value in (True, False) else KNOBS[name].read(value) for name, value in given.items()}
        return command(**options, knobs=changed(Knobs(), read))

    options = [_option(KNOBS[name]) for name in names]
    parameters = [*(parameter for name, parameter in own.items() if name != "knobs"), *options]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def help_of(name: str) -> str:
    """Return the help of a knob: what it is, and which values it takes."""
    field = KNOBS[name]
    text = field.description[:1].upper() + field.description[1:]
    default = "none" if field.default is None else field.default
    if field.kind is bool:  # ask the kind, because 0 == False
        default = "yes" if field.default else "no"
    values = "" if field.kind is bool else f" Values: {field.values}."
    return f"{text}{values} Default: {default}." if default != "" else text + values


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
