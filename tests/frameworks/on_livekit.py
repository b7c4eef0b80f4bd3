"""An app on LiveKit Agents."""

import asyncio
import time

from google.oauth2.credentials import Credentials
from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool
from livekit.agents.voice.events import CloseEvent, ErrorEvent
from livekit.agents.voice.io import (
    AudioInput,
    AudioOutput,
    AudioOutputCapabilities,
    TextOutput,
)
from livekit.plugins import google

from frameworks.clients import installed_for
from frameworks.listener import Listener
from frameworks.stage import App


class Speaker(AudioOutput):
    """A speaker that plays what it is given as long as it lasts, until its buffer is cleared."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(label="speaker", capabilities=AudioOutputCapabilities(pause=False))
        self._listener = listener
        self._seconds = 0.0
        self._playing: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take a piece of a reply."""
        await super().capture_frame(frame)
        if not self._seconds:
            self.on_playback_started(created_at=time.time())
        self._seconds += frame.duration
        self._listener.hear(audio=1)

    def flush(self) -> None:
        """Play what was taken to its end."""
        super().flush()
        if self._seconds:
            loop = asyncio.get_running_loop()
            self._playing = loop.call_later(self._seconds, self._finish, "whole")

    def clear_buffer(self) -> None:
        """Drop what was taken."""
        if self._seconds:
            self._finish("taken back")
        else:  # its words may be shown before anything of it is heard
            self._listener.close_reply("taken back")

    def _finish(self, state: str) -> None:
        if self._playing is not None:
            self._playing.cancel()
        seconds, self._seconds, self._playing = self._seconds, 0.0, None
        self._listener.close_reply(state)
        self.on_playback_finished(playback_position=seconds, interrupted=state == "taken back")


class Captions(TextOutput):
    """A screen that shows the words of a reply."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(label="captions", next_in_chain=None)
        self._listener = listener

    async def capture_text(self, text: str) -> None:
        """Show a piece of a reply."""
        self._listener.hear(text)

    def flush(self) -> None:
        """Nothing follows for now."""


class Microphone(AudioInput):
    """A microphone that hears what it is given."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def __anext__(self) -> rtc.AudioFrame:
        """Return the next frame."""
        data = await self.heard.get()
        return rtc.AudioFrame(data, 16000, 1, len(data) // 2)


class LiveKitApp(App):
    """An agent session with a speaker and captions, whose user types."""

    framework = "livekit-agents"

    async def open(self) -> None:
        self._undo = installed_for(self.setting, self.listener)
        key = self.setting.arguments["api_key"]
        vertex = {"vertexai": True, "project": "project", "credentials": Credentials(key)}
        model = google.realtime.RealtimeModel(
            model=self.setting.model,
            http_options=self.setting.http_options,
            **(vertex if self.setting.arguments["vertexai"] else {"api_key": key}),
        )
        self._session = AgentSession(llm=model)
        self._microphone = Microphone()
        self._session.input.audio = self._microphone
        self._session.output.audio = Speaker(self.listener)
        self._session.output.transcription = Captions(self.listener)
        self._session.on("error", self._on_error)
        self._session.on("close", self._on_close)

        @function_tool
        async def lookup() -> dict[str, str]:
            """Look something up."""
            return await self.lookup()

        self._agent = Agent(instructions="Answer.", tools=[lookup])
        await self._session.start(self._agent, record=False)

    async def renew_tools(self) -> None:
        """Give the agent one more tool: LiveKit restarts its session for it."""

        @function_tool
        async def another() -> None:
            """Do nothing."""

        await self._agent.update_tools([*self._agent.tools, another])

    def _on_error(self, event: ErrorEvent) -> None:
        if not getattr(event.error, "recoverable", True):
            self.listener.fail(event.error)

    def _on_close(self, event: CloseEvent) -> None:
        if event.error is not None:
            self.listener.fail(event.error)
        self.listener.end()

    async def ask(self, text: str) -> None:
        try:
            self._session.generate_reply(user_input=text)
        except RuntimeError as error:  # it has ended
            self.listener.fail(error)

    async def speak(self, frame: bytes) -> None:
        self._microphone.heard.put_nowait(frame)

    def recorded(self) -> list[str]:
        return [
            item.text_content or ""
            for item in self._session.history.items
            if item.type == "message" and item.role == "assistant" and not item.interrupted
        ]

    async def close(self) -> None:
        await self._session.aclose()
        self._undo()
