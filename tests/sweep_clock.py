"""A distant server, for random conversations."""

from __future__ import annotations

import asyncio
import contextlib


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
