"""What a kernel gets: `%wslab`, how runs and cards look, the banner of a replay, and `asyncio.run()` in a cell.

All but the last comes by one hook, `load`, which IPython calls at `%load_ext wslab`, and `import wslab` where it is
imported into a notebook. It is cheap: nothing that it tells the shell of is loaded until it is used.
"""

from __future__ import annotations

from typing import Any

from wslab.net.runtime import allow_nested_run
from wslab.notebook import display, replay

__all__ = ["allow_nested_run", "load"]


def load(shell: Any) -> None:
    """Give a shell, as `get_ipython()` returns it, what a notebook has of the kit. A second time changes nothing."""
    if "wslab" in shell.magics_manager.magics["line"]:
        return
    shell.magics_manager.register_function(_run_command, magic_name="wslab")
    display.register(shell)
    replay.begin(shell)


def _run_command(line: str) -> Any:
    """Run a command of wslab: %wslab codes 1009 1012; %wslab alone lists them."""
    from wslab.notebook.magic import run_command

    return run_command(line)
