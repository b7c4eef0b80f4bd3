"""How long the server asks to be left alone."""

import pytest
from failures import refused, wrapped

from reconnect._failures.retry_after import retry_after

NOW = "Mon, 23 Nov 2026 03:00:00 GMT"
LATER = "Mon, 23 Nov 2026 03:01:30 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry_After": "120"}, 120),
        ({"Retry_After": " 0 "}, 0),
        ({"Retry_After": "-1"}, None),
        ({"Retry_After": "1.5"}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "9" * 30}, None),
        ({"Retry_After": LATER, "Date": NOW}, 90),
        ({"Retry_After": NOW, "Date": LATER}, 0),
        ({"Retry_After": LATER}, None),
        ({"Retry_After": LATER, "Date": "now"}, None),
        ({"Retry_After": LATER, "Date": NOW.replace("GMT", "-0000")}, None),
    ],
)
def test_retry_after(headers, seconds):
    """A server says how long in seconds, or as a date beside its own; anything else is nothing."""
    assert retry_after(refused(429, **headers)) == seconds


def test_retry_after_twice():
    """A field that comes twice says nothing."""
    error = refused(429, Retry_After="1")
    error.response.headers["Retry-After"] = "2"
    assert retry_after(error) is None


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (refused(429, "Please retry in 11.665902715s."), 11.665902715),
        (wrapped(429, {"error": {"details": [{"retryDelay": "25s"}]}}), 25),
        (refused(429, 'x {"retryDelay": "7s"}', Retry_After="40"), 40),
        (refused(429, "Please retry in 50s.", Retry_After="40"), 50),
        (ConnectionResetError("please retry in a while"), None),
    ],
    ids=repr,
)
def test_retry_info(error, seconds):
    """Google says how long in the text; the longer of what is said counts."""
    assert retry_after(error) == seconds


def test_group_says_how_long():
    """Of what a group asks for the longest counts."""
    group = ExceptionGroup(
        "x", [refused(429, Retry_After="7"), ConnectionResetError(), refused(429, Retry_After="9")]
    )
    assert retry_after(group) == 9
    assert retry_after(ExceptionGroup("x", [ConnectionResetError()])) is None
