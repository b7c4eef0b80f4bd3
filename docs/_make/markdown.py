"""Writes Markdown."""

from collections.abc import Iterable, Sequence

__all__ = ["code", "joined", "table"]


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Return a table.

    Args:
        head: The titles of its columns.
        body: Its rows.
    """
    rows = [list(head), ["---"] * len(head), *map(list, body)]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows
    )


def code(text: object) -> str:
    """Return a text as code.

    Args:
        text: It.
    """
    return f"`{text}`"


def joined(texts: Sequence[str], *, last: str = "or") -> str:
    """Return texts with commas between them, and a word before the last.

    Args:
        texts: They.
        last: The word.
    """
    *first, final = texts
    return f"{', '.join(first)} {last} {final}" if first else final
