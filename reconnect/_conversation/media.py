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
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .chunks import END, START, Chunk, is_told
from .limits import Limit
from .media_line import MediaLine

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
        # What was written to this connection.
        self.line = MediaLine(limit)
        # What waits for a connection, in order: what is written again, then what is new. The bytes
        # of both, and the seconds of what is new. And an image.
        self._waiting: deque[Chunk] = deque()
        self._bytes = 0
        self._seconds = 0.0
        self._video: Chunk | None = None
        # The place of the newest that was written to an earlier connection and is not kept.
        self._gone = 0
        # Seconds of audio that were dropped before they were written, and that were lost with an
        # earlier connection.
        self.dropped = 0.0
        self._lost = 0.0

    @property
    def first(self) -> Chunk | None:
        """What is to be written next; None where nothing waits."""
        both = (self._waiting[0] if self._waiting else None, self._video)
        return min(filter(None, both), key=lambda item: item.place, default=None)

    @property
    def kept_from(self) -> int | None:
        """The place from which on audio is kept, written or not; None where none is."""
        if self.line.sent:
            return self.line.sent[0][1]
        return self._waiting[0].place if self._waiting else None

    @property
    def gone(self) -> int:
        """The place of the newest that was written and is not kept any more; 0 for none."""
        return max(self._gone, self.line.gone)

    @property
    def speaking(self) -> bool:
        """Whether the user is speaking, by the marks that were written or wait."""
        marks = [it for it in (*self.line.marks, *self._waiting) if it.activity]
        return bool(marks) and marks[-1].activity == START

    @property
    def raises(self) -> bool:
        """Whether what does not fit is refused, and the oldest not dropped."""
        return self._limit.full == "raise"

    def check_room(self, item: Chunk) -> None:
        """Raise where no more is to be kept, and the oldest not to be dropped.

        Raises:
            BufferOverflow: If it does not fit.
        """
        kept = self._kept(item)
        if self.raises and not item.picture and not self._limit.fits(**kept):
            raise self._limit.overflow("items of realtime input", **kept)

    def hold(self, item: Chunk, *, catching_up: bool = False) -> None:
        """Keep input that cannot be written now.

        Where a connection is catching up in transparent resumption, only the room for all input
        limits it: that connection is about to be sent it.
        """
        if item.picture:
            self._video = item
            return
        at = len(self._waiting)
        while at and self._waiting[at - 1].place >= item.place:
            # Several that waited for one socket fail in any order.
            at -= 1
        self._waiting.insert(at, item)
        self._bytes += item.size
        self._seconds += 0.0 if item.again else item.seconds
        while self._seconds > self._limit_seconds + _ROUNDING and not catching_up:
            self._drop_oldest(new=True)
        while self.line.sent and not self._limit.fits(**self._kept()):
            # It has been written, and may arrive.
            self.line.let_go()
        while self._waiting and not self._limit.fits(**self._kept()):
            self._drop_oldest()

    def put_back(self, item: Chunk) -> None:
        """Keep input whose write has failed, in its place among all that waits."""
        self.line.unwritten(item)
        if self._video is None or not item.picture:
            self.hold(item)

    def next(self) -> Chunk:
        """Take out the next input to write, while anything waits."""
        item = self.first
        assert item is not None
        if item is self._video:
            self._video = None
            return item
        return self._take(0)

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
        line, self.line = self.line, MediaLine(self._limit, opened=self.line.opened)
        written = list(line)
        marks = [item for item in written if item.activity]
        if line.opened and marks and marks[0].activity == START:
            # It was opened again on this connection, and is on the next.
            written.remove(marks.pop(0))
        unconsumed = [item for item in written if not is_told(item, told)]
        self._lost += line.missing
        if not again:
            self._lost += sum(item.seconds for item in unconsumed)
            unconsumed = []
        if again and line.opened and marks and marks[0] not in unconsumed:
            # The session has heard the beginning of what is told in words: it is to hear the end.
            unconsumed.insert(0, marks[0])
        elif not any(item.activity for item in unconsumed):
            # What is open at the end is so at the first message that is written again.
            opened = [mark for mark in line.marks[-1:] if mark.activity == START]
            unconsumed = [replace(mark, again=True) for mark in opened] + unconsumed
        elif again and line.opened:
            place = unconsumed[0].place
            unconsumed.insert(0, Chunk({START: {}}, place, activity=START, again=True))
        self._waiting.extendleft(reversed(unconsumed))
        self._bytes += sum(item.size for item in unconsumed)
        excess = sum(item.seconds for item in self._waiting if item.again) - self._limit_seconds
        while excess > _ROUNDING and not numbered:
            excess -= self._drop_oldest()
        if again and self._video is None and line.shown:
            _, self._video = line.shown[-1]

    def restarted(self, *, told: Sequence[range], unheard: float) -> None:
        """Prepare for a new session, which has heard nothing.

        Args:
            told: The places of speech that it is told in words: what is left of it is not written.
            unheard: Seconds of audio that the old one had heard, and that nobody has in words.
        """
        self.line.opened = False
        self._lost += unheard
        for at in reversed(range(len(self._waiting))):
            if self._waiting[at].again and is_told(self._waiting[at], told):
                self._lost += self._take(at).seconds
        if self._waiting and self._waiting[0].again and self._waiting[0].activity == END:
            # It has heard no beginning either.
            self._take(0)

    def forget_dropped(self) -> float:
        """Return the seconds of audio that were dropped since this was last asked."""
        dropped, self.dropped = self.dropped, 0.0
        return dropped

    def give_up(self) -> tuple[float, float]:
        """Return the seconds that were dropped or wait, and those that no handle covers."""
        waiting = sum(item.seconds for item in self._waiting)
        uncovered = self._lost + self.line.seconds - self.line.covered
        return round(self.dropped + waiting, 6), round(uncovered, 6)

    def forget_uncovered(self) -> float:
        """Return the seconds of audio that no session is known to have, of lost connections."""
        lost, self._lost = self._lost, 0.0
        # Free of what adding and taking away many small numbers leaves.
        return round(lost, 6)

    # Inside

    def _kept(self, *more: Chunk) -> dict[str, int]:
        """Return how many messages are kept, written or not, and their bytes, with so many more."""
        return {
            "messages": len(self._waiting) + len(self.line.sent) + len(more),
            "bytes": self._bytes + self.line.size + sum(item.size for item in more),
        }

    def _take(self, at: int) -> Chunk:
        """Take out what waits at an index."""
        item = self._waiting[at]
        del self._waiting[at]
        self._bytes -= item.size
        self._seconds -= 0.0 if item.again else item.seconds
        return item

    def _drop_oldest(self, *, new: bool = False) -> float:
        """Drop the oldest audio, and return its seconds; a mark only where nothing else is left.

        Args:
            new: Whether it is the oldest of what was never written.
        """
        audio = (at for at, it in enumerate(self._waiting) if it.seconds and not (new and it.again))
        item = self._take(next(audio, 0))
        self.dropped += item.seconds
        if item.again:
            self._gone = max(self._gone, item.place)
        return item.seconds
