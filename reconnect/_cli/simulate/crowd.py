"""The same simulation for a million clients: all clients of a second at once, with numpy.

It knows the default formula and the default budget, and computes with them what
`ReconnectPolicy.decide` would decide, to the last bit. `simulation` defines what comes out.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, TypeAlias

import numpy as np

from reconnect._adapters.scatter import FINAL, INCREMENT
from reconnect.backoff import exponential
from reconnect.policy import _ATTEMPTS, _PATIENCE, ReconnectPolicy

from .simulation import Herd, Outcome

__all__ = ["simulate_default"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


def simulate_default(policy: ReconnectPolicy, herd: Herd) -> Outcome:
    """Simulate a herd of clients under a policy with the default formula and budget.

    Args:
        policy: The policy.
        herd: The clients, and the server that goes away from them.
    """
    return _Crowd(policy, herd).run()


class _Crowd:
    """All clients, as arrays over them."""

    def __init__(self, policy: ReconnectPolicy, herd: Herd) -> None:
        self.herd = herd
        self.ceiling = exponential(base=policy.base, factor=policy.factor, cap=policy.cap)
        # By the number of attempts made before; computed as far as they are needed.
        self.ceilings = np.array([])
        self.keys = _mix(np.uint64(herd.seed % 2**64), np.arange(herd.clients, dtype=np.uint64))
        self.attempts = np.zeros(herd.clients, dtype=np.int64)
        self.dials = np.full(herd.clients, math.inf)
        self.arrivals: Counter[int] = Counter()
        self.back: list[Array] = []
        self.gave_up: list[Array] = []

    def run(self) -> Outcome:
        """Simulate second by second until nobody connects any more."""
        herd = self.herd
        self.ask(np.arange(herd.clients), np.zeros(herd.clients))
        while (due := np.flatnonzero(self.dials < herd.outage)).size:
            self.refuse(due)
        while math.isfinite(earliest := self.dials.min()):
            second, free = math.floor(earliest - herd.outage), herd.capacity
            while (due := np.flatnonzero(np.floor(self.dials - herd.outage) == second)).size:
                due = due[np.argsort(self.dials[due], kind="stable")]
                self.take(due[:free])
                self.refuse(due[free:])
                # Who is refused and comes again in the same second finds it full: it was.
                free -= min(free, due.size)
        return Outcome(
            herd,
            dict(self.arrivals),
            self.attempts.tolist(),
            np.sort(_joined(self.back)).tolist(),
            np.sort(_joined(self.gave_up)).tolist(),
        )

    def ask(self, clients: Array, now: Array) -> None:
        """Let clients wait for their next attempt, or give up."""
        made = self.attempts[clients]
        spent = (made >= _ATTEMPTS) & (now >= _PATIENCE)
        self.gave_up.append(now[spent] - self.herd.outage)
        self.dials[clients[spent]] = math.inf
        clients, now, made = clients[~spent], now[~spent], made[~spent]
        drawn = _unit(_mix(self.keys[clients], (made + 1).astype(np.uint64)))
        self.dials[clients] = now + drawn * self.ceilings_of(made)

    def ceilings_of(self, made: Array) -> Array:
        """Return the ceilings of the attempts that follow those which were made."""
        while made.size and made.max() >= self.ceilings.size:
            more = range(self.ceilings.size + 1, 2 * self.ceilings.size + 2)
            self.ceilings = np.append(self.ceilings, [self.ceiling(n, 0.0) for n in more])
        found: Array = self.ceilings[made]
        return found

    def refuse(self, clients: Array) -> None:
        """Refuse the attempts of clients."""
        now = self.dials[clients]
        self.count(clients, now)
        self.ask(clients, now)

    def take(self, clients: Array) -> None:
        """Take the attempts of clients."""
        now = self.dials[clients]
        self.count(clients, now)
        self.back.append(now - self.herd.outage)
        self.dials[clients] = math.inf

    def count(self, clients: Array, now: Array) -> None:
        """Count the attempts of clients."""
        self.attempts[clients] += 1
        seconds, counts = np.unique(np.floor(now - self.herd.outage), return_counts=True)
        self.arrivals.update(dict(zip(map(int, seconds), map(int, counts), strict=True)))


def _joined(parts: list[Array]) -> Array:
    return np.concatenate([np.array([]), *parts])


def _mix(numbers: Array | np.uint64, indexes: Array) -> Array:
    """Do what `reconnect._scatter.mix` does; whole numbers of numpy's overflow as 64 bits do."""
    bits: Array = np.asarray(numbers + indexes * np.uint64(INCREMENT))
    for shift, factor in FINAL:
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return bits


def _unit(bits: Array) -> Array:
    found: Array = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return found
