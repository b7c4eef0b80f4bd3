"""The face of the package."""

import subprocess
import sys

import pytest

import reconnect


def test_names_are_sorted():
    """The public names are sorted and each stands there once."""
    assert reconnect.__all__ == sorted(set(reconnect.__all__))


def test_names_are_few():
    """The public face is small enough to be learnt."""
    assert len(reconnect.__all__) <= 36


def test_names_resolve():
    """Every public name is there, and says what it is."""
    for name in reconnect.__all__:
        assert getattr(reconnect, name).__doc__


def test_unknown_names_are_refused():
    """A name that is not there is no attribute, as of any module."""
    with pytest.raises(AttributeError, match="'reconnect' has no attribute 'resume'"):
        reconnect.resume  # noqa: B018


def test_import_is_cheap():
    """Importing the package imports none of the libraries that cost half a second."""
    heavy = ["google.genai", "tenacity", "websockets"]
    code = f"import sys, reconnect; print([name for name in {heavy} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True).strip() == "[]"  # noqa: S603
