"""Realtime input that finds no connection: what is kept of it, and in which order it goes out.

Pure. The rules:

1. Audio is kept up to a limit, the oldest frames go first: stale audio after a gap disturbs the
   voice activity detection of the server, and a caller's capture loop must never wait.
2. Of video only the newest frame is kept: queued frames after a resume are refused (1007).
3. In transparent resumption nothing is stale: the handle says which messages it covers, and all
   that come after it are written again, in order, before anything new.
4. The marks of activity keep their places among the audio. An activity that was open when the
   connection was lost is opened again before its audio.
5. What is kept is a copy, since callers fill one buffer again and again.
6. A handle that says not what it covers is taken to cover the audio that the server had
   acknowledged before it came, and no more: the rest may lie in a buffer on the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from .chunks import END, START, Chunk, chunk_of, without
from .limits import Limit
from .meter import Meter, Written
from .unconsumed import Unconsumed

__all__ = ["Media"]

_ROUNDING: Final = 1e-6
"""Seconds: the sum of many short frames must not cost one of them for its rounding."""


class Media:
    """The realtime input of one session.

    Args:
        seconds: How much audio is kept during an outage.
        limit: How much is kept of all there is; ``full`` is "drop" or "raise".
    """

    def __init__(self, *, seconds: float, limit: Limit) -> None:
        self._limit_seconds = seconds
        self._limit = limit
        # What waits for a connection, oldest first: what is written again, then what is new. The
        # bytes of both, and the seconds of what is new. And an image.
        self._again: deque[Chunk] = deque()
        self._held: deque[Chunk] = deque()
        self._bytes = 0
        self._seconds = 0.0
        self._video: Chunk | None = None
        # What was written to this connection and is not consumed, by its number; kept only in
        # transparent resumption, and of images only the newest.
        self._unconsumed = Unconsumed()
        self._shown: list[tuple[int, Chunk]] = []
        # The marks that were written to this connection. Of them, and of the images, the newest
        # two are here, should the SDK refuse the newest.
        self._marks: list[Chunk] = []
        # Whether the newest mark that a handle covers has opened an activity.
        self._opened = False
        # The place of the newest that was written to an earlier connection and is not kept.
        self._gone = 0
        # Seconds of audio that were dropped before they were written.
        self.dropped = 0.0
        # Audio that was written to this connection and is not kept. And seconds that were lost with
        # an earlier connection.
        self.meter = Meter()
        self._lost = 0.0

    @property
    def first(self) -> Chunk | None:
        """What is to be written next; None where nothing waits."""
        both = (next(self._waiting, None), self._video)
        return min(filter(None, both), key=lambda item: item.place, default=None)

    @property
    def _waiting(self) -> Iterator[Chunk]:
        """What waits, but for the image, in the order in which it goes out."""
        return chain(self._again, self._held)

    @property
    def kept_from(self) -> int | None:
        """The place from which on audio is kept, written or not; None where none is."""
        oldest = next(chain(self._unconsumed, self._waiting), None)
        return None if oldest is None else oldest.place

    @property
    def gone(self) -> int:
        """The place of the newest that was written and is not kept any more; 0 for none."""
        _, place = self._unconsumed.forgotten
        return max(self._gone, place)

    @property
    def covered_seconds(self) -> float:
        """How much of what was written to this connection a handle covers."""
        return self.meter.covered + self._unconsumed.covered

    @property
    def speaking(self) -> bool:
        """Whether the user is speaking, by the marks that were written or wait."""
        marks = [it for it in chain(self._marks, self._waiting) if it.activity]
        return bool(marks) and marks[-1].activity == START

    @property
    def raises(self) -> bool:
        """Whether what does not fit is refused, and the oldest not dropped."""
        return self._limit.full == "raise"

    def written(self, item: Chunk, *, index: int | None = None) -> None:
        """Note input that was written to the connection.

        In transparent resumption, and there alone, its message has a number, and it is kept.
        """
        if item.activity is not None:
            self._marks = [*self._marks[-1:], item]
        if index is None:
            self.meter.seconds += item.seconds
        elif item.picture:
            self._shown = [*self._shown[-1:], (index, item)]
        else:
            self._unconsumed.add(item, index)
            self._evict()

    def keep(self, blob: Any, index: int, place: int) -> None:
        """Note a blob of audio that is about to be written, and kept until a handle covers it."""
        unconsumed = self._unconsumed
        if not unconsumed.add_frame(blob.data, blob.mime_type, index, place):
            self.written(chunk_of({"audio": blob}, place=place), index=index)
        elif unconsumed.bytes > self._limit.bytes or len(unconsumed.sent) > self._limit.messages:
            self._evict()

    def _evict(self) -> None:
        while self._unconsumed.sent and self._too_much():
            self._unconsumed.evict()

    def consumed(self, index: int) -> None:
        """Forget what a handle covers."""
        for item in self._unconsumed.cover(index):
            if item.activity is not None:
                self._opened = item.activity == START
        self._shown = [shown for shown in self._shown if shown[0] > index]

    def check_room(self, arguments: Mapping[str, Any]) -> None:
        """Raise where no more is to be kept, and the oldest not to be dropped.

        Raises:
            BufferOverflow: If it does not fit.
        """
        if not self.raises:
            return
        item = chunk_of(arguments, place=0)
        messages, size = self._kept
        messages, size = messages + 1, size + item.size
        if not (item.picture or self._limit.fits(messages=messages, bytes=size)):
            raise self._limit.overflow("items of realtime input", messages=messages, bytes=size)

    def hold(self, item: Chunk, *, catching_up: bool = False) -> None:
        """Keep input that cannot be written now.

        Where a connection is catching up in transparent resumption, only the room for all input
        limits it: that connection is about to be sent it.
        """
        if item.picture:
            self._video = item
            return
        self._held.append(item)
        self._count(item)
        self._trim(within_seconds=not catching_up)

    def _trim(self, *, within_seconds: bool = True) -> None:
        """Drop the oldest audio beyond the limits."""
        while within_seconds and self._seconds > self._limit_seconds + _ROUNDING:
            self._drop_oldest(self._held)
        while (self._again or self._held) and self._too_much():
            self._drop_oldest(self._again, self._held)

    @property
    def progress(self) -> Written:
        """How far writing audio to this connection has come."""
        return self.meter.seconds + self._unconsumed.seconds, *self._unconsumed.newest

    def lost(self, *, again: bool, numbered: bool, told: Sequence[range] = ()) -> None:
        """Give up the connection: what was not consumed is to be written again, first of all.

        An activity that was open, and whose beginning the handle covers, is opened again; or ended,
        where the rest of it is told in words.

        Args:
            again: Whether the next session is known not to have what was not consumed.
            numbered: Whether the server has ever said what it has consumed. One that has not may
                never do, and must not be sent minutes of stale audio.
            told: The places of speech that is replayed in words, and whose audio is not.
        """
        self._gone = self.gone
        written = list(self._unconsumed)
        marks = [item for item in written if item.activity]
        if self._opened and marks and marks[0].activity == START:
            # It was opened again on this connection, and is on the next.
            written.remove(marks.pop(0))
        unconsumed = without(written, told)
        self._lost += self.meter.uncovered + self._unconsumed.evicted
        self.meter.lost()
        if not again:
            self._lost += sum(item.seconds for item in unconsumed)
            unconsumed = []
        # What is open at the first message that is written again.
        opened = [mark for mark in self._marks[-1:] if mark.activity == START]
        if again and self._opened and marks and marks[0] not in unconsumed:
            # The session has heard the beginning of what is told in words: it is to hear the end.
            unconsumed.insert(0, marks[0])
        elif opened and not any(item.activity for item in unconsumed):
            unconsumed = opened + unconsumed
        elif again and self._opened and unconsumed:
            unconsumed.insert(0, Chunk({START: {}}, unconsumed[0].place, activity=START))
        self._again.extendleft(replace(item, again=True) for item in reversed(unconsumed))
        excess = sum(item.seconds for item in self._again) - self._limit_seconds
        while excess > _ROUNDING and not numbered:
            excess -= self._drop_oldest(self._again)
        if again and self._video is None:
            self._video = self._shown[-1][1] if self._shown else None
        self._marks, self._shown, self._unconsumed = [], [], Unconsumed()
        self._measure()

    def restarted(self, *, told: Sequence[range], unheard: float) -> None:
        """Prepare for a new session, which has heard nothing.

        Args:
            told: The places of speech that it is told in words: what is left of it is not written.
            unheard: Seconds of audio that the old one had heard, and that nobody has in words.
        """
        before = sum(item.seconds for item in self._again)
        self._again = deque(without(self._again, told))
        self._opened = False
        if self._again and self._again[0].activity == END:
            # It has heard no beginning either.
            self._again.popleft()
        self._lost += unheard + before - sum(item.seconds for item in self._again)
        self._measure()

    def _measure(self) -> None:
        self._bytes = sum(item.size for item in self._waiting)

    def next(self) -> Chunk:
        """Take out the next input to write, while anything waits."""
        item = self.first
        assert item is not None
        if item is self._video:
            self._video = None
        else:
            (self._again if item.again else self._held).popleft()
            self._count(item, -1)
        return item

    def unkeep(self, index: int) -> None:
        """Take back that input was written which is kept: the SDK would not write it."""
        if self._shown and self._shown[-1][0] == index:
            self._shown.pop()
        else:
            self._unconsumed.take_back(index)

    def unwrite(self, item: Chunk, *, index: int | None = None) -> None:
        """Take back that input was written, of which `written` was told last."""
        if item.activity is not None:
            del self._marks[-1:]
        if index is None:
            self.meter.take_back(item.seconds)
        else:
            self.unkeep(index)

    def put_back(self, item: Chunk) -> None:
        """Keep input whose write has failed, in its place among all that waits."""
        self.unwrite(item)
        if item.picture:
            self._video = self._video or item
            return
        waiting = self._again if item.again else self._held
        # In its place: several that waited for one socket fail in any order.
        waiting.insert(sum(other.place < item.place for other in waiting), item)
        self._count(item)
        self._trim()

    def forget_dropped(self) -> float:
        """Return the seconds of audio that were dropped since this was last asked."""
        dropped, self.dropped = self.dropped, 0.0
        return dropped

    def give_up(self) -> tuple[float, float]:
        """Return the seconds that were dropped or wait, and those that no handle covers."""
        waiting = sum(item.seconds for item in self._waiting)
        written = self._unconsumed.seconds - self._unconsumed.covered
        uncovered = self._lost + self.meter.uncovered + written
        return round(self.dropped + waiting, 6), round(uncovered, 6)

    def forget_uncovered(self) -> float:
        """Return the seconds of audio that no session is known to have, of lost connections."""
        lost, self._lost = self._lost, 0.0
        # Free of what adding and taking away many small numbers leaves.
        return round(lost, 6)

    @property
    def _kept(self) -> tuple[int, int]:
        """How many messages are kept, written or not, and their bytes."""
        messages = len(self._again) + len(self._held) + len(self._unconsumed.sent)
        return messages, self._bytes + self._unconsumed.bytes

    def _too_much(self) -> bool:
        messages, size = self._kept
        return not self._limit.fits(messages=messages, bytes=size)

    def _drop_oldest(self, *waiting: deque[Chunk]) -> float:
        """Drop the oldest audio, and return its seconds; a mark only where nothing else is left."""
        found = ((items, at) for items in waiting for at, it in enumerate(items) if it.seconds)
        items, at = next(found, (self._again or self._held, 0))
        item = items[at]
        del items[at]
        self._count(item, -1)
        self.dropped += item.seconds
        if item.again:
            self._gone = max(self._gone, item.place)
        return item.seconds

    def _count(self, item: Chunk, times: int = 1) -> None:
        """Count what waits from now on, or, minus one times, does no more."""
        self._bytes += times * item.size
        if not item.again:
            self._seconds += times * item.seconds
