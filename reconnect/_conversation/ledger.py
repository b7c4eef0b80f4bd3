"""The ledger of a conversation: what was said, and what the server is known to have of it.

Theory of operation
-------------------
A handle stands for the conversation as the server knew it when it issued the handle, and what came
later is gone when a session is resumed from it. So every client message that belongs to the
conversation is an `Entry` from the moment the caller hands it over until a handle is known to
cover it, and whatever a resumed session does not know is sent again, in order.

A turn has two marks. It is *known* when a handle covers the user's part; it is *settled* when a
handle covers the reply too. The rules:

1. A handle that comes after output of the reply was seen covers the turn for certain, and all that
   came before it. One that comes before any output may or may not know the turn: in doubt the turn
   is sent again, since a question asked twice is better than one that is lost.
2. The server never continues a reply that was cut. Where the resumed session knows the turn, it is
   asked on: ``turn_complete`` without turns. Where not, the turn itself goes again.
3. A reply that was complete, but that no handle covers, is told to the resumed session as content,
   without asking for a reply: the caller has it already.
4. Where a part of the cut reply had been shown, an ``interrupted`` message precedes the second
   reply: what every player takes for "drop what you have".
5. A call of a tool is lost with its connection (`calls`). A session that knows the turn
   waits for the result: the call is answered with an error before anything else is written, and
   the empty ``turn_complete`` that this causes is not shown.
6. In transparent resumption the handle says by number which messages it covers; nothing is in
   doubt then.
7. Turns that were written before the first word of a reply are answered with it: the model took
   them together. Unless it was interrupted: then what interrupted it is answered next.
8. A fresh session knows nothing: it is told the history and all that was settled since, and the
   open turn is asked again.
9. A spoken turn is there from its end, where the caller marks it, else from the first output to
   it, or from the first word of it that was heard when the connection was lost. Its audio is not
   here (`media`). Where the server says what it has consumed, the audio is written again,
   and a reply that the caller has had already is not shown a second time. Elsewhere the audio is
   gone: the words that were heard of it are asked again, and a turn of which no word is known is
   lost.

All of it is in `TRANSITIONS` (`turns`), one row per state and event; whatever is not
there is a bug and raises. Nothing here has a clock, a socket, or a message type of the SDK:
messages are read by their attributes and written as a `Call`, the name of a method of the SDK's
session with its arguments.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from .backlog import Backlog
from .calls import Calls, ToolCall
from .limits import CONVERSATION, Limit
from .messages import Received, ends_turn, is_empty_end
from .transcript import user_turn
from .turns import ANSWER, CONTENT, REALTIME, Call, Change, Entry, State

__all__ = ["HISTORY_LIMIT", "Ledger", "Losses"]

HISTORY_LIMIT: Final = 200_000
"""Characters of conversation that a fresh session is told at most; the oldest turns go first."""

_WORDS_LIMIT: Final = 1000
"""Pieces of a transcription that are kept for a turn that is yet to be seen."""

_UNCOVERED: Final = {State.SENT, State.ANSWERING, State.ANSWERED}


@dataclass(frozen=True, slots=True)
class Losses:
    """What a lost connection took from the caller.

    Args:
        reply: Whether a part of a reply was shown whose rest will not come.
        calls: The ids of the tool calls whose results nobody waits for any more.
        turns: How many spoken turns are lost, because no word of them is known.
    """

    reply: bool
    calls: tuple[str, ...]
    turns: int = 0


class Ledger:
    """The state of one conversation, over all its connections.

    Args:
        handle: A handle of an earlier process; None for a conversation that begins.
        reuse_tool_results: Whether the result of a lost call is given when it is asked again.
        index_base: The number of the first message after the setup, in transparent resumption.
        ask_on: The text that asks a model on which ignores ``turn_complete`` without turns; None
            for one that does not.
        limit: How much is kept that no handle covers; ``full`` is "wait" or "raise".
        history_limit: How many characters are kept for a fresh session; the oldest turns go first.
    """

    def __init__(
        self,
        *,
        handle: str | None = None,
        reuse_tool_results: bool = True,
        index_base: int = 1,
        ask_on: str | None = None,
        limit: Limit = CONVERSATION,
        history_limit: int = HISTORY_LIMIT,
    ) -> None:
        self.handle = handle
        self._ask_on = ask_on
        self.backlog = Backlog(limit=limit, history_limit=history_limit)
        self.calls = Calls(reuse=reuse_tool_results)
        # The number of the newest message on this connection.
        self._index_base = index_base
        self._index = index_base - 1
        # What the newest handle says of the messages it covers; None where it does not.
        self.consumed: int | None = None
        # Whether any handle has said so, and whether one has come on this connection.
        self.numbered = False
        self.issued = False
        # Whether an empty turn_complete is awaited that closes lost tool calls, and whether it may
        # still come though nobody waits for it any more.
        self.closing = False
        self._late_end = False
        # The words of the user whose turn, and those of the model whose reply, is yet to be seen;
        # how far this connection was written when the last of the user's came, and whether a handle
        # has come after it that says not what it covers.
        self._heard: deque[str] = deque(maxlen=_WORDS_LIMIT)
        self._heard_at = 0
        self._heard_before_handle = False
        self._ahead: deque[str] = deque(maxlen=_WORDS_LIMIT)
        # Whether a reply is under way that comes as audio: what it says is in its transcription, so
        # one more piece of it changes nothing, and need not be given to `received`.
        self.sounding = False
        # Whether a handle has come since the last turn ended, that says not what it covers.
        self._handle_since = False
        # The turns that were written before the first word of the reply that is under way.
        self._merged: list[Entry] = []
        # What this connection, a fresh one, is told first; None on a resumed one.
        self._seed: Entry | None = None

    @property
    def quiet(self) -> bool:
        """Whether nothing is open: no turn, no call, nothing that the handle does not cover."""
        return not (self.backlog.entries or self.calls.open or self._heard)

    # What the caller does

    def spoke(self, *, place: int) -> Entry:
        """Take over the end of a spoken turn, which was written just now.

        Args:
            place: Its place.
        """
        turn = self.backlog.spoken(place=place)
        turn.index = self._index
        return turn

    def seeded(self, turns: list[Any], *, asks: bool) -> Entry:
        """Take over what a fresh session is told before anything else, to be written at once.

        Args:
            turns: The turns.
            asks: Whether their end is announced by ``turn_complete``; see ``history_config``.
        """
        call = Call(CONTENT, {"turns": turns, "turn_complete": asks})
        self._seed = Entry(call, State.TO_TELL)
        return self._seed

    def write(self, entry: Entry) -> Call:
        """Take a message as written, and return what to write.

        Args:
            entry: One of `unwritten`.
        """
        call = entry.wording()
        if entry.state is State.TO_ASK_ON and self._ask_on is not None:
            call = Call(REALTIME, {"text": self._ask_on})
        if entry.spoken and entry.state is State.HELD:
            # What was heard of it takes the place of its audio.
            entry.call, entry.spoken = call, False
        entry.note(Change.WRITTEN)
        entry.index = self.number()
        return call

    def respeak(self, entry: Entry) -> None:
        """Take a spoken turn as written, whose audio was written again.

        Args:
            entry: One of `unwritten` that is ``respoken``.
        """
        entry.note(Change.WRITTEN)
        entry.index = self._index

    def number(self) -> int:
        """Return the number of the message that is written next: every one of them counts."""
        self._index += 1
        return self._index

    def unnumber(self) -> int:
        """Take the last number back, and return it: its message was not written after all."""
        self._index -= 1
        return self._index + 1

    def close_calls(self) -> Call | None:
        """Return what closes the tool calls of the lost connection; None if there are none.

        Only a session that knows the turn can wait for its calls; no other is told of them.
        """
        responses = self.calls.closing()
        if not responses:
            return None
        self.closing = True
        return Call(ANSWER, {"function_responses": responses})

    def stop_closing(self) -> None:
        """Wait no longer for the end that closes lost tool calls; it may still come."""
        self._late_end |= self.closing
        self.closing = False

    def stop_repeating(self) -> None:
        """Wait no longer for replies that the caller has had: whatever comes now is shown."""
        for entry in self.backlog.entries:
            entry.given = False

    # What the server does

    def received(self, message: Any) -> Received | None:
        """Read a server message; return what it was, None for no more than a part of a reply.

        Args:
            message: A ``LiveServerMessage``.
        """
        content = message.server_content
        notable = message.go_away is not None
        hidden = False
        known: list[str] = []
        if content is not None:
            hidden = self.closing and is_empty_end(message)
            # Its words too, since they were heard before.
            hidden |= self.backlog.repeating
            notable |= hidden
            notable |= self._content(message)
        if message.tool_call is not None:
            turn = self._output()
            turn.called = True
            # What comes next may follow a result.
            self.sounding = False
            for call in message.tool_call.function_calls or ():
                asked = ToolCall(call.id, call.name, call.args or {}, turn=turn)
                if self.calls.ask(asked):
                    # The caller is needed: what it is shown from here on is new to it.
                    turn.given, turn.shown = False, True
                else:
                    known.append(asked.key)
            notable = True
        if message.tool_call_cancellation is not None:
            self.calls.cancelled(message.tool_call_cancellation.ids or ())
            notable = True
        update = message.session_resumption_update
        # `resumable=false` means "not at this point", with an empty handle or with one that does
        # not work: the last good handle still works. To overwrite it is to lose the conversation.
        covered = False
        if update is not None and update.new_handle and update.resumable is not False:
            covered = True
            self.handle = update.new_handle
            self._covered(update.last_consumed_client_message_index)
            notable = True
        if not notable:
            return None
        over = ends_turn(message) and not hidden
        return Received(over=over, hidden=hidden, covered=covered, known=tuple(known))

    # What the connection does

    def lost(self, *, speaking: bool = False, again: bool = False) -> Losses:
        """Give up the connection; what the handle does not cover is to be written again.

        Args:
            speaking: Whether the user has begun to speak, by a mark, and not ended.
            again: Whether the audio that the handle does not cover is written again.
        """
        if self._seed is not None and self._seed.state is not State.SETTLED:
            # A handle that does not cover the history stands for an empty session.
            self.handle = None
        self._seed = None
        self._note_speech(speaking=speaking, again=again)
        shown = any(entry.shown and entry.replying for entry in self.backlog.entries)
        turns = sum([self._lose(entry, again=again) for entry in self.backlog.entries])
        calls = self.calls.lost(known=self._perhaps_known() is not None)
        self.backlog.forget()
        self._index = self._index_base - 1
        # It counts the messages of the connection that is gone.
        self.consumed = None
        self.closing = self._late_end = self.issued = False
        self._ahead.clear()
        self._merged.clear()
        self.sounding = self._handle_since = False
        return Losses(reply=shown, calls=calls, turns=turns)

    def _lose(self, entry: Entry, *, again: bool) -> bool:
        """Note for one message that the connection is lost; return whether it is, perhaps, too."""
        if entry.open:
            # The reply is going to be given anew, from its beginning.
            entry.reply.clear()
            self._put_into_words(entry)
        entry.index, entry.shown = None, False
        if again and entry.spoken and entry.state in _UNCOVERED:
            entry.given |= entry.state is State.ANSWERED
            entry.reply.clear()
            entry.respoken = True
            entry.note(Change.RESPOKEN)
            return False
        entry.note(Change.LOST)
        entry.respoken &= entry.state is State.HELD
        lost = entry.unspeakable
        if lost and entry.doubtful:
            # It cannot be sent again; but the session may know it.
            entry.note(Change.RECOGNISED)
        return lost

    def _note_speech(self, *, speaking: bool, again: bool) -> None:
        """Make a turn of what was heard and not answered."""
        if any(entry.spoken and entry.open for entry in self.backlog.entries) or not self._heard:
            return
        if speaking:
            # Its end is to come. Where the audio is gone, the words are told in its place.
            if not again:
                words = [user_turn("".join(self._heard))]
                self.backlog.record(Call(CONTENT, {"turns": words, "turn_complete": False}))
            self._heard.clear()
            return
        turn = self.backlog.spoken()
        turn.doubtful = self._heard_before_handle
        self._place_speech(turn)
        self._put_into_words(turn)

    def _place_speech(self, turn: Entry) -> None:
        """Note by the words of a spoken turn where it ends, and whether a handle covers it."""
        if self._heard:
            turn.index = self._heard_at
            if self.consumed is not None and self.consumed >= self._heard_at:
                turn.note(Change.COVERED)

    def restarted(self, *, before: int | None = None) -> int:
        """Drop the handle: the next session is a fresh one, and is told the past.

        Return how many spoken turns are lost with the session that had heard them.

        Args:
            before: The place of the first audio that will be written again; None for none.
        """
        self.handle = None
        self.calls.restarted()
        return self.backlog.restart(before=before)

    # Inside

    def _perhaps_known(self) -> Entry | None:
        """Return the turn that called tools which a resumed session may wait for."""
        known = (State.TO_ASK_ON, State.TO_TELL_REPLY)
        calling = (entry for entry in self.backlog.entries if entry.called)
        return next((entry for entry in calling if entry.doubtful or entry.state in known), None)

    def _recognise(self, turn: Entry) -> None:
        """Note that the session knows a turn, and with it what it may have been told before."""
        for entry in self.backlog.entries[: self.backlog.entries.index(turn)]:
            if entry.doubtful:
                entry.note(Change.RECOGNISED if entry.unanswered else Change.COVERED)
        turn.note(Change.RECOGNISED)
        self.backlog.forget()

    def _output(self) -> Entry:
        """Note output of a reply, and return the turn that is replied to."""
        turn = self.backlog.current
        if turn is None:
            # Nobody typed it, so it was spoken.
            turn = self.backlog.spoken()
            turn.doubtful = self._handle_since
            self._place_speech(turn)
        self.closing = False
        self.calls.followed()
        if not turn.replying:
            entries = self.backlog.entries
            self._merged = [entry for entry in entries if entry.open and entry is not turn]
            turn.note(Change.OUTPUT)
            turn.reply.extend(self._ahead)
            self._ahead.clear()
        return turn

    def _put_into_words(self, entry: Entry) -> None:
        """Give a spoken turn the words that were heard of it."""
        if entry.spoken and self._heard:
            entry.heard = "".join(self._heard)
            self._heard.clear()

    def _content(self, message: Any) -> bool:
        """Read the content of a server message; return whether it ends a turn."""
        content = message.server_content
        if content.model_turn is not None:
            turn = self._output()
            turn.shown = not turn.given
            for part in content.model_turn.parts or ():
                if part.inline_data is not None:
                    self.sounding = turn.shown
                elif part.text and not part.thought:
                    turn.reply.append(part.text)
        if content.output_transcription is not None and content.output_transcription.text:
            # Transcriptions come in no certain order, even after the end of their turn, so they
            # prove nothing about the next one.
            current = self.backlog.current
            words = current.reply if current and current.replying else self._ahead
            words.append(content.output_transcription.text)
        if content.input_transcription is not None and content.input_transcription.text:
            self._heard.append(content.input_transcription.text)
            self._heard_at = self._index
            self._heard_before_handle = False
        if content.interrupted:
            # What interrupted the reply gets one of its own, and the player has been told. The end
            # that follows is the reply's.
            self._merged.clear()
            self._late_end = False
            for entry in self.backlog.entries:
                entry.shown = False
        if not content.turn_complete:
            return False
        self.sounding = self._handle_since = False
        if ends_turn(message):
            self._turn_ended()
            return True
        return False

    def _turn_ended(self) -> None:
        """Note the end of the turn that is open."""
        if self.closing:
            # Nothing was generated: the session has closed the lost calls, so it knew their turn.
            self.closing = False
            known = self._perhaps_known()
            if known is not None:
                self._recognise(known)
            return
        turn = self.backlog.current
        if turn is not None and self._late_end and not (turn.replying or turn.spoken):
            # It may be the one that nobody waited for any more, and says nothing of this turn. A
            # spoken one was asked on in doubt: an empty end says that the session does not know it.
            self._late_end = False
        elif turn is not None:
            self._put_into_words(turn)
            turn.note(Change.COMPLETED)
            for entry in self._merged:
                entry.note(Change.COMPLETED)
            if self._merged:
                # It was said after all of them.
                self._merged[-1].reply, turn.reply = turn.reply, []
            self._merged.clear()
            self.calls.completed(left=[it for it in self.backlog.entries if not it.complete])

    def _covered(self, consumed: int | None) -> None:
        """Note what the handle that has just come is known to cover (rules 1 and 6)."""
        self.consumed = consumed
        # A number of 0 may be left out, as protobuf's JSON does: where nothing was written yet, a
        # handle without one says nothing of whether there will be numbers.
        self.issued |= consumed is not None or self._index >= self._index_base
        self.numbered |= consumed is not None
        self._handle_since = self._heard_before_handle = consumed is None
        self.calls.covered()
        entries = self.backlog.entries
        if consumed is None:
            proven = [i for i, entry in enumerate(entries) if entry.proof]
            covered = entries[: proven[-1] + 1] if proven else []
        else:
            # What was spoken without a mark has no number: its proof is the output.
            covered = [e for e in entries if (e.proof if e.index is None else e.index <= consumed)]
        for entry in covered:
            entry.note(Change.COVERED)
        seed = self._seed
        # The history is the first message of its connection, and comes before every turn.
        first = bool(covered) if consumed is None else consumed >= self._index_base
        if seed is not None and seed.state is State.TOLD and first:
            seed.note(Change.COVERED)
        for entry in self.backlog.entries:
            if entry.state in (State.SENT, State.TOLD, State.TOLD_REPLY):
                entry.doubtful = consumed is None
            entry.called &= self.calls.open
        self.backlog.forget()
