"""Plays a scenario through a framework, in virtual time, and says what it has against it."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Iterator
from typing import Any
from unittest import mock

from loops import VirtualTimeLoop

from frameworks.listener import Listener
from frameworks.model import Rememberer, transcribe
from frameworks.scenarios import Scenario
from frameworks.stage import MODELS, App, Setting, Stage, arguments_for
from reconnect.testing import LiveServer

SEED = 7
"""Of the random delays, the library's and the framework's."""

CHUNK = 0.1
"""Seconds between the messages of a reply."""


MOST_ATTEMPTS = 3
"""How often may be connected where a key is withdrawn: at first, and once more by who is told."""


class PatientLoop(VirtualTimeLoop):
    """A loop whose clock stands while a thread works for it."""

    def __init__(self) -> None:
        super().__init__()
        self._at_work = 0

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        """Run a function in a thread, and let no time pass until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._at_work += 1
        future.add_done_callback(self._back)
        return future

    def _back(self, _: Any) -> None:
        self._at_work -= 1

    def jump(self, seconds: float) -> None:
        """Let time pass, unless a thread is at work."""
        if not self._at_work:
            super().jump(seconds)


def play(scenario: Scenario, app: type[App], *, column: str, profile: str) -> list[str]:
    """Play a scenario, and return what is wrong with what came of it; none if it held."""
    random.seed(SEED)
    reported: list[dict[str, Any]] = []
    with (
        _quietly(),
        # Nothing is on its way when no socket is ready: both ends of each are in the loop.
        mock.patch("loops.GRACE", 0),
        asyncio.Runner(loop_factory=PatientLoop) as runner,
    ):
        runner.get_loop().set_exception_handler(lambda _, context: reported.append(context))
        found = runner.run(_play(scenario, app, column, profile))
    return found + [f"the loop reports {context}" for context in reported if column == "client"]


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep what the frameworks log about the faults, which are asked for, out of the way."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


async def _play(scenario: Scenario, kind: type[App], column: str, profile: str) -> list[str]:
    async with LiveServer(
        Rememberer(), profile=profile, chunk_delay=CHUNK, vad=True, transcriber=transcribe
    ) as server:
        arguments = arguments_for(server, profile, scenario.key)
        listener = Listener()
        app = kind(Setting(column, MODELS[profile], arguments), listener)
        stage = Stage(server, app, listener)
        found = []
        try:
            await app.open()
            await scenario.play(stage)
        except TimeoutError as error:
            found.append(str(error))
        found += _faults(stage) if scenario.ends else stage.complaints(scenario.taken_back)
        found += await stage.finish()
        return found


def _faults(stage: Stage) -> list[str]:
    """Return what is wrong where the conversation had to end."""
    if stage.listener.fault is None:
        return ["the framework reports nothing"]
    if len(stage.server.connections) > (MOST_ATTEMPTS if stage.asked else 1):
        return [f"it connected {len(stage.server.connections)} times with a key that is refused"]
    return []
