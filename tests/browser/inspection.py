"""Owns what is demanded of every panel: usable by all, whole on a small screen, deaf to JupyterLab's own shortcuts.

Each function returns the faults, one line each, for `assert not …`; the list is then the message.
"""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Locator

from .notebook import Notebook

GRAVE = {"serious", "critical"}

MISFITS = """element => {
    const view = element.closest(".jp-WindowedPanel-outer");
    const box = element.getBoundingClientRect();
    const found = [];
    if (box.width > view.clientWidth) found.push(`${box.width} px wide, where ${view.clientWidth} are visible`);
    if (box.height > view.clientHeight) found.push(`${box.height} px tall, where ${view.clientHeight} are visible`);
    const around = [];
    for (let it = element.parentElement; it && !it.matches(".jp-Cell"); it = it.parentElement) around.push(it);
    for (const it of [...around, element, ...element.querySelectorAll("*")]) {
        if (!it.checkVisibility()) continue; // as what is folded away
        const style = getComputedStyle(it);
        const name = `<${it.localName} class="${it.getAttribute("class")}"> ${it.textContent.trim().slice(0, 40)}`;
        const scrolls = overflow => ["auto", "scroll"].includes(overflow);
        const wide = it.scrollWidth - it.clientWidth, tall = it.scrollHeight - it.clientHeight;
        if (wide > 1 && scrolls(style.overflowX)) found.push(`scrolls sideways by ${wide} px: ${name}`);
        if (tall > 1 && scrolls(style.overflowY)) found.push(`scrolls by ${tall} px: ${name}`);
        if (wide > 1 && style.textOverflow === "ellipsis") found.push(`its text is cut off: ${name}`);
    }
    return found;
}"""


def accessibility_violations(locator: Locator) -> list[str]:
    """Return what axe-core finds serious or critical inside an element."""
    locator.page.evaluate(AXE_SCRIPT)
    found = locator.evaluate("element => axe.run(element, {resultTypes: ['violations']})")
    return [
        f"{violation['impact']}: {violation['help']}: {node['html']}"
        for violation in found["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


def misfits(locator: Locator) -> list[str]:
    """Return what keeps an element from being seen whole in the window: its size, inner scrolling, text cut off."""
    faults: list[str] = locator.evaluate(MISFITS)
    return faults


def lost_to_shortcuts(notebook: Notebook, focused: Locator, *keys: str) -> list[str]:
    """Focus an element, press keys one by one, and return those by which a cell came, went or changed."""
    focused.focus()
    faults = []
    for key in keys:
        before = _cells(notebook)
        notebook.page.keyboard.press(key)
        if _cells(notebook) != before:
            faults.append(f"{key} changed the notebook")
    return faults


def _cells(notebook: Notebook) -> list[tuple[str, str]]:
    return [(cell["id"], cell["cell_type"]) for cell in notebook.content]
