"""How much audio was written to a connection, and how much of it has arrived.

Pure. It is a sum of bytes, since it is added to with every frame.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from .chunks import length_of, seconds_of

__all__ = ["Meter", "Written"]


Written: TypeAlias = tuple[float, int, int]
"""How far writing audio to a connection has come: it differs whenever more was written.

The seconds that were written, whatever was covered since; the number of the newest message of what
is kept, or was, and its place among all that the caller sent; 0 for none.
"""


class Meter:
    """Counts the seconds of audio, and those that the server has.

    A handle that says not what it covers is taken to cover what had been acknowledged before.

    Whoever writes audio of the `kind` that there is adds its bytes to `bytes` in place: a call for
    each frame costs too much. All other audio is given to `count`.
    """

    def __init__(self) -> None:
        # The type of PCM that is counted by its bytes: a string of the caller's, or this object.
        self.kind: object = self
        self.bytes = 0
        self._seconds_a_byte = 0.0
        self._before = 0.0
        # Seconds that were written before the acknowledgement that is awaited, that were
        # acknowledged, and that a handle covers.
        self._asked = 0.0
        self._acknowledged = 0.0
        self.covered = 0.0

    @property
    def seconds(self) -> float:
        """How much was counted."""
        return self._before + self.bytes * self._seconds_a_byte

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self._before, self.bytes = seconds, 0

    def count(self, blob: Any) -> bytes | None:
        """Count a blob of audio, or a dict of its fields, and return its data.

        What is neither is for the SDK to refuse.
        """
        self.seconds += seconds_of(blob) or 0.0
        kind = getattr(blob, "mime_type", None)
        data: bytes | None = getattr(blob, "data", None)
        a_byte, _ = length_of(kind)
        if a_byte:
            self.kind, self._seconds_a_byte = kind, a_byte
        return data

    def discount(self, blob: Any) -> None:
        """Take back that audio was written."""
        self.take_back(seconds_of(blob) or 0.0)

    def take_back(self, seconds: float) -> None:
        """Take back that so much was written, but for what has arrived."""
        self.seconds = max(self.seconds - seconds, self._acknowledged)

    @property
    def unacknowledged(self) -> bool:
        """Whether audio was written that the server has not acknowledged."""
        return self.seconds > self._acknowledged

    @property
    def uncovered(self) -> float:
        """How much was written that no handle covers."""
        return self.seconds - self.covered

    def asking(self) -> None:
        """Note that the server is asked to acknowledge what was written so far."""
        self._asked = self.seconds

    def acknowledged(self) -> None:
        """Note that the server has acknowledged what was written when it was asked."""
        self._acknowledged = self._asked

    def cover(self) -> None:
        """Note a handle that says not what it covers."""
        self.covered = self._acknowledged

    def lost(self) -> None:
        """Begin anew: the connection is lost."""
        self.seconds = self._asked = self._acknowledged = self.covered = 0.0
