"""What a message costs through ``ResumableSession``, beside the bare SDK session.

Run as ``python tests/benchmarks/overhead.py``. No network: the SDK's own session, real and
unchanged, sits on a WebSocket that hands out canned frames and forgets what it is sent.

All figures are CPU time, which a busy machine does not lengthen as it does wall time. Rounds are
paired, bare and wrapped in turn, and every other pair in the other order, so that a machine whose
speed drifts slows both. Garbage is collected between the rounds and never within one. The figure
is the median of the ratios of the pairs: it moves less from run to run than the ratio of the
medians, since the two halves of a pair see the same speed. Exits with 1 if one is over its limit.
"""

import argparse
import asyncio
import base64
import contextlib
import dataclasses
import gc
import itertools
import json
import statistics
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable

from google import genai
from google.genai import types
from google.genai.live import AsyncSession
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosedOK
from websockets.protocol import State

from reconnect import ResumableSession

TURN_MESSAGES = 10
"""Messages of a turn, in and out, with its end and its handle."""

WARM_UP = 2
"""Pairs that are run and not counted."""

SETTLING = 5
"""Steps of the loop in which other tasks finish what a round gave them to do."""


def frame(message):
    """Return a message of the server's as it comes from the socket."""
    return json.dumps(message).encode()


def content(**fields):
    """Return a message with server content."""
    return frame({"serverContent": fields})


def handle(covered=None):
    """Return a new handle, and what it covers where the server says so."""
    update = {"newHandle": f"handle-{next(NUMBERS):08d}", "resumable": True}
    if covered is not None:
        update["lastConsumedClientMessageIndex"] = str(covered)
    return frame({"sessionResumptionUpdate": update})


def tool_call(call_id):
    """Return a call of a tool."""
    call = {"id": call_id, "name": "look_up", "args": {"key": "a"}}
    return frame({"toolCall": {"functionCalls": [call]}})


def reply(messages):
    """Return a written reply of so many messages, of which the last is the handle for it."""
    return [*[TEXT] * (messages - 3), GENERATED, END, handle()]


AUDIO = content(
    modelTurn={
        "parts": [
            {
                "inlineData": {
                    "mimeType": "audio/pcm;rate=24000",
                    "data": base64.b64encode(bytes(960)).decode(),
                }
            }
        ]
    }
)
TEXT = content(modelTurn={"parts": [{"text": "Six words, which are all canned."}]})
GENERATED = content(generationComplete=True)
END = frame({"serverContent": {"turnComplete": True}, "usageMetadata": {"totalTokenCount": 128}})
BLOB = types.Blob(data=bytes(640), mime_type="audio/pcm;rate=16000")
NUMBERS = itertools.count()
TURN = types.Content(role="user", parts=[types.Part(text="What do you know about this?")])


class CannedWebSocket(Connection):
    """Hands out frames, answers a message with those that are due, and forgets the message.

    It is a connection by its type alone: nothing of it is used, and no socket is behind it.
    """

    state = State.OPEN

    def __init__(self, *, vertexai):
        self.vertexai = vertexai
        self.incoming = deque()
        self.answers = deque()
        self.sent = 0
        self.closed = False
        self.paused = False
        self.changed = asyncio.Event()

    async def recv(self, decode=None):
        # As from a socket, each message in a step of the loop of its own: what the session does in
        # tasks of its own is counted too.
        await asyncio.sleep(0)
        while not self.incoming:
            if self.closed:
                raise ConnectionClosedOK(None, None)
            self.changed.clear()
            await self.changed.wait()
        return self.incoming.popleft()

    async def send(self, message):
        self.sent += 1
        if self.answers:
            self.hand_out(self.answers.popleft())

    async def ping(self, data=None):
        pong = asyncio.get_running_loop().create_future()
        pong.set_result(0.0)
        return pong

    async def close(self, code=1000, reason=""):
        self.closed = True
        self.changed.set()

    def hand_out(self, frames):
        self.incoming.extend(frames)
        self.changed.set()


class CannedLive:
    """Connects to nothing."""

    def __init__(self, *, vertexai=False):
        self.vertexai = vertexai
        self.client = genai.Client(vertexai=vertexai, api_key="none")
        self.websocket = CannedWebSocket(vertexai=vertexai)

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        yield AsyncSession(api_client=self.client._api_client, websocket=self.websocket)
        await self.websocket.close()


async def drain(session):
    """Read a turn."""
    async for _ in session.receive():
        pass


def receive(session, websocket, count):
    """Receive so many messages of audio."""
    websocket.hand_out([*[AUDIO] * (count - 1), END])
    return count, drain(session)


def send(session, websocket, count):
    """Send so many messages of audio while another task reads; then comes a handle for them."""
    total = websocket.sent + count
    end = [handle(total if websocket.vertexai else None), END]
    reader = asyncio.ensure_future(drain(session))

    async def stream():
        for _ in range(count):
            await session.send_realtime_input(audio=BLOB)
        websocket.hand_out(end)
        await reader

    return count, stream()


def typed_turns(session, websocket, count):
    """Have typed turns of so many messages in all; the handle comes after the turn's end."""
    turns = count // TURN_MESSAGES
    for _ in range(turns):
        websocket.answers.append(reply(TURN_MESSAGES - 1))

    async def talk():
        for _ in range(turns):
            await session.send_client_content(turns=TURN)
            await drain(session)

    return turns * TURN_MESSAGES, talk()


def tool_turns(session, websocket, count):
    """Have typed turns in which the model calls a tool before it replies."""
    turns = count // TURN_MESSAGES
    results = []
    for _ in range(turns):
        call_id = f"call-{next(NUMBERS)}"
        results.append(types.FunctionResponse(id=call_id, name="look_up", response={"value": "b"}))
        websocket.answers.append([tool_call(call_id)])
        websocket.answers.append(reply(TURN_MESSAGES - 3))

    async def talk():
        for result in results:
            await session.send_client_content(turns=TURN)
            async for message in session.receive():
                if message.tool_call is not None:
                    await session.send_tool_response(function_responses=result)

    return turns * TURN_MESSAGES, talk()


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure: what is done, and what it may cost.

    Args:
        name: Its name.
        limit: What the ratio may be.
        start: Prepares a round for a session, its WebSocket and a number of messages; returns the
            messages that the round has, and the round, which has not begun.
        vertexai: Whether the backend is Vertex, where resumption is transparent.
    """

    name: str
    limit: float
    start: Callable[..., tuple[int, Awaitable[None]]]
    vertexai: bool = False


FIGURES = [
    Figure("receive", 1.02, receive),
    Figure("send", 1.02, send),
    Figure("send-transparent", 1.08, send, vertexai=True),
    Figure("typed-turn", 1.25, typed_turns),
    Figure("tool-turn", 1.35, tool_turns),
]


async def timed(figure, session, websocket, count):
    """Return the CPU seconds a message of one round takes."""
    messages, run = figure.start(session, websocket, count)
    for _ in range(SETTLING):
        await asyncio.sleep(0)
    gc.collect()
    gc.disable()
    began = time.process_time()
    await run
    for _ in range(SETTLING):
        await asyncio.sleep(0)
    seconds = time.process_time() - began
    gc.enable()
    return seconds / messages


async def measure(figure, rounds, count):
    """Return the CPU seconds of a message, bare and wrapped, round by round."""
    bare_live, live = CannedLive(vertexai=figure.vertexai), CannedLive(vertexai=figure.vertexai)
    pairs = []
    async with (
        bare_live.connect(model="m", config=None) as bare,
        ResumableSession(live, model="m") as wrapped,
    ):
        # What was imported is no garbage: it is not searched between the rounds.
        gc.collect()
        gc.freeze()
        sides = [(bare, bare_live.websocket), (wrapped, live.websocket)]
        for number in range(WARM_UP + rounds):
            order = [0, 1] if number % 2 else [1, 0]
            taken = {side: await timed(figure, *sides[side], count) for side in order}
            pairs.append((taken[0], taken[1]))
    return pairs[WARM_UP:]


async def main():
    """Print the figures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [figure.name for figure in FIGURES]
    parser.add_argument("--only", choices=names, action="append", help="only this figure")
    parser.add_argument("--rounds", type=int, default=61, help="paired rounds (default: 61)")
    parser.add_argument("--frames", type=int, default=1000, help="messages a round (default: 1000)")
    arguments = parser.parse_args()
    failed = False
    for figure in FIGURES:
        if arguments.only and figure.name not in arguments.only:
            continue
        pairs = await measure(figure, arguments.rounds, arguments.frames)
        ratio = statistics.median(wrapped / bare for bare, wrapped in pairs)
        bare, wrapped = (statistics.median(side) * 1e6 for side in zip(*pairs, strict=True))
        failed |= ratio > figure.limit
        print(
            f"{figure.name:16}  bare {bare:6.1f} us   wrapped {wrapped:6.1f} us"
            f"   ratio {ratio:.3f} (limit {figure.limit:.2f})"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
