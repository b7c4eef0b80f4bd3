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
5. A fresh session knows nothing: it is told the history and all that was settled since, and the
   open turn is asked again.

All of it is in `TRANSITIONS`, one row per state and event; whatever is not there is a bug and
raises. Nothing here has a clock, a socket, or a message type of the SDK: messages are read by
their attributes and written as a `Call`, the name of a method of the SDK's session with its
arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from .transcript import Transcript, model_turn

__all__ = ["CONTENT", "TRANSITIONS", "Call", "Cut", "Entry", "Ledger", "Mark", "State", "ends_turn"]

CONTENT: Final = "send_client_content"
"""The method of the SDK's session whose messages are turns."""


class State(Enum):
    """What is known of one client message."""

    HELD = "held"
    """Not written to this connection yet."""

    SENT = "sent"
    """Written; whether the server has it is not known."""

    ANSWERING = "answering"
    """Output of its reply was seen, but no handle since."""

    ANSWERED = "answered"
    """Its reply is complete, but no handle has come since."""

    KNOWN = "known"
    """A handle covers the user's part; no output of the reply was seen on this connection."""

    KNOWN_ANSWERING = "known, answering"
    """A handle covers the user's part; output was seen."""

    KNOWN_ANSWERED = "known, answered"
    """A handle covers the user's part; the reply is complete, but no handle covers it."""

    TO_ASK_ON = "to ask on"
    """The session knows the user's part, and its reply was cut: to be asked for."""

    TO_TELL = "to tell"
    """The session knows neither part, and both are complete: to be told."""

    TO_TELL_REPLY = "to tell the reply"
    """The session knows the user's part but not the reply, which is complete: to be told."""

    TOLD = "told"
    """Told; no handle is known to cover it yet."""

    TOLD_REPLY = "told the reply"
    """The user's part is covered, the reply told; no handle is known to cover it yet."""

    SETTLED = "settled"
    """A handle covers it. The ledger forgets it."""


class Mark(Enum):
    """What happens to a client message."""

    WRITTEN = "written"
    """It was written to the connection."""

    OUTPUT = "output"
    """Output came that replies to it."""

    COMPLETED = "completed"
    """Its turn was completed."""

    COVERED = "covered"
    """A handle came that is known to cover it."""

    LOST = "lost"
    """The connection was lost, and what came after the newest handle with it."""

    RESTARTED = "restarted"
    """The next session is a fresh one, which is told what is complete."""


TRANSITIONS: Final[Mapping[tuple[State, Mark], State]] = {
    (State.HELD, Mark.WRITTEN): State.SENT,
    (State.HELD, Mark.LOST): State.HELD,
    (State.HELD, Mark.RESTARTED): State.HELD,
    (State.SENT, Mark.OUTPUT): State.ANSWERING,
    (State.SENT, Mark.COMPLETED): State.ANSWERED,
    (State.SENT, Mark.LOST): State.HELD,
    (State.ANSWERING, Mark.COVERED): State.KNOWN_ANSWERING,
    (State.ANSWERING, Mark.COMPLETED): State.ANSWERED,
    (State.ANSWERING, Mark.LOST): State.HELD,
    (State.ANSWERED, Mark.COVERED): State.SETTLED,
    (State.ANSWERED, Mark.LOST): State.TO_TELL,
    (State.KNOWN, Mark.OUTPUT): State.KNOWN_ANSWERING,
    (State.KNOWN, Mark.COMPLETED): State.KNOWN_ANSWERED,
    (State.KNOWN, Mark.LOST): State.TO_ASK_ON,
    (State.KNOWN_ANSWERING, Mark.COVERED): State.KNOWN_ANSWERING,
    (State.KNOWN_ANSWERING, Mark.COMPLETED): State.KNOWN_ANSWERED,
    (State.KNOWN_ANSWERING, Mark.LOST): State.TO_ASK_ON,
    (State.KNOWN_ANSWERED, Mark.COVERED): State.SETTLED,
    (State.KNOWN_ANSWERED, Mark.LOST): State.TO_TELL_REPLY,
    (State.TO_ASK_ON, Mark.WRITTEN): State.KNOWN,
    (State.TO_ASK_ON, Mark.LOST): State.TO_ASK_ON,
    (State.TO_ASK_ON, Mark.RESTARTED): State.HELD,
    (State.TO_TELL, Mark.WRITTEN): State.TOLD,
    (State.TO_TELL, Mark.LOST): State.TO_TELL,
    (State.TO_TELL, Mark.RESTARTED): State.SETTLED,
    (State.TOLD, Mark.COVERED): State.SETTLED,
    (State.TOLD, Mark.LOST): State.TO_TELL,
    (State.TO_TELL_REPLY, Mark.WRITTEN): State.TOLD_REPLY,
    (State.TO_TELL_REPLY, Mark.LOST): State.TO_TELL_REPLY,
    (State.TO_TELL_REPLY, Mark.RESTARTED): State.SETTLED,
    (State.TOLD_REPLY, Mark.COVERED): State.SETTLED,
    (State.TOLD_REPLY, Mark.LOST): State.TO_TELL_REPLY,
}
"""Every transition there is; the diagram in the documentation is generated from it."""

_TO_WRITE: Final = {State.HELD, State.TO_ASK_ON, State.TO_TELL, State.TO_TELL_REPLY}
_OPEN: Final = {State.SENT, State.ANSWERING, State.KNOWN, State.KNOWN_ANSWERING}
_REPLYING: Final = {State.ANSWERING, State.KNOWN_ANSWERING}
_PROOF: Final = _REPLYING | {State.ANSWERED, State.KNOWN_ANSWERED}

HISTORY_LIMIT: Final = 200_000
"""Characters of conversation that are kept for a fresh session; the oldest turns go first."""


@dataclass(frozen=True, slots=True)
class Call:
    """A client message: a method of the SDK's session, and its arguments.

    Args:
        method: The method's name.
        arguments: Its keyword arguments.
    """

    method: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cut:
    """What a lost connection took from the caller.

    Args:
        reply: Whether a part of a reply was shown whose rest will not come.
        calls: The ids of the tool calls whose results nobody waits for any more.
    """

    reply: bool
    calls: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Entry:
    """One client message that the server is not yet known to have.

    Args:
        call: The message.
        state: What is known of it.
        spoken: Whether it was heard rather than typed, and no word of it is known: it cannot be
            sent again.
        reply: The text of its reply, as far as it was seen.
    """

    call: Call
    state: State
    spoken: bool = False
    reply: list[str] = field(default_factory=list)

    @property
    def to_write(self) -> bool:
        """Whether this connection has not been sent it."""
        return self.state in _TO_WRITE

    @property
    def over(self) -> bool:
        """Whether nothing is left to do for it: it is settled, or there is nothing to write.

        An empty message would be refused by the server, and end the session.
        """
        match self.state:
            case State.SETTLED:
                return True
            case State.HELD:
                return self.spoken
            case State.TO_TELL:
                return self.spoken and not self.reply
            case State.TO_TELL_REPLY:
                return not self.reply
            case _:
                return False

    def mark(self, mark: Mark) -> None:
        """Move to the next state.

        Args:
            mark: What has happened.

        Raises:
            KeyError: If that cannot happen in this state; the state is unchanged.
        """
        self.state = TRANSITIONS[self.state, mark]

    def wording(self) -> Call:
        """Return what is to be written for the message in its state."""
        match self.state:
            case State.TO_ASK_ON:
                return Call(CONTENT, {"turn_complete": True})
            case State.TO_TELL if self.reply:
                return _told([*_turns(self), model_turn(self.reply)])
            case State.TO_TELL if self.call.method == CONTENT:
                return _told(_turns(self))
            case State.TO_TELL_REPLY:
                return _told([model_turn(self.reply)])
            case _:
                return self.call


class Ledger:
    """The state of one conversation, over all its connections.

    Args:
        handle: A handle of an earlier process; None for a conversation that begins.
    """

    def __init__(self, *, handle: str | None = None) -> None:
        self.handle = handle
        self._entries: list[Entry] = []
        # The tool calls of this connection, and whether a result is awaited.
        self._calls: dict[str, bool] = {}
        # The words of the user whose turn, and those of the model whose reply, is yet to be seen.
        self._heard: list[str] = []
        self._ahead: list[str] = []
        # Whether a reply is under way that comes as sound: what it says is in its transcription.
        self._sounding = False
        # What this connection, a fresh one, is told first; None on a resumed one.
        self._seed: Entry | None = None
        # What a fresh session must be told.
        self._past = Transcript(limit=HISTORY_LIMIT)
        self._updates: list[Call] = []

    @property
    def quiet(self) -> bool:
        """Whether nothing is open: no turn, no call, nothing that the handle does not cover."""
        return not (self._entries or self._awaited())

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
        asks = call.arguments.get("turn_complete", False)
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

    def knows(self, keys: Iterable[str]) -> bool:
        """Tell whether a tool response is for calls of this connection.

        A response to another call is refused by some models and ignored by others: it must not
        be put on the wire.

        Args:
            keys: The id of each response, or its name where it has no id.
        """
        return all(key in self._calls for key in keys)

    def answered(self, keys: Iterable[str]) -> None:
        """Note that results of tool calls were written.

        Args:
            keys: The id of each response, or its name where it has no id.
        """
        # Kept, since a call that does not block may be answered more than once.
        self._calls.update((key, False) for key in keys if key in self._calls)

    # What the server does

    def received(self, message: Any) -> bool:
        """Read a server message; return whether it is more than a part of a reply.

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
            return False
        changed = message.go_away is not None
        if content is not None:
            changed |= self._content(message)
        if message.tool_call is not None:
            self._output()
            self._calls.update(
                (call.id or call.name, True) for call in message.tool_call.function_calls or ()
            )
            changed = True
        if message.tool_call_cancellation is not None:
            for id_ in message.tool_call_cancellation.ids or ():
                self._calls.pop(id_, None)
            changed = True
        update = message.session_resumption_update
        # `resumable=false` with an empty handle means "not at this point": the last good handle
        # still works. To overwrite it with None is to lose the conversation.
        if update is not None and update.new_handle:
            self.handle = update.new_handle
            self._covered()
            changed = True
        return changed

    # What the connection does

    def lost(self) -> Cut:
        """Give up the connection; what the handle does not cover is to be written again."""
        if self._seed is not None and self._seed.to_write:
            # A handle that came before the history was written stands for an empty session.
            self.handle = None
        self._seed = None
        replying = [entry for entry in self._entries if entry.state in _REPLYING]
        cut = Cut(reply=bool(replying), calls=self._awaited())
        for entry in replying:
            # The reply is going to be given anew, from its beginning.
            entry.reply.clear()
            self._put_into_words(entry)
        for entry in self._entries:
            entry.mark(Mark.LOST)
        self._forget()
        self._calls.clear()
        self._ahead.clear()
        self._sounding = False
        return cut

    def restarted(self) -> None:
        """Drop the handle: the next session is a fresh one, and is told the past.

        What is complete becomes past; what is open is held, to be asked again. Updates of the
        context are written from the first on: a fresh session starts from the configuration.
        """
        self.handle = None
        updates = [Entry(call, State.TO_TELL) for call in self._updates]
        self._updates.clear()
        for entry in self._entries:
            if entry.call.method == CONTENT:
                entry.mark(Mark.RESTARTED)
                if entry.state is State.HELD:
                    # Whatever was said after an open turn stays behind it.
                    break
        self._forget()
        self._entries = updates + self._entries

    # Inside

    def _awaited(self) -> tuple[str, ...]:
        """Return the ids of the tool calls whose results are awaited."""
        return tuple(key for key, awaited in self._calls.items() if awaited)

    def _current(self) -> Entry | None:
        """Return the turn that the server is replying to: the oldest that is open."""
        return next((entry for entry in self._entries if entry.state in _OPEN), None)

    def _output(self) -> list[str]:
        """Note output of a reply, and return where its text belongs."""
        turn = self._current()
        if turn is None:
            # Nobody typed it, so it was spoken: before whatever is still to be written.
            turn = Entry(Call(CONTENT, {"turn_complete": True}), State.SENT, spoken=True)
            written = sum(not entry.to_write for entry in self._entries)
            self._entries.insert(written, turn)
        if turn.state not in _REPLYING:
            turn.mark(Mark.OUTPUT)
            turn.reply.extend(self._ahead)
            self._ahead.clear()
        return turn.reply

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
            reply = self._output()
            for part in content.model_turn.parts or ():
                if part.inline_data is not None:
                    self._sounding = True
                elif part.text and not part.thought:
                    reply.append(part.text)
        if content.output_transcription is not None and content.output_transcription.text:
            # Transcriptions come in no certain order, even after the end of their turn, so they
            # prove nothing about the next one.
            turn = self._current()
            words = turn.reply if turn and turn.state in _REPLYING else self._ahead
            words.append(content.output_transcription.text)
        if content.input_transcription is not None and content.input_transcription.text:
            self._heard.append(content.input_transcription.text)
        if not content.turn_complete:
            return False
        self._sounding = False
        if not ends_turn(message):
            return False
        turn = self._current()
        if turn is not None:
            self._put_into_words(turn)
            turn.mark(Mark.COMPLETED)
        return True

    def _covered(self) -> None:
        """Mark what the handle that has just come is known to cover (rule 1)."""
        proven = [i for i, entry in enumerate(self._entries) if entry.state in _PROOF]
        for entry in self._entries[: proven[-1] + 1] if proven else ():
            entry.mark(Mark.COVERED)
        self._forget()

    def _forget(self) -> None:
        """Move what is over to where a fresh session is told it from."""
        for entry in self._entries:
            if not entry.over:
                continue
            if entry.call.method != CONTENT:
                self._updates.append(entry.call)
                continue
            for turn in _turns(entry):
                self._past.add(turn)
            if entry.reply:
                self._past.add(model_turn(entry.reply))
        self._entries = [entry for entry in self._entries if not entry.over]


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


def _turns(entry: Entry) -> list[Any]:
    turns: list[Any] = entry.call.arguments.get("turns", [])
    return turns


def _told(turns: Iterable[Any]) -> Call:
    return Call(CONTENT, {"turns": list(turns), "turn_complete": False})
