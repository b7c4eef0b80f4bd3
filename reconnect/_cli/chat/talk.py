"""Holds the conversation: sends what is typed, and shows what comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from google.genai import types

from reconnect._cli.demo.conversation import POLICY, words_of
from reconnect._cli.demo.timeline import Timeline
from reconnect._driver.own import is_local
from reconnect._failures.loss import Family, read
from reconnect.events import Connected, Event, Restarted, Resumed
from reconnect.session import ResumableSession

from .commands import Break, Help, Quit, Say, Wrong, read_line, usage
from .faults import Breaker
from .typed import Lines

__all__ = ["Talk"]

CONFIG: Final[dict[str, Any]] = {
    "response_modalities": ["AUDIO"],
    "output_audio_transcription": {},
}

SILENCE: Final = 30.0
"""Seconds without a word or an event after which a script waits no longer for a reply."""

_CANNOT: Final = (
    "Only the emulator breaks on command: start chat without --model. With the real API, disconnect"
    " your network for a while: the session recovers from that, too."
)


class Talk:
    """One conversation.

    Args:
        timeline: Where everything is shown.
        lines: What is typed.
        breaker: What can be done to the line; None where nothing can.
        realtime: Whether what is typed goes as realtime input: some models take no content once
            the conversation is under way.
    """

    def __init__(
        self,
        timeline: Timeline,
        lines: Lines,
        *,
        breaker: Breaker | None = None,
        realtime: bool = False,
    ) -> None:
        self.error: BaseException | None = None
        self.asked = 0
        self.answered = 0
        self.connections = 0
        self._timeline = timeline
        self._lines = lines
        self._breaker = breaker
        self._realtime = realtime
        self._pieces: list[str] = []
        self._open = 0
        """How many questions are waiting for the end of their turn."""
        self._stirred = asyncio.Event()
        """Whether anything has happened since a script last looked."""

    async def hold(self, live: Any, *, model: str, draw: Callable[[], float]) -> None:
        """Hold the conversation until nobody types any more, or it has ended: then `error` is set.

        Args:
            live: What to connect with.
            model: The model's name.
            draw: Returns the random numbers that spread the delays.

        Raises:
            KeyboardInterrupt: On Ctrl-C.
        """
        session = ResumableSession(
            live, model=model, config=CONFIG, policy=POLICY, on_event=self._on_event, draw=draw
        )
        try:
            async with session, asyncio.TaskGroup() as group:
                listener = group.create_task(self._listen(session))
                await self._type(session)
                listener.cancel()
        except Exception as error:
            self.error = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            if read(self.error).family is Family.FOREIGN:
                raise self.error from None

    async def _type(self, session: ResumableSession) -> None:
        """Do what each line says."""
        async with contextlib.aclosing(self._lines.read()) as lines:
            async for text in lines:
                line = read_line(text)
                match line:
                    case Say():
                        await self._ask(session, line.text)
                    case Break():
                        self._break(line)
                    case Help():
                        for words in usage(breaks=self._breaker is not None):
                            self._timeline.note(words)
                    case Wrong():
                        self._timeline.note(line.complaint)
                    case Quit():
                        return
                if self._lines.waits:
                    await self._replied()

    async def _ask(self, session: ResumableSession, text: str) -> None:
        self._timeline.asked(text)
        self.asked += 1
        self._open += 1
        if self._realtime:
            await session.send_realtime_input(text=text)
        else:
            await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]})

    def _break(self, line: Break) -> None:
        if self._breaker is None:
            self._timeline.note(_CANNOT)
        else:
            self._breaker.do(line, pieces=len(self._pieces))

    async def _replied(self) -> None:
        """Wait until no question is open, or nothing has stirred for a while."""
        while self._open:
            self._stirred.clear()
            try:
                async with asyncio.timeout(SILENCE):
                    await self._stirred.wait()
            except TimeoutError:
                self._timeline.note(f"No reply within {SILENCE:.0f} s.")
                self._open = 0

    async def _listen(self, session: ResumableSession) -> None:
        """Show one turn after another."""
        while True:
            async for message in session.receive():
                self._stirred.set()
                if message.tool_call is not None:
                    await self._decline(session, message.tool_call)
                content = message.server_content
                if content is None:
                    continue
                if content.interrupted and self._pieces:
                    self._timeline.cut(self._said(), by_you=not is_local(message))
                piece = words_of(content)
                if piece:
                    self._pieces.append(piece)
                    self._lines.show("".join(self._pieces))
                    if self._breaker is not None:
                        self._breaker.replied(len(self._pieces))
            reply = self._said().strip()
            if reply:
                self.answered += 1
                self._timeline.answered(reply, whole=True)
            self._open = max(self._open - 1, 0)
            self._stirred.set()

    def _said(self) -> str:
        """Take what there is of the reply."""
        said = "".join(self._pieces)
        self._pieces.clear()
        self._lines.show("")
        return said

    async def _decline(self, session: ResumableSession, call: types.LiveServerToolCall) -> None:
        """Answer calls of tools: a model that has none waits for an answer all the same."""
        calls = call.function_calls or []
        self._timeline.called([f"{one.name}()" for one in calls])
        await session.send_tool_response(
            function_responses=[
                types.FunctionResponse(
                    id=one.id, name=one.name, response={"error": "there are no tools here"}
                )
                for one in calls
            ]
        )

    def _on_event(self, event: Event) -> None:
        self._stirred.set()
        self._timeline.event(event)
        if isinstance(event, Connected | Resumed | Restarted):
            self.connections += 1
