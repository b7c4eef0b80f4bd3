"""The layout of the package as import-linter holds it: a drawing of the floors, and a table.

Both come from the contracts in pyproject.toml and from the docstrings: a layer that is not there,
or that has no docstring, is an error.
"""

import ast
import tomllib
from html import escape
from pathlib import Path
from typing import Any, Final

from markdown import code, table as as_table

__all__ = ["drawing", "table"]

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "reconnect"

# Pixels
WIDTH, HEIGHT = 132, 34
GAP, FLOOR = 12, 46
MARGIN: Final = 14
LEGEND: Final = 60

STYLE: Final = """\
svg { --paper: #ffffff; --ink: #1f2328; --line: #8c959f; --pure: #dbeafe; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #16181b; --ink: #e6e8eb; --line: #7d8590; --pure: #1f3a5f; }
}
.paper { fill: var(--paper); }
.box { fill: var(--paper); stroke: var(--line); }
.pure { fill: var(--pure); stroke: var(--line); }
text { fill: var(--ink); font: 13px ui-monospace, Menlo, Consolas, monospace; }
.legend { font-family: system-ui, sans-serif; }
"""


def floors() -> tuple[list[list[str]], set[str]]:
    """Return the packages and modules, floor by floor from the top, and those that are pure.

    Raises:
        LookupError: If there is no contract of the kind.
    """
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = configuration["tool"]["importlinter"]["contracts"]
    found = [contract for contract in contracts if contract["type"] == "layers"]
    pure = {
        module.removeprefix(f"{PACKAGE}.")
        for contract in contracts
        if "asyncio" in contract.get("forbidden_modules", ())
        for module in contract["source_modules"]
    }
    if len(found) != 1 or not pure:
        raise LookupError("one contract about layers is needed, and one that forbids asyncio")
    rooms = [layer.replace(":", " ").replace("|", " ").split() for layer in found[0]["layers"]]
    return rooms, pure


def says(room: str) -> str:
    """Return what a package or module says of itself first.

    Args:
        room: Its name.

    Raises:
        LookupError: If it has no docstring.
    """
    module = ROOT / PACKAGE / f"{room}.py"
    source = module if module.exists() else ROOT / PACKAGE / room / "__init__.py"
    docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
    if not docstring:
        raise LookupError(f"{source} has no docstring")
    sentence = " ".join(docstring.split("\n\n")[0].split())
    return sentence.removesuffix(" Pure.").replace("``", "`")


def drawing(_now: str | None) -> str:
    """Return the drawing."""
    rooms, pure = floors()
    width = max(len(floor) for floor in rooms) * (WIDTH + GAP) - GAP + 2 * MARGIN
    height = len(rooms) * FLOOR + 2 * MARGIN + LEGEND
    drawn = []
    for number, floor in enumerate(rooms):
        left = (width - len(floor) * (WIDTH + GAP) + GAP) / 2
        for place, room in enumerate(floor):
            kind = "pure" if room in pure else "box"
            drawn.append(_box(left + place * (WIDTH + GAP), MARGIN + number * FLOOR, room, kind))
    top = height - LEGEND
    for place, (kind, text) in enumerate((("pure", "pure: no clock, no I/O"), ("box", "the rest"))):
        y = top + place * 24
        drawn.append(f'<rect class="{kind}" x="{MARGIN}" y="{y}" width="22" height="16" rx="3"/>')
        drawn.append(f'<text class="legend" x="{MARGIN + 30}" y="{y + 13}">{escape(text)}</text>')
    title = "The layers of the package: each imports from the layers below it only"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}"'
        f' width="{width:g}" height="{height}" role="img" aria-label="{title}">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n"
        f'<rect class="paper" width="{width:g}" height="{height}" rx="8"/>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _box(x: float, y: float, name: str, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{x + WIDTH / 2:g}" y="{y + HEIGHT / 2:g}" dy="0.35em" text-anchor="middle">'
        f"{escape(name)}</text>"
    )


def table() -> str:
    """Return the packages and modules as a table, with what is in each."""
    rooms, pure = floors()
    return as_table(
        ["Package or module", "What is in it", ""],
        [
            [code(f"{PACKAGE}.{room}"), says(room), "pure" if room in pure else ""]
            for floor in rooms
            for room in floor
        ],
    )
