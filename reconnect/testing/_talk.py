"""The server's part of the conversation on one connection: replies, and when the handles come.

Driven by the loop's clock through its ``Line``; what is said and known is the session's.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

from . import _frames as frames
from ._conversation import Session
from ._exchange import Reaction
from ._model import Question
from ._profiles import Moment
from ._records import Connection, Shared
from ._steps import Step, end_of_turn, ends, steps
from ._stream import transcription, translation
from ._wire import Input, InputKind, Message

_MOMENTS: dict[InputKind, Moment] = {
    "ask_on": "turn",
    "context": "turn",
    "text": "turn",
    "tool_response": "result",
    "turn": "turn",
}
"""When a turn is taken up, by what came last; all else is speech."""


class Line(Protocol):
    """What a conversation is held on."""

    record: Connection
    live: bool
    """Whether messages are written."""

    def send(self, message: Message) -> None:
        """Send a message, if it is live."""

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        """Run a job after so many seconds."""


class Talk:
    """The conversation on one connection.

    Args:
        session: The session it is a part of.
        shared: What the server's connections share.
        line: What it is held on.
    """

    def __init__(self, session: Session, shared: Shared, line: Line) -> None:
        self.session = session
        self._profile = session.profile
        self._shared = shared
        self._line = line
        self._left: list[Step] = []
        """What is left of the reply."""
        self._reply: object = None
        """Changes when a reply is cut off, or the next one begins."""
        self._due: object = None
        """Changes when an update that is due is overtaken."""
        self._calls = 0
        self._said = 0
        """Characters of the reply that were sent."""
        self._silent = True
        """Whether nothing of the reply was sent yet."""

    def start(self) -> None:
        """Begin after setupComplete."""
        moment: Moment = "resume" if self.session.resumed else "setup"
        if self._profile.first_update:
            self._update_later(moment, self._profile.first_update)
        else:
            self._update(moment)

    def take(self, item: Input, *, more: bool = False) -> None:
        """Take in a thing that the client told the model, and react.

        Args:
            item: What it told.
            more: Whether another thing follows in the same message.

        Raises:
            Refused: When the server answers it with a close.
        """
        reaction = self.session.take(item, more=more)
        if self._profile.update_every is not None and self._due is None:
            self._issue_later(self._profile.update_every)
        self._tell(reaction)
        match reaction.then:
            case "answer":
                self._answer(_MOMENTS.get(item.kind, "speech"))
            case "end":
                self._end()
            case "empty":
                self._line.send(frames.turn_complete())
                self._update_later("end", self._shared.timing.handle_delay)
            case "stream":
                self._stream(reaction)
            case _:
                pass

    # What comes before a reply

    def _tell(self, reaction: Reaction) -> None:
        """Tell of calls that are called off, of a reply that was cut off, and of speech."""
        if reaction.cancelled:
            self._line.send(frames.tool_call_cancellation(reaction.cancelled))
        if reaction.cut is not None:
            self._drop()
        if reaction.cut in {"begun", "whole"}:
            if reaction.cut == "begun" and self._profile.whole_if_interrupted:
                self._line.send(frames.generation_complete())
            self._line.send(frames.interrupted())
            self._line.send(end_of_turn(self._profile, self._said))
            self._update_later("end", self._shared.timing.handle_delay)
        if reaction.activity == "START":
            self._tell_activity("START")
        if reaction.speech and reaction.then != "stream":
            self._line.send(frames.input_transcription(self._shared.transcriber(reaction.speech)))
        if reaction.activity == "END":
            self._tell_activity("END")

    def _tell_activity(self, kind: Literal["START", "END"]) -> None:
        told = self._profile.voice_activity
        if told != "untold":
            self._line.send(frames.voice_activity(kind, content=told == "with_content"))

    # Replies

    def _answer(self, moment: Moment) -> None:
        session = self.session
        session.begin()
        self._update(moment)
        question = Question(tuple(session.context), session.setup)
        reply = self._shared.model(question)
        self._drop()
        self._left = steps(reply, question, profile=self._profile, new_id=self._new_id)
        self._said = 0
        self._silent = True
        session.plan(sum(len(step.calls) for step in self._left))
        self._go_on()

    def _new_id(self) -> str | None:
        """Give the id of the next tool call."""
        match self._profile.call_ids:
            case "unique":
                return self._shared.new_id()
            case "reused":
                self._calls += 1
                return f"call-{self._calls}"
            case _:
                return None

    def _drop(self) -> None:
        self._left = []
        self._reply = object()

    def _go_on(self) -> None:
        """Let the next step come, if there is any."""
        if self._left:
            pause = self._left[0].pause
            delay = self._shared.timing.chunk_delay if pause is None else pause
            self._line.later(delay, partial(self._step, self._reply))
        else:
            self._rest()

    def _rest(self) -> None:
        """Wait for what comes, with nothing more to say."""
        if self.session.exchange is not None:
            self.session.exchange.idle = True

    def _step(self, reply: object) -> None:
        if reply is not self._reply or not self._line.live:
            return
        step = self._left[0]
        if step.held and self.session.learn_results():
            self._answer("result")
        elif step.held and self.session.holds:
            self._rest()
        else:
            del self._left[0]
            self._send(step)
            if step.ends == "turn" and self.session.learn_results():
                self._answer("result")
            else:
                self._go_on()

    def _send(self, step: Step) -> None:
        """Send a message of a reply, and what follows from it."""
        if step.output or step.said:
            self.session.say(step.said)
        if step.calls:
            self.session.call(step.calls)
        if step.ends == "generation":
            self.session.finish()
        elif step.ends == "turn":
            self.session.complete()
        self._said += len(step.said)
        self._line.send(step.message)
        if step.output and self._silent:
            self._silent = False
            self._update("output")
        if step.ends == "turn":
            self._update_later("end", self._shared.timing.handle_delay)

    def _end(self) -> None:
        """End the turn that waited for a result and has nothing to say to it."""
        left = self._left or ends(self._profile, self._said)
        self._drop()
        for step in left:
            self._send(step)

    def _stream(self, reaction: Reaction) -> None:
        """Go on with a reply that never ends."""
        words = self._shared.transcriber(reaction.speech)
        if self._profile.stream == "transcription":
            found = transcription(words, reaction, profile=self._profile)
        else:
            found = self._translate(words) if reaction.over else []
        waits = not self._left
        self._left += found
        if waits:
            self._go_on()

    def _translate(self, words: str) -> list[Step]:
        question = Question(tuple(self.session.context), self.session.setup)
        spoken = self._shared.model(question)
        if not isinstance(spoken, str):
            raise TypeError(f"not a translation, which is a text: {spoken!r}")
        self.session.translate(spoken)
        return translation(words, spoken)

    # Resumption updates

    def _update_later(self, moment: Moment, seconds: float) -> None:
        if moment in self._profile.updates:
            self._issue_later(seconds)

    def _issue_later(self, seconds: float) -> None:
        due = self._due = object()
        self._line.later(seconds, partial(self._issue_due, due))

    def _issue_due(self, due: object) -> None:
        if due is self._due:
            self._issue()

    def _update(self, moment: Moment) -> None:
        if moment in self._profile.updates:
            self._issue()

    def _issue(self) -> None:
        """Send the handle for what is known now, or say that there is none at this point."""
        self._due = None  # an older one that is due is overtaken
        session = self.session
        resumption = session.setup.get("session_resumption")
        asked = resumption is not None or self._profile.unasked_updates
        if not asked or not self._line.live:
            return
        record = self._line.record
        if session.may_issue:
            snapshot = session.snapshot()
            handle = self._shared.memory.issue(session, snapshot, connection=record.number)
            transparent = (resumption or {}).get("transparent")
            consumed = len(record.received) if transparent else None
            self._line.send(frames.resumption_update(handle, consumed))
        elif session.dialect == "gemini":  # Vertex marks every update resumable
            self._line.send(frames.resumption_update(None))
