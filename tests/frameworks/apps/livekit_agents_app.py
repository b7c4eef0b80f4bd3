"""An agent on LiveKit, without a room: asks two questions, and prints what it hears.

Run it with ``GOOGLE_API_KEY`` set: ``python livekit_agents_app.py``.
"""

import asyncio

from livekit.agents import Agent, AgentSession, SpeechCreatedEvent
from livekit.agents.voice import SpeechHandle
from livekit.agents.voice.io import TextOutput
from livekit.plugins import google

import reconnect

QUESTIONS = ["What is a semaphore?", "And a mutex?"]


class Screen(TextOutput):
    """Prints the words of the agent."""

    def __init__(self) -> None:
        super().__init__(label="screen", next_in_chain=None)

    async def capture_text(self, text: str) -> None:
        """Print a piece."""
        print(text, end="", flush=True)

    def flush(self) -> None:
        """End the line."""
        print()


async def main() -> None:
    """Hold the conversation."""
    undo = reconnect.install()  # the line that is new
    model = google.realtime.RealtimeModel(model="gemini-3.8-live")
    session = AgentSession[None](llm=model)
    session.output.transcription = Screen()
    await session.start(Agent(instructions="Be brief."), record=False)
    speeches = asyncio.Queue[SpeechHandle]()

    @session.on("speech_created")
    def on_speech(event: SpeechCreatedEvent) -> None:
        speeches.put_nowait(event.speech_handle)

    for question in QUESTIONS:
        session.generate_reply(user_input=question)
        while (await (await speeches.get())).interrupted:
            print(" ... I was cut off:")  # the reply is given anew, in a speech of its own
    await session.aclose()
    undo()


if __name__ == "__main__":
    asyncio.run(main())
