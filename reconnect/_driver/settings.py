"""What a session was made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconnect.options import ReconnectOptions

if TYPE_CHECKING:
    from google.genai import types

__all__ = ["Settings"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """What a session was made with; see `reconnect.ResumableSession`.

    It has no repr: the configuration may hold a handle.
    """

    live: Any
    model: str
    config: types.LiveConnectConfig
    history: list[Any] | Callable[[], Any]
    options: ReconnectOptions
    continue_with: str | None
    index_base: int
    draw: Callable[[], float]
