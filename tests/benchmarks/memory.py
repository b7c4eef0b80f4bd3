"""What a session holds in memory while the server confirms nothing, however much is sent.

Run as ``python tests/benchmarks/memory.py``; it takes two to three minutes. No network: the SDK's
own session, real and unchanged, sits on a WebSocket that forgets what it is sent. Three kinds of
sends go on long after the limits of the buffers are reached: sound in transparent resumption that
no handle ever covers, turns that a handle might cover and never does, so that most of them are
refused, and turns where there is no handle at all. From the first tenth beyond the limit to the
end memory may not grow by more than a megabyte: neither that of the process, nor, in a shorter
run since it costs most of the speed, what Python has allocated. Exits with 1 if it does.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import gc
import json
import math
import mmap
import pathlib
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

from google import genai
from google.genai import types
from google.genai.live import AsyncSession
from websockets.exceptions import ConnectionClosedOK

from reconnect import ResumableSession
from reconnect._conversation.limits import MEDIA, Limit
from reconnect.errors import BufferOverflow

GROWTH_LIMIT = 1.0
"""Megabytes."""

TRACED = 50
"""How many times shorter the run is in which Python counts what it allocates."""

PAUSE = 1000
"""Sends between two moments at which the other tasks of the session get their turn."""

HANDLE = json.dumps({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}}).encode()
FRAME = types.Blob(data=bytes(64), mime_type="audio/pcm;rate=16000")
TURNS = Limit(messages=20, bytes=2**20, full="raise")


class ForgetfulWebSocket:
    """Hands out what it was given, forgets what it is sent, and ends when it is told to."""

    def __init__(self, messages):
        self.messages = list(messages)
        self.over = asyncio.Event()

    async def recv(self, decode=None):
        if self.messages:
            return self.messages.pop(0)
        await self.over.wait()
        raise ConnectionClosedOK(None, None)

    async def send(self, message):
        pass


class ForgetfulLive:
    """Dials nothing."""

    def __init__(self, *messages, vertexai=False):
        self.vertexai = vertexai
        self.client = genai.Client(vertexai=vertexai, api_key="none")
        self.messages = messages

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        websocket = ForgetfulWebSocket(self.messages)
        try:
            yield AsyncSession(api_client=self.client._api_client, websocket=websocket)
        finally:
            websocket.over.set()


@contextlib.asynccontextmanager
async def unconfirmed(*messages, vertexai=False, **options):
    """Open a session that is told some messages and nothing else."""
    live = ForgetfulLive(*messages, vertexai=vertexai)
    async with ResumableSession(live, model="m", **options) as session:
        # Until it has taken up its connection, and listened.
        await asyncio.sleep(0.3)
        yield session


async def stream(session, number):
    """Send a frame of sound."""
    await session.send_realtime_input(audio=FRAME)


def turn(number):
    """Return a turn that is as long as any other one."""
    return {"role": "user", "parts": [{"text": f"This is number {number}."}]}


async def tell(session, number):
    """Send a turn, if there is room for it."""
    with contextlib.suppress(BufferOverflow):
        await session.send_client_content(turns=turn(number), turn_complete=False)


@dataclasses.dataclass(frozen=True)
class Case:
    """One kind of sends.

    Args:
        send: Sends one.
        count: How many are sent.
        full: After how many the buffers are full.
        options: Of the session.
        told: What the server tells it.
    """

    send: Callable[[ResumableSession, int], Awaitable[None]]
    count: int
    full: int
    options: dict[str, Any]
    told: tuple[bytes, ...] = ()


CASES = {
    "sound that no handle covers": Case(stream, 1_000_000, MEDIA.messages, {"vertexai": True}),
    "turns beside a handle": Case(tell, 200_000, TURNS.messages, {"buffer": TURNS}, (HANDLE,)),
    # What is told needs no handle then: it is history, whose limit is in characters.
    "turns without a handle": Case(tell, 50_000, 2_000, {"buffer": TURNS, "history_limit": 20_000}),
}


def resident():
    """Return the megabytes of the process; no number where there is no procfs to tell them."""
    statm = pathlib.Path("/proc/self/statm")
    if not statm.exists():
        return math.nan
    return int(statm.read_text().split()[1]) * mmap.PAGESIZE / 2**20


def allocated():
    """Return the megabytes that Python has allocated since it counts them."""
    return tracemalloc.get_traced_memory()[0] / 2**20


def look(gauge):
    """Return what a gauge shows when nothing is left to be collected."""
    gc.collect()
    return gauge()


async def growth(case, count, gauge):
    """Return the megabytes before so many sends, a tenth beyond the limit, and after them."""
    async with unconfirmed(*case.told, **case.options) as session:
        figures = [look(gauge)]
        tenth = case.full + (count - case.full) // 10
        for number in range(count):
            if number == tenth:
                figures.append(look(gauge))
            await case.send(session, number)
            if number % PAUSE == 0:
                await asyncio.sleep(0)
        figures.append(look(gauge))
    return figures


async def main():
    """Print the figures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the sends (default: all)")
    share = parser.parse_args().share
    failed = False
    for name, case in CASES.items():
        count = max(int(case.count * share), 2 * case.full)
        for gauge, sends in ((allocated, max(count // TRACED, 2 * case.full)), (resident, count)):
            if gauge is allocated:
                tracemalloc.start()
            began = time.perf_counter()
            before, beyond, after = await growth(case, sends, gauge)
            took = time.perf_counter() - began
            tracemalloc.stop()
            failed |= after - beyond > GROWTH_LIMIT
            print(
                f"{name:28} {gauge.__name__:9} {sends:9,} sends   before {before:6.2f} MB"
                f"   full {beyond:6.2f} MB   after {after:6.2f} MB"
                f"   growth {after - beyond:+.2f} MB (limit {GROWTH_LIMIT:.2f})   {took:3.0f} s",
                flush=True,
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
