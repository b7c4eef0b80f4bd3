"""Tells Hypothesis how to make this library's types.

Found through the entry point ``hypothesis``. It costs next to nothing until one of them is asked
for: the strategies need the SDK, which takes half a second to import.
"""

from __future__ import annotations

from typing import Any

from ._failures.loss import Loss
from .policy import ReconnectPolicy

__all__ = ["register"]


def register() -> None:
    """Register the strategies of `reconnect.testing.strategies` for the types they generate."""
    from hypothesis import strategies as st

    st.register_type_strategy(Loss, _losses)
    st.register_type_strategy(ReconnectPolicy, _policies)


def _losses(_type: type) -> Any:
    from .testing import strategies

    return strategies.losses()


def _policies(_type: type) -> Any:
    from .testing import strategies

    return strategies.policies()
