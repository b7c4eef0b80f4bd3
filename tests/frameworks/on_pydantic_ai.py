"""An app on pydantic-ai."""

import asyncio
import contextlib
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import (
    BinaryContent,
    ModelResponse,
    PartDeltaEvent,
    RealtimeResponseInterruptedEvent,
    RealtimeSessionErrorEvent,
    RealtimeTurnCompleteEvent,
    SpeechPart,
    SpeechPartDelta,
    ToolReturn,
)
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.realtime.google import GoogleRealtimeModel

from frameworks.clients import client_for
from frameworks.stage import App

PNG = b"\x89PNG\r\n\x1a\n"


class PydanticAIApp(App):
    """An agent's realtime session; bare with the reconnect of its own that has to be asked for."""

    framework = "pydantic-ai"

    @staticmethod
    def picture() -> ToolReturn:
        """Return a result that holds a picture."""
        return ToolReturn("a picture", content=[BinaryContent(PNG, media_type="image/png")])

    async def open(self) -> None:
        self._stack = contextlib.AsyncExitStack()
        client = client_for(self.setting, self.listener)
        agent = Agent(tools=[self.lookup])
        settings: Any = {"reconnect": {}} if self.setting.column == "bare" else {}
        model = GoogleRealtimeModel(self.setting.model, provider=GoogleProvider(client=client))
        self._stack.push_async_callback(client.aio.aclose)
        try:
            self._session = await self._stack.enter_async_context(
                agent.realtime(model, model_settings=settings).session()
            )
        except AgentRunError as error:
            self.listener.fail(error)
            return
        self._task = asyncio.create_task(self._listen())
        self._stack.push_async_callback(self._stop)

    async def _stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        try:
            async for event in self._session:
                match event:
                    case PartDeltaEvent(delta=SpeechPartDelta(speaker="assistant") as delta):
                        self.listener.hear(delta.transcript_delta or "", bool(delta.audio_chunk))
                    case RealtimeResponseInterruptedEvent():
                        self.listener.close_reply("taken back")
                    case RealtimeTurnCompleteEvent():
                        self.listener.close_reply("whole")
                    case RealtimeSessionErrorEvent(recoverable=False):
                        self.listener.fail(event.message)
        except Exception as error:
            self.listener.fail(error)
        finally:
            self.listener.end()

    async def ask(self, text: str) -> None:
        try:
            await self._session.send(text)
        except AgentRunError as error:
            self.listener.fail(error)

    async def speak(self, frame: bytes) -> None:
        try:
            await self._session.send_audio(frame)
        except AgentRunError as error:
            self.listener.fail(error)

    def recorded(self) -> list[str]:
        return [
            "".join(part.transcript or "" for part in message.parts if isinstance(part, SpeechPart))
            for message in self._session.all_messages()
            if isinstance(message, ModelResponse)
            and message.state == "complete"
            and any(isinstance(part, SpeechPart) for part in message.parts)
        ]

    async def close(self) -> None:
        await self._stack.aclose()
