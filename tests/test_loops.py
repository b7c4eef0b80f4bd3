"""The loops that the tests run on: waiting takes no time, and overtakes nothing."""

import asyncio
import contextlib
import importlib.util
import sys
import time

import loops
import pytest
from google.genai import types
from talk import ask, session_on, settled

from reconnect.testing import LiveServer

FRAME = types.Blob(data=bytes(range(64)) * 10, mime_type="audio/pcm;rate=16000")
KINDS = [
    "plain",
    pytest.param(
        "eager",
        marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="came with Python 3.12"),
    ),
    pytest.param(
        "uvloop",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("uvloop") is None, reason="uvloop is not there on Windows"
        ),
    ),
]


def run(kind, coroutine):
    """Run a coroutine on a loop of a kind."""
    with asyncio.Runner(loop_factory=loops.LOOPS[kind]) as runner:
        return runner.run(coroutine)


def test_threads_are_waited_for():
    """A loop that closes waits for its threads, which Python limits from 3.13 on in its time."""

    async def work():
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.02)

    run("plain", work())


@pytest.mark.parametrize("kind", KINDS)
def test_waiting_takes_no_time(kind):
    """A thousand seconds are over at once, and the loop's clock says that they have passed."""

    async def wait():
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(1000)
        return loop.time() - began

    began = time.monotonic()
    assert run(kind, wait()) == pytest.approx(1000, abs=1)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("kind", KINDS)
def test_timers_run_in_their_order(kind):
    """The earlier timer runs first, whichever was set first; one that was cancelled never does."""

    async def wait():
        loop = asyncio.get_running_loop()
        ran = []
        for seconds in (30, 10, 20):
            loop.call_later(seconds, ran.append, seconds)
        loop.call_later(15, ran.append, "cancelled").cancel()
        loop.call_at(loop.time() + 25, ran.append, 25)
        await asyncio.sleep(40)
        return ran

    assert run(kind, wait()) == [10, 20, 25, 30]


@pytest.mark.parametrize("kind", KINDS)
def test_connection_is_not_overtaken(kind):
    """Setups of a second and outages of a minute: what comes from a socket comes in time."""

    async def talk():
        async with LiveServer() as server, session_on(server, setup_timeout=1) as session:
            assert await ask(session, "a") == 'You said "a". That is turn 1.'
            await settled()
            server.outage(60)
            return await ask(session, "b")

    assert run(kind, talk()) == 'You said "b". That is turn 2; before it: "a".'


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for what is on its way")
@pytest.mark.parametrize("kind", KINDS[:2])
def test_what_a_full_buffer_has_held_up_is_not_overtaken(kind):
    """The kernel takes its time over what it held, in real time: the clock waits for it."""

    async def send():
        async with LiveServer(receive_buffer=4096) as server:
            client = server.client(async_client_args={"ping_interval": None})
            async with client.aio.live.connect(model="m", config={}) as session:
                server.receive_rate = 8_000
                sent = 0
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(20):
                        while True:
                            await session.send_realtime_input(audio=FRAME)
                            await asyncio.sleep(0.02)
                            sent += 1
                server.receive_rate = None
                await asyncio.sleep(1)
                return sent, len(server.connections[0].received)

    sent, received = run(kind, send())
    # One more was written, if the time was up while it waited for room.
    assert received in {sent, sent + 1}
