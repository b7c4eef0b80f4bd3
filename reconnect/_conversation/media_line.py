"""What of realtime input was written to one connection: how much of it is audio, and what is kept.

Pure. With every frame no more is done than to add to a sum of bytes, and of a frame that is kept no
more is than what it is made of again: a `Chunk` for each costs more than all else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

from .chunks import START, Chunk, chunk_of, length_of
from .limits import Limit

__all__ = ["MediaLine", "Written"]

Written: TypeAlias = tuple[float, int, int]
"""How far writing audio to a connection has come: it differs whenever more was written.

The seconds that were written, whatever was covered since; the number of the newest message of what
is kept, or was, and its place among all that the caller sent; 0 for none.
"""

_Kept: TypeAlias = tuple[int, int, float, int, object, Any]
"""One message: its number and place; the seconds and bytes that were written with it and before;
of a frame its type and its data, of all else None and the `Chunk`."""


class MediaLine:
    """What was written to one connection.

    In transparent resumption, and there alone, messages have numbers. What has one is kept until a
    handle covers it. Of the rest it is only known how much audio it was: whoever writes audio of
    the `kind` that there is adds its bytes to `bytes` in place, since a call for each frame costs
    too much. A handle without a number is taken to cover what had been acknowledged before.

    Args:
        limit: How much is kept: beyond that the oldest is let go of.
        opened: Whether the handle of the connection stands for an activity that is open.
    """

    def __init__(self, limit: Limit, *, opened: bool = False) -> None:
        self._limit = limit
        self.opened = opened
        # The type of PCM that may be counted in place, a string of the caller's, or this object
        # where there is none; and the one that is counted by its bytes.
        self.kind: object = self
        self._counted: object = self
        self._seconds_a_byte = 0.0
        # The bytes of that, and all seconds and bytes before.
        self.bytes = 0
        self._seconds = 0.0
        self._size = 0
        # Seconds that the server has acknowledged, and that a handle covers.
        self._acknowledged = 0.0
        self.covered = 0.0
        # What is kept, oldest first, and the newest that is not any more; zeros for none.
        self.sent: deque[_Kept] = deque()
        self._gone: _Kept = (0, 0, 0.0, 0, None, None)
        # Marks of activity, and images with their numbers. No more than the newest two of each, the
        # last of which the SDK may refuse.
        self.marks: list[Chunk] = []
        self.shown: list[tuple[int, Chunk]] = []

    def __iter__(self) -> Iterator[Chunk]:
        """Return what is kept, as it is to be written again."""
        for _, place, _, _, kind, sent in self.sent:
            if kind is None:
                yield replace(sent, again=True)
            else:
                (byte, _), size = length_of(kind), len(sent)
                audio = {"data": sent, "mime_type": kind}
                yield Chunk({"audio": audio}, place, size * byte, size, again=True)

    @property
    def seconds(self) -> float:
        """How much audio was written."""
        return self._seconds + self.bytes * self._seconds_a_byte

    @property
    def progress(self) -> Written:
        """How far writing audio has come."""
        return self.seconds, *self._newest[:2]

    @property
    def gone(self) -> int:
        """The place of the newest that was kept and is not any more; 0 for none."""
        return self._gone[1]

    @property
    def size(self) -> int:
        """The bytes that are kept."""
        return self._newest[3] - self._gone[3]

    @property
    def missing(self) -> float:
        """Seconds of audio that no handle covers, and that are not kept."""
        return (self._gone[2] if self.sent else self.seconds) - self.covered

    @property
    def unacknowledged(self) -> bool:
        """Whether audio was written that the server has not acknowledged."""
        return self.seconds > self._acknowledged

    @property
    def _newest(self) -> _Kept:
        return self.sent[-1] if self.sent else self._gone

    def keep(self, blob: Any, number: int, place: int) -> None:
        """Note a blob of audio that is about to be written, and kept until a handle covers it."""
        data = blob.data
        kind = self._counted
        if blob.mime_type != kind or data.__class__ is not bytes:
            # Another type begins; or it is none, or the caller may change it.
            self.note(blob, number, place)
            return
        self.bytes = size = self.bytes + len(data)
        seconds = self._seconds + size * self._seconds_a_byte
        size += self._size
        self.sent.append((number, place, seconds, size, kind, data))
        limit = self._limit
        if size - self._gone[3] > limit.bytes or len(self.sent) > limit.messages:
            self._evict()

    def note(self, blob: Any, number: int | None = None, place: int = 0) -> bytes | None:
        """Note a blob of audio of whatever type that is about to be written; return its data.

        What is none is for the SDK to refuse.
        """
        self.written(chunk_of({"audio": blob}, place=place), number)
        kind = getattr(blob, "mime_type", None)
        a_byte, _ = length_of(kind)
        if a_byte:
            self._counted, self._seconds_a_byte = kind, a_byte
            self.kind = kind if number is None else self
        data: bytes | None = getattr(blob, "data", None)
        return data

    def written(self, item: Chunk, number: int | None = None) -> None:
        """Note input that is about to be written; it is kept if it has a number."""
        if item.activity is not None:
            self.marks = [*self.marks[-1:], item]
        if number is not None and item.picture:
            self.shown = [*self.shown[-1:], (number, item)]
            return
        self._add(item.seconds, item.size)
        if number is not None:
            self.sent.append((number, item.place, self._seconds, self._size, None, item))
            self._evict()

    def _add(self, seconds: float, size: int) -> None:
        """Count so much more; or less, where it was not written, but for what has arrived."""
        # Rounded, since what is taken back must leave nothing.
        self._seconds = max(round(self.seconds + seconds, 9), self._acknowledged)
        self._size += self.bytes + size
        self.bytes = 0

    def let_go(self) -> None:
        """Keep the oldest no longer, for want of room; it is lost only if the connection is."""
        self._gone = self.sent.popleft()

    def _evict(self) -> None:
        while self.sent and not self._limit.fits(messages=len(self.sent), bytes=self.size):
            self.let_go()

    def unwritten(self, item: Chunk) -> None:
        """Take back what has no number, since it was not written after all."""
        self._add(-item.seconds, -item.size)
        self.marks = [mark for mark in self.marks if mark is not item]

    def refused(self, number: int) -> None:
        """Take back the newest, if it has this number: the SDK would not write it."""
        if self.shown and self.shown[-1][0] == number:
            self.shown.pop()
        elif self.sent and self.sent[-1][0] == number:
            *_, sent = self.sent.pop()
            _, _, self._seconds, self._size, *_ = self._newest
            self.bytes = 0
            self.marks = [mark for mark in self.marks if mark is not sent]

    def consumed(self, until: int) -> None:
        """Forget what a handle covers: all up to this number."""
        sent, gone = self.sent, self._gone
        while sent and sent[0][0] <= until:
            gone = sent.popleft()
            if gone[4] is None and gone[5].activity is not None:
                self.opened = gone[5].activity == START
        self._gone = gone
        if gone[0] <= until:
            # It has all that is not kept.
            self.covered = gone[2]
        self.shown = [shown for shown in self.shown if shown[0] > until]

    def acknowledged(self, seconds: float) -> None:
        """Note that the server has acknowledged what was written when it was so much."""
        # Of which some may have been taken back since.
        self._acknowledged = min(seconds, self.seconds)

    def cover(self) -> None:
        """Note a handle that says not what it covers."""
        self.covered = max(self.covered, self._acknowledged)
