"""An SDK session that writes nowhere, so that the SDK itself checks what cannot be written now.

Its rules are not copied here: they are many, they change, and a rule that is missed lets a message
wait through an outage that ends the session when it is written at last.
"""

from __future__ import annotations

import json
import warnings
from types import SimpleNamespace
from typing import Any, Final

from reconnect._conversation.exchanges import ANSWER, CONTENT, REALTIME, Call

__all__ = ["DryRun", "calls_of"]

_SEVERAL: Final = {
    "client_content": ("turns",),
    "clientContent": ("turns",),
    "tool_response": ("function_responses",),
    "toolResponse": ("functionResponses",),
}
"""What is a list in which messages, in either spelling."""


class _Nowhere:
    """A WebSocket that remembers the newest message."""

    def __init__(self) -> None:
        self.message = ""

    async def send(self, message: str) -> None:
        self.message = message


class DryRun:
    """Takes messages as the SDK's session does, and writes none.

    Args:
        vertexai: Whether the backend is Vertex: the two take different messages.
    """

    def __init__(self, *, vertexai: bool) -> None:
        from google.genai.live import AsyncSession

        self._nowhere = _Nowhere()
        backend: Any = SimpleNamespace(vertexai=vertexai)
        socket: Any = self._nowhere
        self._session = AsyncSession(api_client=backend, websocket=socket)

    async def check(self, call: Call) -> None:
        """Raise what the SDK raises for a message that it would not write."""
        await getattr(self._session, call.method)(**call.arguments)

    async def read(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return realtime input with its media as plain blobs, whatever they were given as."""
        from google.genai import types

        await self.check(Call(REALTIME, arguments))
        given = {name: value for name, value in arguments.items() if value is not None}
        [(name, value)] = given.items()
        if name in ("audio", "media", "video") and not isinstance(value, (types.Blob, dict)):
            written = types.LiveClientMessage.model_validate_json(self._nowhere.message)
            assert written.realtime_input is not None
            [blob] = written.realtime_input.media_chunks or [getattr(written.realtime_input, name)]
            return {name: blob}
        if isinstance(value, types.Blob):
            # It is kept as its fields, which it may have without pydantic's checks.
            fields = {name: getattr(value, name) for name in value.model_fields_set}
            await self.check(Call(REALTIME, {name: fields}))
        return given

    async def translate(self, given: Any, *, end_of_turn: bool) -> list[Call]:
        """Return what the SDK's deprecated ``send()`` would write, as calls of its other methods.

        Raises:
            ValueError: If the SDK does not take it.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            await self._session.send(input=given, end_of_turn=end_of_turn)
        return calls_of(self._nowhere.message)


def calls_of(message: str) -> list[Call]:
    """Return a client message as calls of the SDK's methods.

    Args:
        message: Its JSON form, in which bytes are text, with either spelling of the names.

    Raises:
        ValueError: If it is none that a session may send: no JSON, unknown, or a setup.
    """
    from google.genai import types

    given = json.loads(message)
    fields = given.items() if isinstance(given, dict) else ()
    held = {name: said for name, said in fields if said is not None}
    if len(held) != 1:
        # The server takes one at a time.
        raise ValueError(f"not a message that a session can send: it contains {sorted(held)}")
    [(kind, said)] = held.items()
    several = _SEVERAL.get(kind, ())
    if isinstance(said, dict):
        # The server takes a single one for a list, and the SDK does not read it.
        single = {name: [said[name]] for name in several if isinstance(said.get(name), dict)}
        held[kind] = said | single
    read = types.LiveClientMessage.model_validate_json(json.dumps(held))
    if read.client_content is not None:
        arguments: dict[str, Any] = {"turn_complete": bool(read.client_content.turn_complete)}
        if read.client_content.turns:
            arguments["turns"] = read.client_content.turns
        return [Call(CONTENT, arguments)]
    if read.realtime_input is not None:
        media = dict(read.realtime_input)
        chunks = media.pop("media_chunks", None) or ()
        streamed = [{"media": chunk} for chunk in chunks]
        streamed += [{name: value} for name, value in media.items() if value is not None]
        return [Call(REALTIME, each) for each in streamed]
    if read.tool_response is None:
        raise ValueError(f"not a message that a session can send: it contains {[kind]}")
    results = read.tool_response.function_responses
    return [Call(ANSWER, {"function_responses": results})] if results else []
