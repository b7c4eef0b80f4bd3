"""What a session was made with, checked when it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconnect._checks import wording_for
from reconnect._numbers import is_whole
from reconnect.options import ReconnectOptions

from .config import checked_config, checked_turns

__all__ = ["Settings"]


@dataclass(eq=False, repr=False)
class Settings:
    """What a session was made with; see `reconnect.ResumableSession`.

    It has no repr: the configuration may hold a handle.

    Raises:
        TypeError: If one of them is not of its kind.
        ValueError: If one of them has a value that it cannot have.
    """

    live: Any
    model: str
    config: Any
    history: Any
    handle: str | None
    options: ReconnectOptions
    index_base: int
    draw: Callable[[], float]

    def __post_init__(self) -> None:
        if not hasattr(self.live, "connect") and not callable(self.live):
            raise TypeError(
                f"live must be client.aio.live or a callable that returns it, got {self.live!r}"
            )
        if not isinstance(self.model, str):
            raise TypeError(f"model must be the name of a model, got {self.model!r}")
        if not (self.handle is None or isinstance(self.handle, str)):
            # Not what it is: it may be a secret.
            raise TypeError(f"handle must be a string or None, got {type(self.handle).__name__}")
        if not (is_whole(self.index_base) and self.index_base >= 0):
            raise ValueError(
                f"index_base must be a whole number, 0 or more, got {self.index_base!r}"
            )
        if not callable(self.draw):
            raise TypeError(
                f"draw must be a function that returns a number in [0, 1), got {self.draw!r}"
            )
        self.config = checked_config(self.config)
        if not callable(self.history):
            self.history = checked_turns(self.history)
        resumption = self.config.session_resumption
        self.handle = self.handle or (None if resumption is None else resumption.handle)
        self.continue_with = wording_for(self.options.continue_with, self.model)
