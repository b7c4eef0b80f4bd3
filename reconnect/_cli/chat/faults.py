"""Breaks the line of the emulator as it was asked to."""

from __future__ import annotations

from typing import Final

from reconnect._cli.demo.timeline import Timeline
from reconnect.testing import Abort, Close, GoAway, LiveServer

from .commands import Break

__all__ = ["Breaker"]

_INSIDE: Final = 2
"""How many pieces of a reply are shown before it is cut."""


class Breaker:
    """What can be done to the line.

    Args:
        server: The emulator.
        timeline: Where it is shown.
    """

    def __init__(self, server: LiveServer, timeline: Timeline) -> None:
        self._server = server
        self._timeline = timeline
        self._cuts = False

    def do(self, command: Break, *, pieces: int) -> None:
        """Break the line.

        Args:
            command: How.
            pieces: How many pieces of a reply have been shown.
        """
        seconds = f"{command.seconds:g} s"
        try:
            match command.fault:
                case "drop":
                    self._server.inject(Abort())
                    self._timeline.fault("Resets the connection.")
                case "outage":
                    self._server.outage(command.seconds)
                    self._timeline.fault(f"Goes down for {seconds}: every attempt is refused.")
                case "goaway":
                    self._server.inject(GoAway(time_left=f"{command.seconds:f}s"))
                    self._timeline.fault(f"Sends go_away: it will hang up in {seconds}.")
                case "reject":
                    self._server.inject(Close())
                    self._server.reject_handles()
                    self._timeline.fault("Forgets every handle it issued, and closes with 1011.")
                case "cut":
                    self._cuts = True
                    self.replied(pieces)
        except RuntimeError:
            self._timeline.note("There is no open connection to break.")

    def replied(self, pieces: int) -> None:
        """Cut the reply, if it is to be cut.

        Args:
            pieces: How many pieces of it have been shown.
        """
        if self._cuts and pieces >= _INSIDE:
            self._cuts = False
            self._server.inject(Abort())
            self._timeline.fault("Resets the connection in the middle of its reply.")
