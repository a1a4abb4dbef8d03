"""HTML of outputs, prepared for a self-contained page: images with text alternatives, tables to download."""

from __future__ import annotations

import base64
import csv
import html
import io
import posixpath
import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from PIL import Image

from wslab.core.printable import as_cell
from wslab.reports.sanitizing import clean_output, clean_prose

NO_WORDS = "A figure without a description; the code above it draws it"
NO_WORDS_IN_PROSE = "An image without a description"
"""The text alternatives of images that have none."""

NEEDS_SCRIPT = "This output is drawn by a script, which a report does not run."

PNG = "data:image/png;base64,"


class Fragments:
    """Prepares fragments one after another, and numbers outputs and tables.

    Args:
        name: of the page, without suffix, as in `site`; names of downloads begin with its last part.
        site: the names of all pages of the site. A link to a notebook leads to its page if that is one of them; any
            other link to a file becomes text, because a mailed page comes alone.
    """

    def __init__(self, name: str, site: Collection[str] = ()) -> None:
        self._name = name
        self._site = site
        self.widest_characters = 0  # of the tables so far, in print
        self._outputs = 0
        self._tables = 0

    def settle(self, fragment: str, data: str | None = None) -> str:
        """Return an output's HTML in its own element, for readers without kernel and network.

        Nothing in it can act (see `wslab.reports.sanitizing`).

        Args:
            data: the whole table as CSV; the fragment may show a part of it.
        """
        self._outputs += 1
        own = f"output-{self._outputs}"
        soup = BeautifulSoup(clean_output(fragment, own), features="html.parser")
        if "<script" in fragment and not (soup.get_text(strip=True) or soup.find(["img", "math", "audio", "video"])):
            return f'<p class="absent">{NEEDS_SCRIPT}</p>'
        _settle_images(soup, NO_WORDS)
        self._settle_links(soup)
        for table in soup.find_all("table"):
            if table.find_parent("table") is not None:
                continue
            if table.find_parent(_is_of_the_kit) is None and table.find("td"):
                self._offer(soup, table, data)
            else:
                table.wrap(_scrolling(soup, "A table"))
        return f'<div class="html" id="{own}">{soup}</div>'

    def settle_prose(self, fragment: str) -> str:
        """Do the same for a Markdown cell, whose tables are part of the text."""
        soup = BeautifulSoup(clean_prose(fragment), features="html.parser")
        _settle_images(soup, NO_WORDS_IN_PROSE)
        self._settle_links(soup)
        for table in soup.find_all("table"):
            table.wrap(_scrolling(soup, "A table"))
        return str(soup)

    def _settle_links(self, soup: BeautifulSoup) -> None:
        for link in soup.find_all("a", href=True):
            address, hash_, place = str(link["href"]).partition("#")
            if not address or urlsplit(address).scheme or address.startswith("//"):
                continue
            page = posixpath.normpath(posixpath.join(posixpath.dirname(self._name), unquote(address)))
            if page.removesuffix(".ipynb") in self._site:
                link["href"] = address.removesuffix(".ipynb") + ".html" + hash_ + place
            else:
                link.name, link.attrs = "span", {"title": f"{unquote(address)}, which this page does not include"}

    def _offer(self, soup: BeautifulSoup, table: Tag, data: str | None) -> None:
        """Let a wide table scroll, and add a link below it that saves it as CSV."""
        self._tables += 1
        name = f"{posixpath.basename(self._name)}-table-{self._tables}.csv"
        content = to_csv(rows(table) if data is None else list(csv.reader(io.StringIO(data, newline=""))))
        link = soup.new_tag("a", href=data_uri(content.encode("utf-8-sig"), "text/csv;charset=utf-8"), download=name)
        link.string = f"Table {self._tables} as CSV" + (", as shown" if data is None else "")
        line = soup.new_tag("p", attrs={"class": "download"})
        line.append(link)
        box = _scrolling(soup, f"Table {self._tables}")
        characters = _make_printable(soup, table)
        box["style"] = f"--characters: {characters}"  # scales it in print
        self.widest_characters = max(self.widest_characters, characters)
        table.wrap(box).insert_after(line)


def _scrolling(soup: BeautifulSoup, name: str) -> Tag:
    """Return a box in which a wide table scrolls, also by keyboard."""
    return soup.new_tag("div", attrs={"class": "scroll", "role": "region", "tabindex": "0", "aria-label": name})


LONG_CHARACTERS = 12
"""A longer cell may wrap; in print it may break anywhere."""


def _make_printable(soup: BeautifulSoup, table: Tag) -> int:
    """Let a table narrow without breaking numbers or words of headers; return its least width in characters."""
    widths: dict[int, int] = {}
    for row in table.find_all("tr"):
        for column, cell in enumerate(row.find_all(["th", "td"])):
            words = re.split(r"(?<=_)|\s+", cell.get_text())
            if cell.name == "th" and isinstance(cell.string, NavigableString):
                cell.string.replace_with(*_with_breaks(soup, cell.string))
            elif len(cell.get_text()) > LONG_CHARACTERS:
                cell["class"] = f"{cell.get('class', '')} long"
                words = [word[:LONG_CHARACTERS] for word in words]
            widths[column] = max(widths.get(column, 0), *map(len, words))
    return sum(widths.values()) + 2 * len(widths)  # including the gaps between columns


def _with_breaks(soup: BeautifulSoup, name: str) -> list[Tag | NavigableString]:
    """Return the name of a column with a possible line break after each underscore."""
    first, *more = re.split(r"(?<=_)", name)
    return [NavigableString(first), *(each for part in more for each in (soup.new_tag("wbr"), NavigableString(part)))]


def is_no_data(parent: Tag) -> bool:
    """Return whether a table in this element is part of another, or one of our summaries, which needs no CSV."""
    return parent.name == "table" or _is_of_the_kit(parent)


def _is_of_the_kit(parent: Tag) -> bool:
    return any(str(name).startswith("wslab-") for name in parent.get_attribute_list("class"))


def _settle_images(soup: BeautifulSoup, no_words: str) -> None:
    """Give every image a text alternative; an image at another host becomes a link."""
    for image in soup.find_all("img"):
        if not image.get("alt"):
            image["alt"] = no_words
        source = str(image.get("src", ""))
        if source.startswith(PNG):
            image["src"] = PNG + _lighter(source.removeprefix(PNG))
        if source.startswith(("http:", "https:", "//")):
            link = soup.new_tag("a", href=source)
            link.string = f"{image['alt'] or 'image'} (an image at another host)"
            image.replace_with(link)


def _lighter(encoded: str) -> str:
    try:
        return base64.b64encode(lighter(base64.b64decode(encoded))).decode()
    except (ValueError, OSError, Image.DecompressionBombError):  # not an image that Pillow reads
        return encoded


def lighter(picture: bytes) -> bytes:
    """Return a PNG reduced to 256 colours, which is enough for a drawing and halves a page's size."""
    drawn = Image.open(io.BytesIO(picture))
    if drawn.mode not in ("RGB", "RGBA"):
        return picture
    file = io.BytesIO()
    white = Image.new("RGBA", drawn.size, "white")
    white.alpha_composite(drawn.convert("RGBA"))
    white.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, "PNG")
    return min(picture, file.getvalue(), key=len)


def rows(table: Tag) -> list[list[str]]:
    """Return a table's cells as text, repeating a cell in each row and column that it spans.

    >>> soup = BeautifulSoup("<table><tr><th rowspan=2>a</th><td>1</td></tr><tr><td>2</td></tr></table>", "html.parser")
    >>> rows(soup.table)
    [['a', '1'], ['a', '2']]
    """
    pending: dict[int, tuple[int, str]] = {}  # by column: the number of further rows, and the text
    found = []
    for row in table.find_all("tr"):
        cells = iter(row.find_all(["th", "td"]))
        line: list[str] = []
        while True:
            column = len(line)
            if column in pending:
                left, text = pending.pop(column)
                line.append(text)
                if left > 1:
                    pending[column] = (left - 1, text)
                continue
            cell = next(cells, None)
            if cell is None:
                break
            text = " ".join(cell.get_text().split())
            for extra in range(_span(cell, "colspan")):
                line.append(text)
                if _span(cell, "rowspan") > 1:
                    pending[column + extra] = (_span(cell, "rowspan") - 1, text)
        found.append(line)
    return found


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1"))
    return max(1, int(value)) if value.isdecimal() else 1


def to_csv(cells: list[list[str]]) -> str:
    """Return rows as CSV (RFC 4180), in which no cell is a formula for a spreadsheet."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([as_cell(cell) for cell in row] for row in cells)
    return file.getvalue()


def data_uri(content: bytes, media_type: str) -> str:
    """Return the content as a data URI (RFC 2397)."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def figures(fragment: str) -> Iterator[tuple[bytes, str]]:
    """Yield the PNG images that a fragment contains, each with its text alternative."""
    for image in BeautifulSoup(fragment, features="html.parser").find_all("img"):
        kind, _, encoded = str(image.get("src", "")).partition(",")
        if kind == "data:image/png;base64":
            yield base64.b64decode(encoded), html.unescape(str(image.get("alt") or NO_WORDS))
