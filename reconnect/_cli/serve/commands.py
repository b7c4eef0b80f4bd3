"""What a line that is typed does to a server, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reconnect.testing import LiveServer

__all__ = ["HELP", "act"]

HELP: Final = """\
abort, close-1008, goaway-5s, stall   break the newest open connection: a fault by its short name,
                                      at once or by its trigger (abort-after_sent-3)
next refuse-503                       plan a fault for a later connection, after those already
                                      planned; silence+delay-2 for two faults
outage 5                              take the server down for this many seconds
reject                                forget every handle
rate 1000                             read this many bytes per second; rate alone for no limit
quit                                  stop the server, like Ctrl-C"""
"""What can be typed, but for this text itself."""

_LATER: Final = ("delay", "refuse", "reject-", "silence")
"""How the names begin of what goes wrong with a connection before it is open."""


def act(server: LiveServer, line: str) -> str:
    """Do what a line says, and return what there is to say about it.

    Args:
        server: The server.
        line: What was typed.
    """
    command, _, argument = line.strip().partition(" ")
    try:
        if command in _COMMANDS:
            return _COMMANDS[command](server, argument.strip())
        if command.startswith(_LATER):
            return _next(server, line.strip())
        server.inject(line.strip())
    except (RuntimeError, TypeError, ValueError) as error:
        return f"{line.strip()}: {error}; type help for a list of commands"
    return ""


def _help(_server: LiveServer, _argument: str) -> str:
    return HELP


def _next(server: LiveServer, fault: str) -> str:
    server.plan(fault)
    return f"planned: {fault}"


def _outage(server: LiveServer, seconds: str) -> str:
    server.outage(_number(seconds or "5"))
    return ""


def _rate(server: LiveServer, rate: str) -> str:
    server.receive_rate = _number(rate) if rate else None
    return f"reads {rate} bytes a second" if rate else "reads without a limit"


def _reject(server: LiveServer, _argument: str) -> str:
    server.reject_handles()
    return ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a number") from error


_COMMANDS: Final[dict[str, Callable[[LiveServer, str], str]]] = {
    "help": _help,
    "next": _next,
    "outage": _outage,
    "rate": _rate,
    "reject": _reject,
}
