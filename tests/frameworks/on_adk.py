"""An app on google-adk."""

import asyncio

from google.adk.agents import Agent, LiveRequestQueue
from google.adk.agents.run_config import RunConfig
from google.adk.events.event import Event
from google.adk.models.google_llm import Gemini
from google.adk.runners import InMemoryRunner
from google.genai import types

from frameworks.clients import client_for
from frameworks.stage import App


class AdkApp(App):
    """An agent that runs live, with resumption switched on: ADK reconnects not at all without."""

    framework = "google-adk"

    async def open(self) -> None:
        self._client = client_for(self.setting, self.listener)
        model = Gemini(model=self.setting.model, client=self._client)
        other = Agent(name="other", description="Another.", model=model)
        agent = Agent(name="agent", model=model, tools=[self.lookup], sub_agents=[other])
        runner = InMemoryRunner(agent)
        await runner.session_service.create_session(
            app_name=runner.app_name, user_id="user", session_id="session"
        )
        self._queue = LiveRequestQueue()
        config = RunConfig(
            response_modalities=[types.Modality.AUDIO],
            session_resumption=types.SessionResumptionConfig(),
        )
        self._runner = runner
        self._task = asyncio.create_task(self._listen(config))

    async def _listen(self, config: RunConfig) -> None:
        try:
            async for event in self._runner.run_live(
                user_id="user",
                session_id="session",
                live_request_queue=self._queue,
                run_config=config,
            ):
                self._hear(event)
        except Exception as error:
            self.listener.fail(error)
        finally:
            self.listener.end()

    def _hear(self, event: Event) -> None:
        words = event.output_transcription
        if words is not None and event.partial:
            self.listener.hear(words.text or "")
        for part in (event.content and event.content.parts) or ():
            if part.inline_data:
                self.listener.hear(audio=1)
        if event.interrupted:
            self.listener.close_reply("taken back")
        if event.turn_complete:
            self.listener.close_reply("whole")

    async def ask(self, text: str) -> None:
        self._queue.send_content(types.UserContent(text))

    async def speak(self, frame: bytes) -> None:
        self._queue.send_realtime(types.Blob(data=frame, mime_type="audio/pcm;rate=16000"))

    async def close(self) -> None:
        self._queue.close()
        await self._task
        await self._runner.close()
        await self._client.aio.aclose()
