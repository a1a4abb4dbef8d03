"""The lines that do the same without a panel, as Python writes them."""

from __future__ import annotations

import json
from typing import Any


def call(name: str, *arguments: str, **keywords: Any) -> str:
    """Return the source of a call, its keyword arguments as Python writes them.

    >>> call("wslab.payload_sweep", "server", payload="json", cap_bytes=10000)
    'wslab.payload_sweep(server, payload="json", cap_bytes=10_000)'
    """
    written = [*arguments, *(f"{key}={_source(value)}" for key, value in keywords.items())]
    return f"{name}({', '.join(written)})"


def _source(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"{value:_}" if type(value) is int and value >= 10_000 else repr(value)  # a close code has no groups
