"""One attempt to connect: what is fetched for it, and what it connects with."""

import asyncio
import contextlib
import random
from types import SimpleNamespace

import pytest

from reconnect import ReconnectOptions
from reconnect._driver.attempt import Attempt
from reconnect._driver.facts import Facts
from reconnect._driver.secrets import Secrets
from reconnect._driver.settings import Settings

KEY = "AIza-a-key-of-its-own"
TOLD = [{"role": "user", "parts": [{"text": "told"}]}]


class Live:
    """What can be connected with; it notes how."""

    def __init__(self, *, vertexai=False):
        self.vertexai = vertexai
        self._api_client = SimpleNamespace(api_key=KEY)
        self.configs = []

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        self.configs.append(config)
        yield SimpleNamespace(model=model)


def attempt_with(live, *, handle=None, history=(), config=None, **options):
    """Return an attempt to connect, the facts that it reads, and the secrets that it notes."""
    made = ReconnectOptions(**options)
    settings = Settings(live, "m", config, history, handle, made, 1, random.random)
    facts, secrets = Facts(settings), Secrets()
    return Attempt(settings, facts, secrets), facts, secrets


async def connect(attempt):
    """Connect, and close again."""
    await attempt.fetch()
    connection = await attempt.connect(over=lambda: None)
    attempt.connected(1.0)
    connection.release()
    connection.fail(ConnectionError("over"))
    await connection.close(timeout=1)


@pytest.mark.parametrize(
    ("vertexai", "handle", "told", "waits"),
    [(False, None, 1, True), (True, None, 1, False), (False, "h", 0, False)],
)
async def test_what_is_connected_with(vertexai, handle, told, waits):
    """A new session is sent the history, and waits for it but on Vertex; a resumed one is not."""
    live = Live(vertexai=vertexai)
    attempt, facts, _ = attempt_with(live, handle=handle, history=TOLD)
    await connect(attempt)
    assert (attempt.resumed, attempt.vertexai) == (handle is not None, vertexai)
    assert facts.outbox.replay.told == told
    assert facts.outbox.transparent is vertexai
    [config] = live.configs
    assert config.session_resumption.handle == handle
    assert bool(config.history_config) is waits


async def test_history_that_is_fetched():
    """A history may be a function, plain or async; it is shortened as often as it was too long."""

    async def later():
        return [*TOLD, {"role": "user", "parts": [{"text": "x" * 50}]}]

    for history in (later, lambda: asyncio.ensure_future(later())):
        for halvings, told in ((0, 2), (1, 1)):
            attempt, facts, _ = attempt_with(Live(), history=history)
            facts.halvings = halvings
            await connect(attempt)
            assert facts.outbox.replay.told == told


async def test_history_that_takes_too_long():
    """A function that does not return within ``setup_timeout`` has failed."""
    attempt, _, _ = attempt_with(Live(), history=lambda: asyncio.sleep(60), setup_timeout=5)
    with pytest.raises(TimeoutError):
        await attempt.fetch()


async def test_keys_are_noted():
    """What is connected with is a secret from then on, also where the attempt fails."""
    live = Live()
    live.connect = lambda **_: 1 / 0
    attempt, _, secrets = attempt_with(lambda: live)
    await attempt.fetch()
    assert secrets.clean(KEY) == "<key>"
    live._api_client.api_key = "another-key-of-its-own"
    with pytest.raises(ZeroDivisionError):
        await attempt.connect(over=lambda: None)
    assert secrets.clean("another-key-of-its-own") == "<key>"
