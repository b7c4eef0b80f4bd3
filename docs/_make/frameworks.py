"""The sums of the table of frameworks, from the page that a command measures and writes."""

import re
from pathlib import Path
from typing import Final

from markdown import table

__all__ = ["sums"]

PAGE: Final = Path(__file__).resolve().parents[1] / "frameworks.md"

SAMPLE: Final = "Google's sample"
"""The column of the bare SDK: a loop without a framework."""


def sums() -> str:
    """Return how many conversations hold, before and after, of how many.

    Raises:
        LookupError: If the page has no such table.
    """
    text = PAGE.read_text(encoding="utf-8")
    lines = re.findall(r"^\|.*$", text, re.MULTILINE)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    every = re.search(r"There are .*: (\d+) in all", text)
    [head] = [row for row in rows if row[0] == "scenario"]
    [found] = [row for row in rows if row[0] == "all"]
    if every is None:
        raise LookupError(f"{PAGE} does not say how many conversations there are")
    body = []
    for name, cell in zip(head[1:], found[1:], strict=True):
        before, after = re.findall(r"\d+", cell)
        who = "the bare SDK, in Google's sample loop" if name == SAMPLE else name
        body.append([who, before, after])
    return table(
        [f"Conversations that survive, of {every[1]}", "without", "with `reconnect`"], body
    )
