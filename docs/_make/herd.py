"""The drawings and the tables of simulated herds: this policy, and the formulas of others."""

import functools
import hashlib
import io
import re
from pathlib import Path
from typing import Final

import tables
from markdown import code, table as as_table

from reconnect import ReconnectPolicy
from reconnect._cli.simulate import plot
from reconnect._cli.simulate.herd import SHARES, run
from reconnect._cli.simulate.rivals import RIVALS
from reconnect._cli.simulate.simulation import Herd, Outcome

__all__ = ["all_of_them", "ours", "sources", "table"]

OUTAGE: Final = 60.0
"""Seconds of the outage that is drawn."""

SHOWN: Final = 120.0
"""Seconds after the return of the server that the drawing of all shows."""

DEFAULT: Final = "reconnect"

COLOURS: Final = {
    "#ffffff": "var(--paper)",
    "white": "var(--paper)",
    "#000000": "var(--ink)",
    "#555555": "var(--ink)",
    "#e9e6e0": "var(--away)",
    "#3569a8": "var(--load)",
    "#b3431f": "var(--capacity)",
    "#2f7d4f": "var(--back)",
}
"""The colours of the plot, and what they are called here: dark mode has others."""

LIGHT: Final = (
    "--paper: #ffffff; --ink: #1f2328; --away: #e9e6e0;"
    " --load: #3569a8; --capacity: #b3431f; --back: #2f7d4f;"
)
DARK: Final = (
    "--paper: #16181b; --ink: #e6e8eb; --away: #34373c;"
    " --load: #6ea8e8; --capacity: #f0845c; --back: #5cc98a;"
)
STYLE: Final = (
    f"<style>\nsvg {{ {LIGHT} fill: var(--ink); }}\n"
    f"@media (prefers-color-scheme: dark) {{ svg {{ {DARK} }} }}\n</style>\n"
)


@functools.cache
def outcomes(outage: float) -> dict[str, Outcome]:
    """Simulate the default policy and all that it is compared with.

    Args:
        outage: Seconds.
    """
    policies = {DEFAULT: ReconnectPolicy()}
    policies |= {name: rival.policy for name, rival in RIVALS.items()}
    return {name: run(policy, Herd(outage=outage)) for name, policy in policies.items()}


def formulas() -> dict[str, tuple[str, str]]:
    """Return the formula and the source of each policy, by its name."""
    policy = ReconnectPolicy()
    ours = f"draw * min({policy.cap:g}, {policy.factor:g} ** (attempt - 1))"
    found = {DEFAULT: (ours, "the default of ReconnectPolicy")}
    return found | {name: (rival.formula, rival.source) for name, rival in RIVALS.items()}


def ours(now: str | None) -> str:
    """Draw what the default policy does.

    Args:
        now: The drawing that is there.
    """
    return _drawing([DEFAULT], now, until=None)


def all_of_them(now: str | None) -> str:
    """Draw what each formula does.

    Args:
        now: The drawing that is there.
    """
    return _drawing(list(formulas()), now, until=SHOWN)


def _drawing(names: list[str], now: str | None, *, until: float | None) -> str:
    shown = {name: outcomes(OUTAGE)[name] for name in names}
    notes = {name: formula for name, (formula, _) in formulas().items()}
    # Another matplotlib draws the same in other bytes: a drawing is stale when what is drawn, or
    # how, is another.
    what = repr([(name, sorted(it.arrivals.items()), notes[name]) for name, it in shown.items()])
    how = "".join(Path(file).read_text(encoding="utf-8") for file in (__file__, plot.__file__))
    digest = hashlib.sha256((what + how).encode()).hexdigest()
    if now is not None and digest in now:
        return now
    file = io.BytesIO()
    plot.draw(shown, file, kind="svg", notes=notes, until=until)
    svg = file.getvalue().decode()
    svg = svg[svg.index("<svg") :]
    # As wide as there is room.
    svg = re.sub(r' (?:height|width)="[^"]*pt"', "", svg, count=2)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, name in COLOURS.items():
        svg = re.sub(rf"(?<=: ){colour}\b", name, svg)
    head, rest = svg.split(">", 1)
    lines = (line.rstrip() for line in f"{head}>\n<!-- {digest} -->\n{STYLE}{rest}".splitlines())
    return "\n".join(lines) + "\n"


def table(outage: str) -> str:
    """Return what came of each herd after an outage.

    Args:
        outage: Seconds.
    """
    body = []
    for name, outcome in outcomes(float(outage)).items():
        back = [outcome.back_within(share) for share in SHARES]
        body.append(
            [
                f"**{name}**",
                f"{sum(outcome.attempts) / outcome.herd.clients:.1f}",
                f"{outcome.peak:,}",
                *("never" if seconds is None else f"{seconds:.0f} s" for seconds in back),
            ]
        )
    shares = [f"{share:.0%} back" for share in SHARES]
    return as_table(["", "Attempts per client", "Peak a second", *shares], body)


def sources() -> str:
    """Return the formulas and where they stand."""
    return as_table(
        ["", "Delay before an attempt, in seconds", "Source"],
        [
            [f"**{name}**", code(formula), tables.source(source)]
            for name, (formula, source) in formulas().items()
        ],
    )
