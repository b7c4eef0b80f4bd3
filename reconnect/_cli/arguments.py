"""What the commands share in how they take their arguments."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

__all__ = ["UsageError", "check_file", "described"]

_WIDTH: Final = 78
"""Columns, of the 80 that a terminal has at least."""


class UsageError(Exception):
    """A command cannot be run as given; it says why, and what to do."""


def check_file(option: str, file: Path, endings: Sequence[str]) -> None:
    """Check that a file can be written at the end, before all the work is done.

    Args:
        option: What names it on the command line.
        file: The file.
        endings: How its name may end.

    Raises:
        UsageError: If it cannot.
    """
    if file.suffix not in endings:
        raise UsageError(f"{option} must be a {' or '.join(endings)} file, got {file}")
    if not file.parent.is_dir():
        raise UsageError(f"{option} must be in a folder that there is, got {file}")


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
