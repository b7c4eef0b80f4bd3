"""What many sessions have in common, and what is refused of it."""

import dataclasses
import inspect
import math

import pytest

from reconnect import Limit, ReconnectOptions, ReconnectPolicy, ResumableSession


def test_defaults_are_those_of_a_session():
    """Each option is an argument of the session too, with its default but for what is shown."""
    session = inspect.signature(ResumableSession).parameters
    for field in dataclasses.fields(ReconnectOptions):
        if field.name not in {"policy", "hide", "after_cut"}:
            assert session[field.name].default == field.default
    options = ReconnectOptions()
    assert options.policy == ReconnectPolicy()
    assert (tuple(options.hide), options.after_cut) == (("go_away",), None)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"setup_timeout": 0}, ValueError, "setup_timeout must be a positive time, got 0"),
        ({"stall_timeout": math.nan}, ValueError, "stall_timeout must be a positive time, got nan"),
        ({"audio_buffer": -1}, ValueError, "audio_buffer must be a time from 0 up, got -1"),
        (
            {"buffer": Limit(messages=1, bytes=1, full="drop")},
            ValueError,
            "buffer must wait or raise",
        ),
        (
            {"media_buffer": Limit(messages=1, bytes=1, full="wait")},
            ValueError,
            "media_buffer must drop or raise",
        ),
        ({"history_limit": 0}, ValueError, "history_limit must be 1 character or more, got 0"),
        ({"resume_confirm_timeout": "5"}, ValueError, "resume_confirm_timeout must be"),
        ({"hide": "go_away"}, ValueError, "hide must be a collection of 'go_away' and"),
        ({"hide": {"tool_call"}}, ValueError, "got {'tool_call'}"),
        ({"after_cut": "turn"}, ValueError, "must be 'same turn' or 'own turn', or None"),
        ({"policy": ReconnectPolicy}, TypeError, "got the class ReconnectPolicy"),
        ({"policy": None}, TypeError, "policy must have a method"),
        ({"on_event": 5}, TypeError, "on_event must be callable, got 5"),
    ],
)
def test_bad_input_is_refused(given, kind, said):
    """A wrong option raises at once, and says what would be right."""
    with pytest.raises(kind, match=said):
        ReconnectOptions(**given)
