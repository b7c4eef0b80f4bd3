"""Holds the conversation of the demo: types, listens, speaks, has tools run, and keeps count.

All of it goes through one `ResumableSession`, and nothing here knows that connections are lost:
there is no handler for it, only the callback that writes the timeline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from google.genai import types

from reconnect._failures.loss import Family, Phase, read
from reconnect.events import Connected, Event, Lost, Restarted, Resumed
from reconnect.policy import ReconnectPolicy
from reconnect.session import ResumableSession

from .script import INSTRUCTION, INTERRUPTING, QUESTIONS
from .storm import Moment
from .tally import Turn
from .timeline import Timeline
from .tools import TOOLS, Tools

__all__ = ["Conversation", "number_of", "typed_in_realtime", "words_of"]

POLICY: Final = ReconnectPolicy(base=0.5, cap=2.0)
"""Faster than the default, since somebody is watching."""

CONFIG: Final[dict[str, Any]] = {
    "response_modalities": ["AUDIO"],
    "output_audio_transcription": {},
    "system_instruction": INSTRUCTION,
    "tools": [TOOLS],
}

REPLY_TIMEOUT: Final = 30.0
"""Seconds after which a turn without a complete reply is given up, and the conversation with it."""

PAUSE: Final = 0.3
"""Seconds before each question but the one that interrupts."""

_INSIDE: Final = 2
"""How many pieces of a reply are shown before a question interrupts it: each has three or more."""

AFTERWARDS: Final = 0.5
"""Seconds to listen, at the end, for replies that nobody has asked for."""

FRAME_SECONDS: Final = 0.02
FRAME_BYTES: Final = 640
"""20 ms of 16 bit PCM at 16 kHz."""

NUMBER_BYTES: Final = 4
_REALTIME_MODELS: Final = "gemini-3"
"""What the names of those models begin with that take typed turns as realtime input only."""

LATE: Final = 0.2
"""Seconds by which a frame may be late and is still sent; a microphone does not wait longer."""


class Conversation:
    """One run of the conversation and what the client saw of it.

    Args:
        timeline: Where everything is shown.
        moment: Called at each moment at which a fault may be due, with the turn's number.
        realtime: Whether the questions are typed as realtime input: some models take no content
            once the conversation is under way.
    """

    def __init__(
        self,
        timeline: Timeline,
        *,
        moment: Callable[[int, Moment], None] = lambda turn, moment: None,
        realtime: bool = False,
    ) -> None:
        self.error: BaseException | None = None
        self.connections = 0
        self.failed_attempts = 0
        self.longest_silence = 0.0
        self.recorded = 0
        self.cuts = 0
        """How many replies were cut off by a fault after a part of them was shown."""
        self.given_again = 0
        """How many of these were then shown from beginning to end."""
        self.tools = Tools(timeline, lambda: moment(len(self._replies), "result"))
        self._timeline = timeline
        self._moment = moment
        self._realtime = realtime
        self._replies: list[list[str]] = []
        self._parts: dict[int, str] = {}
        self._heard_at = 0.0
        self._group = asyncio.TaskGroup()

    @property
    def turns(self) -> list[Turn]:
        """The turns that were asked, in order."""
        return [
            Turn(question, tuple(replies), self._parts.get(number, ""))
            for number, (question, replies) in enumerate(
                zip(QUESTIONS, self._replies, strict=False), 1
            )
        ]

    async def hold(self, live: Any, *, model: str, draw: Callable[[], float]) -> None:
        """Hold the conversation to its end, or until the session has none: then `error` is set.

        Args:
            live: What to connect with.
            model: The model's name.
            draw: Returns the random numbers that spread the delays.
        """
        session = ResumableSession(
            live,
            model=model,
            config=CONFIG,
            policy=POLICY,
            on_event=self._on_event,
            draw=draw,
        )
        try:
            async with session, self._group:
                microphone = self._group.create_task(self._speak(session))
                for number in range(1, len(QUESTIONS) + 1):
                    await self._take_turn(session, number)
                overheard = self._group.create_task(self._overhear(session))
                await asyncio.sleep(AFTERWARDS)
                overheard.cancel()
                microphone.cancel()
        except Exception as error:
            self.error = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            if read(self.error).family is Family.FOREIGN:
                raise

    async def _take_turn(self, session: ResumableSession, number: int) -> None:
        """Ask one question, unless it has interrupted the one before, and listen to its reply."""
        limit = asyncio.timeout(REPLY_TIMEOUT)
        try:
            async with limit:
                if not self._was_asked(number):
                    await asyncio.sleep(PAUSE)
                await self._ask(session, number)
                await self._listen(session, number)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TimeoutError(f"no complete reply within {REPLY_TIMEOUT:.0f} s") from error

    def _was_asked(self, number: int) -> bool:
        return len(self._replies) >= number

    async def _ask(self, session: ResumableSession, number: int) -> None:
        """Ask a question, if it was not asked yet."""
        if self._was_asked(number):
            return
        question = QUESTIONS[number - 1]
        self._timeline.asked(question)
        self._replies.append([])
        self._heard_at = self._now()
        if self._realtime:
            await session.send_realtime_input(text=question)
        else:
            await session.send_client_content(turns={"role": "user", "parts": [{"text": question}]})

    async def _listen(self, session: ResumableSession, number: int) -> None:
        """Listen until the end of a turn."""
        pieces: list[str] = []
        cuts = 0
        async for message in session.receive():
            if message.tool_call is not None:
                self._heard()
                calls = message.tool_call.function_calls or ()
                self.tools.start(
                    calls, connection=self.connections, session=session, group=self._group
                )
                self._moment(number, "call")
            if message.tool_call_cancellation is not None:
                self.tools.cancel(message.tool_call_cancellation.ids or ())
            content = message.server_content
            if content is None:
                continue
            if content.interrupted and pieces:
                part = "".join(pieces)
                by_you = self._was_asked(number + 1)
                self._timeline.cut(part, by_you=by_you)
                pieces.clear()
                if by_you:
                    self._parts[number] = part
                    self._moment(number + 1, "interrupted")
                else:
                    cuts += 1
                    self.cuts += 1
            piece = words_of(content)
            if piece:
                self._heard()
                pieces.append(piece)
                self._moment(number, len(pieces))
            if number + 1 == INTERRUPTING and len(pieces) == _INSIDE:
                await self._ask(session, number + 1)
        self._heard()
        reply = "".join(pieces).strip()
        if not reply and number in self._parts:
            return
        self._replies[number - 1].append(reply)
        self.given_again += cuts if reply else 0
        self._timeline.answered(reply, whole=number == len(QUESTIONS))
        self._moment(number, "end")

    async def _overhear(self, session: ResumableSession) -> None:
        """Take what else is said for a second reply to the last turn."""
        while True:
            await self._listen(session, len(QUESTIONS))

    async def _speak(self, session: ResumableSession) -> None:
        """Send what a microphone records: a frame every 20 ms, whether or not it can go out."""
        started = self._now()
        while True:
            await asyncio.sleep(started + self.recorded * FRAME_SECONDS - self._now())
            frame = types.Blob(data=_frame(self.recorded), mime_type="audio/pcm;rate=16000")
            self.recorded += 1
            await session.send_realtime_input(audio=frame)
            passed = self._now() - started
            if passed - self.recorded * FRAME_SECONDS > LATE:
                self.recorded = int(passed / FRAME_SECONDS)

    def _on_event(self, event: Event) -> None:
        self._timeline.event(event)
        if isinstance(event, Connected | Resumed | Restarted):
            self.connections += 1
        elif isinstance(event, Lost) and event.phase is not Phase.SESSION:
            self.failed_attempts += 1

    def _heard(self) -> None:
        """Note that the server has said something, and how long it had not."""
        now = self._now()
        self.longest_silence = max(self.longest_silence, now - self._heard_at)
        self._heard_at = now

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def typed_in_realtime(model: str) -> bool:
    """Tell whether a model takes what is typed as realtime input only.

    Args:
        model: Its name.
    """
    return model.removeprefix("models/").startswith(_REALTIME_MODELS)


def words_of(content: Any) -> str:
    """Return the words in the content of a server message, spoken or written.

    Args:
        content: The content.
    """
    parts = content.model_turn.parts or () if content.model_turn is not None else ()
    words = [part.text for part in parts if part.text and not part.thought]
    if content.output_transcription is not None:
        words.append(content.output_transcription.text or "")
    return "".join(words)


def _frame(number: int) -> bytes:
    """Return a frame of silence that tells its number, in samples too quiet to be heard."""
    samples = bytearray(FRAME_BYTES)
    samples[0 : 2 * NUMBER_BYTES : 2] = number.to_bytes(NUMBER_BYTES, "big")
    return bytes(samples)


def number_of(frame: bytes) -> int:
    """Return the number that a frame tells.

    Args:
        frame: What has arrived of it.
    """
    return int.from_bytes(frame[0 : 2 * NUMBER_BYTES : 2], "big")
