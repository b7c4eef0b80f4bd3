"""An app on Pipecat."""

import asyncio
from collections.abc import Sequence

from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InputTextRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService
from pipecat.services.google.gemini_live.vertex.llm import GeminiLiveVertexLLMService
from pipecat.services.llm_service import FunctionCallParams
from pipecat.workers.runner import WorkerRunner

from frameworks.clients import client_for
from frameworks.listener import Listener
from frameworks.stage import KEY, App

logger.disable("pipecat")  # it logs to the terminal, past the logging module


class Hooked:
    """Overrides the hook that Pipecat's service documents for who brings a client."""

    app: App

    def create_client(self) -> None:
        """Make the client."""
        self._client = client_for(self.app.setting, self.app.listener)

    @staticmethod
    def _get_credentials(*_: object) -> None:
        """Fetch no token: the client has a key."""


class Service(Hooked, GeminiLiveLLMService):
    """Pipecat's service for the Gemini API."""


class VertexService(Hooked, GeminiLiveVertexLLMService):
    """Pipecat's service for Vertex AI."""


class Player(FrameProcessor):
    """The output of a transport: it plays what comes, and drops it on an interruption."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Play, or drop."""
        await super().process_frame(frame, direction)
        match frame:
            case TTSAudioRawFrame():
                self._listener.hear(audio=1)
            case TTSTextFrame():
                self._listener.hear(frame.text)
            case InterruptionFrame():
                self._listener.close_reply("taken back")
            case LLMFullResponseEndFrame():
                self._listener.close_reply("whole")
            case _:
                pass
        await self.push_frame(frame, direction)


class PipecatApp(App):
    """A pipeline around the Gemini Live service, whose user types."""

    framework = "pipecat-ai"

    history: Sequence[dict[str, str]] = ()
    """What was said before."""

    async def open(self) -> None:
        async def lookup(params: FunctionCallParams) -> None:
            """Look something up."""
            await params.result_callback(await self.lookup())

        settings = GeminiLiveLLMService.Settings(model=self.setting.model)
        vertexai = self.setting.arguments["vertexai"]
        where = (
            {"project_id": "project", "location": "us-central1"} if vertexai else {"api_key": KEY}
        )
        kind = VertexService if vertexai else Service
        llm = type(kind.__name__, (kind,), {"app": self})(
            settings=settings, tools=[lookup], inference_on_context_initialization=False, **where
        )
        self._client = llm._client
        pair = LLMContextAggregatorPair(LLMContext([*self.history]))
        pipeline = Pipeline([pair.user(), llm, Player(self.listener), pair.assistant()])
        self._worker = PipelineWorker(pipeline, cancel_on_idle_timeout=False, enable_rtvi=False)
        started = asyncio.Event()

        @self._worker.event_handler("on_pipeline_started")
        async def _(*_: object) -> None:
            started.set()

        @self._worker.event_handler("on_pipeline_error")
        async def _(_: object, frame: ErrorFrame) -> None:
            self.listener.fail(frame.error)

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        self._task = asyncio.create_task(self._run(runner))
        await started.wait()
        await self._worker.queue_frame(LLMRunFrame())
        await asyncio.sleep(1)

    async def _run(self, runner: WorkerRunner) -> None:
        try:
            await runner.run()
        except Exception as error:
            self.listener.fail(error)
        finally:
            self.listener.end()

    async def ask(self, text: str) -> None:
        await self._worker.queue_frame(InputTextRawFrame(text=text))

    async def speak(self, frame: bytes) -> None:
        await self._worker.queue_frame(
            InputAudioRawFrame(audio=frame, sample_rate=16000, num_channels=1)
        )

    async def close(self) -> None:
        await self._worker.queue_frame(EndFrame())
        await self._task
        await self._client.aio.aclose()
