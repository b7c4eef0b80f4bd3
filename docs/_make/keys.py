"""The keys of what a command writes with ``--json``."""

from collections.abc import Mapping
from typing import Final

from markdown import code, table

from reconnect._cli.explain import report
from reconnect._cli.simulate import herd

__all__ = ["COMMANDS", "keys"]

COMMANDS: Final[Mapping[str, Mapping[str, str]]] = {"explain": report.KEYS, "simulate": herd.KEYS}
"""What the keys of each command are, by its name."""


def keys(command: str) -> str:
    """Return the keys of a command, and what each is.

    Args:
        command: Its name.
    """
    return table(["Key", "What"], [[code(key), what] for key, what in COMMANDS[command].items()])
