"""A page of another site, and one whose name was rebound to this machine, can use nothing that listens here."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page

from wslab.core.target import Target
from wslab.net.relay.relay import Relay
from wslab.net.server.lab_server import LabServer

from .foreign import foreign_site, go_to, opens, reads
from .lab import TOKEN, Lab

FOREIGN = "foreign.test"


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    with context.new_page() as page:
        yield page


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    with foreign_site() as port:
        yield port


@pytest.fixture(scope="module")
def server() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


@pytest.fixture(scope="module")
def relay(server: LabServer) -> Iterator[Relay]:
    """A relay whose target lets everybody in who comes through it, since it brings an Origin of its own."""
    with Relay(Target(server.url, origin="http://localhost")) as relay:
        yield relay


def test_page_of_another_site_opens_nothing(page: Page, site: int, server: LabServer, relay: Relay) -> None:
    go_to(page, "127.0.0.1:1", site)  # the control: any port of this machine
    assert [opens(page, each.url) for each in (server, relay)] == [True, True]
    go_to(page, FOREIGN, site)
    assert [opens(page, each.url) for each in (server, relay)] == [False, False]


def test_page_whose_name_was_rebound_gets_nothing(page: Page, site: int, server: LabServer, relay: Relay) -> None:
    for listener, status in ((server, 426), (relay, 403)):
        host = f"rebound.test:{listener.port}"
        go_to(page, host, site)
        assert not opens(page, f"ws://{host}/"), listener
        assert reads(page, f"http://{host}/") == status, listener


def test_page_of_a_named_origin_may_use_a_relay(page: Page, site: int, server: LabServer) -> None:
    go_to(page, FOREIGN, site)
    with Relay(Target(server.url, origin="http://localhost"), origins=[f"http://{FOREIGN}"]) as relay:
        assert opens(page, relay.url)


def test_foreign_pages_get_nothing_through_jupyter(page: Page, site: int, lab: Lab, server: LabServer) -> None:
    """Although the browser has Jupyter's cookie."""
    jupyter = urlsplit(lab.url)
    through = f"ws://{jupyter.netloc}/wslab/{server.port}/"
    page.goto(f"{lab.url}api?token={TOKEN}")
    go_to(page, jupyter.netloc, site)  # the control: a page of Jupyter's own
    assert opens(page, through)
    go_to(page, FOREIGN, site)
    assert not opens(page, through)
    assert reads(page, f"http://{jupyter.netloc}/api/kernels") is None
    host = f"rebound.test:{jupyter.port}"
    go_to(page, host, site)
    assert not opens(page, f"ws://{host}/wslab/{server.port}/")
    assert reads(page, f"http://{host}/api/kernels") in (None, 403)
