"""Plays a conversation, and records what came of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field

from scenario_script import (
    FRAME,
    HEARD,
    PATIENCE,
    PAUSE,
    SILENCE,
    Ask,
    Hum,
    Say,
    Speak,
    Tell,
    Wait,
    frame,
)
from scenario_tokens import call_key
from talk import MODEL, QUICK, TEXT, user

from reconnect import Lost, ResumableSession, Resumed
from reconnect.events import Restarted


class Tap:
    """The SDK's live module, with a log of each connection in the order of the client's view."""

    def __init__(self, live, *, vertexai):
        self.vertexai = vertexai
        self.logs = []
        self._live = live

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        """Dial, as the SDK does."""
        async with self._live.connect(model=model, config=config) as session:
            log = []
            self.logs.append(log)
            yield _Tapped(session, log)


class _Tapped:
    def __init__(self, session, log):
        self._session = session
        self._log = log

    def __getattr__(self, name):
        found = getattr(self._session, name)
        if not name.startswith("send_"):
            return found

        async def send(**arguments):
            self._log.append(("out", name, arguments))
            await found(**arguments)

        return send

    async def receive(self):
        async for message in self._session.receive():
            self._log.append(("in", message))
            yield message


@dataclass
class Player:
    """One conversation, and what came of it.

    Args:
        script: The steps.
        vertexai: Whether the client speaks the Vertex dialect: resumption is transparent there.
        profile: The emulator's.
        history: What a fresh session is told.
        tool_seconds: How long a tool takes.
        transcription: Whether the server says what it has understood of what is spoken.
        options: More options of the session.
    """

    script: list
    vertexai: bool = False
    profile: str = "3.8"
    history: list = field(default_factory=list)
    tool_seconds: float = 0.02
    transcription: bool = False
    options: dict = field(default_factory=dict)
    events: list = field(default_factory=list)
    shown: list = field(default_factory=list)
    replies: list = field(default_factory=list)
    runs: Counter = field(default_factory=Counter)
    sure: list = field(default_factory=list)
    away: bool = False

    async def on(self, server, *, live=None, before=None):
        """Play it on a server.

        Args:
            server: The emulator.
            live: The SDK's module; None to make one.
            before: Called with the number of each step and the session, before the step.
        """
        if live is None:
            live = server.client(vertexai=self.vertexai).aio.live
        self.tap = Tap(live, vertexai=self.vertexai)
        first_dial = len(server.connections)
        first_heard = len(server.heard)
        session = ResumableSession(
            self.tap,
            model=MODEL,
            config=TEXT | ({"input_audio_transcription": {}} if self.transcription else {}),
            policy=QUICK.replace(without_handle="restart"),
            history=self.history,
            on_event=self._on_event,
            draw=lambda: 0.5,
            **self.options,
        )
        async with session:
            for number, step in enumerate(self.script):
                if before is not None:
                    before(number, session)
                await self._step(session, step)
            await asyncio.sleep(10)
            self.context = server.context
        self.connections = server.connections[first_dial:]
        self.heard = server.heard[first_heard:]
        return self

    def _on_event(self, event):
        self.events.append(event)
        if isinstance(event, Lost):
            self.away = True
        elif isinstance(event, Resumed | Restarted):
            self.away = False

    async def _step(self, session, step):
        match step:
            case Tell():
                await session.send_client_content(turns=user(step.text), turn_complete=False)
            case Ask():
                await session.send_client_content(turns=user(step.text))
                self.replies.append((step.reply, await self._listen(session)))
            case Say():
                await session.send_realtime_input(activity_start={})
                await self._speak(session, step)
                await session.send_realtime_input(activity_end={})
                await self._hear_out(session)
            case Speak():
                await self._speak(session, step)
                for _ in range(PAUSE):
                    await self._sound(session, SILENCE)
                await self._hear_out(session)
            case Hum():
                await self._speak(session, step)
            case Wait():
                await asyncio.sleep(step.seconds)

    async def _speak(self, session, step):
        for number in range(step.first, step.first + step.frames):
            if self.away:
                self.sure.append(number)
            await self._sound(session, frame(number))

    async def _sound(self, session, data):
        await session.send_realtime_input(audio={"data": data, "mime_type": "audio/pcm;rate=16000"})
        await asyncio.sleep(FRAME)

    async def _hear_out(self, session):
        """Listen to the reply to what was spoken, if one comes."""
        try:
            async with asyncio.timeout(PATIENCE):
                self.replies.append((HEARD, await self._listen(session)))
        except TimeoutError:
            self.replies.append((HEARD, None))

    async def _listen(self, session):
        said = ""
        while True:
            called = False
            async for message in session.receive():
                self.shown.append(message)
                content = message.server_content
                if content is not None and content.interrupted:
                    said = ""
                said += message.text or ""
                if message.tool_call is not None:
                    called = True
                    await self._run(session, message.tool_call.function_calls)
            if said or not called:
                return said
            # Where a call ends the turn, what answers its result is a turn of its own.

    async def _run(self, session, calls):
        responses = []
        for call in calls:
            await asyncio.sleep(self.tool_seconds)
            self.runs[call_key(call.name, call.args)] += 1
            responses.append(
                {"id": call.id, "name": call.name, "response": {"done": call.args["table"]}}
            )
        await session.send_tool_response(function_responses=responses)
