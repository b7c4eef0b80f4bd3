"""The loop of Google's sample for the Live API: a task for the microphone, and one for the speaker.

It is the one of the Gemini cookbook's ``Get_started_LiveAPI.py`` and of what was copied from it:
every frame goes out with the deprecated ``send(input=...)``, and what is left in the queue of the
speaker is dropped whenever ``receive()`` ends.
"""

import asyncio
import warnings
from typing import Any

from google.genai import types

from frameworks.clients import client_for
from frameworks.listener import Listener
from frameworks.model import FRAME_SECONDS, SILENCE
from frameworks.stage import App, Setting


class Loop:
    """The sample's loop.

    Args:
        client: The client.
        model: The model's name.
        config: The session's.
        listener: Who listens at the speaker.
        tool: What a call runs.
    """

    def __init__(
        self,
        client: Any,
        model: str,
        config: types.LiveConnectConfig,
        listener: Listener,
        tool: Any,
    ) -> None:
        self._client = client
        self._model = model
        self._config = config
        self._listener = listener
        self._tool = tool
        self.stalls: list[float] = []
        """Seconds that the microphone waited for each frame to go out, where it waited at all."""
        self.frames = 0
        """How many frames went out."""
        self.ready = asyncio.Event()
        self.spoken: list[bytes] = []
        """What the microphone hears next, before silence."""

    async def send_realtime(self) -> None:
        """Send what the microphone hears, and what is typed."""
        while True:
            message = await self.out_queue.get()
            started = asyncio.get_running_loop().time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                await self.session.send(**message)
            self.frames += "end_of_turn" not in message
            waited = asyncio.get_running_loop().time() - started
            if waited:
                self.stalls.append(waited)

    async def listen_audio(self) -> None:
        """Take frames from the microphone."""
        while True:
            await asyncio.sleep(FRAME_SECONDS)
            data = self.spoken.pop(0) if self.spoken else SILENCE
            await self.out_queue.put({"input": {"data": data, "mime_type": "audio/pcm"}})

    async def receive_audio(self) -> None:
        """Take what the model says."""
        while True:
            interrupted = False
            async for response in self.session.receive():
                content = response.server_content
                if content and content.interrupted:
                    interrupted = True
                if content and content.output_transcription:
                    self._listener.hear(content.output_transcription.text or "")
                if data := response.data:
                    self.audio_in_queue.put_nowait(data)
                if response.tool_call:
                    await self._answer(response.tool_call)
            # If you interrupt the model, it sends a turn_complete: stop playback.
            while not self.audio_in_queue.empty():
                self.audio_in_queue.get_nowait()
            self._listener.close_reply("taken back" if interrupted else "whole")

    async def _answer(self, call: types.LiveServerToolCall) -> None:
        results = [
            types.FunctionResponse(id=call.id, name=call.name, response=await self._tool())
            for call in call.function_calls or ()
        ]
        await self.session.send_tool_response(function_responses=results)

    async def play_audio(self) -> None:
        """Play what the model says."""
        while True:
            await self.audio_in_queue.get()
            self._listener.hear(audio=1)

    async def run(self) -> None:
        """Hold the conversation, until it is cancelled or breaks."""
        async with (
            self._client.aio.live.connect(model=self._model, config=self._config) as self.session,
            asyncio.TaskGroup() as group,
        ):
            self.audio_in_queue: asyncio.Queue[bytes] = asyncio.Queue()
            self.out_queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=5)
            group.create_task(self.send_realtime())
            group.create_task(self.listen_audio())
            group.create_task(self.receive_audio())
            group.create_task(self.play_audio())
            self.ready.set()


class SampleApp(App):
    """Google's sample loop, whose user types."""

    framework = "Google's sample"

    def __init__(self, setting: Setting, listener: Listener) -> None:
        super().__init__(setting, listener)
        config = types.LiveConnectConfig(
            response_modalities=[types.Modality.AUDIO],
            input_audio_transcription=types.AudioTranscriptionConfig(),
            output_audio_transcription=types.AudioTranscriptionConfig(),
            session_resumption=types.SessionResumptionConfig(),
        )
        self._client = client_for(setting, listener)
        self.loop = Loop(self._client, setting.model, config, listener, self.lookup)

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run())
        ready = asyncio.create_task(self.loop.ready.wait())
        await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()

    async def _run(self) -> None:
        try:
            await self.loop.run()
        except Exception as error:
            self.listener.fail(error)
        finally:
            self.listener.end()

    async def ask(self, text: str) -> None:
        if not self.listener.ended:
            await self.loop.out_queue.put({"input": text, "end_of_turn": True})

    async def speak(self, frame: bytes) -> None:
        self.loop.spoken.append(frame)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        await self._client.aio.aclose()
