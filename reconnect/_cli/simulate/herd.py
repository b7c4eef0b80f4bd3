"""``python -m reconnect simulate``: which policy, which herd, and what came of it, in words."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Final

from reconnect.policy import ReconnectPolicy

from .rivals import RIVALS
from .simulation import Herd, Outcome, simulate

__all__ = ["DEFAULT", "FORMATS", "SHARES", "describe", "find_policy", "plot_to", "run"]

SHARES: Final = (0.5, 0.99, 1.0)
"""The shares of all clients whose return is told."""

DEFAULT: Final = "default"
"""The name of the policy that is simulated where none is named."""

FORMATS: Final = (".png", ".svg")
"""What a plot can be."""


def find_policy(name: str) -> ReconnectPolicy:
    """Return the policy of a name.

    Args:
        name: ``default``, one of the formulas that it is compared with, or ``MODULE:NAME`` of a
            `ReconnectPolicy` that can be imported.

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
        raise ValueError(f"no policy is called {name!r}: it is one of {known}, or MODULE:NAME")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"no policy can be imported as {name!r}: {error}") from error
    if not isinstance(found, ReconnectPolicy):
        raise TypeError(f"{name} must be a ReconnectPolicy, got {found!r}")
    return found


def run(policy: ReconnectPolicy, herd: Herd) -> Outcome:
    """Simulate in the fastest way that there is for a policy.

    Args:
        policy: The policy.
        herd: What to simulate.
    """
    # Both ways have the same outcome; the fast one needs numpy, which comes with the extra.
    if importlib.util.find_spec("numpy") is not None:
        from . import crowd as _crowd

        if _crowd.takes(policy):
            return _crowd.simulate_default(policy, herd)
    return simulate(policy, herd)


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
            f"{outcome.peak:,} attempts a second, {outcome.peak / herd.capacity:.2f} x capacity",
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
        f"{herd.clients:,} clients, an outage of {herd.outage:g} s, a server that takes"
        f" {herd.capacity:,} attempts a second\n(seconds and peak from its return; ideal:"
        f" {herd.ideal:.1f} s)"
    )
    width = max(len(name) for name, _ in rows)
    return "\n".join([head, "", *(f"{name:<{width}}  {said}" for name, said in rows)])


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
