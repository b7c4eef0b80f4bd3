"""What counts as a number, and that everybody who takes one asks."""

import dataclasses
import functools
import math
from fractions import Fraction

import numpy as np
import pytest

from reconnect import (
    Limit,
    Loss,
    Outage,
    ReconnectGate,
    ReconnectOptions,
    ReconnectPolicy,
    ResumableSession,
    Resume,
    backoff,
)
from reconnect._checks import checked_decision
from reconnect._numbers import is_number, is_whole
from reconnect.testing import PROFILES, Close, Delay, GoAway, LiveServer, Refuse, set_testing

BOOLS = [True, False, np.True_]
NONE = [None, "1", b"1", 1j, [], float]


@pytest.mark.parametrize("value", [0, -1, 1.5, math.nan, math.inf, Fraction(1, 2), np.float32(1)])
def test_number(value):
    """A real number is one, NaN and the infinite ones too: the range is asked for apart."""
    assert is_number(value)


@pytest.mark.parametrize("value", [*BOOLS, *NONE], ids=repr)
def test_no_number(value):
    """A bool is no number, nor is what only looks like one."""
    assert not is_number(value)
    assert not is_whole(value)


@pytest.mark.parametrize(("value", "whole"), [(0, True), (-1, True), (1.0, False), (1.5, False)])
def test_whole(value, whole):
    """An int is a whole number."""
    assert is_whole(value) is whole


def _given(make, *names, **others):
    """Return for each argument of what takes numbers a call with it."""
    return {
        f"{getattr(make, '__name__', 'Loss')}-{name}": lambda value, name=name: make(
            **(others | {name: value})
        )
        for name in names
    }


def session(**arguments):
    """Make a session."""
    return ResumableSession(lambda: None, model="m", **arguments)


def profile(**changes):
    """Make a profile."""
    return dataclasses.replace(PROFILES["3.8"], **changes)


def decision(delay):
    """Check what a policy has decided."""
    return checked_decision(Resume(delay), ReconnectPolicy())


TAKERS = {
    **_given(ReconnectOptions, "setup_timeout", "stall_timeout", "audio_buffer", "history_limit"),
    **_given(ReconnectOptions, "resume_confirm_timeout"),
    **_given(session, "setup_timeout", "index_base"),
    **_given(ReconnectPolicy, "base", "factor", "cap", "throttle_delay", "throttle_attempts"),
    **_given(ReconnectPolicy, "max_reconnects_per_hour"),
    **_given(Outage, "max_reconnects_per_hour"),
    **_given(backoff.full_jitter, "base", "factor", "cap", base=1.0, factor=2.0, cap=3.0),
    **_given(backoff.decorrelated_jitter, "base", "factor", "cap", base=1.0, factor=2.0, cap=3.0),
    **_given(backoff.constant, "seconds"),
    **_given(ReconnectGate, "rate", "burst", "concurrent", rate=1.0),
    **_given(Limit, "messages", "bytes", messages=1, bytes=1, full="raise"),
    **_given(functools.partial(Loss, OSError()), "age", "repeats"),
    **_given(decision, "delay"),
    **_given(set_testing, "attempts"),
    **_given(LiveServer, "port", "handle_delay", "chunk_delay", "close_delay", "handle_lifetime"),
    **_given(LiveServer, "receive_rate", "receive_buffer"),
    **_given(Close, "after_sent", "after_received", "at", "code"),
    **_given(GoAway, "close_code"),
    **_given(Delay, "seconds"),
    **_given(Refuse, "status"),
    **_given(profile, "turn_gap", "call_pause", "first_update", "update_every"),
}
"""What takes a number, each by its name."""


@pytest.mark.parametrize("value", [True, np.True_, "1"], ids=repr)
@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_everybody_who_takes_a_number_asks(take, value):
    """A bool or a text in place of a number is refused where it is given, and named."""
    with pytest.raises((TypeError, ValueError), match=f"{value!r}"):
        take(value)


@pytest.mark.parametrize("name", ["after_sent", "after_received"])
def test_count_is_whole(name):
    """No fault waits for one message and a half: it would never act."""
    with pytest.raises(ValueError, match="whole number"):
        Close(**{name: 1.5})
