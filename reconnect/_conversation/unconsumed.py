"""What was written in transparent resumption, and is kept until a handle covers it.

Pure. Of a frame of audio no more is kept than what it is made of again: a `Chunk` for each costs
more than all else that is done for one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from .chunks import Chunk, length_of

__all__ = ["Unconsumed"]


class Unconsumed:
    """What was written to a connection, oldest first, each with the number of its message."""

    def __init__(self) -> None:
        # Number and place of each; of a frame its type and its data, of all else None and itself.
        self.sent: deque[tuple[int, int, str | None, Any]] = deque()
        # The number and the place of the newest that was forgotten; 0 for none.
        self.forgotten = (0, 0)
        # The bytes that are kept. Seconds of audio: how much was ever added, how much of that a
        # handle covers, and how much is not kept for want of room, though no handle covers it.
        self.bytes = 0
        self.seconds = self.covered = self.evicted = 0.0
        # The type of the newest frame, and how long a byte of it and a whole one are.
        self._kind: str | None = None
        self._a_byte = self._a_frame = 0.0

    def __iter__(self) -> Iterator[Chunk]:
        return (_chunk(place, kind, sent) for _, place, kind, sent in self.sent)

    @property
    def newest(self) -> tuple[int, int]:
        """The number and the place of the newest, or of the newest that was forgotten."""
        return self.sent[-1][:2] if self.sent else self.forgotten

    def add(self, chunk: Chunk, number: int) -> None:
        """Add what was written."""
        self.sent.append((number, chunk.place, None, chunk))
        self.bytes += chunk.size
        self.seconds += chunk.seconds

    def add_frame(self, data: Any, kind: Any, number: int, place: int) -> bool:
        """Add a frame of audio; return False for what is none, or may be changed by the caller."""
        if kind is not self._kind:
            self._kind = kind
            self._a_byte, self._a_frame = length_of(kind)
        if data.__class__ is not bytes or not (self._a_byte or self._a_frame):
            return False
        self.sent.append((number, place, kind, data))
        size = len(data)
        self.bytes += size
        self.seconds += size * self._a_byte + self._a_frame
        return True

    def cover(self, until: int) -> list[Chunk]:
        """Take out what a handle covers, and return it."""
        covered = self._forget(until)
        self.covered += sum([chunk.seconds for chunk in covered])
        if self.forgotten[0] <= until:
            # It has all that is not kept.
            self.covered, self.evicted = self.covered + self.evicted, 0.0
        return covered

    def evict(self) -> None:
        """Take out the oldest for want of room; it is lost only if the connection is."""
        self.evicted += sum([chunk.seconds for chunk in self._forget(self.sent[0][0])])

    def _forget(self, until: int) -> list[Chunk]:
        forgotten = []
        while self.sent and self.sent[0][0] <= until:
            number, place, kind, sent = self.sent.popleft()
            chunk = _chunk(place, kind, sent)
            forgotten.append(chunk)
            self.bytes -= chunk.size
            self.forgotten = number, place
        return forgotten

    def take_back(self, number: int) -> None:
        """Take out the newest, if it has this number."""
        if self.sent and self.sent[-1][0] == number:
            _, place, kind, sent = self.sent.pop()
            chunk = _chunk(place, kind, sent)
            self.bytes -= chunk.size
            self.seconds -= chunk.seconds


def _chunk(place: int, kind: str | None, sent: Any) -> Chunk:
    """Return what was written, as it is to be written again."""
    if kind is None:
        chunk: Chunk = sent
        return chunk
    byte, frame = length_of(kind)
    arguments = {"audio": {"data": sent, "mime_type": kind}}
    return Chunk(arguments, place, len(sent) * byte + frame, len(sent))
