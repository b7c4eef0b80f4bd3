"""The formulas that others wait by, to be simulated beside the default policy.

Only the formulas, without their budgets: some never give up, one does within the minute, and a
client that has given up is no load. Written from their documentation, and tested against those
that this library is installed with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from reconnect.backoff import Backoff, full_jitter
from reconnect.policy import ReconnectPolicy

__all__ = ["RIVALS", "Rival"]


@dataclass(frozen=True, slots=True)
class Rival:
    """One formula.

    Args:
        name: Whose it is.
        formula: It, in words and symbols.
        source: Where it stands.
        wait: It, as a function of (attempt, draw).
        highest: The longest delay that it can give, in seconds.
    """

    name: str
    formula: str
    source: str
    wait: Backoff
    highest: float

    @property
    def policy(self) -> ReconnectPolicy:
        """A policy that waits by it and never gives up."""
        return ReconnectPolicy(wait=self.wait, cap=self.highest, stop=_never)


def _never(_attempts: int, _elapsed: float) -> bool:
    return False


def _grown(base: float, factor: float, steps: int, cap: float) -> float:
    """Return ``min(cap, base * factor ** steps)``, also where the power overflows."""
    return cap if steps * math.log(factor) > math.log(cap / base) else base * factor**steps


def _rival(
    name: str, formula: str, source: str, highest: float, wait: Callable[[int, float], float]
) -> Rival:
    return Rival(name, formula, source, Backoff(wait, name=name), highest)


def _websockets(attempt: int, draw: float) -> float:
    return draw * 5 if attempt == 1 else _grown(3.1, 1.618, attempt - 2, 90.0)


def _grpc(attempt: int, draw: float) -> float:
    # It connects at once, and then a second after that attempt.
    if attempt <= 2:
        return attempt - 1.0
    return _grown(1.0, 1.6, attempt - 2, 120.0) * (0.8 + 0.4 * draw)


_ALL: Final = (
    _rival(
        "websockets",
        "5 * draw, then min(90, 3.1 * 1.618 ** (attempt - 2))",
        "websockets 17, websockets/client.py, backoff",
        90.0,
        _websockets,
    ),
    Rival(
        "tenacity",
        "draw * min(60, 2 ** (attempt - 1))",
        "tenacity 9, wait_random_exponential(multiplier=1, max=60), as in its documentation",
        full_jitter(base=1, factor=2, cap=60),
        60.0,
    ),
    _rival(
        "stamina",
        "min(5, 0.1 * 2 ** (attempt - 1) + draw)",
        "stamina 26.1, stamina/_core.py, the defaults of retry",
        5.0,
        lambda attempt, draw: min(5.0, _grown(0.1, 2.0, attempt - 1, 5.0) + draw),
    ),
    _rival(
        "grpc",
        "0, 1, then (0.8 + 0.4 * draw) * min(120, 1.6 ** (attempt - 2))",
        "https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md",
        144.0,
        _grpc,
    ),
    _rival(
        "google-cloud",
        "min(32, 2 ** (attempt - 1) + draw)",
        "https://cloud.google.com/memorystore/docs/redis/exponential-backoff",
        32.0,
        lambda attempt, draw: min(32.0, _grown(1.0, 2.0, attempt - 1, 32.0) + draw),
    ),
)

RIVALS: Final[Mapping[str, Rival]] = {rival.name: rival for rival in _ALL}
"""The formulas by name."""
