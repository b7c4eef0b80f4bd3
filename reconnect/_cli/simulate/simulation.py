"""What a policy does to a server that comes back: a herd of clients, without a clock or a socket.

All clients lose their connections at the same moment, and from then on each does what its policy
decides. The server behaves as simply as one can:

- For ``outage`` seconds every attempt fails at once.
- Then it takes the first ``capacity`` attempts of each second and refuses the rest at once, with an
  HTTP 503. The seconds are counted from its return.
- A client is *back* when an attempt of its is taken. It stays.
- A server that *hangs up* takes every attempt during the outage and closes the connection at once,
  which proves nothing to a client and ends no outage for it.

An attempt takes no time, which is the hardest case: nothing but the policy spreads the clients.

The simulation is pure. The draw for a client's attempt is computed from the seed, the client and
the attempt, so it does not matter in which order the clients are simulated.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

from reconnect._adapters.scatter import mix, unit
from reconnect._checks import checked_decision
from reconnect._failures.loss import Loss, Phase
from reconnect.policy import Policy, Raise

__all__ = ["Herd", "Outcome", "TooOften", "Watch", "draw_of", "simulate"]

MOST_ATTEMPTS: Final = 100_000
"""Attempts of one client after which a simulation is given up: it may never end."""

Watch: TypeAlias = Callable[[int, int], object]
"""Is called with each second that begins, counted from the server's return, and with how many
clients are back or have given up; at the end too."""


class TooOften(ValueError):
    """A client makes so many attempts that the simulation may never end: a delay of 0 s, say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Herd:
    """What is simulated.

    Args:
        clients: How many clients lose their connections.
        outage: Seconds until the server comes back.
        capacity: How many attempts the server takes in a second.
        hangs_up: Whether the server takes every attempt of the outage and closes it at once, in
            place of refusing it.
        seed: What the draws are computed from.

    Raises:
        ValueError: If a number is out of its range.
    """

    clients: int = 10_000
    outage: float = 60.0
    capacity: int = 500
    hangs_up: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.clients < 1:
            raise ValueError(f"clients must be 1 or more, got {self.clients!r}")
        if not 0 <= self.outage < math.inf:
            raise ValueError(f"outage must be a number of seconds, 0 or more, got {self.outage!r}")
        if self.capacity < 1:
            raise ValueError(f"capacity must be 1 attempt a second or more, got {self.capacity!r}")

    @property
    def ideal(self) -> float:
        """The seconds in which the server could take all clients, if they came one by one."""
        return self.clients / self.capacity


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; seconds are counted from the return of the server.

    Args:
        herd: What was simulated.
        arrivals: Attempts by the second in which they came; seconds of the outage are negative.
        attempts: How many attempts each client made, in the order of the clients.
        back: When each client that is back was taken, in order.
        gave_up: When each client that gave up did so, in order.
    """

    herd: Herd
    arrivals: Mapping[int, int]
    attempts: Sequence[int]
    back: Sequence[float]
    gave_up: Sequence[float]

    @property
    def peak(self) -> int:
        """The most attempts in one second after the return of the server."""
        return max((count for second, count in self.arrivals.items() if second >= 0), default=0)

    def back_within(self, share: float) -> float | None:
        """Return the seconds until a share of all clients are back; None if they never are.

        Args:
            share: A number above 0, up to 1.

        Raises:
            ValueError: If ``share`` is out of its range.
        """
        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, got {share!r}")
        # Rounded first: 0.07 * 100 is a little more than 7.
        needed = math.ceil(round(share * self.herd.clients, 9))
        return self.back[needed - 1] if len(self.back) >= needed else None

    def rate(self, start: int, stop: int) -> float:
        """Return the attempts a second between two seconds, on average.

        Args:
            start: The first second.
            stop: The second after the last.
        """
        return sum(self.arrivals.get(second, 0) for second in range(start, stop)) / (stop - start)


def draw_of(seed: int, client: int, attempt: int) -> float:
    """Return the draw for an attempt of a client, in [0, 1).

    Args:
        seed: The seed of the simulation.
        client: The number of the client.
        attempt: The number of the attempt.
    """
    return unit(mix(mix(seed, client), attempt))


def simulate(policy: Policy, herd: Herd, *, watch: Watch | None = None) -> Outcome:
    """Simulate a herd of clients under a policy, event by event.

    Args:
        policy: Decides about each loss of each client.
        herd: The clients, and the server that goes away from them.
        watch: Is told how far it is.

    Raises:
        TooOften: If a client makes more than `MOST_ATTEMPTS` attempts.
    """
    arrivals: Counter[int] = Counter()
    attempts = [0] * herd.clients
    back: list[float] = []
    gave_up: list[float] = []
    down = hung_up() if herd.hangs_up else refused()
    dials: list[tuple[float, int]] = []

    def ask(loss: Loss, client: int, now: float) -> Iterator[tuple[float, int]]:
        attempt = attempts[client] + 1
        drawn = draw_of(herd.seed, client, attempt)
        decision = policy.decide(loss, attempt=attempt, elapsed=now, draw=drawn)
        decision = checked_decision(decision, policy)
        if isinstance(decision, Raise):
            gave_up.append(now - herd.outage)
        else:
            yield now + decision.delay, client

    for client in range(herd.clients):
        dials.extend(ask(cut(), client, 0.0))
    heapq.heapify(dials)
    taken: Counter[int] = Counter()
    while dials:
        now, client = heapq.heappop(dials)
        second = math.floor(now - herd.outage)
        if watch is not None and second not in arrivals:
            watch(second, len(back) + len(gave_up))
        arrivals[second] += 1
        attempts[client] += 1
        if attempts[client] > MOST_ATTEMPTS:
            raise TooOften(
                f"a client has made {MOST_ATTEMPTS:,} attempts in {now:g} s, and the server is not"
                " back yet, so the simulation may never end; make the policy wait longer than 0 s"
            )
        if second >= 0 and taken[second] < herd.capacity:
            taken[second] += 1
            back.append(now - herd.outage)
            continue
        for dial in ask(down if second < 0 else busy(), client, now):
            heapq.heappush(dials, dial)
    if watch is not None:
        watch(max(arrivals, default=0), herd.clients)
    return Outcome(herd, dict(arrivals), attempts, back, gave_up)


def cut() -> Loss:
    """Return the loss with which it begins: the connection of a client that holds a handle."""
    return Loss(ConnectionResetError("cut"), Phase.SESSION, handle=True)


def refused() -> Loss:
    """Return how an attempt fails while the server is away."""
    error = ConnectionRefusedError("the server is away")
    return Loss(error, Phase.CONNECT, resumed=True, handle=True)


@cache
def busy() -> Loss:
    """Return how an attempt fails at a server that has taken as many as it can in this second."""
    from websockets.datastructures import Headers
    from websockets.exceptions import InvalidStatus
    from websockets.http11 import Response

    error = InvalidStatus(Response(503, "Service Unavailable", Headers()))
    return Loss(error, Phase.CONNECT, resumed=True, handle=True)


@cache
def hung_up() -> Loss:
    """Return how a connection is lost to a server that accepts and hangs up at once."""
    from websockets.exceptions import ConnectionClosedError
    from websockets.frames import Close

    error = ConnectionClosedError(Close(1011, "Internal error encountered."), None, None)
    return Loss(error, Phase.SESSION, resumed=True, handle=True)
