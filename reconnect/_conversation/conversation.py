"""The conversation over all its connections: what caller and connections do to its exchanges.

What the server does to them stands in `server`. Nothing here has a clock, a socket, or a message
type of the SDK: messages are read by their attributes, and written as a `Call`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .exchanges import (
    ANSWER,
    CONTENT,
    UPDATE,
    Call,
    Exchange,
    Input,
    Kept,
    Known,
    exchanges_of,
)
from .server import ServerSide
from .speech import Speech
from .state import Line
from .units import Unit

__all__ = ["Conversation", "Losses"]


@dataclass(frozen=True, slots=True)
class Losses:
    """What a lost connection took from the caller.

    Args:
        reply: Whether a part of a reply was shown that will be given anew.
        overtaken: Whether a part of a reply was shown that is not given on, since more was said
            after it.
        ended: Whether a reply was shown that is over, and whose turn never ends.
        calls: The ids of the tool calls that the caller is told to leave.
        turns: How many spoken turns are lost, because no word of them is known.
        audio: Seconds of audio that the session had heard, and nobody has in words.
        told: The places of speech that is told in words, so that its audio is not sent again.
    """

    reply: bool = False
    overtaken: bool = False
    ended: bool = False
    calls: tuple[str, ...] = ()
    turns: int = 0
    audio: float = 0.0
    told: tuple[range, ...] = ()


class Conversation(ServerSide):
    """A conversation over all its connections: what the caller and the connections do to it.

    Its arguments are those of `State`.
    """

    # What the caller does

    def has_room(self, call: Call) -> bool:
        """Tell whether there is room for one more message.

        Where there is none, the oldest exchanges that are over, and that this connection has, are
        let go: a new session is told them, and a session that is resumed may not know them.

        Raises:
            BufferOverflow: If it does not fit and is not to wait, or would never fit.
        """
        messages, held = self._let_go(call.size)
        if self._limit.fits(messages=messages, bytes=held):
            return True
        if self._limit.full == "raise" or call.size > self._limit.bytes:
            what = "messages that no handle covers"
            raise self._limit.overflow(what, messages=messages, bytes=held)
        return False

    def record(self, call: Call) -> Input:
        """Take over a client message that belongs to the conversation."""
        if self.announced and call.method == CONTENT:
            self.announced = not call.asks
            call = Call(CONTENT, {"turns": call.turns, "turn_complete": False})
        heard = self.speech.item is not None and bool(self.speech.item.words)
        if (call.asks or call.turns) and heard and self.newest_open() is None:
            # A model answers all that it has heard together.
            self._take_speech()
        item = Input(call, self.place())
        self._join(item)
        return item

    def retract(self, said: Iterable[Input]) -> None:
        """Forget what was never written: the SDK would not take it."""
        for item in said:
            exchange = self._exchange_of(item)
            if exchange is not None:
                exchange.inputs.remove(item)
                self._settle(exchange)

    def unwrite(self, said: Iterable[Input]) -> None:
        """Note that what was taken for written was not, since the connection is gone.

        What is read from now on is of what was written before.
        """
        for item in said:
            item.index = None
            exchange = self._exchange_of(item)
            if exchange is not None and exchange.over:
                exchange.kept = Kept.NOWHERE

    def _exchange_of(self, item: Input) -> Exchange | None:
        """Return the exchange that an input is of; None if it was let go of, or taken back."""
        return next((it for it in self.exchanges if item in it.inputs), None)

    def speaks(self, *, place: int) -> None:
        """Note that somebody begins to speak, by a mark that was written just now."""
        item = self._listen()
        if item.since is None:
            item.since, item.began = place, self.line.index

    def spoke(self, *, place: int) -> Input:
        """Take over the end of speech, by a mark that was written just now."""
        item = self._listen()
        self._take_speech(place=place)
        return item

    def spoke_before(self, *, place: int) -> None:
        """Note the mark that ends speech of a lost connection, written just now.

        Where that is told in words its reply is over, and the turn that the mark ends is nobody's.
        """
        for item, exchange, _ in self._spoken_places():
            if item.place == place and exchange.over:
                self.line.turn.ending = exchange

    def hushed(self) -> None:
        """Note that nothing is left of speech that has begun: nobody hears of it."""
        self.speech.item = None

    # What is written

    def write(self, unit: Unit) -> Call | None:
        """Take a unit as written, and return what to write; None for nothing."""
        index = self.line.index if unit.call is None else self.number()
        for item in unit.inputs:
            item.index = index
            if item.call is None and unit.call is not None and not unit.exchange.over:
                # Its words take the place of its audio.
                item.call = unit.call
        if unit.exchange.over:
            if unit.inputs[-1] is unit.exchange.inputs[-1]:
                unit.exchange.kept = Kept.CONNECTION
        elif unit.continues or (unit.exchange.again and unit.call is not None):
            unit.exchange.continued = True
        if self.line.announced and unit.call is not None and unit.call.method == CONTENT:
            # The history that the session waits for came too late to be written as it was given.
            self.line.announced = False
            return Call(CONTENT, {**unit.call.arguments, "turn_complete": True})
        return unit.call

    def written(self, item: Input, given: Call) -> Call:
        """Take a message as written that was recorded just now, and return what to write.

        It is written as the caller gave it, but for a history that he had announced where the
        session waits for none any more: it would be taken for a question.
        """
        item.index = self.number()
        exchange = self._exchange_of(item)
        if exchange is not None and exchange.over:
            exchange.kept = Kept.CONNECTION
        if not given.asks or item.call is None or item.call.asks:
            return given
        if not self.line.announced:
            return item.call
        self.line.announced = False
        return given

    def close_calls(self) -> Call | None:
        """Return what closes the tool calls of lost connections; None if there are none."""
        self.line.closed = True
        newest = self.newest
        if newest is None or newest.over or newest.inputs[0].known is Known.NO:
            return None
        responses = self.calls.closing(newest)
        if not responses:
            return None
        self.line.closing = True
        return Call(ANSWER, {"function_responses": responses})

    # What the connection does

    def connected(self, *, seeded: bool, announced: bool = False) -> None:
        """Take up a new connection.

        Args:
            seeded: Whether it is told a history first, so that an earlier handle stands for less.
            announced: Whether its session waits for the history that the caller has announced.
        """
        resumed = self.handle is not None
        self.line = Line(
            self._index_base - 1,
            resumed=resumed,
            closed=not resumed,
            told=not seeded,
            announced=announced,
        )
        for exchange in self.exchanges:
            if resumed and self._wording.untold(exchange):
                exchange.kept = Kept.CONNECTION
                self.past.forgotten += 1

    def lost(
        self, *, speaking: bool = False, kept: int | None = None, covered: float = 0.0
    ) -> Losses:
        """Give up the connection.

        Args:
            speaking: Whether the user has begun to speak, by a mark, and not ended.
            kept: The place from which on audio is written again; None for none.
            covered: Seconds of the audio that was written to it, and that a handle covers.
        """
        showing = self.line.showing
        if not self.line.told:
            # The handle stands for an empty session.
            self.handle = None
        heard = self.speech.item
        unheard = self.speech.covered + max(0.0, covered - self.speech.quiet[0])
        goes_on = self._note_speech(speaking=speaking, again=kept is not None)
        if heard is not None and heard.words and goes_on is None:
            # Of what the handle has nobody else has more, unless there are words for it.
            unheard = 0.0
        self._left += self.calls.lost()
        newest = self.newest
        reply = overtaken = False
        for exchange in self.exchanges:
            if not exchange.over and not (exchange is newest and self._turns):
                # What was said after it has taken its place, or nobody waits for its end.
                exchange.over = True
                # The server would have said that it is interrupted.
                overtaken |= exchange is showing and exchange.shown and exchange is not newest
                self._left += self.calls.over(exchange)
            if not exchange.over:
                reply = exchange.shown
                exchange.take_back()
            if exchange.kept is Kept.CONNECTION:
                exchange.kept = Kept.NOWHERE
            exchange.begun = None
            exchange.speaks = exchange.continued = exchange.again = False
            for item in exchange.inputs:
                item.index = None
                item.began = self._index_base
                speech = item.call is None and item.known is not Known.YES
                item.audio = speech and not exchange.over and _is_kept(item.until, kept)
        ended = showing is not None and showing.over and not reply
        told = tuple(said for _, exchange, said in self._spoken_places() if exchange.over)
        turns = self._lose_speech()
        # It counts the messages of the connection that is gone.
        self.line = Line(self._index_base - 1)
        self.sounding = False
        progress, maybe = self.speech.progress, self.speech.maybe
        before = self._index_base - 1
        self.speech = Speech(progress, before, goes_on, unheard, maybe=maybe)
        self._forget()
        left, self._left = self._left, ()
        return Losses(reply, overtaken, ended, calls=left, turns=turns, told=told)

    def _spoken_places(self) -> Iterator[tuple[Input, Exchange, range]]:
        """Return each speech, its exchange, and the places of its audio, as far as is known."""
        start = self.past.until + 1
        said = [(item, exchange) for exchange in self.exchanges for item in exchange.inputs]
        for item, exchange in sorted(said, key=lambda it: it[0].place):
            if item.call is None:
                first = start if item.since is None else item.since
                yield item, exchange, range(first, item.until + 1)
            start = max(item.place, item.until) + 1

    def _note_speech(self, *, speaking: bool, again: bool) -> Input | None:
        """Make an exchange of what was heard and not answered; return what goes on of it."""
        heard = self.speech.item
        if heard is None:
            return None
        if not speaking and heard.since is None:
            self._take_speech()
            return None
        self.speech.item = None
        if heard.words and not again:
            # The mark of its end is to come. The audio is gone, so the words are told in its place,
            # unless the session has them.
            self._judge(heard)
            told = self.record(Call(CONTENT, {"turns": heard.turns, "turn_complete": False}))
            told.known = heard.known
        if heard.since is None:
            return None
        return Input(None, heard.place, since=heard.since, began=self._index_base)

    def _lose_speech(self) -> int:
        """Let go of speech of which nobody has the words, nor the audio; return how many turns.

        So may the session that is resumed, and then the model can be asked to continue: but not
        where something is to be sent again with it.
        """
        lost = 0
        for exchange in list(self.exchanges):
            # Of what a number covers in part it does not cover all.
            alone = not self.numbered and (exchange.over or len(exchange.inputs) == 1)
            gone = [
                item
                for item in exchange.inputs
                if item.call is None and not item.words and not item.audio
                if item.known is Known.NO or (item.known is Known.MAYBE and not alone)
            ]
            for item in gone:
                exchange.inputs.remove(item)
            lost += bool(gone)
            if gone and exchange.reply and not exchange.asks:
                # Whatever it answers, the reply is told.
                gone[-1].known = Known.YES
                exchange.inputs = sorted([*exchange.inputs, gone[-1]], key=lambda it: it.place)
            elif gone:
                self._settle(exchange)
        return lost

    def _settle(self, exchange: Exchange) -> None:
        """Let go of an exchange of which no question is left, but for the context in it."""
        if not exchange.asks:
            place = self.exchanges.index(exchange)
            self.exchanges[place : place + 1] = exchanges_of(exchange.inputs)

    def restarted(self, *, kept: int | None = None, gone: int = 0) -> Losses:
        """Drop the handle: the next session is a new one, and is told the past.

        Return what is lost with the session that had heard it.

        Args:
            kept: The place from which on audio is written; None for none.
            gone: The place up to which audio is not kept; 0 for none.
        """
        self.handle = None
        # What was let go of is told with the past.
        self.past.forgotten = 0
        self.calls.restarted()
        for exchange in self.exchanges:
            exchange.kept = Kept.NOWHERE
            for item in exchange.inputs:
                item.known = Known.NO
        told, cut = [], 0
        for item, _, said in self._spoken_places():
            if item.audio and said.start <= gone:
                # The beginning is gone: it is told in words, or else what is left of it is said.
                item.audio = not item.words and _is_kept(item.until, kept)
                told += [] if item.audio else [said]
                # A mark is no part of what was said.
                cut += item.audio and said.start + (item.since is not None) <= gone
        turns = self._lose_speech() + cut
        while self.exchanges and self.exchanges[0].over:
            if _is_kept(self.exchanges[0].place, kept):
                break
            self.past.add(self.exchanges.pop(0))
        updates = self.past.take_updates()
        if updates:
            self.exchanges[:0] = exchanges_of([Input(Call(UPDATE, updates), 0)])
        unheard, self.speech.covered, self.speech.maybe = self.speech.covered, 0.0, False
        return Losses(turns=turns, audio=unheard, told=tuple(told))


def _is_kept(place: int, kept: int | None) -> bool:
    """Tell whether the audio of a place is kept, of which that from a place on is."""
    return kept is not None and place >= kept
