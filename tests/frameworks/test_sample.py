"""The microphone of Google's sample loop, through an outage."""

import asyncio
import itertools
import random
from unittest import mock

import pytest

from frameworks.listener import Listener
from frameworks.model import FRAME_SECONDS, SILENCE
from frameworks.on_sample import SampleApp
from frameworks.player import PatientLoop
from frameworks.stage import MODELS, Setting, arguments_for
from reconnect import ReconnectOptions
from reconnect.testing import LiveServer

pytestmark = pytest.mark.filterwarnings("ignore")  # what the SDK warns of is not ours

OUTAGE = 2.0

TALKING = 5.0
"""Seconds that somebody talks before the outage, and after it."""


def numbered() -> list[bytes]:
    """Return frames of speech that can be told apart, enough for the outage and around it."""
    count = int((2 * TALKING + OUTAGE) / FRAME_SECONDS)
    return [number.to_bytes(4, "big") + SILENCE[4:] for number in range(1, count + 1)]


async def talk(profile: str) -> tuple[SampleApp, LiveServer]:
    """Talk through an outage, without a pause; return the app and what the server has of it."""
    async with LiveServer(profile=profile) as server:
        arguments = arguments_for(server, profile)
        app = SampleApp(Setting("client", MODELS[profile], arguments), Listener())
        await app.open()
        for frame in numbered():
            await app.speak(frame)
        await asyncio.sleep(TALKING)
        server.outage(OUTAGE)
        await asyncio.sleep(2 * TALKING + OUTAGE)
        assert app.listener.fault is None
        await app.close()
        return app, server


def talked(profile: str, seed: int) -> tuple[SampleApp, list[bytes]]:
    """Talk, with the delays of a seed; return the app and the frames that the model knows."""
    random.seed(seed)
    with (
        mock.patch("loops.GRACE", 0),
        asyncio.Runner(loop_factory=PatientLoop) as runner,
    ):
        app, server = runner.run(talk(profile))
    assert len(server.connections) > 1
    assert app.loop.frames > len(numbered())
    return app, [value for role, value in server.context if role == "user" and any(value)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("profile", MODELS)
def test_microphone_does_not_stall(profile: str, seed: int) -> None:
    """No frame waits longer than one lasts, outage or not, and none overtakes another."""
    app, heard = talked(profile, seed)
    assert max(app.loop.stalls, default=0) <= FRAME_SECONDS
    assert all(first < second for first, second in itertools.pairwise(heard))
    assert heard[-1] == numbered()[-1]


def test_every_frame_is_there_or_said_to_be_lost() -> None:
    """On Vertex AI each frame is there while the gap is no longer than audio is kept.

    A longer one, by the draws of the delays, costs what the event says.
    """
    gaps = []
    for seed in range(12):
        app, heard = talked("2.5-vertex", seed)
        missing = len(numbered()) - len(heard)
        assert missing * FRAME_SECONDS == pytest.approx(app.listener.lost_audio)
        if app.listener.gap <= ReconnectOptions().audio_buffer:
            assert heard == numbered()
        gaps.append(app.listener.gap)
    assert min(gaps) <= ReconnectOptions().audio_buffer < max(gaps)
