"""What was written in transparent resumption, and is kept until a handle covers it.

Pure. A frame of audio is one of a run: its number, its place and its type follow from those of the
run, so no more than its data is kept of it. An object for each frame costs more than all else that
is done for one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .chunks import Chunk, length_of

__all__ = ["Unconsumed"]

_FRAME: Final = {"data", "mime_type"}
"""The fields of a frame of audio: what has more is kept whole."""


class _Run:
    """Frames of one type that were written one after the other, or one piece of other input.

    Args:
        number: The number of the first message.
        chunk: What was written with it.
        audio: The audio in it, if it is a plain frame; None for anything else.
    """

    __slots__ = ("kind", "number", "place", "seconds_a_byte", "seconds_a_frame", "sent")

    def __init__(self, number: int, chunk: Chunk, audio: Mapping[str, Any] | None) -> None:
        self.number = number
        self.place = chunk.place
        # The type of the frames, and their data; the run itself, and the one chunk.
        self.kind: object = self if audio is None else audio["mime_type"]
        self.sent: deque[Any] = deque([chunk if audio is None else audio["data"]])
        self.seconds_a_byte, self.seconds_a_frame = length_of(self.kind)

    @property
    def activity(self) -> str | None:
        """Which mark of activity it is; None for none."""
        return self.sent[0].activity if self.kind is self else None

    def chunks(self) -> Iterator[Chunk]:
        """Return what was written, as it is to be written again."""
        return (self._chunk(sent, behind) for behind, sent in enumerate(self.sent))

    def take_last(self) -> Chunk:
        """Take out the newest; return it."""
        sent = self.sent.pop()
        return self._chunk(sent, len(self.sent))

    def forget(self, count: int) -> tuple[float, int]:
        """Take out so many of the oldest; return their seconds and bytes."""
        taken = [self.sent.popleft() for _ in range(count)]
        self.number += count
        self.place += count
        if self.kind is self:
            return taken[0].seconds, taken[0].size
        size = sum(map(len, taken))
        return self._seconds(size, count), size

    def _chunk(self, sent: Any, behind: int) -> Chunk:
        if self.kind is self:
            chunk: Chunk = sent
            return chunk
        arguments = {"audio": {"data": sent, "mime_type": self.kind}}
        size = len(sent)
        return Chunk(arguments, self.place + behind, self._seconds(size, 1), size)

    def _seconds(self, size: int, frames: int) -> float:
        return size * self.seconds_a_byte + frames * self.seconds_a_frame


class Unconsumed:
    """What was written to a connection, oldest first, each with the number of its message."""

    def __init__(self) -> None:
        self._runs: deque[_Run] = deque()
        # The number and the place of the newest that was forgotten; 0 for none.
        self._forgotten = (0, 0)
        # How many messages there are, and their bytes; how much audio was ever added, in seconds.
        self.messages = 0
        self.bytes = 0
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Chunk]:
        return (chunk for run in self._runs for chunk in run.chunks())

    @property
    def oldest(self) -> tuple[int, int] | None:
        """The number and the place of the oldest; None where there is none."""
        return (self._runs[0].number, self._runs[0].place) if self._runs else None

    @property
    def newest(self) -> tuple[int, int]:
        """The number and the place of the newest, or of the newest that was forgotten."""
        if not self._runs:
            return self._forgotten
        run = self._runs[-1]
        behind = len(run.sent) - 1
        return run.number + behind, run.place + behind

    def add(self, chunk: Chunk, number: int) -> None:
        """Add what was written.

        Args:
            chunk: What it was.
            number: The number of its message.
        """
        audio = chunk.arguments.get("audio") or {}
        plain = audio.keys() == _FRAME and isinstance(audio["data"], bytes)
        if plain and self.extend(audio["data"], audio["mime_type"], number, chunk.place):
            return
        self._runs.append(_Run(number, chunk, audio if plain else None))
        self.messages += 1
        self.bytes += chunk.size
        self.seconds += chunk.seconds

    def extend(self, data: Any, kind: object, number: int, place: int) -> bool:
        """Add a frame of audio to the newest run; return False where it is not one more of it.

        Args:
            data: Its data; what is no bytes may be changed, and is not kept as it is.
            kind: Its MIME type.
            number: The number of its message.
            place: Its place among all that the caller sent.
        """
        if not self._runs:
            return False
        run = self._runs[-1]
        sent = run.sent
        behind = len(sent)
        if (
            kind != run.kind
            or data.__class__ is not bytes
            or number - run.number != behind
            or place - run.place != behind
        ):
            return False
        sent.append(data)
        size = len(data)
        self.messages += 1
        self.bytes += size
        # As `_seconds` has it, here in place: a call is felt, with each frame.
        self.seconds += size * run.seconds_a_byte + run.seconds_a_frame
        return True

    def mark(self, until: int) -> str | None:
        """Return the newest mark of activity that was written up to a message; None for none.

        Args:
            until: The number of the message.
        """
        marks = [run.activity for run in self._runs if run.number <= until and run.activity]
        return marks[-1] if marks else None

    def forget(self, until: int) -> float:
        """Take out the oldest; return how much audio that was, in seconds.

        Args:
            until: The number of the newest that is taken out.
        """
        seconds = 0.0
        while self._runs and (run := self._runs[0]).number <= until:
            count = min(len(run.sent), until - run.number + 1)
            length, size = run.forget(count)
            seconds += length
            self.messages -= count
            self.bytes -= size
            self._forgotten = run.number - 1, run.place - 1
            if not run.sent:
                self._runs.popleft()
        return seconds

    def take_back(self, number: int) -> None:
        """Take out the newest, if it has this number.

        Args:
            number: The number of its message.
        """
        if not self._runs or self.newest[0] != number:
            return
        run = self._runs[-1]
        last = run.take_last()
        self.messages -= 1
        self.bytes -= last.size
        self.seconds -= last.seconds
        if not run.sent:
            self._runs.pop()
