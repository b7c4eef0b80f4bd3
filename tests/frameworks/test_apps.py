"""The example apps, run as their users run them: they answer, end, and leave nothing open."""

import asyncio
import contextlib
import os
import pathlib
import runpy
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from frameworks.catalog import FRAMEWORKS, Framework
from frameworks.model import Rememberer
from frameworks.player import CHUNK, PatientLoop
from reconnect.testing import Abort, LiveServer

pytestmark = pytest.mark.filterwarnings("ignore")  # what a framework warns of is not ours

APPS = pathlib.Path(__file__).parent / "apps"
SOCKETS = pathlib.Path("/proc/self/fd")

SETTLING = 1.0
"""Seconds after an app has ended in which its sockets are closed."""

FRAMES_IN = 8
"""Messages of the server after which the first reply has begun and is not over."""


def apps() -> Iterator[Any]:
    """Give the app of each framework, or why it is left out."""
    for framework in FRAMEWORKS:
        missing = framework.version is None
        reason = f"{framework.distribution} is not installed"
        yield pytest.param(
            framework, marks=pytest.mark.skipif(missing, reason=reason), id=framework.name
        )


def open_sockets() -> set[str]:
    """Return the sockets of this process; none where the system does not say."""
    if not SOCKETS.exists():
        return set()
    links = set()
    for file in SOCKETS.iterdir():
        with contextlib.suppress(OSError):  # it is the one that lists them
            links.add(str(file.readlink()))
    return {link for link in links if link.startswith("socket:")}


async def _run(path: pathlib.Path) -> list[object]:
    """Run an app on an emulator that cuts its first reply; return what it leaves open."""
    server = LiveServer(
        Rememberer(), profile="3.8", faults=[Abort(after_sent=FRAMES_IN)], chunk_delay=CHUNK
    )
    async with server:
        with mock.patch.dict(os.environ, server.environment()):
            tasks, threads = asyncio.all_tasks(), {*threading.enumerate()}
            sockets = open_sockets()
            await runpy.run_path(str(path))["main"]()
            await asyncio.sleep(SETTLING)
            first, _ = server.connections
            assert any("outputTranscription" in str(message) for message in first.sent)
            assert not any("generationComplete" in str(message) for message in first.sent)
            return [
                *(asyncio.all_tasks() - tasks),
                *({*threading.enumerate()} - threads),
                *(open_sockets() - sockets),
            ]


@pytest.mark.parametrize("framework", [*apps()])
def test_app_survives_and_leaves_nothing_open(
    framework: Framework, capfd: pytest.CaptureFixture[str]
) -> None:
    """An app is cut in a reply: it prints both replies whole, and ends with all of it closed."""
    framework.load()  # what importing it opens, an app does not
    path = APPS / f"{framework.script}.py"
    with (
        mock.patch("loops.GRACE", 0),
        asyncio.Runner(loop_factory=PatientLoop) as runner,
    ):
        left = runner.run(_run(path))
    printed = " ".join(capfd.readouterr().out.split())
    assert left == []
    assert 'You said "What is a semaphore?". That is turn 1.' in printed
    assert 'You said "And a mutex?". That is turn 2; before it: "What is a semaphore?".' in printed
