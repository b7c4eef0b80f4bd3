"""Google's sample loop, with a microphone that is silent: asks two questions, and prints.

Run it with ``GOOGLE_API_KEY`` set: ``python google_sample_app.py``.
"""

import asyncio
import warnings
from typing import Any

from google.genai import types
from google.genai.live import AsyncSession

from reconnect import ResumableClient

QUESTIONS = ["What is a semaphore?", "And a mutex?"]
CHUNK = 1024
RATE = 16000


class AudioLoop:
    """The loop of the sample, without its sound card."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.audio_in_queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.out_queue: asyncio.Queue[Any] = asyncio.Queue(maxsize=5)

    async def send_realtime(self) -> None:
        """Send what the microphone hears."""
        while True:
            message = await self.out_queue.get()
            await self.session.send(input=message)

    async def listen_audio(self) -> None:
        """Hear silence."""
        while True:
            await asyncio.sleep(CHUNK / RATE)
            await self.out_queue.put({"data": bytes(2 * CHUNK), "mime_type": "audio/pcm"})

    async def play_audio(self) -> None:
        """Play what the model says."""
        while True:
            await self.audio_in_queue.get()

    async def receive_audio(self) -> bool:
        """Take one turn of the model; return whether it was cut."""
        cut = False
        async for response in self.session.receive():
            if data := response.data:
                self.audio_in_queue.put_nowait(data)
            content = response.server_content
            if content and content.output_transcription:
                print(content.output_transcription.text or "", end="", flush=True)
            if content and content.interrupted:
                print(" ... I was cut off:")
                cut = True
        print()
        while not self.audio_in_queue.empty():
            self.audio_in_queue.get_nowait()
        return cut

    async def run(self) -> None:
        """Ask, and end once all is answered."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.send_realtime()),
                group.create_task(self.listen_audio()),
                group.create_task(self.play_audio()),
            ]
            for question in QUESTIONS:
                await self.session.send(input=question, end_of_turn=True)
                while await self.receive_audio():
                    pass  # the reply is given anew, in a turn of its own
            for task in tasks:
                task.cancel()


async def main() -> None:
    """Hold the conversation."""
    warnings.simplefilter("ignore", DeprecationWarning)  # of session.send(), as in the sample
    client = ResumableClient()  # was: genai.Client()
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        output_audio_transcription=types.AudioTranscriptionConfig(),
    )
    async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
        await AudioLoop(session).run()
    await client.aio.aclose()
    client.close()


if __name__ == "__main__":
    asyncio.run(main())
