"""An attempt to connect: what with, as what, and what a new session is sent before all else."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reconnect._conversation.transcript import as_turns

from . import sdk
from .config import announces_history, config_for, is_transparent
from .connection import Connection

if TYPE_CHECKING:
    from .facts import Facts
    from .secrets import Secrets
    from .settings import Settings

__all__ = ["Attempt"]


class Attempt:
    """One attempt to connect: a resume, where there is a handle.

    Args:
        settings: What the session was made with.
        facts: What is known of it.
        secrets: Where the keys are noted that are connected with.
    """

    def __init__(self, settings: Settings, facts: Facts, secrets: Secrets) -> None:
        self._settings = settings
        self._facts = facts
        self._secrets = secrets
        self._handle = facts.conversation.handle
        self.resumed = self._handle is not None
        self.vertexai = False
        self._live: Any = None
        self._seed: list[Any] = []
        # Whether a new session waits for a history before it talks.
        self._waits = False
        self._config = settings.config

    async def fetch(self) -> None:
        """Fetch what is connected with, and what a new session is sent: by the caller's own code.

        Raises:
            TimeoutError: If it takes longer than ``setup_timeout``.
            Exception: What a function of the caller's raises.
        """
        async with asyncio.timeout(self._settings.options.setup_timeout):
            if not self.resumed:
                history = self._settings.history
                if callable(history):
                    history = history()
                if inspect.isawaitable(history):
                    history = await history
                past = self._facts.conversation.past
                self._seed = past.seed(as_turns(history), halvings=self._facts.halvings)
            self._live = await sdk.find_live(self._settings.live)
            self._secrets.add_keys(sdk.keys_of(self._live, self._settings.config))
        self.vertexai = bool(getattr(self._live, "vertexai", False))
        # Vertex has no history_config: there a seed is content that asks for no reply.
        self._waits = bool(self._seed) and not self.vertexai

    async def connect(self, *, over: Callable[[], None]) -> Connection:
        """Connect, and return the connection.

        Args:
            over: Called when nothing more will be read from it.

        Raises:
            TimeoutError: If it takes longer than ``setup_timeout``.
            Exception: Whatever ``connect()`` raises.
        """
        self._config = config_for(
            self._settings.config,
            handle=self._handle,
            seeded=self._waits,
            announced=self._facts.conversation.announced,
            vertexai=self.vertexai,
        )
        model = self._settings.model
        connection = Connection(self._live, model=model, config=self._config, over=over)
        try:
            await connection.open(timeout=self._settings.options.setup_timeout)
        finally:
            # Credentials get a new token as they connect.
            self._secrets.add_keys(sdk.keys_of(self._live, self._settings.config))
        return connection

    def connected(self, now: float) -> None:
        """Note what is known of the session that was connected to."""
        self._facts.outage.connected(now)
        self._facts.departure.connected(now, resumed=self.resumed)
        self._facts.outbox.connected(
            self._seed,
            asks=self._waits,
            transparent=is_transparent(self._config),
            announced=announces_history(self._config) and not self._waits,
        )
