"""HTML that came with a notebook can be read and do nothing else; its style sheets stay where they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup
from hostile import AWAY, PAYLOADS
from hypothesis import given
from hypothesis import strategies as st
from IPython.display import Audio
from pandas import DataFrame

from wslab.reports.sanitizing import clean_output, clean_prose, scoped

from .conftest import first

ACTS = "script, meta, base, form, input, button, iframe, object, embed, link, svg"


@pytest.mark.parametrize("clean", [clean_prose, lambda fragment: clean_output(fragment, "here")])
@given(parts=st.lists(st.sampled_from([*PAYLOADS, "<p>", "</p>", "<style>", "</style>", "<!--", "-->"]), max_size=6))
def test_nothing_acts(clean: Callable[[str], str], parts: list[str]) -> None:
    soup = BeautifulSoup(clean("".join(parts)), "html.parser")
    assert soup.select(ACTS) == []
    for tag in soup.find_all(True):
        assert not [name for name in tag.attrs if name.startswith("on")]
        assert not str(tag.get("href", "")).lower().startswith(("javascript:", "data:"))


def test_what_people_put_out_stays() -> None:
    table = DataFrame({"a": [1]}).style.set_properties(color="red").to_html()
    cleaned = clean_output(table, "here")
    assert str(first(BeautifulSoup(cleaned, "html.parser"), "table")["id"]).startswith("T_")
    assert "#here #T_" in cleaned
    assert "color: red" in cleaned
    sound = Audio(data=b"RIFF", rate=8000, autoplay=False)._repr_html_()
    assert 'src="data:audio' in clean_output(sound, "here")
    assert clean_prose("<details open><summary>More</summary>…</details>").startswith("<details open")


@pytest.mark.parametrize(
    "css",
    [
        "} header { display: none",
        "@import url(" + AWAY + "); p { color: red }",
        "p { color: red } @media all { } } header { display: none }",
        'p::after { content: "\\3c /style\\3e \\3c img src=x onerror=act()\\3e" }',
        "@font-face { src: url(" + AWAY + ") }",
        ", header { display: none }",
    ],
)
def test_style_sheet_reaches_no_further_than_its_output(css: str) -> None:
    rules = scoped(css, "#here")
    assert "<" not in rules
    assert AWAY not in rules
    for selector in (line.partition("{")[0] for line in rules.splitlines() if "{" in line and not line.startswith("@")):
        assert all(one.strip().startswith("#here") for one in selector.split(","))
