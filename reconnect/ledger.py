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
5. A call of a tool is lost with its connection (`reconnect.calls`). A session that knows the turn
   waits for the result: the call is answered with an error before anything else is written, and
   the empty ``turn_complete`` that this causes is not shown.
6. In transparent resumption the handle says by number which messages it covers; nothing is in
   doubt then.
7. Turns that were written before the first word of a reply are answered with it: the model took
   them together. Unless it was interrupted: then what interrupted it is answered next.
8. A fresh session knows nothing: it is told the history and all that was settled since, and the
   open turn is asked again.

All of it is in `TRANSITIONS` (`reconnect.turns`), one row per state and event; whatever is not
there is a bug and raises. Nothing here has a clock, a socket, or a message type of the SDK:
messages are read by their attributes and written as a `Call`, the name of a method of the SDK's
session with its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from .calls import Asked, Calls
from .transcript import Transcript, model_turn
from .turns import ANSWER, CONTENT, REALTIME, TRANSITIONS, UPDATE, Call, Entry, Mark, State

__all__ = [
    "CONTENT",
    "TRANSITIONS",
    "Call",
    "Cut",
    "Entry",
    "Ledger",
    "Mark",
    "Reading",
    "State",
    "ends_turn",
]

HISTORY_LIMIT: Final = 200_000
"""Characters of conversation that are kept for a fresh session; the oldest turns go first."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a lost connection took from the caller.

    Args:
        reply: Whether a part of a reply was shown whose rest will not come.
        calls: The ids of the tool calls whose results nobody waits for any more.
        turns: How many spoken turns are lost, because no word of them is known.
    """

    reply: bool
    calls: tuple[str, ...]
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a server message was, beside a part of a reply.

    Args:
        over: Whether it ends the turn.
        hidden: Whether the caller is not shown it: it answers what the caller did not ask.
        known: The keys of the tool calls in it whose results are known already.
    """

    over: bool = False
    hidden: bool = False
    known: tuple[str, ...] = ()


class Ledger:
    """The state of one conversation, over all its connections.

    Args:
        handle: A handle of an earlier process; None for a conversation that begins.
        reuse_tool_results: Whether the result of a lost call is given when it is asked again.
        index_base: The number of the first message after the setup, in transparent resumption.
        ask_on: The text that asks a model on which ignores ``turn_complete`` without turns; None
            for one that does not.
    """

    def __init__(
        self,
        *,
        handle: str | None = None,
        reuse_tool_results: bool = True,
        index_base: int = 1,
        ask_on: str | None = None,
    ) -> None:
        self.handle = handle
        self._ask_on = ask_on
        self.calls = Calls(reuse=reuse_tool_results)
        # The number of the newest message on this connection.
        self._index_base = index_base
        self._index = index_base - 1
        # What the newest handle says of the messages it covers; None where it does not.
        self.consumed: int | None = None
        # Whether an empty turn_complete is awaited that closes lost tool calls.
        self.closing = False
        self._entries: list[Entry] = []
        # The words of the user whose turn, and those of the model whose reply, is yet to be seen.
        self._heard: list[str] = []
        self._ahead: list[str] = []
        # Whether a reply is under way that comes as sound: what it says is in its transcription.
        self._sounding = False
        # The turns that were written before the first word of the reply that is under way.
        self._merged: list[Entry] = []
        # What this connection, a fresh one, is told first; None on a resumed one.
        self._seed: Entry | None = None
        # What a fresh session must be told.
        self._past = Transcript(limit=HISTORY_LIMIT)
        self._updates: list[Call] = []

    @property
    def quiet(self) -> bool:
        """Whether nothing is open: no turn, no call, nothing that the handle does not cover."""
        return not (self._entries or self.calls.open)

    @property
    def past(self) -> list[Any]:
        """What a fresh session is told besides the history: the turns that are settled."""
        return self._past.turns()

    # What the caller does

    def record(self, call: Call) -> Entry:
        """Take over a client message that belongs to the conversation.

        Args:
            call: The message; content in the form of a list of turns.
        """
        asks = call.method == REALTIME or call.arguments.get("turn_complete", False)
        entry = Entry(call, State.HELD if asks else State.TO_TELL)
        self._entries.append(entry)
        return entry

    def seeded(self, turns: list[Any], *, asks: bool) -> Entry:
        """Take over what a fresh session is told before anything else, to be written at once.

        Args:
            turns: The turns.
            asks: Whether their end is announced by ``turn_complete``; see ``history_config``.
        """
        call = Call(CONTENT, {"turns": turns, "turn_complete": asks})
        self._seed = Entry(call, State.TO_TELL)
        return self._seed

    def retract(self, entry: Entry) -> None:
        """Forget a message that was never written: the caller has taken it back.

        Args:
            entry: What `record` returned; nothing happens if it is over.
        """
        if entry in self._entries:
            self._entries.remove(entry)

    def holds(self, entry: Entry) -> bool:
        """Tell whether a message is still in the ledger.

        Args:
            entry: What `record` returned.
        """
        return entry in self._entries

    def unwritten(self) -> list[Entry]:
        """Return what this connection has not been sent, in order."""
        return [entry for entry in self._entries if entry.to_write]

    def write(self, entry: Entry) -> Call:
        """Take a message as written, and return what to write.

        Args:
            entry: One of `unwritten`.
        """
        call = entry.wording()
        if entry.state is State.TO_ASK_ON and self._ask_on is not None:
            call = Call(REALTIME, {"text": self._ask_on})
        entry.mark(Mark.WRITTEN)
        entry.index = self.number()
        return call

    def number(self) -> int:
        """Return the number of the message that is written next: every one of them counts."""
        self._index += 1
        return self._index

    def close_calls(self) -> Call | None:
        """Return what closes the tool calls of the lost connection; None if there are none.

        Only a session that knows the turn can wait for its calls; no other is told of them.
        """
        responses = self.calls.closing()
        if not responses:
            return None
        self.closing = True
        return Call(ANSWER, {"function_responses": responses})

    # What the server does

    def received(self, message: Any) -> Reading | None:
        """Read a server message; return what it was, None for no more than a part of a reply.

        Args:
            message: A ``LiveServerMessage``.
        """
        content = message.server_content
        if (
            # One more piece of sound, the message that matters to the speed of a call: nothing in
            # it is kept. All the fields are asked for, since a frame may carry several.
            self._sounding
            and content is not None
            and content.model_turn is not None
            and not content.turn_complete
            and content.output_transcription is None
            and content.input_transcription is None
            and message.session_resumption_update is None
            and message.tool_call is None
            and message.tool_call_cancellation is None
            and message.go_away is None
        ):
            return None
        notable = message.go_away is not None
        hidden = False
        known: list[str] = []
        if content is not None:
            hidden = self.closing and _is_empty_end(message)
            notable |= self._content(message)
        if message.tool_call is not None:
            self._output().called = True
            for call in message.tool_call.function_calls or ():
                asked = Asked(call.id, call.name, call.args or {})
                if not self.calls.ask(asked):
                    known.append(asked.key)
            notable = True
        if message.tool_call_cancellation is not None:
            self.calls.cancelled(message.tool_call_cancellation.ids or ())
            notable = True
        update = message.session_resumption_update
        # `resumable=false` with an empty handle means "not at this point": the last good handle
        # still works. To overwrite it with None is to lose the conversation.
        if update is not None and update.new_handle:
            self.handle = update.new_handle
            self._covered(update.last_consumed_client_message_index)
            notable = True
        if not notable:
            return None
        return Reading(over=ends_turn(message) and not hidden, hidden=hidden, known=tuple(known))

    # What the connection does

    def lost(self) -> Cut:
        """Give up the connection; what the handle does not cover is to be written again."""
        if self._seed is not None and self._seed.state is not State.SETTLED:
            # A handle that does not cover the history stands for an empty session.
            self.handle = None
        self._seed = None
        replying = [entry for entry in self._entries if entry.replying]
        for entry in replying:
            # The reply is going to be given anew, from its beginning.
            entry.reply.clear()
            self._put_into_words(entry)
        for entry in self._entries:
            entry.mark(Mark.LOST)
            entry.index = None
        turns = sum(entry.spoken and entry.state is State.HELD for entry in self._entries)
        calls = self.calls.lost(known=self._perhaps_known() is not None)
        cut = Cut(reply=bool(replying), calls=calls, turns=turns)
        self._forget()
        self._index = self._index_base - 1
        # It counts the messages of the connection that is gone.
        self.consumed = None
        self.closing = False
        self._ahead.clear()
        self._merged.clear()
        self._sounding = False
        return cut

    def restarted(self) -> None:
        """Drop the handle: the next session is a fresh one, and is told the past.

        What is complete becomes past; what is open is held, to be asked again. Updates of the
        context are written from the first on: a fresh session starts from the configuration.
        """
        self.handle = None
        self.calls.restarted()
        updates = [Entry(call, State.TO_TELL) for call in self._updates]
        self._updates.clear()
        told = True
        for entry in self._entries:
            entry.doubtful = False
            if entry.call.method != UPDATE:
                entry.mark(Mark.RESTARTED)
                # Whatever was said after an open turn stays behind it.
                told = told and entry.state is State.TO_TELL
                if told:
                    entry.mark(Mark.SEEDED)
        self._forget()
        self._entries = updates + self._entries

    # Inside

    def _current(self) -> Entry | None:
        """Return the turn that the server is replying to: the oldest that is open."""
        return next((entry for entry in self._entries if entry.open), None)

    def _perhaps_known(self) -> Entry | None:
        """Return the turn that called tools which a resumed session may wait for."""
        known = (State.TO_ASK_ON, State.TO_TELL_REPLY)
        calling = (entry for entry in self._entries if entry.called)
        return next((entry for entry in calling if entry.doubtful or entry.state in known), None)

    def _recognise(self, turn: Entry) -> None:
        """Note that the session knows a turn, and with it what it may have been told before."""
        for entry in self._entries[: self._entries.index(turn)]:
            if entry.doubtful:
                entry.mark(Mark.COVERED)
        turn.mark(Mark.RECOGNISED)
        self._forget()

    def _output(self) -> Entry:
        """Note output of a reply, and return the turn that is replied to."""
        turn = self._current()
        if turn is None:
            # Nobody typed it, so it was spoken: before whatever is still to be written.
            turn = Entry(Call(CONTENT, {"turn_complete": True}), State.SENT, spoken=True)
            written = sum(not entry.to_write for entry in self._entries)
            self._entries.insert(written, turn)
        self.closing = False
        self.calls.followed()
        if not turn.replying:
            self._merged = [entry for entry in self._entries if entry.open and entry is not turn]
            turn.mark(Mark.OUTPUT)
            turn.reply.extend(self._ahead)
            self._ahead.clear()
        return turn

    def _put_into_words(self, entry: Entry) -> None:
        """Give a spoken turn the words that were heard of it, in place of its sound."""
        if entry.spoken and self._heard:
            turn = {"role": "user", "parts": [{"text": "".join(self._heard)}]}
            entry.call = Call(CONTENT, {"turns": [turn], "turn_complete": True})
            entry.spoken = False
            self._heard.clear()

    def _content(self, message: Any) -> bool:
        """Read the content of a server message; return whether it ends a turn."""
        content = message.server_content
        if content.model_turn is not None:
            reply = self._output().reply
            for part in content.model_turn.parts or ():
                if part.inline_data is not None:
                    self._sounding = True
                elif part.text and not part.thought:
                    reply.append(part.text)
        if content.output_transcription is not None and content.output_transcription.text:
            # Transcriptions come in no certain order, even after the end of their turn, so they
            # prove nothing about the next one.
            turn = self._current()
            words = turn.reply if turn and turn.replying else self._ahead
            words.append(content.output_transcription.text)
        if content.input_transcription is not None and content.input_transcription.text:
            self._heard.append(content.input_transcription.text)
        if content.interrupted:
            # What interrupted the reply gets one of its own.
            self._merged.clear()
        if not content.turn_complete:
            return False
        self._sounding = False
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
        turn = self._current()
        if turn is not None:
            self._put_into_words(turn)
            turn.mark(Mark.COMPLETED)
            for entry in self._merged:
                entry.mark(Mark.COMPLETED)
            self._merged.clear()
            self.calls.completed()

    def _covered(self, consumed: int | None) -> None:
        """Mark what the handle that has just come is known to cover (rules 1 and 6)."""
        self.consumed = consumed
        self.calls.covered()
        if consumed is None:
            proven = [i for i, entry in enumerate(self._entries) if entry.proof]
            covered = self._entries[: proven[-1] + 1] if proven else []
        else:
            # What was spoken has no number: its proof is the output.
            covered = [
                e for e in self._entries if (e.proof if e.index is None else e.index <= consumed)
            ]
        for entry in covered:
            entry.mark(Mark.COVERED)
        seed = self._seed
        # The history is the first message of its connection, and comes before every turn.
        first = bool(covered) if consumed is None else consumed >= self._index_base
        if seed is not None and seed.state is State.TOLD and first:
            seed.mark(Mark.COVERED)
        for entry in self._entries:
            if entry.state in (State.SENT, State.TOLD, State.TOLD_REPLY):
                entry.doubtful = consumed is None
            entry.called &= self.calls.open
        self._forget()

    def _forget(self) -> None:
        """Move what is over to where a fresh session is told it from."""
        for entry in self._entries:
            if not entry.over:
                continue
            if entry.call.method == UPDATE:
                self._updates.append(entry.call)
                continue
            for turn in entry.turns:
                self._past.add(turn)
            if entry.reply:
                self._past.add(model_turn(entry.reply))
        self._entries = [entry for entry in self._entries if not entry.over]


def _is_empty_end(message: Any) -> bool:
    """Tell whether a message ends a turn and says nothing."""
    return ends_turn(message) and message.server_content.model_turn is None


def ends_turn(message: Any) -> bool:
    """Tell whether a message ends the turn, as the SDK's ``receive()`` does.

    On models that think on after a turn, ``interaction_status`` says whether they are idle;
    elsewhere it is ``turn_complete``.

    Args:
        message: A ``LiveServerMessage``.
    """
    content = message.server_content
    if content is None:
        return False
    status = getattr(content, "interaction_status", None)
    if status is not None and status.value != "INTERACTION_STATUS_UNSPECIFIED":
        return bool(status.value == "IDLE")
    return bool(content.turn_complete)
