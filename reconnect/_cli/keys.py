"""How a command's help says what the keys of its JSON are."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Final

__all__ = ["described"]

_WIDTH: Final = 78
"""Columns, of the 80 that a terminal has at least."""


def described(keys: Mapping[str, str]) -> str:
    """Return the lines of a help text that say what the keys of a JSON object are.

    Args:
        keys: What each is, by the key.
    """
    width = max(map(len, keys)) + 4
    lines = (
        textwrap.fill(
            what, _WIDTH, initial_indent=f"  {key:<{width - 2}}", subsequent_indent=" " * width
        )
        for key, what in keys.items()
    )
    # argparse reads a % twice.
    return "\n".join(["the keys of --json:", *lines]).replace("%", "%%")
