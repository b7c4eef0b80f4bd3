"""What the driver needs of google-genai: by its public API, imported late.

It and websockets cost half a second to import: they are imported with the first session, inside
functions.
"""

from __future__ import annotations

import inspect
import json
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus, urlsplit

from reconnect._conversation.copies import copy_of
from reconnect._failures.loss import Family, Phase, read
from reconnect.errors import RemoteProtocolError, SetupTimeout

if TYPE_CHECKING:
    from google.genai import types

__all__ = [
    "blob_class",
    "check_setup",
    "connect",
    "connects",
    "find_live",
    "is_to_be_read",
    "keys_of",
    "phase_of",
    "readable",
    "results_of",
    "without",
    "without_calls",
]

_UNREADABLE: Final = (TypeError, ValueError, AttributeError, LookupError, RecursionError)
"""What the SDK's ``receive()`` raises over a frame that it cannot read: no JSON, no object, a
field of the wrong type, or (TypeError) nothing but ``{"error": ...}``."""

_READERS: Final = ("_LiveServerMessage_from_", "_from_response", "raise_error")
"""How the functions begin by which the SDK reads a frame."""

_LIVE: Final = "google.genai.live"
"""The module of the SDK that decodes it."""

_connects: Final = ContextVar("reconnect_connects", default=False)

_TOKENS: Final = "auth_tokens/"
"""How the name of a token that is good for one connection begins."""

_NO_KEYS: Final = frozenset(
    {"accept", "content-type", "user-agent", "x-goog-api-client", "x-goog-user-project"}
)
"""Headers that are no secret: the SDK's own, and the project that an error is about."""


def is_to_be_read(arguments: dict[str, Any]) -> bool:
    """Tell whether realtime input has media that is no blob, such as an image of Pillow's."""
    given = (arguments["audio"], arguments["media"], arguments["video"])
    return any(value is not None and not _is_blob(value) for value in given)


def _is_blob(value: Any) -> bool:
    # By its class: an object may raise whatever it likes when it is asked for what it has.
    return isinstance(value, (dict, blob_class()))


def blob_class() -> type[types.Blob]:
    """Return the class of the SDK's blobs."""
    from google.genai import types

    return types.Blob


async def find_live(live: Any) -> Any:
    """Return what to connect with: ``live`` itself, or what it returns when it is a callable.

    Args:
        live: An object with the SDK's ``connect``, or a callable, plain or async, that returns
            one and is called for every attempt.

    Raises:
        TypeError: If neither has a ``connect``.
    """
    if hasattr(live, "connect"):
        return live
    found = live()
    if inspect.isawaitable(found):
        found = await found
    if not hasattr(found, "connect"):
        raise TypeError(f"live returned {found!r}, which has no connect(); return client.aio.live")
    return found


def keys_of(live: Any, config: types.LiveConnectConfig) -> list[str]:
    """Return what ``live`` connects with, and a server may quote: API keys, tokens, passwords.

    The SDK has no public names for them. What credentials have for a token may change whenever a
    connection is made.

    Args:
        live: What is connected with.
        config: The session's configuration, which may have headers and a URL of its own.
    """
    client = getattr(live, "_api_client", None)
    key = getattr(client, "api_key", None)
    found = [key, getattr(getattr(client, "_credentials", None), "token", None)]
    if isinstance(key, str):
        found.append(key.removeprefix(_TOKENS))
    options = (getattr(client, "_http_options", None), getattr(config, "http_options", None))
    for each in options:
        headers = getattr(each, "headers", None)
        if isinstance(headers, Mapping):
            for name, value in headers.items():
                if str(name).lower() not in _NO_KEYS:
                    # With and without a scheme, such as Bearer.
                    found += [value, str(value).partition(" ")[2]]
        found += _keys_in(getattr(each, "base_url", None))
    return [each for each in found if each and isinstance(each, str)]


def _keys_in(url: Any) -> Iterator[str]:
    """Yield what in a URL may be a key or a password, as it is written and as it is meant."""
    if not isinstance(url, str):
        return
    parts = urlsplit(url)
    values = [pair.partition("=")[2] for pair in parts.query.split("&")]
    for value in [*values, parts.password or ""]:
        yield value
        yield unquote_plus(value)


def phase_of(error: BaseException) -> Phase:
    """Tell how far an attempt that failed had come.

    ``connect()`` does the handshake and the setup in one. What it raises tells them
    apart: a close can only follow a handshake, and everything else precedes it. The exception is
    a time that ran out: then the innermost frames tell whether websockets was still connecting.
    """
    if read(error).family is Family.CLOSE or isinstance(error, RemoteProtocolError | SetupTimeout):
        return Phase.SETUP
    if not isinstance(error, TimeoutError):
        return Phase.CONNECT
    modules = {
        module
        for cause in (error, error.__cause__, error.__context__)
        if cause is not None
        for module in _modules(cause)
    }
    return Phase.SETUP if "websockets.asyncio.connection" in modules else Phase.CONNECT


def _modules(error: BaseException) -> set[str]:
    """Return the names of the modules that an exception has come through."""
    return {
        frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)
    }


def readable(error: Exception, *, connecting: bool = False) -> Exception:
    """Return an error of the SDK's over a frame it cannot read as what it is; others as they are.

    The SDK lets such a frame surface as the ``ValueError`` or ``TypeError`` that it stumbles over,
    which would pass for a bad argument of the caller's and end the session.

    Args:
        error: What ``receive()`` or ``connect()`` raised.
        connecting: Whether it was ``connect()``, which also raises over what the caller gave it;
            only what was raised while a frame was read is one then.
    """
    if isinstance(error, AssertionError) and "websockets.protocol" in _modules(error):
        # websockets 13 and 14 raise this from recv() when their own keepalive ends a connection:
        # they ask how it was closed before it is.
        silent = ConnectionAbortedError("the connection was given up while it was still closing")
        silent.__cause__ = error
        return silent
    if not isinstance(error, _UNREADABLE) or (connecting and not _over_a_frame(error)):
        return error
    unreadable = RemoteProtocolError(
        f"the server sent a frame that the SDK cannot read ({type(error).__name__})"
    )
    unreadable.__cause__ = error
    return unreadable


def _over_a_frame(error: Exception) -> bool:
    """Tell whether an error was raised while a frame was read, by the functions that it came by."""
    came_by = [
        (frame.f_globals.get("__name__", ""), frame.f_code.co_name)
        for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    if isinstance(error.__context__, json.JSONDecodeError):
        return bool(came_by[-1][0] == _LIVE)
    return any(
        (module.startswith("google.genai.") and name.startswith(_READERS))
        or (module.startswith("json") and caller == _LIVE)
        for (caller, _), (module, name) in pairwise([("", ""), *came_by])
    )


def results_of(function_responses: Any) -> list[types.FunctionResponse]:
    """Return copies of function responses: they are kept until nobody can ask for them again.

    Args:
        function_responses: What ``send_tool_response`` takes: one response or several.

    Raises:
        ValueError: If one of them is no function response; the SDK refuses it too.
    """
    from google.genai import types

    several = isinstance(function_responses, (list, tuple))
    return [
        copy_of(item)
        if isinstance(item, types.FunctionResponse)
        else types.FunctionResponse.model_validate(copy_of(item))
        for item in (function_responses if several else [function_responses])
    ]


def without_calls(
    message: types.LiveServerMessage, unseen: tuple[int, ...]
) -> list[types.LiveServerMessage]:
    """Return a message without tool calls that need not be run; nothing if nothing is left of it.

    Args:
        message: A message.
        unseen: Which of its tool calls to leave out, by their order.
    """
    if message.tool_call is None or not unseen:
        return [message]
    calls = message.tool_call.function_calls or []
    left = [call for number, call in enumerate(calls) if number not in unseen]
    if not left:
        rest = message.model_copy(update={"tool_call": None})
        return [rest] if rest.model_dump(exclude_none=True) else []
    tool_call = message.tool_call.model_copy(update={"function_calls": left})
    return [message.model_copy(update={"tool_call": tool_call})]


def check_setup(live: Any, session: Any) -> None:
    """Raise for a session of the SDK's whose first message was no setupComplete.

    The SDK swallows any other first message, an error included, and calls the session open.

    Args:
        live: What was connected with.
        session: What its ``connect()`` has opened.

    Raises:
        RemoteProtocolError: If no setupComplete came.
    """
    from google.genai.live import AsyncLive

    if isinstance(live, AsyncLive) and session.setup_complete is None:
        raise RemoteProtocolError("the server's first message was not setupComplete")


def without(
    messages: Sequence[types.LiveServerMessage], fields: frozenset[str]
) -> list[types.LiveServerMessage]:
    """Return messages without some of their fields, and none of which nothing else is left."""
    left = []
    for message in messages:
        if not message.model_fields_set <= fields:
            hidden = message.model_fields_set & fields
            left.append(message.model_copy(update=dict.fromkeys(hidden)) if hidden else message)
    return left


def connect(
    live: Any, *, model: str, config: types.LiveConnectConfig
) -> AbstractAsyncContextManager[Any]:
    """Return what the ``connect()`` of ``live`` returns, for a session of this library.

    Args:
        live: What to connect with.
        model: The model's name.
        config: The configuration of the connection.
    """
    # Each connection has a task of its own, and so a context.
    _connects.set(True)
    connection: AbstractAsyncContextManager[Any] = live.connect(model=model, config=config)
    return connection


def connects() -> bool:
    """Tell whether it is a session of this library that connects here.

    What it connects with may lead to where sessions are made resumable, past whatever others have
    put in between. That is the time to do as the SDK does: one session would keep another alive.
    """
    return _connects.get()
