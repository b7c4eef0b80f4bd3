"""``reconnect chat``: type with the model, break the line, and see what the session does."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import AsyncExitStack
from typing import Final

from google import genai
from rich.console import Console

from reconnect._cli.demo.conversation import typed_in_realtime
from reconnect._cli.demo.run import CHUNK_DELAY, HANDLE_DELAY, PROFILE
from reconnect._cli.demo.timeline import Timeline
from reconnect._failures.words import counted, describe
from reconnect.testing import LiveServer

from .commands import usage
from .faults import Breaker
from .talk import Talk
from .typed import Lines, typed

__all__ = ["main", "run"]

_EMULATED: Final = "emulated"


def main(*, model: str | None = None, key: str | None = None) -> int:
    """Talk until nobody types any more, and return the exit code: 1 if the session has ended.

    Args:
        model: A model of the real API to talk to; None for the emulator.
        key: The API key for the real API.

    Raises:
        KeyboardInterrupt: On Ctrl-C.
    """
    # The timeline shows what the library would otherwise log to stderr.
    logging.getLogger("reconnect").addHandler(logging.NullHandler())
    return asyncio.run(run(Console(highlight=False), typed(), model=model, key=key))


async def run(
    console: Console, lines: Lines, *, model: str | None = None, key: str | None = None
) -> int:
    """Talk on the running loop and return the exit code.

    Args:
        console: Where everything is shown.
        lines: What is typed.
        model: A model of the real API to talk to; None for the emulator.
        key: The API key for the real API.
    """
    timeline = Timeline(console, asyncio.get_running_loop().time)
    sdk = f"google-genai {genai.__version__}"
    async with AsyncExitStack() as stack:
        if model is None:
            server = LiveServer(profile=PROFILE, chunk_delay=CHUNK_DELAY, handle_delay=HANDLE_DELAY)
            await stack.enter_async_context(server)
            client = server.client()
            talk = Talk(timeline, lines, breaker=Breaker(server, timeline))
            partner = "an emulator of the Live API, which repeats what you say and remembers it"
        else:
            client = genai.Client(api_key=key)
            stack.push_async_callback(client.aio.aclose)
            talk = Talk(timeline, lines, realtime=typed_in_realtime(model))
            partner = "the real API"
        timeline.heading(
            f"reconnect chat, {model or _EMULATED}",
            f"{sdk} talks to {partner}. Type, and press Enter.",
            *usage(breaks=model is None),
        )
        await talk.hold(client.aio.live, model=model or _EMULATED, draw=random.random)
    timeline.note(
        f"{counted(talk.asked, 'question')}, {talk.answered} answered,"
        f" {counted(talk.connections, 'connection')}."
    )
    if talk.error is not None:
        timeline.verdict(f"The session has ended: {describe(talk.error)}.", good=False)
    unanswered = lines.waits and talk.answered < talk.asked
    return 1 if talk.error is not None or unanswered else 0
