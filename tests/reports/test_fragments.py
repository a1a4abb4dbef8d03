"""What HTML of cells becomes in a page: described images, tables with their data, nothing from another host."""

from __future__ import annotations

import base64
import csv
import io

import pandas as pd
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image, ImageChops

from wslab.reports.fragments import NO_WORDS, Fragments, figures, lighter, pipe_table, rows, to_csv


def downloaded(fragment: str) -> list[str]:
    links = BeautifulSoup(fragment, "html.parser").select("a[download]")
    return [base64.b64decode(link["href"].partition(",")[2]).decode("utf-8-sig") for link in links]


def test_table_brings_the_data_that_it_shows():
    table = pd.DataFrame({"größe": [1, 2], "b": ['x,"', "y"]})
    settled = Fragments("mine").settle(table.to_html())
    assert list(csv.reader(io.StringIO(downloaded(settled)[0]))) == [
        ["", "größe", "b"],
        ["0", "1", 'x,"'],
        ["1", "2", "y"],
    ]
    assert 'download="mine-table-1.csv"' in settled


def test_table_that_is_cut_brings_all_of_its_data():
    table = pd.DataFrame({"a": range(100)})
    settled = Fragments("mine").settle(table._repr_html_(), table.to_csv())
    assert pd.read_csv(io.StringIO(downloaded(settled)[0]), index_col=0).equals(table)


def test_cells_that_span_are_in_every_row_and_column():
    table = pd.DataFrame({"a": ["x", "x", "y"], "b": ["u", "v", "u"], "n": [1, 2, 3]}).set_index(["a", "b"])
    cells = rows(BeautifulSoup(table.to_html(), "html.parser").table)
    assert cells[2:] == [["x", "u", "1"], ["x", "v", "2"], ["y", "u", "3"]]


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r")), min_size=2, max_size=2), min_size=1
    )
)
def test_csv_reads_back_as_it_was(cells):
    assert list(csv.reader(io.StringIO(to_csv(cells), newline=""))) == cells


def test_image_without_words_gets_some_and_one_with_words_keeps_them():
    settled = BeautifulSoup(Fragments("x").settle('<img src="data:,"><img alt="a cat" src="data:,">'), "html.parser")
    assert [image["alt"] for image in settled.find_all("img")] == [NO_WORDS, "a cat"]


def test_image_at_another_host_becomes_a_link():
    settled = Fragments("x").settle_prose('<p><img alt="a map" src="https://example.org/map.png"></p>')
    assert settled == '<p><a href="https://example.org/map.png">a map (an image at another host)</a></p>'


def test_fragment_without_tables_and_images_stays_as_it_is():
    odd = "<p>a<br>b & c"
    assert Fragments("x").settle(odd) == odd


def test_summary_of_a_run_is_no_data():
    assert "download" not in Fragments("x").settle('<div class="wslab-run"><table><tr><td>1</td></tr></table></div>')


def test_table_of_prose_has_no_download():
    assert "download" not in Fragments("x").settle_prose("<table><tr><td>1</td></tr></table>")


def test_markdown_table_keeps_bars():
    assert pipe_table([["a"], ["x|y"]]) == "| a |\n|---|\n| x\\|y |"


def test_figure_is_lighter_and_looks_the_same():
    figure = Figure(dpi=192)
    figure.subplots().plot(range(100), color="#D55E00")
    file = io.BytesIO()
    figure.savefig(file)
    content = lighter(file.getvalue())
    before, after = (Image.open(io.BytesIO(each)).convert("RGB") for each in (file.getvalue(), content))
    assert len(content) < 0.7 * len(file.getvalue())
    assert max(high for _, high in ImageChops.difference(before, after).getextrema()) <= 16


def test_figures_are_found_with_their_words():
    content = base64.b64encode(b"png").decode()
    assert list(figures(f'<img alt="one &lt; two" src="data:image/png;base64,{content}">')) == [(b"png", "one < two")]
