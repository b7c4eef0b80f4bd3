"""What the model knows: sessions, their contexts, and what each handle stands for.

Pure: no socket, no clock (``now`` is an argument), no randomness (ids are counted).

A handle stands for a ``Snapshot`` of a session. A turn that is being answered is an ``Exchange``;
it ends with its turnComplete, and is never continued after a resume. What is unanswered follows
from the context alone: the turn is, if the last thing known was said by the user.

The generations differ in one thing. 2.5 issues no handle while it answers, so a resumed session
does not know the turn. 3.8 does, so a resumed session knows the turn, and comes back *waiting* when
the exchange had got as far as a tool call.

A spoken turn ends where the client marks it. With voice activity detection one that is not marked
ends where its sound does, and from there on it is what a marked one is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeAlias

from ._faults import INTERNAL_ERROR, INTERNAL_ERROR_CODE, NOT_FOUND, NOT_FOUND_CODE
from ._hearing import Ear, is_silence
from ._wire import (
    INVALID_ARGUMENT,
    INVALID_CODE,
    Dialect,
    Input,
    InputKind,
    Message,
    Refused,
    inputs,
)

Generation: TypeAlias = Literal["2.5", "3.8"]

BAD_KEY = "bad-key"
"""The API key the server refuses."""

KEY_NOT_VALID = "API key not valid. Please pass a valid API key."
ABORTED_CODE = 1008
ABORTED = "The operation was aborted."

_ASKS = frozenset({"activity_end", "ask_on", "text", "turn"})
_INTERRUPTS = _ASKS | {"activity_start", "context"}
_SIGNALS = frozenset(
    {"activity_end", "activity_start", "ask_on", "audio_stream_end", "context_update"}
)
_MEDIA = frozenset({"audio", "text", "video"})


class Known(NamedTuple):
    """One thing a model knows of the conversation; equal to the plain pair.

    Args:
        role: Who said it, "user" or "model".
        value: A text; bytes (audio, video); a list of parts; or a mapping with the one key
            "function_call" (model) or "function_response" (user).
    """

    role: str
    value: Any


@dataclass(frozen=True)
class Heard:
    """One thing the model received.

    Args:
        connection: Number of the connection it came on, the first is 1.
        index: Number of the client message it came in, the first after the setup is 1.
        kind: What it was.
        value: As in ``Known``, a function response as a plain mapping; None for a bare signal.
    """

    connection: int
    index: int
    kind: InputKind
    value: Any


@dataclass(eq=False)
class Exchange:
    """One turn being answered.

    Args:
        said: The reply as far as it was sent.
        calls: Names of the open tool calls by id.
        called: Whether it has got as far as a tool call.
    """

    said: str = ""
    calls: dict[str, str] = field(default_factory=dict[str, str])
    called: bool = False


@dataclass(frozen=True)
class Snapshot:
    """What a handle stands for.

    Args:
        context: What the model knew.
        exchange: The exchange that was open and had not got as far as a tool call; else None.
        ear: What it had heard of speech that had not ended.
    """

    context: tuple[Known, ...] = ()
    exchange: Exchange | None = None
    ear: Ear = field(default_factory=Ear)


@dataclass(frozen=True)
class Reaction:
    """What the server does about an input.

    Args:
        then: "answer" it, end an "empty" turn, or "nothing".
        interrupted: Whether a reply was cut off before.
        cancelled: Ids of the tool calls that were called off before.
        speech: The frames of speech that has ended, which are to be transcribed.
    """

    then: Literal["answer", "empty", "nothing"] = "nothing"
    interrupted: bool = False
    cancelled: tuple[str, ...] = ()
    speech: tuple[bytes, ...] = ()


@dataclass(eq=False)
class Session:
    """One conversation on the server, over all the connections it was resumed on.

    Args:
        id: Its id.
        dialect: What the client speaks; a handle is good for that one only.
        model: Name of the model; a handle is good for that one only.
        generation: How the model behaves.
        strict_tools: Whether media during an open tool call ends the connection.
        ask_on: Whether client content without turns starts an answer.
        vad: Whether it detects speech that is not marked.
        context: What the model knows.
        exchange: The turn being answered; None between turns.
        ear: What it has heard of speech that has not ended.
        marked: Whether the client has ever marked its speech, which turns the detection off.
        waiting: Whether it waits for results of calls that a lost connection took along.
        seeding: Whether it is being given its initial history.
        resumed: Whether it was resumed.
        setup: The setup of its newest connection.
    """

    id: str
    dialect: Dialect
    model: str
    generation: Generation
    strict_tools: bool = False
    ask_on: bool = True
    vad: bool = False
    context: list[Known] = field(default_factory=list[Known])
    exchange: Exchange | None = None
    ear: Ear = field(default_factory=Ear)
    marked: bool = False
    waiting: bool = False
    seeding: bool = False
    resumed: bool = False
    setup: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def unanswered(self) -> bool:
        """Whether the user had the last word; silence is none to a server that detects speech."""
        said = (known for known in reversed(self.context) if not self._is_silence(known.value))
        last = next(said, None)
        return last is not None and last.role == "user"

    @property
    def detects(self) -> bool:
        """Whether speech begins and ends where its sound does."""
        if not self.vad or self.marked:
            return False
        realtime: Mapping[str, Any] = self.setup.get("realtime_input_config") or {}
        detection: Mapping[str, Any] = realtime.get("automatic_activity_detection") or {}
        return not detection.get("disabled")

    @property
    def may_issue(self) -> bool:
        """Whether a handle can be issued at this point."""
        if self.exchange is None:
            return True
        return self.generation == "3.8" and not self.exchange.calls

    def read(self, message: Message) -> list[Input]:
        """Take a client message apart.

        Args:
            message: What was decoded, any but the setup.

        Raises:
            Refused: When the server answers the message with a close.
        """
        content = message.get("client_content")
        if content is not None and self.seeding and self.resumed:
            raise Refused(INVALID_CODE, INVALID_ARGUMENT)  # history on top of a resumed session
        found = inputs(message, dialect=self.dialect, seeding=self.seeding)
        if content is not None and content.get("turn_complete"):
            self.seeding = False
        return found

    def take(self, item: Input) -> Reaction:
        """Take in what the client told the model, and say what the server does about it.

        Raises:
            Refused: When the server answers it with a close.
        """
        if item.kind == "context_update" or (item.kind == "ask_on" and not self.ask_on):
            return Reaction()
        kind, speech = self._listen(item)
        if self.waiting:
            self.waiting = False
            if item.kind != "tool_response":
                self._learn(item)
            return Reaction("empty")
        if item.kind == "tool_response":
            return self._take_result(item.value)
        if self.strict_tools and item.kind in _MEDIA and self.exchange and self.exchange.calls:
            raise Refused(ABORTED_CODE, ABORTED)
        cancelled: tuple[str, ...] = ()
        interrupted = kind in _INTERRUPTS and self.exchange is not None
        if interrupted:
            cancelled = self._interrupt()
        self._learn(item)
        if kind not in _ASKS:
            return Reaction("nothing", interrupted, cancelled)
        return Reaction("answer" if self.unanswered else "empty", interrupted, cancelled, speech)

    def _listen(self, item: Input) -> tuple[InputKind, tuple[bytes, ...]]:
        """Return what an input is in a client that marks its speech, and what is to be transcribed.

        The first frame of detected speech is a start of activity, and what ends it an end.
        """
        before, kind = self.ear, item.kind
        self.marked |= kind in {"activity_end", "activity_start"}
        if kind == "activity_start":
            self.ear = replace(before, marked=True)
        elif kind == "audio" and (self.detects or before.marked):
            self.ear = before.hear(item.value, rate=item.rate)
        if self.detects:
            if self.ear.ended or (kind == "audio_stream_end" and before.speech):
                kind = "activity_end"
            elif self.ear.speech and not before.speech:
                kind = "activity_start"
        if kind == "activity_end":
            self.ear = Ear()
            return kind, before.speech if self._transcribes else ()
        if kind in _ASKS and self.detects:
            # It is answered together with what was said so far, whose end then asks nothing more.
            self.ear = Ear()
        return kind, ()

    @property
    def _transcribes(self) -> bool:
        return self.setup.get("input_audio_transcription") is not None

    def _is_silence(self, value: Any) -> bool:
        return self.detects and isinstance(value, bytes) and is_silence(value)

    def _take_result(self, response: Mapping[str, Any]) -> Reaction:
        """Take in a function response; one to an unknown call is ignored."""
        exchange = self.exchange
        if exchange is None:
            return Reaction()
        call = response.get("id")
        if call is None:  # Vertex goes by the name
            named = (key for key, name in exchange.calls.items() if name == response.get("name"))
            call = next(named, None)
        if call not in exchange.calls:
            return Reaction()
        del exchange.calls[call]
        self.context.append(Known("user", {"function_response": response}))
        return Reaction() if exchange.calls else Reaction("answer")

    def _interrupt(self) -> tuple[str, ...]:
        """End the exchange early, and give the ids of its open calls."""
        exchange = self.exchange
        assert exchange is not None
        if exchange.said:
            self.context.append(Known("model", exchange.said))
        self.exchange = None
        return tuple(exchange.calls)

    def _learn(self, item: Input) -> None:
        if item.kind not in _SIGNALS:
            self.context.append(Known(item.role, item.value))

    def begin(self) -> Exchange:
        """Take the turn up, or go on with it when it waited for a tool."""
        if self.exchange is None:
            self.exchange = Exchange()
        return self.exchange

    def say(self, text: str) -> None:
        """Note a piece of the reply."""
        self.begin().said += text

    def call(self, calls: Mapping[str, Mapping[str, Any]]) -> None:
        """Note the tool calls the model made; the function calls by id."""
        exchange = self.begin()
        exchange.called = True
        for key, call in calls.items():
            exchange.calls[key] = call["name"]
            self.context.append(Known("model", {"function_call": call}))

    def complete(self) -> None:
        """Note that the turn is over: the reply is now part of what is known."""
        if self.exchange is not None:
            self.context.append(Known("model", self.exchange.said))
        self.exchange = None

    def snapshot(self) -> Snapshot:
        """Give what a handle issued now stands for."""
        exchange = self.exchange
        open_before_call = exchange is not None and not exchange.called
        return Snapshot(tuple(self.context), exchange if open_before_call else None, self.ear)


@dataclass(frozen=True)
class _Issue:
    session: Session
    connection: int
    snapshot: Snapshot


class Memory:
    """All sessions and handles of one server.

    Args:
        generation: "2.5" or "3.8".
        handle_lifetime: Seconds a handle is good for after its connection ended.
        strict_tools: Whether media during an open tool call ends the connection.
        ask_on: Whether client content without turns starts an answer.
        vad: Whether speech that is not marked is detected.
    """

    def __init__(
        self,
        *,
        generation: Generation,
        handle_lifetime: float,
        strict_tools: bool = False,
        ask_on: bool = True,
        vad: bool = False,
    ) -> None:
        self.newest: Session | None = None
        self._generation: Generation = generation
        self._lifetime = handle_lifetime
        self._strict_tools = strict_tools
        self._ask_on = ask_on
        self._vad = vad
        self._sessions = 0
        self._handles = 0
        self._issues: dict[str, _Issue] = {}
        self._ended: dict[int, float] = {}
        self._holders: dict[Session, float | None] = {}

    def admit(
        self, setup: Mapping[str, Any], *, dialect: Dialect, credential: str | None, now: float
    ) -> Session:
        """Open a session or resume one.

        Args:
            setup: The client's setup, normalised.
            dialect: What it speaks.
            credential: Its API key.
            now: Seconds.

        Raises:
            Refused: When the server answers the setup with a close.
        """
        if credential == BAD_KEY:
            raise Refused(INVALID_CODE, KEY_NOT_VALID)
        history: Mapping[str, Any] | None = setup.get("history_config")
        resumption: Mapping[str, Any] = setup.get("session_resumption") or {}
        if dialect == "vertex" and history is not None:
            raise Refused(INVALID_CODE, INVALID_ARGUMENT)
        if dialect == "gemini" and resumption.get("transparent"):
            raise Refused(INVALID_CODE, INVALID_ARGUMENT)
        model = str(setup.get("model"))
        handle: str | None = resumption.get("handle")
        if handle is None:
            session = self._open(dialect, model)
        else:
            session = self._resume(handle, dialect, model, now)
        session.setup = setup
        session.seeding = bool((history or {}).get("initial_history_in_client_content"))
        self._holders[session] = None
        self.newest = session
        return session

    def _open(self, dialect: Dialect, model: str) -> Session:
        self._sessions += 1
        key = f"session-{self._sessions:04d}"
        return Session(
            key,
            dialect,
            model,
            self._generation,
            strict_tools=self._strict_tools,
            ask_on=self._ask_on,
            vad=self._vad,
        )

    def _resume(self, handle: str, dialect: Dialect, model: str, now: float) -> Session:
        issue = self._issues.get(handle)
        if issue is None or self._expired(issue, now):
            raise Refused(NOT_FOUND_CODE, NOT_FOUND)
        session = issue.session
        if (session.dialect, session.model) != (dialect, model):
            raise Refused(NOT_FOUND_CODE, NOT_FOUND)
        free_at = self._holders[session]
        if free_at is None or now < free_at:  # the old socket has not finished closing
            raise Refused(INTERNAL_ERROR_CODE, INTERNAL_ERROR)
        exchange = issue.snapshot.exchange
        session.context = list(issue.snapshot.context)
        session.exchange = None
        session.ear = issue.snapshot.ear
        session.waiting = exchange is not None and exchange.called
        session.resumed = True
        return session

    def _expired(self, issue: _Issue, now: float) -> bool:
        ended = self._ended.get(issue.connection)
        return ended is not None and now >= ended + self._lifetime

    def issue(self, session: Session, snapshot: Snapshot, *, connection: int) -> str:
        """Issue a handle that stands for the snapshot; the number is the connection's."""
        self._handles += 1
        handle = f"handle-{self._handles:04d}"
        self._issues[handle] = _Issue(session, connection, snapshot)
        return handle

    def release(self, session: Session, *, connection: int, now: float, free_at: float) -> None:
        """Note that a session's connection has ended.

        Args:
            session: The session.
            connection: Number of the connection.
            now: Seconds; the lifetime of the handles it issued starts here.
            free_at: When the session can be opened again.
        """
        self._ended[connection] = now
        self._holders[session] = free_at

    def reject_handles(self) -> None:
        """Forget every handle issued so far."""
        self._issues.clear()
