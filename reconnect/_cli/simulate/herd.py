"""``python -m reconnect simulate``: which policy, which herd, and what came of it, in words."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeGuard

from reconnect._checks import checked_policy
from reconnect.policy import Policy, ReconnectPolicy

from .rivals import RIVALS
from .simulation import Herd, Outcome, Watch, simulate

__all__ = [
    "DEFAULT",
    "FORMATS",
    "KEYS",
    "SHARES",
    "as_data",
    "describe",
    "find_policy",
    "has_default_formula",
    "is_quick",
    "load_plot",
    "plot_to",
    "run",
]

SHARES: Final = (0.5, 0.99, 1.0)
"""The shares of all clients whose return is told."""

DEFAULT: Final = "default"
"""The name of the policy that is simulated where none is named."""

KEYS: Final[Mapping[str, str]] = {
    "policy": "the name of the policy that was simulated",
    "clients": "how many clients there were",
    "outage": "how many seconds the server was down",
    "capacity": "how many attempts per second it then accepted",
    "hangs_up": "whether it accepted every attempt during the outage and closed it at once",
    "seed": "the seed of the random draws",
    "ideal": "seconds it needs to accept all clients if they come one by one",
    "attempts": "attempts of all clients together",
    "most_attempts": "the most attempts of one client",
    "peak": "the most attempts in any second after it came back",
    "back": "seconds from when it came back until this share of clients is back, or null for never",
    **{f"back.{share:.0%}": f"{share:.0%} of them" for share in SHARES},
    "gave_up": "how many clients gave up",
    "first_gave_up": "seconds from the loss until the first client gave up, or null if none did",
    "arrivals": "pairs: a second, counted from when it came back, and the attempts in it",
}
"""The keys of the JSON, each with those that lead to it, and what each is."""

FORMATS: Final = (".png", ".svg")
"""What a plot can be."""


def find_policy(name: str) -> Policy:
    """Return the policy of a name.

    Args:
        name: ``default``, one of the formulas that it is compared with, or ``MODULE:NAME`` of a
            `Policy` that can be imported.

    Raises:
        TypeError: If what can be imported is no policy.
        ValueError: If there is nothing of this name.
    """
    if name == DEFAULT:
        return ReconnectPolicy()
    if name in RIVALS:
        return RIVALS[name].policy
    module, _, attribute = name.partition(":")
    if not attribute:
        known = ", ".join([DEFAULT, *RIVALS])
        raise ValueError(f"unknown policy {name!r}: use one of {known}, or MODULE:NAME")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cannot import the policy {name!r}: {error}") from error
    try:
        return checked_policy(found)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from error


def has_default_formula(policy: Policy) -> TypeGuard[ReconnectPolicy]:
    """Tell whether a policy waits and gives up by its own formula and budget.

    Args:
        policy: Any policy.
    """
    return type(policy) is ReconnectPolicy and policy.wait is None and policy.stop is None


def is_quick(policy: Policy) -> TypeGuard[ReconnectPolicy]:
    """Tell whether a policy is simulated for all clients at once, which takes numpy.

    Args:
        policy: Any policy.
    """
    return has_default_formula(policy) and importlib.util.find_spec("numpy") is not None


def run(policy: Policy, herd: Herd, *, watch: Watch | None = None) -> Outcome:
    """Simulate in the fastest way that there is for a policy.

    Args:
        policy: The policy.
        herd: What to simulate.
        watch: Is told how far it is, unless it `is_quick`; None for nobody.
    """
    # Both ways have the same outcome.
    if is_quick(policy):
        from .crowd import simulate_default

        return simulate_default(policy, herd)
    return simulate(policy, herd, watch=watch)


def describe(outcome: Outcome) -> str:
    """Say what came of a simulation.

    Args:
        outcome: It.
    """
    herd = outcome.herd
    total = sum(outcome.attempts)
    rows = [
        (
            "attempts per client",
            f"{total / herd.clients:.1f} on average, {max(outcome.attempts):,} at most",
        ),
        (
            "peak",
            f"{outcome.peak:,} attempts per second, {outcome.peak / herd.capacity:.2f} x capacity",
        ),
    ]
    for share in SHARES:
        seconds = outcome.back_within(share)
        rows.append(
            (
                f"{share:.0%} back",
                "never"
                if seconds is None
                else f"after {seconds:.1f} s, {seconds / herd.ideal:.2f} x ideal",
            )
        )
    lost = len(outcome.gave_up)
    rows.append(
        (
            "gave up",
            f"{lost:,} clients, the first {outcome.gave_up[0] + herd.outage:.1f} s after the loss"
            if lost
            else "nobody",
        )
    )
    head = (
        f"{herd.clients:,} clients, an outage of {herd.outage:g} s, a server that accepts"
        f" {herd.capacity:,} attempts per second\n(times and the peak count from its return; ideal:"
        f" {herd.ideal:.1f} s)"
    )
    width = max(len(name) for name, _ in rows)
    return "\n".join([head, "", *(f"{name:<{width}}  {said}" for name, said in rows)])


def as_data(outcome: Outcome, policy: str) -> dict[str, Any]:
    """Return what came of a simulation as JSON can have it; `KEYS` says what is what.

    Args:
        outcome: It.
        policy: What its policy is called.
    """
    herd = outcome.herd
    return {
        "policy": policy,
        **asdict(herd),
        "ideal": herd.ideal,
        "attempts": sum(outcome.attempts),
        "most_attempts": max(outcome.attempts),
        "peak": outcome.peak,
        "back": {f"{share:.0%}": outcome.back_within(share) for share in SHARES},
        "gave_up": len(outcome.gave_up),
        "first_gave_up": outcome.gave_up[0] + herd.outage if outcome.gave_up else None,
        "arrivals": [[second, count] for second, count in sorted(outcome.arrivals.items())],
    }


def load_plot() -> None:
    """Import what draws, which takes a moment.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
    """
    importlib.import_module(".plot", __package__)


def plot_to(outcome: Outcome, name: str, file: Path) -> None:
    """Draw the arrivals of a simulation over time into a file.

    Args:
        outcome: The simulation.
        name: What its policy is called.
        file: A ``.png`` or ``.svg`` file.

    Raises:
        ModuleNotFoundError: If matplotlib is not installed.
    """
    from .plot import draw

    draw({name: outcome}, file, kind=file.suffix.removeprefix("."))
