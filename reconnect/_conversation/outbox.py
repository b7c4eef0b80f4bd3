"""The outbox: what is written to a connection next.

Pure: the time comes in as ``now``, in seconds. The driver asks what is due, writes it and asks
again, until nothing is. The order:

1. A new session is told the history first.
2. The tool calls of the connection before are closed, where a resumed session may wait for them,
   and the empty end that this causes is waited for, though not long: on some models it never comes.
3. Results of tool calls come before everything else: the model waits for them.
4. In transparent resumption all goes out in the order in which the caller sent it. Elsewhere the
   messages of the conversation go first, and then the audio of the outage.
5. No realtime input that waited runs into an open tool call: that can end the session (1008).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from .chunks import END, START, Chunk, chunk_of
from .conversation import Conversation, Losses
from .exchanges import ANSWER, CONTENT, REALTIME, Call, Input, Known
from .media import Media

__all__ = ["Outbox", "Pause", "Replay", "Write"]

CLOSING_TIMEOUT: Final = 1.0
"""Seconds to wait for the empty turn_complete with which some models close lost tool calls."""


@dataclass(frozen=True, slots=True)
class Write:
    """A message to be written; the outbox has taken it for written.

    Args:
        call: The message.
        said: The inputs of the conversation that it brings.
        chunk: What it is of the realtime input; None where it is not.
        answers: The results in it.
    """

    call: Call
    said: Sequence[Input] = ()
    chunk: Chunk | None = None
    answers: Sequence[Any] = ()


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
        maybe_twice: How many inputs in these the server may have had already.
        continued: How many cut replies the model is asked to continue.
        told: How many turns of history a fresh session is told.
        forgotten: How many exchanges it may not know, and is not told.
    """

    messages: int = 0
    maybe_twice: int = 0
    continued: int = 0
    told: int = 0
    forgotten: int = 0


class Outbox:
    """What waits to be written, and in which order."""

    def __init__(self, conversation: Conversation, media: Media) -> None:
        self.conversation = conversation
        self.media = media
        # Whether resumption is transparent: then audio is kept until a handle covers it.
        self.transparent = False
        self._seed: Call | None = None
        self._connected = False
        # When to stop waiting for an end that closes calls.
        self._patience = 0.0
        # What the connection is brought up to date with, and the place of the last of it; None
        # until lost calls are closed, which may show what the session knows.
        self.replay = Replay()
        self._until: int | None = None

    @property
    def strict(self) -> bool:
        """Whether realtime input that is written must be kept, so that there must be room."""
        return self.transparent and self.media.raises

    @property
    def quiet(self) -> bool:
        """Whether a move would interrupt nothing: neither the model nor the user."""
        return self.conversation.quiet and not self.media.speaking

    @property
    def replaying(self) -> bool:
        """Whether the connection is still being brought up to date."""
        if self._until is None:
            return True
        return any(unit.place <= self._until for unit in self.conversation.unwritten())

    def connected(
        self, seed: list[Any], *, asks: bool, transparent: bool, announced: bool = False
    ) -> None:
        """Take up a new connection.

        Args:
            seed: The turns that a fresh session is told; empty for none.
            asks: Whether their end is announced by ``turn_complete``; see ``history_config``.
            transparent: Whether transparent resumption was asked for.
            announced: Whether the session waits for the history that the caller has announced.
        """
        self.transparent = transparent
        self._connected = True
        self._seed = Call(CONTENT, {"turns": seed, "turn_complete": asks}) if seed else None
        self._until = None
        self.replay = Replay(told=len(seed))
        self.conversation.connected(seeded=bool(seed), announced=announced)

    def lost(self) -> Losses:
        """Give up the connection, and return what it has taken from the caller."""
        # What came after the newest handle is not behind it, and before any of this connection
        # there is none that could cover it.
        conversation = self.conversation
        again = self.transparent and (conversation.numbered or not conversation.line.issued)
        losses = conversation.lost(
            speaking=self.media.speaking,
            kept=self.media.kept_from if again else None,
            covered=self.media.line.covered,
        )
        self.media.lost(again=again, numbered=conversation.numbered, told=losses.told)
        self._connected = False
        if conversation.handle is None:
            # It was none that could stand for the conversation.
            return replace(losses, turns=losses.turns + self.restarted())
        return losses

    def direct(self, call: Call, *, given: Call) -> Write:
        """Take over a message of the conversation that is written at once, since nothing is due.

        It is kept as ``call``, and written as the caller has given it.
        """
        item = self.conversation.record(call)
        return Write(self.conversation.written(item, given), said=(item,))

    def answer(self, results: Sequence[Any]) -> list[Any]:
        """Take over results of tool calls; return those of them that are to be sent."""
        wanted = [result for result in results if self.conversation.calls.answer(result)]
        self.conversation.answered()
        return wanted

    def answered(self, call: Call, results: Sequence[Any]) -> Write:
        """Note results of tool calls that are written at once, since nothing is due."""
        self.conversation.number()
        return Write(call, answers=results)

    def hold_results(self, results: Iterable[Any]) -> None:
        """Keep results of tool calls that cannot be written now."""
        self.conversation.calls.hold(results)

    def hold(self, arguments: Mapping[str, Any]) -> None:
        """Keep realtime input that cannot be written now.

        Raises:
            BufferOverflow: If there is no room, and the oldest is not to be dropped.
        """
        chunk = chunk_of(arguments, place=self.conversation.place())
        self.media.check_room(chunk)
        self.media.hold(chunk, catching_up=self.transparent and self._connected)

    def streamed(self, arguments: Mapping[str, Any]) -> Write:
        """Note realtime input that is written past the outbox, since nothing is due in it.

        Raises:
            BufferOverflow: If it would have to be kept, there is no room, and the oldest is not to
                be dropped.
        """
        chunk = chunk_of(arguments, place=self.conversation.place())
        if self.transparent:
            self.media.check_room(chunk)
        return self._stream(chunk, arguments, place=chunk.place)

    def keep(self, audio: Any) -> None:
        """Note audio that is about to be written at once, in transparent resumption."""
        # Number and place in place: with each frame a call more is felt.
        conversation = self.conversation
        line = conversation.line
        line.index = index = line.index + 1
        conversation.placed = place = conversation.placed + 1
        self.media.line.keep(audio, index, place)

    def restarted(self) -> int:
        """Prepare for a fresh session; return how many spoken turns are lost with the old one."""
        # Its audio goes out in its place: nothing that came after it is told before.
        kept = self.media.kept_from if self.transparent else None
        losses = self.conversation.restarted(kept=kept, gone=self.media.gone)
        self.media.restarted(told=losses.told, unheard=losses.audio)
        return losses.turns

    def covered(self) -> None:
        """Note a handle that has come."""
        consumed = self.conversation.line.consumed
        if consumed is None:
            self.media.line.cover()
        else:
            self.media.line.consumed(consumed)

    def next(self, now: float) -> Write | Pause | None:
        """Return what is to be written now, what is to be waited for, or None for nothing."""
        conversation = self.conversation
        if self._seed is not None:
            seed, self._seed = self._seed, None
            conversation.number()
            return Write(seed)
        if not conversation.line.closed:
            closing = conversation.close_calls()
            if closing is not None:
                conversation.number()
                self._patience = now + CLOSING_TIMEOUT
                return Write(closing)
        if conversation.line.closing:
            if now < self._patience:
                return Pause(self._patience)
            # Nobody knew them, or the model ignores what comes late: the doubt stays.
            conversation.line.closing = False
        due = conversation.calls.due()
        if due:
            conversation.answered()
            conversation.number()
            return Write(Call(ANSWER, {"function_responses": due}), answers=due)
        if conversation.line.turn.doubtful:
            # Whatever is written now would interrupt what may be the answer.
            return Pause(None)
        if self._until is None:
            self._begin_replay()
        return self._next_in_order(now)

    def failed(self, write: Write) -> None:
        """Take back what could not be written, since the connection is gone.

        What has a number needs no taking back: a handle says whether it covers it.
        """
        self.conversation.calls.hold(write.answers)
        if self.transparent:
            return
        self.conversation.unwrite(write.said)
        if write.chunk is not None:
            self.media.put_back(write.chunk)
            self.conversation.retract(write.said)

    def refused(self, write: Write) -> None:
        """Forget what the SDK would not write: it is none of the messages of this connection."""
        number = self.conversation.unnumber()
        if self.transparent:
            self.media.line.refused(number)
        elif write.chunk is not None:
            self.media.line.unwritten(write.chunk)
        self.conversation.retract(write.said)
        for result in write.answers:
            self.conversation.calls.unanswered(result)

    # Inside

    def _begin_replay(self) -> None:
        units = self.conversation.unwritten()
        self._until = max((unit.place for unit in units), default=0)
        self.replay = replace(
            self.replay,
            messages=sum(unit.call is not None for unit in units),
            maybe_twice=sum(
                item.known is Known.MAYBE and not item.audio
                for unit in units
                for item in unit.inputs
            ),
            continued=sum(unit.continues for unit in units),
            forgotten=self.conversation.past.take_forgotten(),
        )

    def _next_in_order(self, now: float) -> Write | Pause | None:
        unit = next(iter(self.conversation.unwritten()), None)
        first = self.media.first
        if first is not None and (unit is None or (self.transparent and first.place <= unit.place)):
            if self.conversation.calls.awaited:
                return Pause(None)
            chunk = self.media.next()
            if self._is_empty(chunk):
                # Whoever is asked by nothing answers what was asked before.
                self.media.next()
                self.conversation.hushed()
                return self.next(now)
            # Where all does not go out in order, what is heard comes after what is written.
            place = chunk.place if self.transparent else self.conversation.place()
            return self._stream(chunk, chunk.arguments, place=place)
        if unit is None:
            return None
        call = self.conversation.write(unit)
        # Speech whose audio, which comes before it, has been written.
        return self.next(now) if call is None else Write(call, said=unit.inputs)

    def _is_empty(self, chunk: Chunk) -> bool:
        """Tell whether a chunk begins speech of which all audio is lost, and that is over."""
        if self.transparent or self.conversation.speech.covered or chunk.activity != START:
            return False
        following = self.media.first
        return following is not None and following.activity == END

    def _stream(self, chunk: Chunk, arguments: Mapping[str, Any], *, place: int) -> Write:
        """Take a chunk as written at a place, with the speech that it ends, if it does."""
        index = self.conversation.number()
        self.media.line.written(chunk, index if self.transparent else None)
        said: tuple[Input, ...] = ()
        if chunk.activity == START and not chunk.again:
            self.conversation.speaks(place=place)
        elif chunk.activity == END and not chunk.again:
            said = (self.conversation.spoke(place=place),)
        elif chunk.activity == END:
            self.conversation.spoke_before(place=place)
        return Write(Call(REALTIME, arguments), said=said, chunk=chunk)
