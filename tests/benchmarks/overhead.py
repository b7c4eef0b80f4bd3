"""What a frame of audio costs through ``ResumableSession``, beside the bare SDK session.

Run as ``python tests/benchmarks/overhead.py``. No network: the SDK's own session, real and
unchanged, sits on a WebSocket that hands out canned frames and forgets what it is sent. Rounds are
paired, bare and wrapped in turn, so that a machine whose speed drifts slows both; the figure is
the ratio of the medians. Exits with 1 if a ratio is over its limit.
"""

import argparse
import asyncio
import base64
import contextlib
import gc
import json
import statistics
import sys
import time

from google import genai
from google.genai import types
from google.genai.live import AsyncSession

from reconnect import ResumableSession

RECEIVE_LIMIT = 1.05
SEND_LIMIT = 1.10

_FRAME = base64.b64encode(bytes(960)).decode()
_AUDIO = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": _FRAME}}
FRAME = json.dumps({"serverContent": {"modelTurn": {"parts": [_AUDIO]}}}).encode()
END = json.dumps({"serverContent": {"turnComplete": True}}).encode()
BLOB = types.Blob(data=bytes(640), mime_type="audio/pcm;rate=16000")


class CannedWebSocket:
    """Hands out a turn of frames whenever one is asked for, and forgets what it is sent."""

    def __init__(self):
        self.left = 0
        self.asked = asyncio.Event()

    async def recv(self, decode=None):
        while not self.left:
            self.asked.clear()
            await self.asked.wait()
        self.left -= 1
        return FRAME if self.left else END

    async def send(self, message):
        pass

    def ask(self, frames):
        self.left = frames
        self.asked.set()


class CannedLive:
    """Dials nothing."""

    def __init__(self):
        self.client = genai.Client(api_key="none")
        self.websocket = CannedWebSocket()

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        yield AsyncSession(api_client=self.client._api_client, websocket=self.websocket)


async def receive(session, websocket, frames):
    """Return the seconds that a turn of so many frames takes to read."""
    websocket.ask(frames)
    began = time.perf_counter()
    async for _ in session.receive():
        pass
    return time.perf_counter() - began


async def send(session, websocket, frames):
    """Return the seconds that so many frames take to send."""
    began = time.perf_counter()
    for _ in range(frames):
        await session.send_realtime_input(audio=BLOB)
    return time.perf_counter() - began


async def ratio(measure, rounds, frames):
    """Return the seconds of a frame, bare and wrapped: medians over paired rounds."""
    bare_live, wrapped_live = CannedLive(), CannedLive()
    bare_times, wrapped_times = [], []
    async with (
        bare_live.connect(model="m", config=None) as bare,
        ResumableSession(wrapped_live, model="m") as wrapped,
    ):
        # Until the session has taken up its connection: what is sent before that is held.
        await asyncio.sleep(0.01)
        for _ in range(rounds):
            for session, live, times in (
                (bare, bare_live, bare_times),
                (wrapped, wrapped_live, wrapped_times),
            ):
                gc.collect()
                times.append(await measure(session, live.websocket, frames) / frames)
        wrapped_live.websocket.ask(1)
    return statistics.median(bare_times), statistics.median(wrapped_times)


async def main():
    """Print the figures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31, help="paired rounds (default: 31)")
    parser.add_argument("--frames", type=int, default=1000, help="frames a round (default: 1000)")
    arguments = parser.parse_args()
    failed = False
    for name, measure, limit in (
        ("receive", receive, RECEIVE_LIMIT),
        ("send", send, SEND_LIMIT),
    ):
        await ratio(measure, 2, arguments.frames)
        bare, wrapped = await ratio(measure, arguments.rounds, arguments.frames)
        failed |= wrapped / bare > limit
        print(
            f"{name:8} bare {bare * 1e6:6.1f} us   wrapped {wrapped * 1e6:6.1f} us"
            f"   ratio {wrapped / bare:.3f} (limit {limit:.2f})"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
