"""The outbox: what is written to a connection next.

Pure: the time comes in as ``now``, in seconds. The driver asks what is due, writes it and asks
again, until nothing is. The order:

1. A fresh session is told the history first.
2. The tool calls of the connection before are closed, where a resumed session may wait for them,
   and the empty end that this causes is waited for, though not long: on some models it never comes.
3. Results of tool calls come before everything else: the model waits for them.
4. In transparent resumption all goes out in the order in which the caller sent it. Elsewhere the
   messages of the conversation go first, and then the audio of the outage.
5. No realtime input that waited runs into an open tool call: that can end the session (1008).
6. Where audio is written again whose reply the caller has had, that reply passes before anything
   else is written, or it would be cut off and the session know only a part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .inputs import Input, input_of
from .ledger import Ledger, Losses
from .limits import Limit
from .media import Media
from .turns import ANSWER, REALTIME, Call, Change, Entry

__all__ = ["Outbox", "Pause", "Replay", "Write"]

CLOSING_TIMEOUT: Final = 1.0
"""Seconds to wait for the empty turn_complete with which some models close lost tool calls."""

REPEAT_TIMEOUT: Final = 10.0
"""Seconds to wait for a reply that the caller has had: audio that was cut differently, or a noisy
room, may make the server reply to nothing."""


@dataclass(frozen=True, slots=True)
class Write:
    """A message to be written; the outbox has taken it for written.

    Args:
        call: The message.
        entry: What it is in the ledger; None where it is not.
        item: What it is of the realtime input; None where it is not.
        answers: The keys of the calls that it answers.
    """

    call: Call
    entry: Entry | None = None
    item: Input | None = None
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing may be written until a message comes or is sent.

    Args:
        until: When to ask again at the latest; None for no limit.
    """

    until: float | None


@dataclass(frozen=True, slots=True)
class Replay:
    """What a new connection is brought up to date with.

    Args:
        messages: How many messages are written to it.
        maybe_twice: How many of these the server may have had already.
        asked_on: How many cut replies are asked for without sending their turn again.
        told: How many turns of history a fresh session is told.
    """

    messages: int = 0
    maybe_twice: int = 0
    asked_on: int = 0
    told: int = 0


class Outbox:
    """What waits to be written, and in which order.

    Args:
        ledger: The conversation.
        audio_buffer: Seconds of audio that are kept during an outage.
        limit: How much realtime input is kept; ``full`` is "drop" or "raise".
    """

    def __init__(self, ledger: Ledger, *, audio_buffer: float, limit: Limit) -> None:
        self._ledger = ledger
        self.media = Media(seconds=audio_buffer, limit=limit)
        # Whether resumption is transparent: then audio is kept until a handle covers it.
        self.transparent = False
        # Whether realtime input that is written must be kept, so that there must be room for it.
        self.strict = False
        self._limit = limit
        self._seed: Entry | None = None
        self._told = 0
        self._closed = True
        self._connected = False
        # When to stop waiting for an end that closes calls, or for a reply that the caller has had.
        self._patience: float | None = None
        # What the connection is brought up to date with, and the messages of it; None until the
        # calls of the connection before are closed, which may show what the session knows.
        self.replay = Replay()
        self._replayed: set[Entry] | None = None

    @property
    def quiet(self) -> bool:
        """Whether a move would interrupt nothing: neither the model nor the user."""
        return self._ledger.quiet and not self.media.speaking

    @property
    def replaying(self) -> bool:
        """Whether the connection is still being brought up to date."""
        return self._replayed is None or any(entry.to_write for entry in self._replayed)

    def connected(self, seed: list[Any], *, asks: bool, transparent: bool) -> None:
        """Take up a new connection.

        Args:
            seed: The turns that a fresh session is told; empty for none.
            asks: Whether their end is announced by ``turn_complete``; see ``history_config``.
            transparent: Whether transparent resumption was asked for.
        """
        self.transparent = transparent
        self.strict = transparent and self._limit.full == "raise"
        self._closed = False
        self._connected = True
        self._patience = None
        self._seed = self._ledger.seeded(seed, asks=asks) if seed else None
        self._replayed = None
        self._told = len(seed)

    def lost(self) -> Losses:
        """Give up the connection, and return what it has taken from the caller."""
        # What came after the newest handle is not behind it, and before any of this connection
        # there is none that could cover it.
        again = self.transparent and (self._ledger.numbered or not self._ledger.issued)
        cut = self._ledger.lost(speaking=self.media.speaking, again=again)
        self.media.lost(again=again, numbered=self._ledger.numbered)
        self._seed = None
        self._replayed = None
        self._closed = True
        self._connected = False
        return cut

    @property
    def due(self) -> bool:
        """Whether something is to be written to a connection that is up to date: known results."""
        return self._ledger.calls.waiting

    def direct(self, call: Call, *, given: Call) -> Write:
        """Take over a message of the conversation that is written at once, since nothing is due.

        Args:
            call: The message as it is kept.
            given: The message as the caller gave it, to be written so.
        """
        entry = self._ledger.backlog.record(call)
        entry.note(Change.WRITTEN)
        entry.index = self._ledger.number()
        return Write(given, entry=entry)

    def answer(self, results: Sequence[tuple[str, Any]]) -> list[Any]:
        """Take over results of tool calls; return those of them that are to be sent.

        Args:
            results: The function responses, each with the id of the call or its name.
        """
        # The next piece of audio is to be given to the ledger: it follows a result.
        self._ledger.sounding = False
        return [result for key, result in results if self._ledger.calls.answer(key, result)]

    def answered(self, call: Call, results: Sequence[tuple[str, Any]]) -> Write:
        """Note results of tool calls that are written at once, since nothing is due.

        Args:
            call: The message.
            results: The function responses in it, each with the id of the call or its name.
        """
        self._ledger.number()
        return Write(call, answers=tuple(key for key, _ in results))

    def hold_results(self, results: Iterable[Any]) -> None:
        """Keep results of tool calls that cannot be written now.

        Args:
            results: The function responses.
        """
        for result in results:
            self._ledger.calls.hold(result)

    def hold(self, arguments: Mapping[str, Any]) -> None:
        """Keep realtime input that cannot be written now.

        Args:
            arguments: Those of ``send_realtime_input``.

        Raises:
            BufferOverflow: If there is no room, and the oldest is not to be dropped.
        """
        self.media.check_room(arguments)
        item = input_of(arguments, place=self._ledger.backlog.place())
        self.media.hold(item, catching_up=self.transparent and self._connected)

    def streamed(self, arguments: Mapping[str, Any]) -> Write:
        """Note realtime input that is written past the outbox, since nothing is due in it.

        Args:
            arguments: Those of ``send_realtime_input``.

        Raises:
            BufferOverflow: If it would have to be kept, there is no room, and the oldest is not to
                be dropped.
        """
        if self.strict:
            self.media.check_room(arguments)
        item = input_of(arguments, place=self._ledger.backlog.place())
        return Write(Call(REALTIME, arguments), entry=self._written(item), item=item)

    def keep(self, audio: Any) -> None:
        """Note audio that is about to be written in transparent resumption, since nothing is due.

        Args:
            audio: The audio.
        """
        ledger = self._ledger
        self.media.keep(audio, index=ledger.number(), place=ledger.backlog.place())

    def unkeep(self) -> None:
        """Take back what `keep` was told of last: the SDK would not write it."""
        self.media.unkeep(self._ledger.unnumber())

    def restarted(self) -> int:
        """Prepare for a fresh session; return how many spoken turns are lost with the old one."""
        # Its audio goes out in its place: nothing that came after it is told before.
        return self._ledger.restarted(before=self.media.next_place if self.transparent else None)

    def covered(self) -> None:
        """Note a handle that has come."""
        if self._ledger.consumed is None:
            self.media.covered()
        else:
            self.media.consumed(self._ledger.consumed)

    def next(self, now: float) -> Write | Pause | None:
        """Return what is to be written now, what is to be waited for, or None for nothing.

        Args:
            now: The time in seconds.
        """
        if self._seed is not None:
            return self._tell()
        if not self._closed:
            self._closed = True
            closing = self._ledger.close_calls()
            if closing is not None:
                self._ledger.number()
                self._patience = now + CLOSING_TIMEOUT
                return Write(closing)
        if self._ledger.closing:
            if self._patience is not None and now < self._patience:
                return Pause(self._patience)
            self._ledger.stop_closing()
            self._patience = None
        if self._replayed is None:
            self._begin_replay()
        due = self._ledger.calls.due()
        if due:
            self._ledger.number()
            return Write(Call(ANSWER, {"function_responses": [_response(it) for it in due]}))
        if self._ledger.backlog.repeating:
            if self._patience is None:
                self._patience = now + REPEAT_TIMEOUT
            if now < self._patience:
                return Pause(self._patience)
            self._ledger.stop_repeating()
        self._patience = None
        return self._next_in_order(now)

    def failed(self, write: Write) -> None:
        """Take back what could not be written, since the connection is gone.

        Args:
            write: What `next` or `streamed` returned. A message of the conversation needs no
                taking back: it is not covered. Nor does input that has a number.
        """
        if write.item is not None and not self.transparent:
            self.media.put_back(write.item)
            if write.entry is not None:
                self._ledger.backlog.retract(write.entry)

    def refused(self, write: Write) -> None:
        """Forget what the SDK would not write: it is none of the messages of this connection.

        Args:
            write: What `next` returned.
        """
        self._ledger.unnumber()
        if write.item is not None:
            self.media.unwrite(write.item)
        if write.entry is not None:
            self._ledger.backlog.retract(write.entry)
        for key in write.answers:
            self._ledger.calls.unanswered(key)

    # Inside

    def _begin_replay(self) -> None:
        unwritten = self._ledger.backlog.unwritten()
        self._replayed = set(unwritten)
        self.replay = Replay(
            messages=len(unwritten),
            maybe_twice=sum(entry.doubtful and not entry.asks_on for entry in unwritten),
            asked_on=sum(entry.asks_on for entry in unwritten),
            told=self._told,
        )

    def _tell(self) -> Write:
        seed, self._seed = self._seed, None
        assert seed is not None
        self._ledger.number()
        seed.note(Change.WRITTEN)
        return Write(seed.call)

    def _next_in_order(self, now: float) -> Write | Pause | None:
        entry = next(iter(self._ledger.backlog.unwritten()), None)
        place = self.media.next_place
        if place is not None and (entry is None or self._comes_first(place, entry)):
            if self._ledger.calls.awaited:
                return Pause(None)
            item = self.media.next()
            call = Call(REALTIME, item.arguments)
            return Write(call, entry=self._written(item), item=item)
        if entry is None:
            return None
        if entry.respoken:
            # Its audio, which comes before it, has been written.
            self._ledger.respeak(entry)
            return self.next(now)
        return Write(self._ledger.write(entry), entry=entry)

    def _comes_first(self, place: int, entry: Entry) -> bool:
        return self.transparent and place <= entry.place

    def _written(self, item: Input) -> Entry | None:
        """Take an item as written; return the spoken turn that it ends."""
        index = self._ledger.number()
        self.media.written(item, index=index if self.transparent else None)
        ends = item.activity == "activity_end" and not item.again
        return self._ledger.spoke(place=item.place) if ends else None


def _response(due: Any) -> Any:
    """Return a result as it is to be sent: one that is known bears the id of the lost call."""
    return due.result if due.call is None else due.result.model_copy(update={"id": due.call.id})
