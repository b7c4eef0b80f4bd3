"""The drawings of herds."""

import io

import pytest

from reconnect import ReconnectPolicy
from reconnect._cli.simulate.plot import draw
from reconnect._cli.simulate.simulation import Herd, simulate
from reconnect.backoff import constant

HERD = Herd(clients=200, outage=5.0, capacity=20)
BACK = simulate(ReconnectPolicy(wait=constant(2.0)), HERD)
LOST = simulate(
    ReconnectPolicy(wait=constant(2.0), stop=lambda attempts, elapsed: attempts >= 1), HERD
)


def drawn(*outcomes, kind="svg", **how):
    """Draw outcomes and return the file."""
    file = io.BytesIO()
    draw({f"herd {number}": it for number, it in enumerate(outcomes)}, file, kind=kind, **how)
    return file.getvalue()


@pytest.mark.parametrize("outcomes", [[BACK], [LOST], [BACK, LOST, BACK]], ids=len)
def test_drawing(outcomes):
    """One herd or several, back or lost, make one drawing."""
    svg = drawn(*outcomes)
    assert svg.startswith(b"<?xml")
    assert svg.count(b'id="axes_') == len(outcomes)


def test_same_drawing():
    """The same outcome makes the same file, so that a change of a drawing is a change of it."""
    assert drawn(BACK, LOST) == drawn(BACK, LOST)


def test_png():
    """A drawing can be a PNG."""
    assert drawn(BACK, kind="png").startswith(b"\x89PNG")


def test_notes_and_bounds():
    """Notes are written into the panels, and the time that is shown can be cut."""
    plain = drawn(BACK)
    assert drawn(BACK, notes={"herd 0": "a note"}) != plain
    assert drawn(BACK, until=3.0) != plain
