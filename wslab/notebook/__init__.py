"""What a kernel gets: `%wslab`, display hooks, the banner of a replay, and `asyncio.run()` in a cell."""

from wslab.net.runtime import allow_nested_run

__all__ = ["allow_nested_run"]
