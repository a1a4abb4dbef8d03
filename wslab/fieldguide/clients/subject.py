"""The protocol of a client under observation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from wslab.fieldguide.clients.orders import ClientReport, Order

Ask = Callable[[Order, float], Awaitable[ClientReport]]
"""Carries out an order within this many seconds; the report says if that was not enough, or if the subject broke."""


class Subject(Protocol):
    """A client under observation."""

    @property
    def name(self) -> str:
        """Its name in tables and figures."""

    def missing(self) -> str | None:
        """Return what is not installed, or None if it can be measured."""

    def asking(self) -> AbstractAsyncContextManager[Ask]:
        """Return a context in which it carries out orders one after another."""
