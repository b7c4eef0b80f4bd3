"""Draws what a run has shown: an SVG picture, of as much as a page has room for."""

from __future__ import annotations

import io
import re
from typing import Final

from rich.console import Console
from rich.text import Text

__all__ = ["WIDTH", "drawn"]

WIDTH: Final = 100
"""Columns of the picture."""

_FIRST: Final = 45
"""Lines that are shown from the beginning."""

_LAST: Final = 1
"""Lines that are shown of the end: the verdict."""

_FONT: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Where rich has a font loaded from the network; without it the reader's own is taken."""


def drawn(console: Console, *, title: str) -> str:
    """Return an SVG picture of what a console has shown.

    Args:
        console: A console that records.
        title: What stands above it.
    """
    lines = console.export_text(styles=True).splitlines()
    if len(lines) > _FIRST + _LAST:
        lines = [*lines[:_FIRST], "⋮", *lines[-_LAST:]]
    shown = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="truecolor")
    for line in lines:
        shown.print(Text.from_ansi(line), soft_wrap=True)
    svg = shown.export_svg(title=title, unique_id="reconnect")
    return _FONT.sub("", svg)
