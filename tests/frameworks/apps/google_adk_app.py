"""An agent on google-adk: asks two questions, and prints what it hears.

Run it with ``GOOGLE_API_KEY`` set: ``python google_adk_app.py``.
"""

import asyncio

from google.adk.agents import Agent, LiveRequestQueue
from google.adk.agents.run_config import RunConfig
from google.adk.models.google_llm import Gemini
from google.adk.runners import InMemoryRunner
from google.genai import types

from reconnect import ResumableClient

QUESTIONS = ["What is a semaphore?", "And a mutex?"]


async def main() -> None:
    """Hold the conversation."""
    client = ResumableClient()  # was: genai.Client()
    agent = Agent(name="assistant", model=Gemini(model="gemini-3.8-live", client=client))
    runner = InMemoryRunner(agent)
    session = await runner.session_service.create_session(app_name=runner.app_name, user_id="me")
    queue = LiveRequestQueue()
    questions = iter(QUESTIONS)
    cut = False
    queue.send_content(types.UserContent(next(questions)))
    async for event in runner.run_live(
        user_id="me",
        session_id=session.id,
        live_request_queue=queue,
        run_config=RunConfig(response_modalities=[types.Modality.AUDIO]),
    ):
        if event.output_transcription and event.partial:
            print(event.output_transcription.text or "", end="", flush=True)
        if event.interrupted:
            print(" ... I was cut off:")
            cut = True
        elif event.turn_complete and cut:
            cut = False  # the reply is given anew, in a turn of its own
        elif event.turn_complete:
            print()
            question = next(questions, None)
            if question is None:
                queue.close()
            else:
                queue.send_content(types.UserContent(question))
    await runner.close()
    await client.aio.aclose()
    client.close()


if __name__ == "__main__":
    asyncio.run(main())
