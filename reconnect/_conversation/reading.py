"""What the server does to a conversation: its messages, read one by one.

What a message says of an end is looked up in `exchanges.ENDS`; what a handle has of the inputs is
noted in one place, `_covered`.
"""

from __future__ import annotations

from typing import Any, Final

from .calls import ToolCall
from .exchanges import (
    ENDS,
    Effect,
    End,
    Exchange,
    Known,
    Over,
    Progress,
)
from .messages import Received, ends_turn
from .past import HISTORY_LIMIT
from .state import State

__all__ = ["Reading"]

_WORDS_LIMIT: Final = 100
"""Pieces that words are kept in; more are joined, and kept as far as a new session is told them."""


class Reading(State):
    """A conversation as the server sees it: what it says changes the state here alone."""

    def received(self, message: Any) -> Received | None:
        """Read a server message; return what it was, None for no more than a part of a reply.

        Args:
            message: A ``LiveServerMessage``.
        """
        content = message.server_content
        hidden = over = False
        unseen: list[int] = []
        if content is not None:
            over = ends_turn(message)
            hidden = self._content(content, over=over)
        if message.tool_call is not None:
            unseen = self._called(message.tool_call.function_calls or ())
        if message.tool_call_cancellation is not None:
            self.calls.cancel(message.tool_call_cancellation.ids or ())
        update = message.session_resumption_update
        # `resumable=false` means "not at this point", with an empty handle or with one that does
        # not work: the last good handle still works. To overwrite it is to lose the conversation.
        covered = False
        if update is not None and update.new_handle and update.resumable is not False:
            covered = True
            self.handle = update.new_handle
            self._covered(update.last_consumed_client_message_index)
        left, self._left = tuple(self._left), []
        notable = over or hidden or covered or unseen or left or message.go_away is not None
        if not notable and message.tool_call is None and message.tool_call_cancellation is None:
            return None
        return Received(
            over=over and not hidden,
            hidden=hidden,
            covered=covered,
            unseen=tuple(unseen),
            left=left,
        )

    def _content(self, content: Any, *, over: bool) -> bool:
        """Read the content of a server message; return whether the caller is not shown it."""
        heard, said = content.input_transcription, content.output_transcription
        if heard is not None and heard.text:
            self._heard(heard.text)
        if content.model_turn is not None:
            self._said(content.model_turn.parts or ())
        if said is not None and said.text:
            self._transcribed(said.text)
        if content.interrupted:
            self._end(End.INTERRUPTED)
        if content.generation_complete:
            self._end(End.GENERATED)
        hidden = over and self._end(End.TURN)
        if over and not hidden:
            self._showing = None
        return hidden

    def _heard(self, text: str) -> None:
        current = self.current
        if current is None or current.inputs[-1].call is not None:
            self._words_at = self._index
            _add(self._words, text)
            return
        item = current.inputs[-1]
        if item.audio:
            # It is transcribed anew.
            item.words.clear()
            item.audio = False
        _add(item.words, text)

    def _output(self) -> Exchange:
        """Note output of a reply, and return the exchange that is replied to."""
        exchange = self.current
        if exchange is None:
            newest = self.newest
            if newest is None or newest.over is None or self._speaking:
                exchange = self._speech()
            else:
                exchange = newest
                exchange.over, exchange.ended, exchange.settled = None, False, False
        self._ending = None
        self.closing = False
        self._came = True
        if not exchange.begun:
            if self._words and exchange is self.newest:
                # Heard before the first word: the model takes it together with what was written,
                # and has it when it has that.
                written = exchange.inputs[-1]
                heard = self._speech().inputs[-1]
                heard.index, heard.known = written.index, written.known
            exchange.begun = True
            self._leave_waiting(exchange)
            first = next((it for it in exchange.inputs if it.index is not None), None)
            self._evident = max(self._evident, exchange.place if first is None else first.place)
            self._spoke, self._spoke_since = False, self._audio()
        return exchange

    def _leave_waiting(self, exchange: Exchange) -> None:
        """Part what is still to be written from a reply that has begun: it answers none of that."""
        waiting = [it for it in exchange.inputs if it.index is None and it.known is not Known.YES]
        if waiting and len(waiting) < len(exchange.inputs):
            exchange.inputs = [item for item in exchange.inputs if item not in waiting]
            self.exchanges.insert(self.exchanges.index(exchange) + 1, Exchange(waiting))

    def _shown(self, exchange: Exchange) -> None:
        exchange.shown = exchange.fresh = True
        self._showing = exchange

    def _said(self, parts: Any) -> None:
        exchange = self._output()
        self._shown(exchange)
        for part in parts:
            if part.inline_data is not None:
                self.sounding = True
            elif part.text and not part.thought:
                _add(exchange.reply, part.text)

    def _transcribed(self, text: str) -> None:
        newest = self.newest
        if self.current is None and not self._speaking:
            # The words of a reply may come after its end, and then prove nothing.
            if newest is not None and newest.over:
                _add(newest.reply, text)
                return
            if newest is None and self._ends and not self._came:
                # A handle has the reply.
                return
        exchange = self._output()
        self._shown(exchange)
        _add(exchange.reply, text)

    def _called(self, calls: Any) -> list[int]:
        """Take over tool calls; return which of them the caller is not shown."""
        exchange = self._output()
        exchange.fresh, exchange.called = False, True
        unseen = []
        for number, call in enumerate(calls):
            made = ToolCall(call.id, call.name, call.args or {}, exchange)
            if self.calls.made(made):
                self._showing = exchange
            else:
                unseen.append(number)
        return unseen

    def answered(self, exchange_results: Any) -> None:
        """Note results that were given: the model goes on after them.

        Args:
            exchange_results: The function responses.
        """
        # The next piece of audio follows a result: it is to be looked at.
        self.sounding = False
        current = self.current
        if current is not None and any(_interrupts(result) for result in exchange_results):
            current.fresh = False

    def _progress(self, exchange: Exchange | None) -> Progress:
        if exchange is None:
            return Progress.NONE
        if self.calls.open_in(exchange):
            return Progress.WAITS
        if exchange.fresh or self.calls.left_in(exchange):
            return Progress.SPEAKS
        return Progress.WAITS if self._came and exchange.called else Progress.ASKED

    def _end(self, end: End) -> bool:
        """Note an end; return whether the caller is not shown it."""
        hidden = False
        exchange = self.current
        if end is not End.GENERATED and self._ending is not None:
            # It belongs to the exchange before.
            self._spoke |= end is End.INTERRUPTED and exchange is None
        else:
            hidden = self._effect(ENDS[end, self._progress(exchange)], end, exchange)
        if end is End.TURN:
            self._ending = None
            self.sounding = self._came = False
            self._ends += 1
        return hidden

    def _effect(self, effect: Effect, end: End, exchange: Exchange | None) -> bool:
        if effect is Effect.SPEECH:
            self._spoke = True
        if exchange is None:
            # The end of what was begun before the resume, and nobody is waiting for.
            leftover = self._resumed and not (self._ends or self._came)
            return end is End.TURN and (self._closes() or leftover)
        if end is End.INTERRUPTED or (end is End.GENERATED and effect is Effect.WHOLE):
            self._ending = exchange
        if effect is Effect.NOTHING:
            # The end of a turn in which every call was hidden is hidden as well.
            return end is End.TURN and self._came and self._showing is None
        if effect is Effect.EMPTY:
            if self._closes():
                return True
            first = self._resumed and not self._ends
            if (first or exchange.called) and not exchange.retries:
                # A session that waits on a call that nobody saw gives such an end to whatever it
                # is sent first.
                exchange.retries = 1
                exchange.continued = None
                return True
            self._finish(exchange, Over.WHOLE)
        elif effect is Effect.WHOLE:
            self._finish(exchange, Over.WHOLE)
        elif effect is Effect.CUT:
            self._cut(exchange)
        return False

    def _cut(self, exchange: Exchange) -> None:
        """End a reply that was interrupted, by the newest thing that was said."""
        asked = [item for item in exchange.inputs if item.index is not None]
        newest = exchange is self.newest
        if newest and len(asked) > 1:
            # Sent before the first word, and not answered by it.
            exchange.inputs.remove(asked[-1])
            self.exchanges.append(Exchange([asked[-1]]))
        self._finish(exchange, Over.CUT)
        self._spoke |= newest and exchange is self.newest

    def _closes(self) -> bool:
        """Take an empty end for the one that closes lost calls, if it is awaited."""
        if not self.closing:
            return False
        self.closing = False
        newest = self.newest
        if newest is not None:
            self._have(newest.place)
        return True

    def _finish(self, exchange: Exchange, over: Over) -> None:
        exchange.over, exchange.ended = over, True
        self._evident = max(self._evident, exchange.place)
        self._left += self.calls.over(exchange)
        self._heard_out() if not self._words else None

    def _covered(self, consumed: int | None) -> None:
        """Note what the handle that has just come covers."""
        self.consumed = consumed
        self.issued |= consumed is not None or self._index >= self._index_base
        self.numbered |= consumed is not None
        self._maybe_covered = consumed is None and self._speaking
        self.calls.covered(closed=self._closed and not self.closing)
        newest = 0
        for exchange in self.exchanges:
            for item in exchange.inputs:
                if item.index is None:
                    continue
                if consumed is not None:
                    item.known = Known.YES if item.index <= consumed else item.known
                elif item.place <= self._evident:
                    item.known = Known.YES
                else:
                    item.known = max(item.known, Known.MAYBE)
                if item.known is Known.YES:
                    newest = item.place
            exchange.settled |= exchange.ended and exchange.known is Known.YES
        if not self.exchanges or self.exchanges[0].known is Known.YES:
            # What was let go of came before.
            self.past.forgotten = 0
        seed = self._seed
        if seed is not None and seed.index is not None:
            told = self._evident > 0 if consumed is None else consumed >= seed.index
            seed.known = Known.YES if told else Known.MAYBE
        self._have(newest)
        self._forget()


def _add(words: list[str], text: str) -> None:
    words.append(text)
    if len(words) > _WORDS_LIMIT:
        words[:] = ["".join(words)[-HISTORY_LIMIT:]]


def _interrupts(result: Any) -> bool:
    """Tell whether the model goes on after a result: after a silent one it need not."""
    scheduling = getattr(result, "scheduling", None)
    return getattr(scheduling, "value", scheduling) != "SILENT"
