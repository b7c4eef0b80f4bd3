"""The backlog: the messages that no handle is known to cover, in order.

Pure. What leaves it has become past: it is what a fresh session is told.
"""

from __future__ import annotations

from typing import Any, Final

from .limits import Limit
from .transcript import Transcript, model_turn, newest, tellable
from .turns import ASK_ON, REALTIME, UPDATE, Call, Change, Entry, State

__all__ = ["Backlog"]

_TOLD: Final = {State.TOLD, State.TOLD_REPLY}
_FINISHED: Final = {State.ANSWERED, State.TOLD}


class Backlog:
    """The messages of one conversation that no handle is known to cover.

    Args:
        limit: How much is kept; ``full`` is "wait" or "raise".
        history_limit: How many characters are kept of what was covered; the oldest turns go first.
    """

    def __init__(self, *, limit: Limit, history_limit: int) -> None:
        self._limit = limit
        self._history_limit = history_limit
        self.entries: list[Entry] = []
        self._bytes = 0
        self._place = 0
        # What a fresh session must be told: the turns, and the newest changes of the context.
        self._past = Transcript(limit=history_limit)
        self._updates: dict[str, Any] = {}

    @property
    def current(self) -> Entry | None:
        """The turn that the server is replying to: the oldest that is open."""
        # A loop: this is asked for with every message, and a generator takes twice as long.
        for entry in self.entries:
            if entry.open:
                return entry
        return None

    @property
    def repeating(self) -> bool:
        """Whether a reply is due, or under way, that the caller has had on another connection."""
        return any(entry.given and entry.open for entry in self.entries)

    @property
    def owed(self) -> int:
        """How many turns have no reply, or were never written."""
        return sum(entry.open or entry.unanswered for entry in self.entries)

    @property
    def past(self) -> list[Any]:
        """What a fresh session is told besides the history: the turns that are settled."""
        return self._past.turns()

    def seed(self, history: list[Any], *, halvings: int) -> list[Any]:
        """Return what a fresh session is told: the newest turns that there is room for.

        Args:
            history: The turns from before this conversation.
            halvings: How often the room is halved, since the server found the whole too long.
        """
        turns = self.past if self._past.truncated else [*history, *self.past]
        return newest(tellable(turns), limit=self._history_limit, halvings=halvings)

    def record(self, call: Call) -> Entry:
        """Take over a client message that belongs to the conversation.

        Args:
            call: The message; content in the form of a list of turns.
        """
        asks = call.method == REALTIME or call.arguments.get("turn_complete", False)
        state = State.HELD if asks else State.TO_TELL
        entry = Entry(call, state, place=self.place(), size=call.size)
        self.entries.append(entry)
        self._bytes += entry.size
        return entry

    def has_room(self, call: Call, *, resumable: bool) -> bool:
        """Tell whether there is room for one more message.

        A backlog that is full first lets go of what it need not hold: a told message is taken for
        known by a handle that came after it, and what is complete need not wait for a handle
        where there is none to resume from.

        Args:
            call: The message.
            resumable: Whether a handle is held.

        Raises:
            BufferOverflow: If it does not fit and is not to wait, or would never fit.
        """
        size = call.size
        if self._fits(size):
            return True
        for entry in self.entries:
            told = entry.state in _TOLD and entry.doubtful
            if not (told or (not resumable and entry.state in _FINISHED)):
                # What came after it must not become past before it.
                break
            entry.note(Change.COVERED)
        self.forget(at_once=True)
        if self._fits(size):
            return True
        if self._limit.full == "raise" or size > self._limit.bytes:
            raise self._limit.overflow(
                "messages that no handle covers",
                messages=len(self.entries) + 1,
                bytes=self._bytes + size,
            )
        return False

    def _fits(self, size: int) -> bool:
        return self._limit.fits(messages=len(self.entries) + 1, bytes=self._bytes + size)

    def place(self) -> int:
        """Return the place of the next thing that the caller sends."""
        self._place += 1
        return self._place

    def retract(self, entry: Entry) -> None:
        """Forget a message that was never written: the caller has taken it back.

        Args:
            entry: What `record` returned; nothing happens if it is over.
        """
        if entry in self.entries:
            self.entries.remove(entry)
            self._bytes -= entry.size

    def unwritten(self) -> list[Entry]:
        """Return what this connection has not been sent, in order."""
        return [entry for entry in self.entries if entry.to_write]

    def spoken(self, *, place: int | None = None) -> Entry:
        """Insert a spoken turn, before whatever is still to be written, and return it.

        Args:
            place: Its place; None for one that came after everything so far.
        """
        turn = Entry(ASK_ON, State.SENT, place=self._place if place is None else place, spoken=True)
        unwritten = (at for at, entry in enumerate(self.entries) if entry.to_write)
        self.entries.insert(next(unwritten, len(self.entries)), turn)
        return turn

    def restart(self, *, before: int | None = None) -> int:
        """Prepare for a fresh session, which is told the past.

        What is complete becomes past; what is open is held, to be asked again. Updates of the
        context are written from the first on: a fresh session starts from the configuration.
        Return how many spoken turns are lost with the session that had heard them.

        Args:
            before: The place of the first audio that will be written again, which stays before
                what was said after it; None for none.
        """
        updates = [Entry(Call(UPDATE, self._updates), State.TO_TELL)] if self._updates else []
        self._updates = {}
        told = True
        lost = 0
        for entry in self.entries:
            entry.doubtful = False
            if entry.call.method != UPDATE:
                entry.note(Change.RESTARTED)
                # Whatever was said after an open turn stays behind it.
                told = told and entry.state is State.TO_TELL
                told = told and (before is None or entry.place < before)
                if told:
                    entry.note(Change.SEEDED)
                lost += entry.unspeakable
        self.forget()
        self.entries = updates + self.entries
        return lost

    def forget(self, *, at_once: bool = False) -> None:
        """Move what is over to where a fresh session is told it from.

        What is over before an older message is waits for that one: it would be told before it.

        Args:
            at_once: Whether it is not to wait, since there is no room.
        """
        kept: list[Entry] = []
        waits = False
        for entry in self.entries:
            if not entry.over:
                waits |= entry.call.method != UPDATE
                kept.append(entry)
            elif entry.call.method == UPDATE:
                news = entry.call.arguments.items()
                self._updates |= {name: value for name, value in news if value is not None}
            elif waits and not at_once and (entry.turns or entry.reply):
                entry.note(Change.COVERED)
                entry.doubtful = entry.called = False
                kept.append(entry)
            else:
                self._remember(entry)
        self.entries = kept
        self._bytes = sum(entry.size for entry in kept)

    def _remember(self, entry: Entry) -> None:
        for turn in entry.turns:
            self._past.add(turn)
        if entry.reply:
            self._past.add(model_turn(entry.reply))
