"""How the tests talk to the emulator: with the real client, or frame by frame."""

import json
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from google.genai import errors, types
from google.genai.live import AsyncSession
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from reconnect.testing import PROFILES

GEMINI_PATH = "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent"
VERTEX_PATH = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"

PLAIN = replace(
    PROFILES["3.8"],
    turn_gap=0.0,
    empty_frames="none",
    non_blocking="none",
    updates=frozenset({"setup", "end"}),
    first_update=0.0,
)
"""A profile without any peculiarity."""


def dial(
    server: Any, handle: str | None = None, *, client: Any = None, **config: Any
) -> AbstractAsyncContextManager[AsyncSession]:
    """Connect with resumption; the handle may be None."""
    asked = {"response_modalities": ["TEXT"], "session_resumption": {"handle": handle}, **config}
    return (client or server.client()).aio.live.connect(model="m", config=asked)


async def send(session: AsyncSession, text: str, *, complete: bool = True) -> None:
    """Send a text."""
    turn = {"role": "user", "parts": [{"text": text}]}
    await session.send_client_content(turns=turn, turn_complete=complete)


async def respond(session: Any, *ids: str | None, **fields: Any) -> None:
    """Answer calls of "f"."""
    results = [types.FunctionResponse(id=key, name="f", response={"x": 1}, **fields) for key in ids]
    await session.send_tool_response(function_responses=results)


async def until(session: AsyncSession, field: str) -> list[types.LiveServerMessage]:
    """Receive until a message has the field, of the message or of its server content."""
    found: list[types.LiveServerMessage] = []
    while True:
        message = await session._receive()
        found.append(message)
        if getattr(message, field, None) or getattr(message.server_content, field, None):
            return found


async def say(session: AsyncSession, text: str) -> str:
    """Say a text, and give the reply."""
    await send(session, text)
    return words(await until(session, "turn_complete"))


def kinds(server: Any, connection: int = 0) -> list[str]:
    """Name what was sent on a connection, one word per message."""
    return [_kind(message) for message in server.connections[connection].sent]


def _kind(message: dict[str, Any]) -> str:
    if "sessionResumptionUpdate" in message:
        return "handle" if message["sessionResumptionUpdate"]["resumable"] else "no handle"
    (kind,) = message.keys() - {"usageMetadata"} or {""}
    return "+".join(message[kind]) if kind == "serverContent" else kind


def words(messages: list[types.LiveServerMessage]) -> str:
    """Give the words of some messages."""
    return "".join(message.text or "" for message in messages)


async def handle_of(session: AsyncSession) -> str:
    """Wait for the next handle."""
    while True:
        *_, message = await until(session, "session_resumption_update")
        update = message.session_resumption_update
        if update is not None and update.new_handle:
            return update.new_handle


async def drain(session: AsyncSession) -> None:
    """Receive for ever."""
    while True:
        await session._receive()


async def end(session: AsyncSession) -> tuple[int, str]:
    """Receive until the connection ends, and give the close code and reason."""
    with pytest.raises(errors.APIError) as error:
        await drain(session)
    return error.value.code, str(error.value.details)


async def refusal(server: Any, *arguments: Any, **named: Any) -> tuple[int, str]:
    """Dial, and give how the setup is refused."""
    with pytest.raises(errors.APIError) as error:
        async with dial(server, *arguments, **named):
            pass
    return error.value.code, str(error.value.details)


@asynccontextmanager
async def raw(server: Any, path: str = GEMINI_PATH, *, setup: Any = None, **arguments: Any) -> Any:
    """Connect without the SDK, and send the setup if there is one."""
    url = f"wss://127.0.0.1:{server.port}{path}"
    async with connect(url, ssl=server.ssl, **arguments) as websocket:
        if setup is not None:
            await websocket.send(json.dumps({"setup": setup}))
            await websocket.recv()
        yield websocket


async def closed(websocket: ClientConnection) -> tuple[int | None, str | None]:
    """Receive until the connection ends, and give the close code and reason."""
    with pytest.raises(ConnectionClosed):
        await _drain(websocket)
    return websocket.protocol.close_code, websocket.protocol.close_reason


async def _drain(websocket: ClientConnection) -> None:
    while True:
        await websocket.recv()


async def tell(websocket: ClientConnection, message: dict[str, Any]) -> None:
    """Send a message without the SDK."""
    await websocket.send(json.dumps(message))
