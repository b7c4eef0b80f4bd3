"""The time of random conversations: a clock that stands but for waiting, and a distant server."""

from __future__ import annotations

import asyncio
import contextlib

import loops


class StandingClock(loops.VirtualTimeLoop):
    """A loop on which time passes by waiting alone, so that a seed gives the same play."""

    def time(self):
        return self._jumped


def new_loop():
    """Return a loop of the kind that is asked for, with a standing clock where it can have one."""
    if loops.LOOP == "uvloop":
        return loops.new()
    loop = StandingClock()
    if loops.LOOP == "eager":
        loop.set_task_factory(asyncio.eager_task_factory)
    return loop


class Distant:
    """The SDK's live module, with messages that are a while on their way from the server.

    Args:
        live: The SDK's.
        seconds: How long.
    """

    def __init__(self, live, seconds):
        self.vertexai = live._api_client.vertexai
        self._live = live
        self._seconds = seconds

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        """Connect, as the SDK does."""
        async with self._live.connect(model=model, config=config) as session:
            yield _DistantSession(session, self._seconds)


class _DistantSession:
    def __init__(self, session, seconds):
        self._session = session
        self._seconds = seconds

    def __getattr__(self, name):
        return getattr(self._session, name)

    async def receive(self):
        """Receive, as the SDK does, and late."""
        async for message in self._session.receive():
            await asyncio.sleep(self._seconds)
            yield message
