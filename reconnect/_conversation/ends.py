"""What the server says of an end, and of what a handle covers.

What an end does is looked up in `exchanges.ENDS`; what a handle has of the inputs is noted in one
place, `_covered`, by the table with which `exchanges` opens.
"""

from __future__ import annotations

from .exchanges import ENDS, Effect, End, Exchange, Input, Kept, Known, exchanges_of
from .state import State, Turn

__all__ = ["Ends"]


class Ends(State):
    """A conversation whose replies end, and of which handles have more and more."""

    def _end(self, end: End) -> bool:
        """Note an end; return whether the caller is not shown it."""
        line = self.line
        hidden = False
        # What it is of is over already, or goes on with another turn.
        turn = line.turn
        before = turn.late or turn.ending
        if end is End.INTERRUPTED and not self._spoken_since_result:
            # The newest result has, though the model may have said something before it came.
            crossed = self.calls.leave_newest()
            if crossed is not None and crossed is turn.ending:
                crossed.reopen()
        if before is None or (end is End.GENERATED and turn.late is None):
            exchange = self.current
            hidden = self._effect(end, exchange)
            if exchange is not None:
                exchange.speaks = False
        elif end is End.INTERRUPTED and not self._hears_told:
            self._part_last(before)
            if self.current is None:
                self._listen()
        elif end in (End.TURN, End.EMPTY):
            # Nothing of it was shown: every call in it was hidden, or nobody has asked.
            hidden = line.showing is None and (turn.came is not None or self._hears_told)
        if turn.late is not None and end is not End.INTERRUPTED:
            turn.late.speaks = False
            turn.ending, turn.late = turn.late, None
        if end in (End.TURN, End.EMPTY):
            self._turn_over()
        return hidden

    @property
    def _hears_told(self) -> bool:
        """Whether the session hears the rest of speech that it is told in words, and answers it."""
        ended = self.line.turn.ending
        return ended is not None and ended.over and ended.begun is None

    @property
    def _spoken_since_result(self) -> bool:
        """Whether anybody may have spoken since the newest result was given."""
        return self.speech.under_way or self._said_since(self.line.answered)

    def _turn_over(self) -> None:
        """Note that what comes next is of another turn, whether or not a reply is over."""
        # A late result may be answered further where the model thinks on.
        turn = self.line.turn
        self.line.turn = Turn(turn.number + 1, late=turn.late)
        self.sounding = False

    def _effect(self, end: End, exchange: Exchange | None) -> bool:
        """Do what an end does to an exchange; return whether the caller is not shown it."""
        line = self.line
        effect = ENDS[end, self._progress(exchange)]
        if effect is Effect.SPEECH:
            self._listen()
            line.turn.came = line.index
        turn_over = end in (End.TURN, End.EMPTY)
        if exchange is None:
            # The end of what was begun before the resume, and nobody is waiting for.
            leftover = line.resumed and line.turn == Turn()
            return turn_over and (self._closes() or leftover)
        if end is End.INTERRUPTED or (end is End.GENERATED and effect is Effect.WHOLE):
            line.turn.ending = exchange
        if effect is Effect.NOTHING:
            # The end of a turn in which every call was hidden is hidden as well.
            return turn_over and line.turn.came is not None and line.showing is None
        if effect is Effect.EMPTY:
            if self._closes():
                return True
            unseen = not line.turn.number or exchange.calls
            if line.resumed and unseen and not exchange.again:
                # A session that waits on a call that nobody saw gives such an end to whatever it
                # is sent first.
                exchange.again, exchange.continued, exchange.begun = True, False, None
                # What was shown of it answers what closed lost calls, and perhaps nothing else.
                self._back = exchange.shown
                exchange.take_back()
                return True
        # What was not taken up by now never is.
        self.calls.take_up(exchange, turn=line.turn.number + 1)
        if effect is Effect.CUT and self._part_last(exchange):
            return False
        if effect is Effect.CUT and exchange is self.newest:
            # Nothing that was written has interrupted it.
            self._listen()
        self._finish(exchange, cut=effect is Effect.CUT)
        if effect is Effect.WHOLE and self.speech.item is None:
            # What was heard by now was no speech; nobody knows of what has cut a reply off.
            self.speech.over()
        return False

    def _part_last(self, exchange: Exchange) -> bool:
        """Part the last thing that was said from a reply that was interrupted by it.

        So it was if it was sent before the first word, since the reply does not answer it then, and
        nothing was said after that. If nothing else was asked, the reply is to a late result, or to
        what was spoken and left no trace: return whether it is none to the exchange.
        """
        unsure = self.line.turn.unsure
        has = [it for it in exchange.inputs if it.index is not None or it.known is not Known.NO]
        asked = [item for item in has if item.asks]
        begun = -1 if exchange.begun is None else exchange.begun
        since = any(it.last_number > begun for it in self.exchanges if it is not exchange)
        since |= self.speech.item is not None or self.speech.replied != self.speech.progress()
        since |= exchange is unsure and exchange.last_number < begun
        if since or exchange is not self.newest:
            return False
        if len(asked) > 1:
            self._part(exchange, exchange.inputs[exchange.inputs.index(asked[-1]) :])
            return False
        other = exchange is unsure
        if other:
            exchange.take_back()
            exchange.reopen()
            exchange.begun = None
        return other

    def _part(self, exchange: Exchange, later: list[Input]) -> None:
        """Make an exchange of their own of those inputs that the reply does not answer.

        It answers something: where that would be all of them, none is parted.
        """
        answered = [item for item in exchange.inputs if item not in later]
        if not (later and answered):
            return
        exchange.inputs = answered
        place = self.exchanges.index(exchange) + 1
        parted = exchanges_of(later)
        self.exchanges[place:place] = parted
        last = parted[-1]
        if last.asks:
            # Of which the lost calls were nobody knows: they stand until the last is over.
            last.calls = [call for call in exchange.calls if not call.live]
            exchange.calls = exchange.live_calls
            for call in last.calls:
                call.exchange = last

    def _leave_waiting(self, exchange: Exchange) -> None:
        """Part what is still to be written from a reply: it answers none of that."""
        # Of what it goes on with by itself the session may have all but what it cannot have.
        least = Known.MAYBE if exchange.continued else Known.YES
        waiting: list[Input] = []
        for item in exchange.inputs:
            if item.index is not None:
                # What is before it has nothing that could be written: speech without words.
                waiting.clear()
            elif item.known < least:
                waiting.append(item)
        self._part(exchange, waiting)

    def _closes(self) -> bool:
        """Take an empty end for the one that closes lost calls, if it is awaited."""
        if not self.line.closing:
            return False
        self.line.closing = False
        if self.newest is not None:
            self._prove(self.newest)
        return True

    def _prove(self, exchange: Exchange) -> None:
        """Note that the session has all of an exchange that it may have."""
        places = [item.place for item in exchange.inputs if item.known is not Known.NO]
        self._have(max(places, default=-1))

    def _prove_first(self, exchange: Exchange) -> None:
        """Note that the session has the first question of an exchange; part those after it."""
        places = (it.place for it in exchange.inputs if it.asks and it.known is not Known.NO)
        self._have(next(places, -1))
        self._part(exchange, [it for it in exchange.inputs if it.known is not Known.YES])

    def _finish(self, exchange: Exchange, *, cut: bool) -> None:
        """Note that a reply is over, and that its turn is evidence of all that was asked.

        Where it is cut that is no evidence of context that came after the last question.
        """
        self._leave_waiting(exchange)
        exchange.over, exchange.kept = True, Kept.CONNECTION
        asked = [item for item in exchange.inputs if item.asks]
        proved = asked[-1].place if cut and asked else exchange.place
        self.line.evident = max(self.line.evident, proved)
        self._left += self.calls.over(exchange)

    # Handles

    def _heard_whole(self, exchange: Exchange, item: Input) -> bool:
        """Tell whether a session that has the beginning of speech has replied to it.

        Whoever replies has heard it all: what the handle does not cover of it is silence.
        """
        speech = item.call is None and item.known is not Known.NO
        replied = exchange.begun is not None and exchange.begun >= (item.index or 0)
        return speech and replied

    def _covered(self, consumed: int | None) -> None:
        """Note what the handle that has just come covers."""
        line = self.line
        line.consumed = consumed
        line.issued |= consumed is not None or line.index >= self._index_base
        self.numbered |= consumed is not None
        self.speech.maybe = consumed is None and self.speech.under_way
        self.calls.covered(closed=line.closed and not line.closing)
        newest = None
        for exchange in self.exchanges:
            # A reply that is replayed has the number of its last question.
            covered = True
            for item in exchange.inputs:
                if item.index is None:
                    continue
                if consumed is None:
                    covered = item.place <= line.evident
                    item.known = max(item.known, Known.YES if covered else Known.MAYBE)
                else:
                    self._cover(item, consumed)
                    covered = item.index <= consumed or self._heard_whole(exchange, item)
                    item.known = Known.YES if covered else item.known
                if covered:
                    newest = item.place
            if exchange.kept and exchange.known is Known.YES and covered:
                exchange.kept = Kept.HANDLE
        if not self.exchanges or self.exchanges[0].known is Known.YES:
            # What was let go of came before.
            self.past.forgotten = 0
        # The history that a session is told is its first message.
        line.told |= line.evident > 0 if consumed is None else consumed >= self._index_base
        if newest is not None:
            self._have(newest)
        self._forget()
