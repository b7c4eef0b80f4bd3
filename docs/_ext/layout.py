"""Shows the layout of the package as import-linter holds it: a drawing of the floors, and a table.

Both come from the contracts in pyproject.toml and from the docstrings, so they are never older than
the code: a layer that is not there, or that has no docstring, fails the build.
"""

import ast
import tomllib
from html import escape
from pathlib import Path
from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["setup"]

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = "reconnect"

# Pixels
WIDTH, HEIGHT = 132, 34
GAP, FLOOR = 12, 46
MIDDLE: Final = 2 * (WIDTH + GAP)
"""Half of the width of the drawing: there are four rooms on a floor at most."""


def floors() -> tuple[list[list[str]], set[str]]:
    """Return the rooms, floor by floor from the top, and those that are pure.

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


def says(room: str) -> list[nodes.Node]:
    """Return what a room's docstring says first.

    Args:
        room: The name of a module or package.

    Raises:
        LookupError: If it has none.
    """
    module = ROOT / PACKAGE / f"{room}.py"
    source = module if module.exists() else ROOT / PACKAGE / room / "__init__.py"
    docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
    if not docstring:
        raise LookupError(f"{source} has no docstring")
    sentence = " ".join(docstring.split("\n\n")[0].split())
    parts = sentence.removesuffix(" Pure.").split("``")
    return [
        nodes.literal(text=part) if number % 2 else nodes.Text(part)
        for number, part in enumerate(parts)
    ]


def drawing() -> str:
    """Return the drawing as HTML."""
    rooms, pure = floors()
    boxes = []
    for number, floor in enumerate(rooms):
        left = MIDDLE - len(floor) * (WIDTH + GAP) / 2 + GAP / 2
        for place, room in enumerate(floor):
            x, y = left + place * (WIDTH + GAP), number * FLOOR + GAP / 2
            kind = ' class="pure"' if room in pure else ""
            boxes.append(
                f'<rect{kind} x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
                f'<text x="{x + WIDTH / 2:g}" y="{y + HEIGHT / 2:g}" dy="0.35em"'
                f' text-anchor="middle">{escape(room)}</text>'
            )
    title = "Each floor imports from the floors below it only; the pure rooms are shaded"
    return (
        f'<figure class="layout-drawing"><figcaption>{title}</figcaption>\n'
        f'<svg viewBox="0 0 {2 * MIDDLE} {len(rooms) * FLOOR}" role="img" aria-label="{title}">\n'
        + "\n".join(boxes)
        + "\n</svg></figure>"
    )


def table() -> nodes.table:
    """Return the rooms as a table, with what is in each."""
    rooms, pure = floors()
    group = nodes.tgroup(cols=3)
    group += [nodes.colspec(colwidth=1) for _ in range(3)]
    group += nodes.thead("", _row(*([nodes.Text(text)] for text in ("Room", "What is in it", ""))))
    group += nodes.tbody(
        "",
        *(
            _row(
                [nodes.literal(text=f"{PACKAGE}.{room}")],
                says(room),
                [nodes.Text("pure" if room in pure else "")],
            )
            for floor in rooms
            for room in floor
        ),
    )
    return nodes.table("", group, classes=["layout"])


def _row(*cells: list[nodes.Node]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells))


class Layout(SphinxDirective):
    """The drawing and the table."""

    def run(self) -> list[nodes.Node]:
        """Make them."""
        self.env.note_dependency(str(ROOT / "pyproject.toml"))
        return [nodes.raw("", drawing(), format="html"), table()]


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("layout", Layout)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
