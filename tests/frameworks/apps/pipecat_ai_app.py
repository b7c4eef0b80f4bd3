"""A bot on Pipecat, without a transport: asks two questions, and prints what it hears.

Run it with ``GOOGLE_API_KEY`` set: ``python pipecat_ai_app.py``.
"""

import asyncio
import os

from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputTextRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService
from pipecat.workers.runner import WorkerRunner

from reconnect import ResumableClient

QUESTIONS = ["What is a semaphore?", "And a mutex?"]


class Service(GeminiLiveLLMService):
    """The service, on a client that survives."""

    def create_client(self) -> None:
        """Make the client: the hook that the service documents."""
        self._client = ResumableClient(api_key=self._api_key, http_options=self._http_options)


class Screen(FrameProcessor):
    """Prints the words of the bot, and says when it has said them."""

    def __init__(self) -> None:
        super().__init__()
        self.said = asyncio.Event()
        self._cut = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Print what there is to read."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSTextFrame):
            print(frame.text, end="", flush=True)
        elif isinstance(frame, InterruptionFrame):
            print(" ... I was cut off:")
            self._cut = True
        elif isinstance(frame, LLMFullResponseEndFrame) and self._cut:
            self._cut = False  # the reply is given anew, in a turn of its own
        elif isinstance(frame, LLMFullResponseEndFrame):
            print()
            self.said.set()
        await self.push_frame(frame, direction)


async def main() -> None:
    """Hold the conversation."""
    llm = Service(
        api_key=os.environ["GOOGLE_API_KEY"],
        settings=GeminiLiveLLMService.Settings(model="gemini-3.8-live"),
    )
    screen = Screen()
    pair = LLMContextAggregatorPair(LLMContext())
    worker = PipelineWorker(Pipeline([pair.user(), llm, screen, pair.assistant()]))
    started = asyncio.Event()

    async def on_started(_worker: PipelineWorker, _frame: Frame) -> None:
        started.set()

    worker.add_event_handler("on_pipeline_started", on_started)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await started.wait()
    await worker.queue_frame(LLMRunFrame())
    await asyncio.sleep(1)
    for question in QUESTIONS:
        screen.said.clear()
        await worker.queue_frame(InputTextRawFrame(text=question))
        await screen.said.wait()
    await worker.queue_frame(EndFrame())
    await running
    await llm._client.aio.aclose()
    llm._client.close()


if __name__ == "__main__":
    asyncio.run(main())
