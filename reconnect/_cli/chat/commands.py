"""What a line that was typed means: words for the model, or a command for the line. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["BREAKS", "Break", "Help", "Line", "Quit", "Say", "Wrong", "read_line", "usage"]

Fault: TypeAlias = Literal["drop", "outage", "goaway", "reject", "cut"]


@dataclass(frozen=True, slots=True)
class Say:
    """Words for the model.

    Args:
        text: The words.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """Break the line.

    Args:
        fault: How.
        seconds: For how long, or in how long; 0 where it takes no time.
    """

    fault: Fault
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Help:
    """Say what can be typed."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the conversation."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A command that there is none of, or with something wrong in it.

    Args:
        complaint: What is wrong, in a sentence.
    """

    complaint: str


Line: TypeAlias = Say | Break | Help | Quit | Wrong


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is known of a fault.

    Args:
        help: What it does.
        seconds: The seconds where none are given; None where it takes none.
    """

    help: str
    seconds: float | None = None


BREAKS: Final[dict[Fault, _Kind]] = {
    "drop": _Kind("resets the connection"),
    "outage": _Kind("takes the server down for this many seconds", 5.0),
    "goaway": _Kind("makes the server announce that it will hang up in this many seconds", 10.0),
    "reject": _Kind("makes the server forget all handles: a new session is needed"),
    "cut": _Kind("resets the connection in the middle of this reply or the next one"),
}

_LEAST, _MOST = 0.1, 3600.0
"""Seconds that a command takes."""


def usage(*, breaks: bool) -> Iterable[str]:
    """Yield what can be typed, one command a line.

    Args:
        breaks: Whether the line can be broken.
    """
    known = {f"/{name}": kind.help for name, kind in BREAKS.items() if kind.seconds is None}
    known |= {
        f"/{name} {kind.seconds:g}": kind.help
        for name, kind in BREAKS.items()
        if kind.seconds is not None
    }
    shown = {} if not breaks else known
    shown |= {"/help": "shows this list", "/quit": "quits, as Ctrl-D and Ctrl-C do"}
    for command, words in shown.items():
        yield f"{command:<11} {words}"


def read_line(text: str) -> Line | None:
    """Tell what a line means; None for one that is empty.

    Args:
        text: What was typed.
    """
    text = text.strip()
    if not text.startswith("/"):
        return Say(text) if text else None
    name, *rest = text.removeprefix("/").split() or [""]
    for fault, kind in BREAKS.items():
        if fault == name:
            return _break(fault, kind.seconds, rest)
    if rest or name not in {"help", "quit"}:
        return Wrong(f"There is no command {text}: /help lists the commands.")
    return Help() if name == "help" else Quit()


def _break(fault: Fault, usual: float | None, rest: list[str]) -> Break | Wrong:
    if len(rest) > (usual is not None):
        takes = "nothing" if usual is None else "one number of seconds"
        return Wrong(f"/{fault} takes {takes} after it, not {' '.join(rest)!r}.")
    if usual is None:
        return Break(fault)
    try:
        seconds = float(rest[0]) if rest else usual
    except ValueError:
        seconds = 0.0
    if not _LEAST <= seconds <= _MOST:
        return Wrong(
            f"/{fault} takes a number of seconds from {_LEAST:g} to {_MOST:g}, not {rest[0]!r}."
        )
    return Break(fault, seconds)
