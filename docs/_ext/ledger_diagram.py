"""Draws the states of the ledger from its table of transitions, as SVG.

One drawing for what goes well, two for a loss, one for a new session. Only the places of the
states are written here: a state without a place fails the build. The arrows come from the table.
"""

from html import escape
from typing import Final, NamedTuple

from reconnect._conversation.turns import TRANSITIONS, Change, State

__all__ = ["drawings"]

PLACES: Final = {
    State.HELD: (0, 0),
    State.SENT: (1, 0),
    State.ANSWERING: (2, 0),
    State.ANSWERED: (3, 0),
    State.TO_TELL: (0, 1),
    State.TOLD: (1, 1),
    State.SETTLED: (4, 1),
    State.TO_ASK_ON: (0, 2),
    State.KNOWN: (1, 2),
    State.KNOWN_ANSWERING: (2, 2),
    State.KNOWN_ANSWERED: (3, 2),
    State.TO_TELL_REPLY: (0, 3),
    State.TOLD_REPLY: (1, 3),
}
"""The column and the row of each state."""

COLUMNS: Final = 1 + max(column for column, _ in PLACES.values())

DRAWINGS: Final = (
    (
        "While the connection lives",
        (Change.WRITTEN, Change.OUTPUT, Change.COMPLETED, Change.COVERED),
    ),
    ("When the connection is lost", (Change.LOST,)),
    ("When it is lost, and a spoken turn's audio is written again", (Change.RESPOKEN,)),
    ("When the resumed session shows that it knows the turn", (Change.RECOGNISED,)),
    ("When the next session is a new one", (Change.RESTARTED, Change.SEEDED)),
)

# Pixels
WIDTH, HEIGHT = 136, 38
COLUMN, ROW = 206, 104
LEFT, TOP, BOTTOM = 98, 80, 28
DIP = 24
"""How far an arrow dips below a row in which it has to pass a state."""
SWING = 52
"""How far an arrow swings out that has to pass a state on its way."""
GAP = 6
"""Between an arrow and its label."""


class Arrow(NamedTuple):
    """One arrow of a drawing.

    Args:
        path: What the arrow follows, as SVG path data.
        x: Where its label stands.
        y: Where its label stands.
        anchor: Which end of the label stands there.
    """

    path: str
    x: float
    y: float
    anchor: str = "middle"


def drawings() -> str:
    """Return all the drawings as HTML.

    Raises:
        ValueError: If a state has no place, or a mark no drawing.
    """
    if homeless := set(State) - set(PLACES):
        raise ValueError(f"no place in the drawing for {homeless}")
    if undrawn := set(Change) - {mark for _, marks in DRAWINGS for mark in marks}:
        raise ValueError(f"no drawing for {undrawn}")
    return "\n".join(_figure(title, marks) for title, marks in DRAWINGS)


def _figure(title: str, marks: tuple[Change, ...]) -> str:
    # What stays where it is goes without an arrow: the table under the drawings has it.
    edges = [
        (start, mark, end)
        for (start, mark), end in TRANSITIONS.items()
        if mark in marks and start is not end
    ]
    states = {state for start, _, end in edges for state in (start, end)}
    taken = {PLACES[state] for state in states}
    width = _centre((COLUMNS - 1, 0))[0] + WIDTH / 2 + GAP
    tip = f"tip-{marks[0].value}"
    arrows = [(mark, _arrow(PLACES[start], PLACES[end], taken)) for start, mark, end in edges]
    # The room above is for arrows that swing out.
    top = 0 if any(arrow.y < TOP - HEIGHT for _, arrow in arrows) else TOP - HEIGHT
    height = _centre((0, max(row for _, row in taken)))[1] + HEIGHT / 2 + BOTTOM - top
    drawn = [
        f'<path class="arrow" d="{arrow.path}" marker-end="url(#{tip})"/>' for _, arrow in arrows
    ]
    if len(marks) > 1:
        drawn += [
            f'<text class="mark" x="{arrow.x:g}" y="{arrow.y:g}" text-anchor="{arrow.anchor}">'
            f"{escape(mark.value)}</text>"
            for mark, arrow in arrows
        ]
    drawn += [_box(state) for state in states]
    return (
        f'<figure class="ledger-drawing"><figcaption>{escape(title)}</figcaption>\n'
        f'<svg viewBox="0 {top:g} {width:g} {height:g}" role="img" aria-label="{escape(title)}">\n'
        f'<defs><marker id="{tip}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"'
        ' markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>\n'
        + "\n".join(drawn)
        + "\n</svg></figure>"
    )


def _box(state: State) -> str:
    x, y = _centre(PLACES[state])
    return (
        f'<rect x="{x - WIDTH / 2:g}" y="{y - HEIGHT / 2:g}" width="{WIDTH}" height="{HEIGHT}"'
        ' rx="6"/>'
        f'<text x="{x:g}" y="{y:g}" dy="0.35em" text-anchor="middle">{escape(state.value)}</text>'
    )


def _centre(place: tuple[int, int]) -> tuple[float, float]:
    column, row = place
    return LEFT + WIDTH / 2 + column * COLUMN, TOP + row * ROW


def _arrow(start: tuple[int, int], end: tuple[int, int], taken: set[tuple[int, int]]) -> Arrow:
    """Lead an arrow from one place to another, around the places between them."""
    around = _around(start, end, taken)
    if around is not None:
        return around
    (x1, y1), (x2, y2) = _centre(start), _centre(end)
    right, down = end[0] - start[0], end[1] - start[1]
    across, up = WIDTH / 2, HEIGHT / 2
    rightward, downward = (1 if right > 0 else -1), (1 if down > 0 else -1)
    out = x1 + rightward * across
    if down == 0:
        path = f"M{out:g},{y1:g} L{x2 - rightward * across:g},{y2:g}"
        return Arrow(path, x1 + rightward * COLUMN / 2, y1 - GAP)
    if right == 0:
        path = f"M{x1:g},{y1 + downward * up:g} L{x2:g},{y2 - downward * up:g}"
        return Arrow(path, x1 + GAP, (y1 + y2) / 2 - 4 * GAP, "start")
    if abs(right) == 1 or abs(down) > 1:
        path = f"M{out:g},{y1:g} L{x2:g},{y1:g} L{x2:g},{y2 - downward * up:g}"
        return Arrow(path, x1 + rightward * (across + COLUMN) / 2, y1 - GAP)
    # A long way to the next row: slanting, above what may stand there.
    path = f"M{out:g},{y1 + up / 2:g} L{x2 - rightward * across:g},{y2 - up / 2:g}"
    return Arrow(path, (x1 + x2) / 2, (y1 + y2) / 2 - GAP)


def _around(
    start: tuple[int, int], end: tuple[int, int], taken: set[tuple[int, int]]
) -> Arrow | None:
    """Lead an arrow around the states on its straight way; None where there are none."""
    (x1, y1), (x2, y2) = _centre(start), _centre(end)
    right, down = end[0] - start[0], end[1] - start[1]
    corner = (end[0], start[1])
    if down == 0 and _between(start, end) & taken:
        top = y1 - HEIGHT / 2
        return Arrow(
            f"M{x1:g},{top:g} C{x1:g},{top - SWING:g} {x2:g},{top - SWING:g} {x2:g},{top:g}",
            (x1 + x2) / 2,
            top - 0.75 * SWING - GAP,
        )
    if right == 0 and _between(start, end) & taken:
        left = x1 - WIDTH / 2
        # Its label stands before the first row that it passes, whose own arrows have labels too.
        return Arrow(
            f"M{left:g},{y1:g} C{left - SWING:g},{y1:g} {left - SWING:g},{y2:g} {left:g},{y2:g}",
            left - 0.6 * SWING - GAP,
            y1 + (ROW if down > 0 else -ROW) / 2 + 2 * GAP,
            "end",
        )
    if abs(down) > 1 and right != 0 and _between(start, corner) & taken:
        below = y1 + HEIGHT / 2 + DIP
        tip = y2 + (HEIGHT if down < 0 else -HEIGHT) / 2
        return Arrow(
            f"M{x1:g},{y1 + HEIGHT / 2:g} V{below:g} H{x2:g} V{tip:g}",
            x1 + (COLUMN if right > 0 else -COLUMN) / 2,
            below - GAP,
        )
    return None


def _between(start: tuple[int, int], end: tuple[int, int]) -> set[tuple[int, int]]:
    """Return the places on a straight way, without its ends."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    right, down = (end[0] - start[0]) // steps, (end[1] - start[1]) // steps
    return {(start[0] + right * step, start[1] + down * step) for step in range(1, steps)}
