"""An agent on pydantic-ai: asks two questions, and prints what it hears.

Run it with ``GOOGLE_API_KEY`` set: ``python pydantic_ai_app.py``.
"""

import asyncio

from pydantic_ai import Agent
from pydantic_ai.messages import (
    PartDeltaEvent,
    RealtimeResponseInterruptedEvent,
    RealtimeTurnCompleteEvent,
    SpeechPartDelta,
)
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.realtime.google import GoogleRealtimeModel

from reconnect import ResumableClient

QUESTIONS = ["What is a semaphore?", "And a mutex?"]


async def main() -> None:
    """Hold the conversation."""
    client = ResumableClient()  # was: genai.Client()
    model = GoogleRealtimeModel("gemini-3.8-live", provider=GoogleProvider(client=client))
    agent = Agent()
    questions = iter(QUESTIONS)
    cut = False
    async with agent.realtime(model).session() as session:
        await session.send(next(questions))
        async for event in session:
            match event:
                case PartDeltaEvent(delta=SpeechPartDelta(transcript_delta=str(words))):
                    print(words, end="", flush=True)
                case RealtimeResponseInterruptedEvent():
                    print(" ... I was cut off:")
                    cut = True
                case RealtimeTurnCompleteEvent() if cut:
                    cut = False  # the reply is given anew, in a turn of its own
                case RealtimeTurnCompleteEvent():
                    print()
                    question = next(questions, None)
                    if question is None:
                        break
                    await session.send(question)
                case _:
                    pass
    await client.aio.aclose()
    client.close()


if __name__ == "__main__":
    asyncio.run(main())
