"""The scripts by which a page shows widgets without kernel and network.

They are those that ipywidgets, anywidget and others install for the classic notebook. So none is fetched or stored
here: a page has the versions of the environment that made it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path

from jupyter_core.paths import jupyter_path
from nbformat import NotebookNode

from wslab.core.errors import MissingPackageError
from wslab.reports.sanitizing import clean_prose

STATE = "application/vnd.jupyter.widget-state+json"

CONTROLS = ("jupyter-js-widgets", "extension.js")
"""Where ipywidgets installs its scripts."""

OWN = ("@jupyter-widgets/base", "@jupyter-widgets/controls", "@jupyter-widgets/output")

STAGE = Path(__file__).parent / "templates" / "page" / "widgets.js"


def scripts(notebook: NotebookNode) -> list[str]:
    """Return the scripts that show the notebook's widgets, in order; none if it has no widgets.

    Raises:
        OSError: ipywidgets did not install its scripts here.
    """
    state = notebook.metadata.get("widgets", {}).get(STATE)
    if not state:
        return []
    used = sorted({model["model_module"] for model in state["state"].values()} - set(OWN))
    bodies = [STAGE.read_text(encoding="utf-8"), *_modules(used), f"showWidgets({_data(state)});"]
    return [f"\n{_inside_html(body)}\n" for body in bodies]


def _modules(used: list[str]) -> Iterator[str]:
    controls = _installed(*CONTROLS)
    if controls is None:
        raise MissingPackageError(
            "the scripts of ipywidgets are not installed here; they are in the package widgetsnbextension"
        )
    yield _named("nbextensions/jupyter-js-widgets/extension", controls)
    for module in used:
        if (script := _installed(module, "index.js")) is not None:
            yield _named(module, script)


def _installed(module: str, file: str) -> str | None:
    """Return a script that a package installed for the classic notebook, or None."""
    candidates = (Path(folder) / module / file for folder in jupyter_path("nbextensions"))
    found = next((path for path in candidates if path.is_file()), None)
    return found.read_text(encoding="utf-8") if found else None


def _named(module: str, script: str) -> str:
    return f"widgetModule({json.dumps(module)}, (define) => {{\n{script}\n}});"


def _data(state: NotebookNode) -> str:
    """Return the widgets' state as JSON, with its HTML cleaned, because widgets show it unchanged."""
    state = copy.deepcopy(state)
    for model in state["state"].values():
        own = model["state"]
        shown = [
            *["value"] * ("HTML" in model["model_name"]),
            *["description"] * bool(own.get("description_allow_html")),
        ]
        own |= {name: clean_prose(own[name]) for name in shown if isinstance(own.get(name), str)}
        for output in own.get("outputs", ()):
            if "text/html" in output.get("data", {}):
                output["data"]["text/html"] = clean_prose("".join(output["data"]["text/html"]))
    return json.dumps(state).replace("<", "\\u003c")


def _inside_html(script: str) -> str:
    """Return a script in which an HTML parser finds neither its end nor a comment."""
    script = script.replace("\r\n", "\n")  # as the parser does; otherwise the hash differs
    return re.sub(r"</(script)", r"<\\/\1", script, flags=re.IGNORECASE).replace("<!--", "<\\!--")
