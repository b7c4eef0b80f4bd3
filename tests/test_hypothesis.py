"""What Hypothesis is told of this library."""

import subprocess
import sys
from importlib.metadata import entry_points

from hypothesis import given, strategies as st

from reconnect import Loss, ReconnectPolicy
from reconnect._hypothesis import register


def test_entry_point():
    """Hypothesis finds the strategies through the entry point of the package."""
    (found,) = entry_points(group="hypothesis", name="reconnect")
    assert found.load() is register


@given(data=st.data())
def test_types(data):
    """The types of this library are generated where a test asks for them by their annotations."""
    register()
    assert isinstance(data.draw(st.from_type(Loss)), Loss)
    assert isinstance(data.draw(st.from_type(ReconnectPolicy)), ReconnectPolicy)


def test_registering_is_cheap():
    """Importing Hypothesis imports neither the emulator nor the SDK."""
    heavy = ["google.genai", "reconnect.testing", "tenacity", "websockets"]
    code = f"import sys, hypothesis; print([name for name in {heavy} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True).strip() == "[]"  # noqa: S603
