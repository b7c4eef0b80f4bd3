"""The public types of the client: checked by mypy and pyright, not run."""

from collections.abc import Callable
from typing import assert_type

from google import genai
from google.genai import types
from google.genai.live import AsyncSession

import reconnect
from reconnect import (
    Event,
    ReconnectGate,
    ReconnectOptions,
    ReconnectPolicy,
    ResumableClient,
    ResumableSession,
    Stats,
    is_local,
)

events: list[Event] = []
options = ReconnectOptions(
    policy=ReconnectPolicy(),
    gate=ReconnectGate(rate=1.0),
    on_event=events.append,
    hide={"go_away"},
    after_cut="own turn",
    continue_with=lambda model: "Please go on." if model else None,
)


async def pump(session: AsyncSession) -> None:
    """Read as code that was written for the SDK does."""
    async for message in session.receive():
        assert_type(message, types.LiveServerMessage)
        assert_type(is_local(message), bool)


async def talk(client: genai.Client) -> None:
    """Narrow a session of a client's to what it is, and use it as both."""
    async with client.aio.live.connect(model="m", config={"temperature": 0.5}) as session:
        assert_type(session, AsyncSession)
        await pump(session)
        if isinstance(session, ResumableSession):
            # What follows is checked: mypy reports an ignore that ignores nothing.
            assert_type(session.stats, Stats)
            assert_type(session.session_id, str | None)
            assert_type(session.setup_complete, types.LiveServerSetupComplete | None)
            await pump(session)
            session.name = "x"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


client = ResumableClient(reconnect=options, api_key="key")
assert_type(ResumableClient.wrap(client, options), ResumableClient)
assert_type(reconnect.install(options), Callable[[], None])
plain: genai.Client = client

# What must not pass.
ReconnectOptions(hide=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ReconnectOptions(after_cut="turn")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ResumableClient(reconnect={})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
