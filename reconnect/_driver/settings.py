"""What a session was made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconnect._conversation.limits import Limit
from reconnect.events import Event
from reconnect.gate import ReconnectGate
from reconnect.policy import Policy

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
    policy: Policy
    history: list[Any] | Callable[[], Any]
    on_event: Callable[[Event], object] | None
    setup_timeout: float
    stall_timeout: float
    audio_buffer: float
    buffer: Limit
    media_buffer: Limit
    history_limit: int
    reuse_tool_results: bool
    index_base: int
    continue_with: str | None
    draw: Callable[[], float]
    gate: ReconnectGate | None = None
    resume_confirm_timeout: float | None = None
