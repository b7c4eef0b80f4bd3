"""What the server does to a conversation: its messages, read one by one.

Which exchange output is of is decided here. What an end does, and what a handle covers, stands in
`ends`.
"""

from __future__ import annotations

from typing import Any, Final

from .copies import copy_of
from .ends import Ends
from .exchanges import (
    ENDS,
    Effect,
    End,
    Exchange,
    Known,
    ToolCall,
)
from .messages import Received, ends_turn
from .past import HISTORY_LIMIT

__all__ = ["ServerSide"]

_WORDS_LIMIT: Final = 100
"""Pieces that words are kept in; more are joined, and kept as far as a new session is told them."""


class ServerSide(Ends):
    """A conversation as the server sees it: what it says changes the state here alone."""

    def goes_on(self, content: Any) -> bool:
        """Read a message that is no more than a piece of a reply; return whether it was one."""
        exchange, turn = self.line.showing, content.model_turn
        if exchange is None or not exchange.speaks or turn is None:
            return False
        for part in turn.parts or ():
            if part.inline_data is not None:
                self.sounding = True
            elif part.text and not part.thought:
                _add(exchange.reply, part.text)
        return True

    def received(self, message: Any) -> Received | None:
        """Read a server message; return what it was, None for no more than a part of a reply."""
        content = message.server_content
        hidden = over = covered = False
        unseen: tuple[int, ...] = ()
        if content is not None:
            over = ends_turn(message)
            hidden = self._content(content, over=over)
        if message.tool_call is not None:
            unseen = self._called(message.tool_call.function_calls or [])
        if message.tool_call_cancellation is not None:
            self.calls.cancel(message.tool_call_cancellation.ids or ())
        update = message.session_resumption_update
        # `resumable=false` means "not at this point", with an empty handle or with one that does
        # not work: the last good handle still works. To overwrite it is to lose the conversation.
        if update is not None and update.new_handle and update.resumable is not False:
            covered = True
            self.handle = update.new_handle
            self._covered(update.last_consumed_client_message_index)
        left, self._left = self._left, ()
        back, self._back = self._back, False
        ended = message.tool_call_cancellation is not None or message.go_away is not None
        if not (over or covered or left or ended) and message.tool_call is None:
            return None
        return Received(over and not hidden, hidden, covered, unseen, left, back)

    def _content(self, content: Any, *, over: bool) -> bool:
        """Read the content of a server message; return whether the caller is not shown it."""
        heard, said = content.input_transcription, content.output_transcription
        if heard is not None and heard.text:
            self._heard(heard.text)
        if content.model_turn is not None:
            self._said(content)
        if said is not None and said.text:
            self._transcribed(said.text)
        if content.interrupted:
            self._end(End.INTERRUPTED)
        if content.generation_complete:
            self._end(End.GENERATED)
        hidden = over and self._end(End.EMPTY if self.line.turn.came is None else End.TURN)
        if content.turn_complete and not over:
            # The model thinks on, or waits for a tool: what ends is the turn, and no reply.
            self._turn_over()
        if over and not hidden:
            self.line.showing = None
        return hidden

    # Output

    def _heard(self, text: str) -> None:
        """Note words of what somebody says."""
        if self._hears_told:
            return
        # Before the reply to what was said first is over somebody may have spoken again.
        said = [it for each in self.exchanges if not each.over for it in each.inputs]
        item = next((it for it in said if it.call is None and (it.audio or not it.words)), None)
        if item is None and said and said[-1].call is None:
            item = said[-1]
        if item is None:
            item = self._listen()
            item.index = self.line.index
        elif item.index is None and not item.audio:
            # The handle may have its beginning; now the session has all of it.
            item.index = self.line.index
        if item.audio:
            # It is transcribed anew, as far as it has come now.
            item.words.clear()
            item.audio, item.until = False, max(item.until, self.speech.place)
        _add(item.words, text)
        current = self.current
        if current is not None and current.again and current.begun is None:
            # What is heard after an empty end asks again.
            current.continued = True

    def _output(self, *, calls: bool = False) -> Exchange:
        """Note output of a reply, or calls, and return the exchange that is replied to."""
        line = self.line
        exchange = self._replied_to(calls=calls)
        turn = line.turn
        turn.ending = None
        line.closing = False
        # Whoever replies waits for no history.
        self.announced = line.announced = False
        if turn.came is None:
            turn.came = line.index
        first = exchange.begun is None
        heard = self.speech.unmarked
        if heard is not None and exchange is self.newest_open():
            # Heard before the first word: the model takes it together with what was written, and
            # has it when it has that, as far as nobody counts.
            written = exchange.inputs[-1]
            _, number, _ = self.speech.progress()
            self._take_speech()
            if first and not number:
                heard.index, heard.known = written.index, max(heard.known, written.known)
        if not exchange.speaks:
            self.calls.take_up(exchange, turn=turn.number, passing=not calls)
        if first:
            exchange.begun = line.index
            other = self.speech.reply()
            late = self.calls.late()
            if late not in (None, turn.late) and exchange.first_number > line.answered:
                self.calls.outrun(late, turn=turn.number)
                other = True
            turn.unsure = exchange if other else None
            self._leave_waiting(exchange)
            turn.doubtful &= exchange.known is not Known.YES
            proved = next((it for it in exchange.inputs if it.index is not None), None)
            if not (turn.doubtful or other):
                line.evident = max(line.evident, (proved or exchange).place)
        if not calls:
            exchange.shown, line.showing = True, exchange
        return exchange

    def _replied_to(self, *, calls: bool) -> Exchange:
        """Return the exchange that output belongs to, or calls."""
        turn, current = self.line.turn, self.current
        if turn.late is None:
            turn.late = self._late(current, calls=calls)
            if current is not None and turn.came is not None and not current.shown:
                # It may as well be what the model says beside a tool that runs.
                turn.unsure = turn.late
        if turn.late is not None:
            return turn.late
        if current is None:
            return self._opened()
        if turn.came is None:
            return self._past_tools(current)
        if current.begun is None and current.first_number > turn.came:
            # It was said since the turn began, which is of what was said before.
            return self._newest_again() or current
        return current

    def _late(self, current: Exchange | None, *, calls: bool) -> Exchange | None:
        """Return the exchange that is over, and whose late result output answers, or calls."""
        came = self.line.turn.came
        begins = came is None
        runs = False
        if current is None:
            if not begins:
                return None
        else:
            # The model says nothing to what it is at before its own tools have run, but what it
            # said it would when it called them; if it calls more it goes on with that.
            runs = current.runs
            works = not current.speaks and (runs or any(it.untaken for it in current.calls))
            given = came is None or self.line.answered >= came
            if calls or not works or not given:
                return None
        late = self.calls.late(idle=begins or not runs, begins=begins)
        if late is None or self.speech.ended or self._said_since(self.line.answered):
            # Whatever was said after a result is answered with it, or in its place.
            return None
        newest = self.newest
        waits = newest is not None and newest.written and newest.begun is None
        if begins and waits and newest is not current:
            # It was said before the result, has interrupted the model, and is answered first.
            return None
        return late

    def _opened(self) -> Exchange:
        """Return the exchange that output opens, or opens again, where none is under way."""
        newest = self.newest
        if newest is not None and not newest.over and self._picks_up(newest):
            newest.continued = True
            self.line.turn.doubtful = newest.known is not Known.YES
            return newest
        again = None if self.speech.ended else self._newest_again()
        return again or self._take_speech()

    def _newest_again(self) -> Exchange | None:
        """Open the newest exchange again that is over; None if there is none."""
        over = next((it for it in reversed(self.exchanges) if it.asks and it.over), None)
        if over is not None:
            over.reopen()
            # Nobody asked this connection for it where it is a resumed session's.
            over.continued |= not over.written
        return over

    def _picks_up(self, exchange: Exchange) -> bool:
        """Tell whether a resumed session goes on by itself, or after its calls were closed."""
        known = self.line.closing or exchange.known is Known.YES
        return self.line.resumed and known and not exchange.written

    def _past_tools(self, exchange: Exchange) -> Exchange:
        """Return the exchange that a turn begins for: the model waits for no tool before it."""
        written = [it for it in self.exchanges if not it.over and it.written]
        for following in written[written.index(exchange) + 1 :]:
            if ENDS[End.NEXT, self._progress(exchange)] is not Effect.CUT:
                break
            self._finish(exchange, cut=True)
            exchange = following
        heard = self.speech.unmarked is not None
        if heard and exchange.runs and ENDS[End.NEXT, self._progress(exchange)] is Effect.CUT:
            # What is heard after a result is answered with it, unless more tools run.
            self._finish(exchange, cut=True)
            return self._take_speech()
        return exchange

    def _said(self, content: Any) -> None:
        exchange = self._output()
        exchange.speaks = True
        self.goes_on(content)

    def _transcribed(self, text: str) -> None:
        newest, turn = self.newest, self.line.turn
        ended = turn.ending
        if self.current is None and not self.speech.ended and newest is not None and newest.over:
            # After calls they are taken for the answer to a result, a turn of its own.
            tools = newest.calls or turn.late or self.calls.late()
            ended = ended if tools else newest
        if ended is not None and ended.over:
            # The words of a reply may come after its end, and then prove nothing.
            _add(ended.reply, text)
            return
        exchange = self._output()
        # They may be of what was said before a call that the model waits for.
        exchange.speaks |= not exchange.runs
        _add(exchange.reply, text)

    # Tools

    def _called(self, calls: list[Any]) -> tuple[int, ...]:
        """Take over tool calls; return which of them the caller is not shown."""
        turn = self.line.turn
        if self.line.closing and turn.late is None:
            # What closed the newest calls reached a session that has only what was asked before.
            turn.late = self.calls.repeated(calls)
        exchange = self._output(calls=True)
        exchange.speaks = False
        unseen = []
        for number, call in enumerate(calls):
            # A copy: the caller may change what it is handed, and the call is known again by it.
            arguments = copy_of(call.args or {})
            made = ToolCall(call.id, call.name, arguments, exchange, turn=turn.number)
            if self.calls.made(made):
                self.line.showing = exchange
            else:
                unseen.append(number)
        if unseen and turn.doubtful:
            # It calls the same again, and so has the first question; who knows of the others.
            self._prove_first(exchange)
            turn.doubtful = False
        return tuple(unseen)

    def answered(self) -> None:
        """Note that results were given: the model goes on after them, unless they are silent."""
        # The next piece of audio follows a result: it is to be looked at.
        self.sounding = False
        self.line.answered = self.line.index
        current, turn = self.current, self.line.turn
        other = turn.late or turn.ending
        ended = turn.came is None or other not in (None, current, turn.unsure)
        calls = [] if current is None else current.live_calls
        if current is not None and ended and calls and calls[-1].scheduling == "SILENT":
            # Its turn has ended, and no other will.
            self._effect(End.TURN, current)


def _add(words: list[str], text: str) -> None:
    words.append(text)
    if len(words) > _WORDS_LIMIT:
        words[:] = ["".join(words)[-HISTORY_LIMIT:]]
