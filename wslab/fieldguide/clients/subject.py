"""What a client under observation has to be able to do. Anything with these three members is one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from wslab.fieldguide.clients.orders import ClientReport, Order

Ask = Callable[[Order, float], Awaitable[ClientReport]]
"""Carry out an order within so many seconds; where that is not enough, or the subject breaks, the answer says so."""


class Subject(Protocol):
    """A client under observation."""

    @property
    def name(self) -> str:
        """What tables and figures call it."""

    def missing(self) -> str | None:
        """Say what is not installed here; None: it can be measured."""

    def asking(self) -> AbstractAsyncContextManager[Ask]:
        """Return a context in which it carries out orders, one after the other."""
