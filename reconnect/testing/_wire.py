"""The frames that a client sends, in the two dialects of the Live API.

Pure: no socket, no clock. They come in snake_case outside and in either case inside (what the SDK
sends differs by dialect and by version), so everything read is normalised to snake_case. What the
server sends is in ``_frames``.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, cast
from urllib.parse import parse_qs, urlsplit

Dialect: TypeAlias = Literal["gemini", "vertex"]
Message: TypeAlias = dict[str, Any]
InputKind: TypeAlias = Literal[
    "activity_end",
    "activity_start",
    "ask_on",
    "audio",
    "audio_stream_end",
    "context",
    "context_update",
    "seed",
    "text",
    "tool_response",
    "turn",
    "video",
]

INVALID_CODE = 1007
INVALID_ARGUMENT = "Request contains an invalid argument."
INVALID_JSON = "Invalid JSON payload received."
ID_MISSING = "FunctionResponse must have an `id` field."

DEFAULT_RATE = 16000
"""Samples a second of audio whose type does not say."""

_PATHS: Mapping[str, Dialect] = {
    "GenerativeService.BidiGenerateContent": "gemini",
    "LlmBidiService/BidiGenerateContent": "vertex",
}
_CLIENT_KEYS = frozenset({"setup", "client_content", "realtime_input", "tool_response"}) | {
    "context_update"
}
# Their keys are the user's own names, not the protocol's.
_OPAQUE = frozenset(
    {"args", "labels", "parameters_json_schema", "properties", "response", "response_json_schema"}
)
_FUNCTION_PARTS = frozenset({"function_call", "function_response"})


class Refused(Exception):
    """The server answers what came with a close.

    Args:
        code: The WebSocket close code.
        reason: The close reason.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Input(NamedTuple):
    """One thing the client told the model: a client message holds one or several.

    Args:
        kind: What it is.
        role: Who said it, "user" or "model" (only history has the latter).
        value: A text, bytes (audio, video), a list of parts, a function response, or None.
        rate: Samples a second of audio.
    """

    kind: InputKind
    role: str = "user"
    value: Any = None
    rate: int = DEFAULT_RATE


def dialect_of(path: str) -> Dialect | None:
    """Tell the dialect a client speaks from the path it asks for; None for neither."""
    for mark, dialect in _PATHS.items():
        if mark in path:
            return dialect
    return None


def credential_of(path: str, headers: Mapping[str, str]) -> str | None:
    """Find the API key or token of a handshake, in a header or in the query; None without one.

    Raises:
        LookupError: If its header is there twice, as the SDK sends one that is spelt in a way of
            its own.
    """
    key = headers.get("x-goog-api-key")
    if key is not None:
        return key
    _, _, token = headers.get("Authorization", "").partition(" ")
    return token or next(iter(parse_qs(urlsplit(path).query).get("key", [])), None)


def normalise(value: Any) -> Any:
    """Turn the keys of a decoded client frame to snake_case, save where they are the user's own."""
    if isinstance(value, list):
        return [normalise(item) for item in value]
    if not isinstance(value, dict):
        return value
    result: Message = {}
    for key, item in cast("Message", value).items():
        name = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: "_" + match[1].lower(), key)
        result[name] = item if name in _OPAQUE else normalise(item)
    return result


def decode(frame: str | bytes) -> tuple[str, Message]:
    """Read a client frame.

    Args:
        frame: The text or the bytes of one message.

    Returns:
        The kind of message ("setup", "client_content", "realtime_input", "tool_response",
        "context_update") and the whole message, normalised.

    Raises:
        Refused: When it is not JSON or not one of these kinds; with the close the server answers.
    """
    try:
        message: Any = normalise(json.loads(frame))
    except ValueError:  # also what UnicodeDecodeError is
        raise Refused(INVALID_CODE, INVALID_JSON) from None
    if not isinstance(message, dict) or len(cast("Message", message)) != 1:
        raise Refused(INVALID_CODE, INVALID_ARGUMENT)
    (kind, body), *_ = cast("Message", message).items()
    if kind not in _CLIENT_KEYS:
        unknown = f'{INVALID_JSON} Unknown name "{kind}": Cannot find field.'
        raise Refused(INVALID_CODE, unknown)
    if not isinstance(body, dict):
        raise Refused(INVALID_CODE, INVALID_ARGUMENT)
    return kind, cast("Message", message)


def inputs(message: Message, *, needs_ids: bool, seeding: bool = False) -> list[Input]:
    """Take a client message apart into what it tells the model.

    Args:
        message: A message from ``decode``, any but the setup.
        needs_ids: Whether a function response must say which call it answers.
        seeding: Whether the session is still being given its initial history.

    Raises:
        Refused: When the server answers the message with a close.
    """
    if "setup" in message:
        raise Refused(INVALID_CODE, INVALID_ARGUMENT)
    try:
        if "client_content" in message:
            return _content_inputs(message["client_content"], seeding=seeding)
        if "realtime_input" in message:
            return _realtime_inputs(message["realtime_input"])
        if "tool_response" in message:
            return _tool_inputs(message["tool_response"], needs_ids=needs_ids)
    except (AttributeError, KeyError, TypeError, ValueError):  # JSON of another shape
        raise Refused(INVALID_CODE, INVALID_ARGUMENT) from None
    return [Input("context_update", value=message["context_update"])]


def _content_inputs(body: Message, *, seeding: bool) -> list[Input]:
    """Give one input per content; the last of a completed message is the turn."""
    complete = bool(body.get("turn_complete"))
    found: list[Input] = []
    for content in body.get("turns") or []:
        parts: list[Message] = content.get("parts") or []
        if any(_FUNCTION_PARTS & part.keys() for part in parts):
            raise Refused(INVALID_CODE, INVALID_ARGUMENT)
        kind: InputKind = "seed" if seeding else "context"
        found.append(Input(kind, content.get("role") or "user", _value(parts)))
    if complete and not seeding:
        if found:
            found[-1] = found[-1]._replace(kind="turn")
        else:
            found.append(Input("ask_on"))
    return found


def _value(parts: Sequence[Message]) -> Any:
    """Give the text of parts that are text only, else the parts themselves."""
    if all(part.keys() == {"text"} for part in parts):
        return "".join(part["text"] for part in parts)
    return list(parts)


def _realtime_inputs(body: Message) -> list[Input]:
    """Give one input per field of a realtime message."""
    found: list[Input] = []
    for field, value in body.items():
        match field:
            case "text":
                found.append(Input("text", value=value))
            case "audio":
                found.append(_audio(value))
            case "video":
                found.append(Input("video", value=_bytes(value)))
            case "media_chunks":
                for blob in value:
                    audio = str(blob["mime_type"]).startswith("audio/")
                    found.append(_audio(blob) if audio else Input("video", value=_bytes(blob)))
            case "activity_start":
                found.append(Input("activity_start"))
            case "activity_end":
                found.append(Input("activity_end"))
            case "audio_stream_end":
                found.append(Input("audio_stream_end"))
            case _:
                raise Refused(INVALID_CODE, INVALID_ARGUMENT)
    return found


def _audio(blob: Message) -> Input:
    """Give the input that is a blob of audio."""
    rate = re.search(r"rate=([1-9]\d*)", str(blob.get("mime_type")))
    return Input("audio", value=_bytes(blob), rate=int(rate[1]) if rate else DEFAULT_RATE)


def _bytes(blob: Message) -> bytes:
    """Decode a blob's data, which the SDK writes in the URL-safe alphabet and others do not."""
    return base64.b64decode(str(blob["data"]).translate(str.maketrans("-_", "+/")), validate=True)


def _tool_inputs(body: Message, *, needs_ids: bool) -> list[Input]:
    """Give one input per function response."""
    responses: list[Message] = body["function_responses"]
    if needs_ids and any(not response.get("id") for response in responses):
        raise Refused(INVALID_CODE, ID_MISSING)
    return [Input("tool_response", value=response) for response in responses]
