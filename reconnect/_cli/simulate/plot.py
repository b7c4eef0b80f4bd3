"""Draws the arrivals of simulated herds over time; needs matplotlib, the extra ``plot``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .simulation import Outcome

__all__ = ["draw"]

_STYLE: Final[Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # The same simulation gives the same file: no random ids, no date.
    "svg.hashsalt": "reconnect",
    "svg.fonttype": "path",
}
_LOAD: Final = "#3569a8"
_CAPACITY: Final = "#b3431f"
_AWAY: Final = "#e9e6e0"
_BACK: Final = "#2f7d4f"
_NOTE: Final = "#555555"

_BEFORE: Final = 20.0
"""Seconds of the outage that are shown."""

_WIDTH, _HEIGHT, _EXTRA = 6.4, 1.5, 1.2
"""Inches: of the drawing, of each panel, and of what stands around them."""

_HEADROOM: Final = 1.4
"""How much higher than what is drawn a panel with a note is, so that the note has a place."""


def draw(
    outcomes: Mapping[str, Outcome],
    file: Path | IO[bytes],
    *,
    kind: str,
    notes: Mapping[str, str] | None = None,
    until: float | None = None,
) -> None:
    """Draw one panel for each herd, with the same axes.

    Args:
        outcomes: What came of the herds, by what each is called.
        file: Where to draw it.
        kind: ``png`` or ``svg``.
        notes: What is written into the panels, by what each is called; None for nothing.
        until: Seconds after the return that are shown; None for all.
    """
    panels = len(outcomes)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, _HEIGHT * max(panels, 2) + _EXTRA), layout="constrained")
        axes = figure.subplots(panels, 1, sharex=True, sharey=True, squeeze=False)
        last = max(max(outcome.arrivals, default=0) for outcome in outcomes.values()) + 1.0
        start = -min(_BEFORE, max(outcome.herd.outage for outcome in outcomes.values()))
        highest = max(_highest(outcome, math.floor(start)) for outcome in outcomes.values())
        for axis, (name, outcome) in zip(axes.flat, outcomes.items(), strict=True):
            headroom = 1.08 if notes is None else _HEADROOM
            _panel(axis, name, outcome, top=1 / headroom)
            said = (notes or {}).get(name, "")
            axis.text(
                0.995,
                0.95,
                said,
                transform=axis.transAxes,
                ha="right",
                va="top",
                color=_NOTE,
                fontsize="small",
            )
            axis.set_xlim(start, last if until is None else until)
            axis.set_ylim(0, highest * headroom)
        axes.flat[-1].set_xlabel("seconds since the server came back")
        figure.supylabel("attempts per second", fontsize="medium")
        figure.legend(handles=_legend(), loc="outside lower center", ncols=2, frameon=False)
        figure.savefig(
            file, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None
        )


def _legend() -> list[Any]:
    """Return what each colour means."""
    return [
        Patch(color=_LOAD, label="attempts"),
        Line2D([], [], color=_CAPACITY, linewidth=1, linestyle="--", label="server capacity"),
        Patch(color=_AWAY, label="the outage"),
        Line2D([], [], color=_BACK, linewidth=1.2, label="99% are back"),
    ]


def _highest(outcome: Outcome, start: int) -> int:
    """Return the most attempts in a second that is shown."""
    shown = [count for second, count in outcome.arrivals.items() if second >= start]
    return max([outcome.herd.capacity, *shown])


def _panel(axis: Any, name: str, outcome: Outcome, *, top: float) -> None:
    """Draw one herd.

    Args:
        axis: Where.
        name: What it is called.
        outcome: What came of it.
        top: The part of the height that is drawn in; what is above is left to a note.
    """
    herd = outcome.herd
    first, last = math.floor(-herd.outage), max(outcome.arrivals, default=0) + 1
    counts = [outcome.arrivals.get(second, 0) for second in range(first, last)]
    axis.axvspan(-herd.outage, 0, color=_AWAY, linewidth=0)
    axis.stairs(counts, range(first, last + 1), fill=True, color=_LOAD, linewidth=0)
    axis.axhline(herd.capacity, color=_CAPACITY, linewidth=1, linestyle="--")
    back = outcome.back_within(0.99)
    if back is not None:
        axis.axvline(back, ymax=top, color=_BACK, linewidth=1.2)
    said = [
        f"peak {outcome.peak / herd.capacity:.1f} x capacity",
        "99% never back" if back is None else f"99% back after {back:.0f} s",
        f"{len(outcome.gave_up):,} gave up" if outcome.gave_up else "nobody gave up",
    ]
    axis.set_title(name, loc="left", fontsize="medium", fontweight="bold")
    axis.set_title(", ".join(said), loc="right", fontsize="medium")
