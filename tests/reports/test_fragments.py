"""What HTML of cells becomes in a page: described images, tables with their data, nothing from another host."""

from __future__ import annotations

import base64
import csv
import io

import numpy as np
import pandas as pd
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image, ImageChops

from wslab.core.printable import as_cell
from wslab.reports.fragments import NEEDS_SCRIPT, NO_WORDS, Fragments, figures, lighter, rows, to_csv

from .conftest import first


def downloaded(fragment: str) -> list[str]:
    links = BeautifulSoup(fragment, "html.parser").select("a[download]")
    return [base64.b64decode(str(link["href"]).partition(",")[2]).decode("utf-8-sig") for link in links]


def test_table_brings_the_data_that_it_shows() -> None:
    table = pd.DataFrame({"größe": [1, 2], "b": ['x,"', "y"]})
    settled = Fragments("mine").settle(table.to_html())
    assert list(csv.reader(io.StringIO(downloaded(settled)[0]))) == [
        ["", "größe", "b"],
        ["0", "1", 'x,"'],
        ["1", "2", "y"],
    ]
    assert 'download="mine-table-1.csv"' in settled


def test_table_that_is_cut_brings_all_of_its_data() -> None:
    table = pd.DataFrame({"a": range(100)})
    settled = Fragments("mine").settle(table._repr_html_(), table.to_csv())  # type: ignore[operator]
    assert pd.read_csv(io.StringIO(downloaded(settled)[0]), index_col=0).equals(table)


def test_cells_that_span_are_in_every_row_and_column() -> None:
    table = pd.DataFrame({"a": ["x", "x", "y"], "b": ["u", "v", "u"], "n": [1, 2, 3]}).set_index(["a", "b"])
    cells = rows(first(BeautifulSoup(table.to_html(), "html.parser"), "table"))
    assert cells[2:] == [["x", "u", "1"], ["x", "v", "2"], ["y", "u", "3"]]


CELLS = st.lists(
    st.lists(st.text(st.characters(codec="utf-8")) | st.sampled_from(["=1+1", "-1", " @SUM", "a\r\nb"]), min_size=2),
    min_size=1,
)


@given(CELLS)
def test_csv_reads_back_as_cells_that_are_no_formulas(cells: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(to_csv(cells), newline="")))
    assert read == [[as_cell(cell) for cell in row] for row in cells]
    for cell in (cell for row in read for cell in row):
        assert all(character.isprintable() or character == "\n" for character in cell if not character.isspace())
        assert cell.lstrip()[:1] not in tuple("=+-@") or float(cell) is not None


def test_image_without_words_gets_some_and_one_with_words_keeps_them() -> None:
    settled = BeautifulSoup(Fragments("x").settle('<img src="data:,"><img alt="a cat" src="data:,">'), "html.parser")
    assert [image["alt"] for image in settled.find_all("img")] == [NO_WORDS, "a cat"]


def test_image_at_another_host_becomes_a_link() -> None:
    settled = Fragments("x").settle_prose('<p><img alt="a map" src="https://example.org/map.png"></p>')
    assert settled == '<p><a href="https://example.org/map.png">a map (an image at another host)</a></p>'


def test_fragment_without_tables_and_images_stays_as_it_is() -> None:
    assert (
        Fragments("x").settle("<p>a<br>b &amp; c</p>") == '<div class="html" id="output-1"><p>a<br/>b &amp; c</p></div>'
    )


def test_output_that_a_script_would_draw_says_so() -> None:
    assert NEEDS_SCRIPT in Fragments("x").settle("<div id='plot'></div><script>draw()</script>")


def test_link_to_a_lesson_leads_to_its_page_where_that_is_one_of_the_site() -> None:
    prose = '<p><a href="../01_how.ipynb#Goals">Next</a> <a href="02_gone.ipynb">Other</a> <a href="#here">here</a></p>'
    settled = Fragments("ja/00_why", {"01_how", "ja/00_why"}).settle_prose(prose)
    assert '<a href="../01_how.html#Goals">Next</a>' in settled
    assert '<span title="02_gone.ipynb, which this page does not include">Other</span>' in settled
    assert '<a href="#here">here</a>' in settled
    assert "href" not in Fragments("01_how").settle_prose('<a href="02_gone.ipynb">Other</a>')


def test_summary_of_a_run_is_no_data() -> None:
    assert "download" not in Fragments("x").settle('<div class="wslab-run"><table><tr><td>1</td></tr></table></div>')


def test_table_of_prose_has_no_download() -> None:
    assert "download" not in Fragments("x").settle_prose("<table><tr><td>1</td></tr></table>")


def test_figure_is_lighter_and_looks_the_same() -> None:
    figure = Figure(dpi=192)
    figure.subplots().plot(range(100), color="#D55E00")
    file = io.BytesIO()
    figure.savefig(file)
    content = lighter(file.getvalue())
    before, after = (Image.open(io.BytesIO(each)).convert("RGB") for each in (file.getvalue(), content))
    assert len(content) < 0.7 * len(file.getvalue())
    assert np.asarray(ImageChops.difference(before, after)).max() <= 16


def test_figures_are_found_with_their_words() -> None:
    content = base64.b64encode(b"png").decode()
    assert list(figures(f'<img alt="one &lt; two" src="data:image/png;base64,{content}">')) == [(b"png", "one < two")]
