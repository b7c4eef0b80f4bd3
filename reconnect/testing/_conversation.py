"""What the model knows of one conversation, and what the server does about what the client sends.

Pure: no socket, no clock, no randomness.

A turn that is being answered is an ``Exchange``. It is never continued after a resume: what is
unanswered follows from the context alone: the turn is, if the last thing known was said by the
user. How far the server had got with it matters only for the tool calls that it made: a session
that is resumed may come back *waiting* for their results.

A spoken turn ends where the client marks it. With voice activity detection one that is not marked
ends where its audio does, and from there on it is what a marked one is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ._exchange import Exchange, Known, OpenCall, Reaction, Snapshot
from ._hearing import SEGMENT, Ear, is_silence
from ._profiles import Profile
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

ABORTED_CODE = 1008
ABORTED = "The operation was aborted."

_ASKS = frozenset({"activity_end", "ask_on", "text", "turn"})
_INTERRUPTS = _ASKS | {"activity_start", "context"}
_SIGNALS = frozenset(
    {"activity_end", "activity_start", "ask_on", "audio_stream_end", "context_update"}
)
_MEDIA = frozenset({"audio", "text", "video"})
_DEFAULT_SCHEDULING = "WHEN_IDLE"


@dataclass(eq=False)
class Session:
    """One conversation on the server, over all the connections it was resumed on.

    Args:
        id: Its id.
        dialect: What the client speaks; a handle is good for that one only.
        model: Name of the model; a handle is good for that one only.
        profile: How the model behaves.
        vad: Whether it detects speech that is not marked.
        context: What the model knows.
        exchange: The turn being answered; None between turns.
        calls: The tool calls without a result, the oldest first.
        results: Those that wait until the model is idle.
        ear: What it has heard of speech that has not ended.
        marked: Whether the client has ever marked its speech, which turns the detection off.
        waiting: Whether it waits for results of calls that a lost connection took along.
        seeding: Whether it is being given its initial history.
        begun: Whether the conversation has begun: the model has answered, or knows its history.
        resumed: Whether it was resumed.
        setup: The setup of its newest connection.
    """

    id: str
    dialect: Dialect
    model: str
    profile: Profile
    vad: bool = False
    context: list[Known] = field(default_factory=list[Known])
    exchange: Exchange | None = None
    calls: list[OpenCall] = field(default_factory=list[OpenCall])
    results: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    ear: Ear = field(default_factory=Ear)
    marked: bool = False
    waiting: bool = False
    seeding: bool = False
    begun: bool = False
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
        """Whether speech begins and ends where its audio does."""
        if not self.vad or self.marked:
            return False
        realtime: Mapping[str, Any] = self.setup.get("realtime_input_config") or {}
        detection: Mapping[str, Any] = realtime.get("automatic_activity_detection") or {}
        return not detection.get("disabled")

    @property
    def transcribes(self) -> bool:
        """Whether the client is sent the words of what is spoken."""
        return self.setup.get("input_audio_transcription") is not None

    @property
    def may_issue(self) -> bool:
        """Whether a handle can be issued at this point."""
        if self.calls or self.results:
            return False
        return self.exchange is None or not self.profile.withholds

    @property
    def holds(self) -> bool:
        """Whether the turn is held open for results: those of earlier turns do not."""
        return self.exchange is not None and any(it in self.calls for it in self.exchange.calls)

    # What comes in

    def read(self, message: Message) -> list[Input]:
        """Take a client message apart.

        Args:
            message: What was decoded, any but the setup.

        Raises:
            Refused: When the server answers the message with a close.
        """
        content = message.get("client_content")
        if content is not None and self._refuses_content:
            raise Refused(INVALID_CODE, INVALID_ARGUMENT)
        needs_ids = self.dialect == "gemini" and self.profile.call_ids != "none"
        found = inputs(message, needs_ids=needs_ids, seeding=self.seeding)
        if self.seeding and content is not None and content.get("turn_complete"):
            self.seeding = False
            self.begun = True
        return found

    @property
    def _refuses_content(self) -> bool:
        if self.seeding:
            return self.resumed  # history on top of a resumed session
        return self.begun and self.profile.client_content == "at_first"

    def take(self, item: Input, *, more: bool = False) -> Reaction:
        """Take in what the client told the model, and say what the server does about it.

        Args:
            item: The input.
            more: Whether another one follows in the same message.

        Raises:
            Refused: When the server answers it with a close.
        """
        if self.profile.stream != "none":
            return self._overhear(item)
        if item.kind == "context_update" or (item.kind == "ask_on" and not self.profile.continues):
            return Reaction()
        kind, heard = self._listen(item)
        if self.waiting:
            self.waiting = False
            if item.kind != "tool_response":
                self._learn(item)
            return replace(heard, then="empty", speech=())
        if item.kind == "tool_response":
            return self._take_result(item.value, more=more)
        if self.profile.strict_tools and item.kind in _MEDIA and self.calls:
            raise Refused(ABORTED_CODE, ABORTED)
        if kind in _INTERRUPTS:
            heard = self._cut_off(heard)
        self._learn(item)
        # What comes before the first word is answered together with what it was to answer.
        answers = kind in _ASKS or (kind == "context" and heard.cut == "unbegun")
        if not answers:
            return replace(heard, speech=())
        return replace(heard, then="answer" if self.unanswered else "empty")

    def _learn(self, item: Input) -> None:
        if item.kind not in _SIGNALS:
            self.context.append(Known(item.role, item.value))

    def _cut_off(self, reaction: Reaction) -> Reaction:
        """End the exchange early, if there is one, and call off what the model waits for."""
        exchange = self.exchange
        if exchange is None:
            return reaction
        self._note_said()
        self.learn_results()
        self.exchange = None
        if not exchange.begun:
            exchange.made = exchange.shown  # what it would have called is not called
            return replace(reaction, cut="unbegun")
        cancelled = [call for call in self.calls if call.blocking]
        self.calls = [call for call in self.calls if not call.blocking]
        ids = tuple(call.call["id"] for call in cancelled if "id" in call.call)
        return replace(reaction, cut="whole" if exchange.whole else "begun", cancelled=ids)

    # What is heard

    def _listen(self, item: Input) -> tuple[InputKind, Reaction]:
        """Return what an input is in a client that marks its speech, and what is told of it.

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
            speech = before.speech if self.transcribes else ()
            return kind, Reaction(speech=speech, activity="END")
        if kind in _ASKS and self.detects:
            # It is answered together with what was said so far, whose end then asks nothing more.
            self.ear = Ear()
        return kind, Reaction(activity="START" if kind == "activity_start" else None)

    def _overhear(self, item: Input) -> Reaction:
        """Take in what comes to a model that never ends a turn: it makes something of audio only.

        It takes speech by the segment to translate it, and as a whole to transcribe it.
        """
        before = self.ear
        self._learn(item)
        if item.kind == "audio":
            self.ear = before.hear(item.value, rate=item.rate)
        heard = self.ear.speech
        over = self.ear.ended or (item.kind == "audio_stream_end" and bool(heard))
        if self.profile.stream == "translation":
            over |= len(heard) == SEGMENT
        if over:
            self.ear = Ear()
        elif heard == before.speech:
            return Reaction()
        return Reaction("stream", speech=heard, over=over)

    @property
    def _is_spoken_to(self) -> bool:
        """Whether the user is speaking: a session that is resumed may never hear the end of it."""
        speaking = self.ear.marked or bool(self.ear.speech)
        return speaking and isinstance(self.context[-1].value, bytes)

    def _is_silence(self, value: Any) -> bool:
        return self.detects and isinstance(value, bytes) and is_silence(value)

    # What tools answer

    def _take_result(self, response: Mapping[str, Any], *, more: bool) -> Reaction:
        """Take in a function response."""
        call = self._find(response)
        if call is not None:
            self.calls.remove(call)
            if not call.blocking:
                return self._take_scheduled(response, more=more)
        elif not self.profile.unknown_results or self.exchange is not None:
            return Reaction()
        self._learn_result(response)
        return Reaction() if any(call.blocking for call in self.calls) else Reaction("answer")

    def _take_scheduled(self, response: Mapping[str, Any], *, more: bool) -> Reaction:
        """Take in the result of a call that the model does not wait for.

        Those of one message are answered together.
        """
        if more:
            self.results.append(response)
            return Reaction()
        exchange = self.exchange
        scheduling = response.get("scheduling") or _DEFAULT_SCHEDULING
        if exchange is None and self._is_spoken_to:
            # Nobody is talked over: it waits for the reply to what is being said.
            self.results.append(response)
            return Reaction()
        if exchange is None:
            reaction = Reaction("nothing" if scheduling == "SILENT" else "answer")
        elif scheduling == "INTERRUPT" and exchange.talking:
            reaction = self._cut_off(Reaction("answer"))
        elif scheduling == "SILENT" and exchange.idle:
            reaction = Reaction("nothing" if self.holds else "end")
        elif exchange.idle or (scheduling == "INTERRUPT" and self.profile.holds_turn):
            reaction = Reaction("answer")
        else:
            self.results.append(response)
            return Reaction()
        self.learn_results()
        self._learn_result(response)
        return reaction

    def _find(self, response: Mapping[str, Any]) -> OpenCall | None:
        """Find the call a response answers: by its id, else the oldest one of its name."""
        key = "id" if "id" in response and self.profile.call_ids != "none" else "name"
        found = (call for call in self.calls if call.call.get(key) == response.get(key))
        return next(found, None)

    def _learn_result(self, response: Mapping[str, Any]) -> None:
        self.context.append(Known("user", {"function_response": response}))

    def learn_results(self) -> bool:
        """Take in the results that waited until the model is idle; tell whether any is answered."""
        waited, self.results = self.results, []
        for response in waited:
            self._learn_result(response)
        return any(response.get("scheduling") != "SILENT" for response in waited)

    # What the model does

    def begin(self) -> None:
        """Take the turn up, or go on with it when it waited for a result."""
        exchange = self._open()
        exchange.idle = exchange.talking = exchange.whole = False
        self.begun = True

    def plan(self, calls: int) -> None:
        """Note how many tool calls a reply has, before any of it is sent."""
        if self.profile.lost_calls == "made":
            exchange = self._open()
            exchange.made = exchange.shown + calls

    def say(self, text: str) -> None:
        """Note a piece of the reply; it may be audio alone, without words."""
        exchange = self._open()
        exchange.said += text
        exchange.begun = exchange.talking = True

    def call(self, calls: Sequence[OpenCall]) -> None:
        """Note the tool calls the model made."""
        exchange = self._open()
        self._note_said()
        exchange.begun = True
        exchange.talking = False
        exchange.shown += len(calls)
        exchange.made = max(exchange.made, exchange.shown)
        exchange.calls += calls
        self.calls += calls
        self.context += [Known("model", {"function_call": call.call}) for call in calls]

    def finish(self) -> None:
        """Note that the reply is complete, and so part of what is known."""
        exchange = self._open()
        if not self._note_said() and self.unanswered:
            self.context.append(Known("model", ""))
        exchange.whole = True

    def translate(self, text: str) -> None:
        """Note words of a translation, which no turn ends."""
        self.context.append(Known("model", text))

    def complete(self) -> None:
        """Note that the turn is over."""
        if self.exchange is not None and not self.exchange.whole:
            self.finish()
        self.exchange = None

    def _open(self) -> Exchange:
        if self.exchange is None:
            self.exchange = Exchange()
        return self.exchange

    def _note_said(self) -> bool:
        """Move what was said of the reply to the context, and tell whether there was any."""
        exchange = self._open()
        said, exchange.said = exchange.said, ""
        if said:
            self.context.append(Known("model", said))
        return bool(said)

    # Resumption

    def snapshot(self) -> Snapshot:
        """Give what a handle issued now stands for."""
        exchange = self.exchange
        shown = 0 if exchange is None else exchange.shown
        return Snapshot(tuple(self.context), exchange, shown, self.ear, self.waiting)

    def resume(self, snapshot: Snapshot) -> None:
        """Go back to what a handle stands for."""
        self.context = list(snapshot.context)
        self.exchange = None
        self.calls = []
        self.results = []
        self.ear = snapshot.ear
        self.waiting = snapshot.waits and self.profile.lost_calls != "none"
        self.begun = True
        self.resumed = True
