"""The configuration of a session, and of each of its connections.

google-genai is imported inside the functions: see `sdk`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from reconnect._conversation.copies import copy_of
from reconnect._conversation.transcript import as_turns

from .secrets import without_input

if TYPE_CHECKING:
    from google.genai import types

__all__ = [
    "announces_history",
    "asks_for_audio",
    "checked_config",
    "checked_turns",
    "config_for",
    "is_transparent",
]

_SECRET: Final = frozenset(
    {"http_options", "httpOptions", "session_resumption", "sessionResumption"}
)
"""The fields of a configuration in which there may be a key or a handle."""


def checked_config(config: Any) -> types.LiveConnectConfig:
    """Return a configuration of this session's own, checked: the caller may change what it gave.

    Args:
        config: A ``LiveConnectConfig`` or a dict of its fields; None for the defaults.

    Raises:
        TypeError: If it is neither.
        ValueError: If a field is unknown or has a value that it cannot have: pydantic's, which
            quotes it, unless it may be a secret.
    """
    from google.genai import types
    from pydantic import ValidationError

    if config is None:
        return types.LiveConnectConfig()
    if isinstance(config, types.LiveConnectConfig):
        copied: types.LiveConnectConfig = copy_of(config)
        return copied
    if not isinstance(config, dict):
        # Not what it is: there may be a secret in it.
        raise TypeError(
            "config must be a dict or a google.genai.types.LiveConnectConfig, got a"
            f" {type(config).__name__}"
        )
    try:
        return types.LiveConnectConfig.model_validate(copy_of(config))
    except ValidationError as error:
        if not any(
            _SECRET.intersection(it["loc"][:1]) for it in error.errors(include_context=False)
        ):
            raise
        told = without_input(error)
    raise ValueError(told)


def announces_history(config: types.LiveConnectConfig) -> bool:
    """Tell whether a configuration announces that the first content is a history."""
    history = getattr(config, "history_config", None)
    return history is not None and bool(history.initial_history_in_client_content)


def is_transparent(config: types.LiveConnectConfig) -> bool:
    """Tell whether a configuration asks for transparent resumption."""
    return config.session_resumption is not None and bool(config.session_resumption.transparent)


def asks_for_audio(config: types.LiveConnectConfig) -> bool:
    """Tell whether a configuration has the model reply in audio, as it does by default."""
    asked = config.response_modalities
    if asked is None and config.generation_config is not None:
        asked = config.generation_config.response_modalities
    return not asked or "AUDIO" in {str(getattr(kind, "value", kind)).upper() for kind in asked}


def checked_turns(history: Any) -> list[Any]:
    """Return a history as a list of turns, checked.

    Raises:
        TypeError: If it is none of these.
        ValueError: If one of them is no content.
    """
    from google.genai import types

    if not isinstance(history, Iterable) and not hasattr(history, "parts"):
        raise TypeError(
            f"history must be turns, or a function that returns them, got {history!r}; omit it if"
            " there is none"
        )
    single = isinstance(history, (dict, str)) or hasattr(history, "parts")
    turns = as_turns(history if single else list(history))
    for turn in turns:
        if not isinstance(turn, types.Content):
            types.Content.model_validate(turn)
    return turns


def config_for(
    config: types.LiveConnectConfig,
    *,
    handle: str | None,
    seeded: bool,
    announced: bool,
    vertexai: bool,
) -> types.LiveConnectConfig:
    """Return the configuration of one connection: always a copy, since ``connect()`` changes it.

    Args:
        config: The session's configuration.
        handle: The handle to resume from; None for a new session.
        seeded: Whether the new session waits for a history before it talks.
        announced: Whether it waits for one that the caller is to send.
        vertexai: Whether the backend is Vertex: transparent resumption is there and nowhere else.
    """
    from google.genai import types

    asked = config.session_resumption or types.SessionResumptionConfig()
    transparent = True if vertexai and asked.transparent is None else asked.transparent
    resumption = asked.model_copy(update={"handle": handle, "transparent": transparent})
    changes: dict[str, Any] = {"session_resumption": resumption}
    if seeded:
        changes["history_config"] = types.HistoryConfig(initial_history_in_client_content=True)
    elif handle is not None or not announced:
        # A handle restores the history: to announce another one is refused. And where none comes,
        # the next typed turn would be taken for it.
        changes["history_config"] = None
    return config.model_copy(update=changes)
