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
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from .chunks import MARKS, ROUNDING, Chunk, chunk_of, newest, without
from .limits import Limit
from .meter import Meter, Written
from .unconsumed import Unconsumed

__all__ = ["Media"]

_START: Final[Mapping[str, Any]] = {"activity_start": {}}


class Media:
    """The realtime input of one session.

    Args:
        seconds: How much audio is kept during an outage.
        limit: How much is kept of all there is; ``full`` is "drop" or "raise".
    """

    def __init__(self, *, seconds: float, limit: Limit) -> None:
        self._limit_seconds = seconds
        self._limit = limit
        # What waits for a connection, oldest first: what is written again, then what is new, and
        # the seconds of what is new.
        self._again: deque[Chunk] = deque()
        self._held: deque[Chunk] = deque()
        self._seconds = 0.0
        self._video: Chunk | None = None
        # The mark that the user is speaking, if it was written and not ended, now and before the
        # newest mark.
        self._opened: Chunk | None = None
        self._opened_before: Chunk | None = None
        # What was written to this connection and is not consumed, by its number; kept only in
        # transparent resumption. Of images only the newest is, and the one before it, should the
        # SDK refuse the newest.
        self._unconsumed = Unconsumed()
        # Seconds that were kept until a handle covered them. And the newest mark that one covers.
        self._consumed = 0.0
        self._known_mark: str | None = None
        self._shown: tuple[int, Chunk] | None = None
        self._shown_before: tuple[int, Chunk] | None = None
        # The bytes of all that waits but the images.
        self._bytes = 0
        # Seconds of audio that were dropped before they were written.
        self.dropped = 0.0
        # Audio that was written to this connection and is not kept. And seconds that were lost with
        # an earlier connection.
        self.meter = Meter()
        self._lost = 0.0
        # Seconds that are not kept any more for want of room, and the number of the newest of them.
        self._evicted = 0.0
        self._evicted_until = 0

    @property
    def next_place(self) -> int | None:
        """The place of what is to be written next; None where nothing waits."""
        first = self._first()
        return None if first is None else first.place

    @property
    def next_activity(self) -> str | None:
        """Which mark of activity is to be written next; None for none."""
        first = self._first()
        return None if first is None else first.activity

    @property
    def kept_from(self) -> int | None:
        """The place from which on audio is kept, written or not; None where none is."""
        oldest = [items[0].place for items in (self._again, self._held) if items]
        written = self._unconsumed.oldest
        return min(oldest if written is None else [written[1], *oldest], default=None)

    @property
    def covered_seconds(self) -> float:
        """How much of what was written to this connection a handle covers."""
        return self.meter.covered + self._consumed

    @property
    def speaking(self) -> bool:
        """Whether the user is speaking, by the marks that were written or wait."""
        waiting = (*self._again, *self._held)
        marks = [mark for item in waiting if (mark := item.activity)]
        return marks[-1] == "activity_start" if marks else self._opened is not None

    def written(self, item: Chunk, *, index: int | None = None) -> None:
        """Note input that was written to the connection.

        Args:
            item: The input.
            index: The number of the message in transparent resumption; None in any other.
        """
        if item.activity is not None:
            self._opened_before = self._opened
            self._opened = item if item.activity == "activity_start" else None
        if index is None:
            self.meter.seconds += item.seconds
            return
        if item.picture:
            self._shown_before, self._shown = self._shown, (index, item)
            return
        self._unconsumed.add(item, index)
        self._evict()

    def keep(self, blob: Any, index: int, place: int) -> None:
        """Note audio that is about to be written, and kept until a handle covers it.

        Args:
            blob: The audio: a blob of the SDK's.
            index: The number of the message.
            place: Its place among all that the caller sent.
        """
        unconsumed = self._unconsumed
        if not unconsumed.add_frame(blob.data, blob.mime_type, index, place):
            self.written(chunk_of({"audio": blob}, place=place), index=index)
        elif unconsumed.bytes > self._limit.bytes or len(unconsumed) > self._limit.messages:
            self._evict()

    def _evict(self) -> None:
        """Keep no more than there is room for of what the server has been sent."""
        while self._too_much() and (oldest := self._unconsumed.oldest) is not None:
            # It is lost only if the connection is.
            self._evicted_until, _ = oldest
            self._evicted += self._unconsumed.forget(self._evicted_until)

    def consumed(self, index: int) -> None:
        """Forget what a handle covers."""
        self._known_mark = self._unconsumed.mark(index) or self._known_mark
        self._consumed += self._unconsumed.forget(index)
        if self._evicted_until <= index:
            self._evicted = 0.0
        if self._shown is not None and self._shown[0] <= index:
            self._shown = None

    def check_room(self, arguments: Mapping[str, Any]) -> None:
        """Raise where no more is to be kept, and the oldest not to be dropped.

        Raises:
            BufferOverflow: If it does not fit.
        """
        if self._limit.full != "raise":
            return
        item = chunk_of(arguments, place=0)
        if item.picture:
            return
        messages = self._messages + 1
        size = self._bytes + self._unconsumed.bytes + item.size
        if not self._limit.fits(messages=messages, bytes=size):
            raise self._limit.overflow("items of realtime input", messages=messages, bytes=size)

    def hold(self, item: Chunk, *, catching_up: bool = False) -> None:
        """Keep input that cannot be written now.

        Args:
            item: The input.
            catching_up: Whether there is a connection for it that is being brought up to date, and
                resumption is transparent: then only the room for all input limits it.
        """
        if item.picture:
            self._video = item
            return
        self._held.append(item)
        self._seconds += item.seconds
        self._bytes += item.size
        self._trim(within_seconds=not catching_up)

    def _trim(self, *, within_seconds: bool = True) -> None:
        """Drop the oldest audio beyond the limits."""
        marks = []
        while within_seconds and self._seconds > self._limit_seconds + ROUNDING:
            oldest = self._held.popleft()
            if oldest.seconds:
                self._seconds -= oldest.seconds
                self._drop(oldest)
            else:
                marks.append(oldest)
        self._held.extendleft(reversed(marks))
        while self._too_much() and (self._again or self._held):
            self._drop_oldest()

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
        written = list(self._unconsumed)
        speaks = self._known_mark == MARKS[0]
        marks = [item for item in written if item.activity]
        if speaks and marks and marks[0].activity == MARKS[0]:
            # It was opened again on this connection, and is on the next.
            written.remove(marks.pop(0))
        unconsumed = without(written, told)
        self._lost += self.meter.uncovered + self._evicted
        self.meter.lost()
        self._evicted = 0.0
        if not again:
            self._lost += sum(item.seconds for item in unconsumed)
            unconsumed = []
        # What is open at the first message that is written again.
        opened = self._opened
        if again and speaks and marks and marks[0] not in unconsumed:
            # The session has heard the beginning of what is told in words: it is to hear the end.
            unconsumed.insert(0, marks[0])
        elif opened is not None and not any(item.activity for item in unconsumed):
            unconsumed.insert(0, Chunk(_START, opened.place, activity=MARKS[0]))
        elif again and speaks and unconsumed:
            unconsumed.insert(0, Chunk(_START, unconsumed[0].place, activity=MARKS[0]))
        if not numbered:
            unconsumed, dropped = newest(unconsumed, seconds=self._limit_seconds)
            self.dropped += dropped
        self._again.extendleft(replace(item, again=True) for item in reversed(unconsumed))
        if self._shown is not None and again and self._video is None:
            self._video = self._shown[1]
        self._shown = None
        self._unconsumed = Unconsumed()
        self._consumed = 0.0
        self._measure()
        self._opened = None

    def restarted(self, *, told: Sequence[range], unheard: float) -> None:
        """Prepare for a new session, which has heard nothing.

        Args:
            told: The places of speech that it is told in words: what is left of it is not written.
            unheard: Seconds of audio that the old one had heard, and that nobody has in words.
        """
        before = sum(item.seconds for item in self._again)
        self._again = deque(without(self._again, told))
        self._known_mark = None
        if self._again and self._again[0].activity == MARKS[1]:
            # It has heard no beginning either.
            self._again.popleft()
        self._lost += unheard + before - sum(item.seconds for item in self._again)
        self._measure()

    def _measure(self) -> None:
        self._bytes = sum(item.size for item in (*self._again, *self._held))

    def next(self) -> Chunk:
        """Take out the next input to write, while anything waits."""
        item = self._first()
        assert item is not None
        if item is self._video:
            self._video = None
            return item
        self._bytes -= item.size
        if item.again:
            self._again.popleft()
        else:
            self._held.popleft()
            self._seconds -= item.seconds
        return item

    def unkeep(self, index: int) -> None:
        """Take back that input was written which is kept: the SDK would not write it."""
        if self._shown is not None and self._shown[0] == index:
            self._shown = self._shown_before
        else:
            self._unconsumed.take_back(index)

    def unwrite(self, item: Chunk, *, index: int | None = None) -> None:
        """Take back that input was written.

        Args:
            item: What `written` was told of last.
            index: The number of the message in transparent resumption; None in any other.
        """
        if item.activity is not None:
            self._opened = self._opened_before
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
        self._bytes += item.size
        waiting = self._again if item.again else self._held
        # In its place: several that waited for one socket fail in any order.
        waiting.insert(sum(other.place < item.place for other in waiting), item)
        if not item.again:
            self._seconds += item.seconds
            self._trim()

    def forget_dropped(self) -> float:
        """Return the seconds of audio that were dropped since this was last asked."""
        dropped, self.dropped = self.dropped, 0.0
        return dropped

    def _first(self) -> Chunk | None:
        waiting = [items[0] for items in (self._again, self._held) if items][:1]
        if self._video is not None:
            waiting.append(self._video)
        return min(waiting, key=lambda item: item.place, default=None)

    def give_up(self) -> tuple[float, float]:
        """Return the seconds that were dropped or wait, and those that no handle covers."""
        waiting = sum(item.seconds for item in (*self._again, *self._held))
        unconsumed = sum(item.seconds for item in self._unconsumed)
        uncovered = self._lost + self.meter.uncovered + self._evicted + unconsumed
        return round(self.dropped + waiting, 6), round(uncovered, 6)

    def forget_uncovered(self) -> float:
        """Return the seconds of audio that no session is known to have, of lost connections."""
        lost, self._lost = self._lost, 0.0
        # Free of what adding and taking away many small numbers leaves.
        return round(lost, 6)

    @property
    def _messages(self) -> int:
        return len(self._again) + len(self._held) + len(self._unconsumed)

    def _too_much(self) -> bool:
        size = self._bytes + self._unconsumed.bytes
        return not self._limit.fits(messages=self._messages, bytes=size)

    def _drop_oldest(self) -> None:
        """Drop the oldest audio there is; a mark only where nothing else is left."""
        for items in (self._again, self._held):
            for place, item in enumerate(items):
                if item.seconds:
                    del items[place]
                    self._seconds -= 0.0 if item.again else item.seconds
                    self._drop(item)
                    return
        self._drop((self._again or self._held).popleft())

    def _drop(self, item: Chunk) -> None:
        self._bytes -= item.size
        self.dropped += item.seconds
