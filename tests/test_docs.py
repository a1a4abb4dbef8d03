"""The documentation builds without a warning and without a network, and its commands are those that there are.

The examples on the pages are doctests, which pytest collects from `docs` by itself.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import psutil
import pytest
import typer

import wslab
from wslab.cli import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
HOW_TO = sorted(DOCS.glob("howto/*.md"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, built anew; a warning is an error."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(DOCS), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class Fetched(HTMLParser):
    """What a browser loads with a page, without being asked."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        address = named.get("href") if tag == "link" else named.get("src")
        if address and named.get("rel") not in ("search", "index", "next", "prev"):
            self.urls.append(address)


@pytest.mark.timeout(300)
def test_pages_ask_nothing_of_other_hosts(built: Path) -> None:
    pages = sorted(built.rglob("*.html"))
    fetched = {(page, url) for page in pages for url in Fetched(page.read_text(encoding="utf-8")).urls}
    assert len(pages) > len(HOW_TO)
    assert len(fetched) > len(pages)
    for page, url in fetched:
        assert not re.match(r"[a-z]+:(?!image)|//", url), f"{page.name} loads {url}"
        assert url.startswith("data:") or (page.parent / url.partition("?")[0]).exists(), f"{page.name} lacks {url}"
    styles = "\n".join(style.read_text(encoding="utf-8") for style in built.rglob("*.css"))
    assert not re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", styles)


@pytest.mark.timeout(300)
def test_reference_has_every_public_name(built: Path) -> None:
    reference = "\n".join(page.read_text(encoding="utf-8") for page in (built / "reference").glob("*.html"))
    homes = {name: f'id="wslab.{name}"' for name in wslab._HOMES}
    modules = {name: f'id="module-{home}"' for name, home in wslab._MODULES.items()}
    assert {name for name, anchor in (homes | modules).items() if anchor not in reference} == set()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_how_to_answers_with_a_command_a_figure_an_example_and_a_source(built: Path, page: Path) -> None:
    written = page.read_text(encoding="utf-8")
    assert re.match(r"# .*\?\n", written)
    assert "\n$ wslab " in written
    assert "\n>>> " in written
    assert "\n## Why\n" in written
    assert "](https://" in written
    html = (built / "howto" / f"{page.stem}.html").read_text(encoding="utf-8")
    pictures = re.findall(r"<img alt=\"([^\"]*)\"", html)
    assert pictures
    assert all(len(alternative) > 50 for alternative in pictures)


@pytest.mark.timeout(300)
def test_list_of_commands_cuts_no_summary(built: Path) -> None:
    page = (built / "reference" / "commands.html").read_text(encoding="utf-8")
    listed = re.findall(
        r"<li><p><code[^>]*><span class=\"pre\">([a-z]+)</span></code>: (.*?)</p></li>", page, re.DOTALL
    )
    group = typer.main.get_command(main)
    known = dict(group.commands)  # type: ignore[attr-defined]
    inner = {name for command in known.values() for name in getattr(command, "commands", {})}
    assert {name for name, _ in listed} == set(known) | inner
    assert not [name for name, told in listed if told.endswith("...")]


def commands() -> Iterator[str]:
    """Yield every `wslab` command of the pages and of the README."""
    for page in (*HOW_TO, ROOT / "README.md"):
        for line in page.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
            if found := re.match(r"(?:\$| {3}) (?:\.venv/bin/)?wslab (.*)", line):
                yield found.group(1).partition(" #")[0].rstrip("& ")


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_command_of_a_page_is_one_that_there_is(line: str) -> None:
    """It is parsed with its options, and not run."""
    group = typer.main.get_command(main)
    name, *rest = shlex.split(line)
    with group.make_context("wslab", [name]) as context:
        command = group.get_command(context, name)  # type: ignore[attr-defined]
        assert command is not None, f"there is no command {name}"
        with command.make_context(name, rest, parent=context):
            pass


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], ready: str) -> Iterator[psutil.Process]:
    """Run a program for the while, once it has said that it is ready."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert any(ready in line for line in process.stderr), f"{command} ended"
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def addresses(program: psutil.Process) -> set[str]:
    """Return the addresses on which a program and its processes listen."""
    everyone = [program, *program.children(recursive=True)]
    sockets = [each for process in everyone for each in process.net_connections("tcp")]
    return {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}


def test_cluster_of_the_docs_listens_only_on_the_addresses_that_it_names() -> None:
    page = (DOCS / "cluster.md").read_text(encoding="utf-8")
    for_here = re.sub(r"192\.0\.2\.\d", "127.0.0.1", page).replace("8786", str(free_port()))
    start = [sys.executable, "-m", "dask"]
    scheduler, worker = (shlex.split(line) for line in re.findall(r"^ {4}dask (.*)$", for_here, re.MULTILINE))
    with (
        running([*start, *scheduler], "Scheduler at:") as scheduling,
        running([*start, *worker], "Registered to:") as working,
    ):
        assert addresses(scheduling) == addresses(working) == {"127.0.0.1"}
