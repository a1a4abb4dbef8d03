"""The help of each knob says what the knob is by default."""

import pytest

from wslab.cli.knobs import KNOBS, help_of


@pytest.mark.parametrize("name", [name for name, field in KNOBS.items() if field.default != ""])
def test_help_names_the_default(name: str) -> None:
    field = KNOBS[name]
    said = help_of(name).rpartition("Default: ")[2].removesuffix(".")
    if field.kind is bool:
        assert said == ("yes" if field.default else "no")
    elif field.default is None:
        assert said == "none"
    else:
        assert field.read(said) == field.default
