"""What many sessions have in common, and what is refused of it."""

import dataclasses
import inspect
import math
import pickle

import pytest

from reconnect import (
    Limit,
    ReconnectGate,
    ReconnectOptions,
    ReconnectPolicy,
    ResumableSession,
)


async def later(_model):
    """Return a text when it is awaited."""
    return "Please go on."


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
        (
            {"setup_timeout": 0},
            ValueError,
            "setup_timeout must be a positive number of seconds, got 0",
        ),
        (
            {"stall_timeout": math.nan},
            ValueError,
            "stall_timeout must be a positive number of seconds, got nan",
        ),
        ({"audio_buffer": -1}, ValueError, "audio_buffer must be 0 or more seconds, got -1"),
        (
            {"buffer": Limit(messages=1, bytes=1, full="drop")},
            ValueError,
            "buffer takes full='wait' or full='raise'",
        ),
        (
            {"media_buffer": Limit(messages=1, bytes=1, full="wait")},
            ValueError,
            "media_buffer takes full='drop' or full='raise'",
        ),
        ({"history_limit": 0}, ValueError, "history_limit must be at least 1 character, got 0"),
        ({"resume_confirm_timeout": "5"}, ValueError, "resume_confirm_timeout must be"),
        ({"hide": "go_away"}, ValueError, "hide must be a collection of 'go_away' and"),
        ({"hide": {"tool_call"}}, ValueError, "got {'tool_call'}"),
        ({"after_cut": "turn"}, ValueError, "must be 'same turn' or 'own turn', or None"),
        ({"policy": ReconnectPolicy}, TypeError, "got the class ReconnectPolicy"),
        ({"policy": None}, TypeError, "policy must have a method"),
        ({"on_event": 5}, TypeError, "on_event must be callable, got 5"),
        (
            {"setup_timeout": "10"},
            ValueError,
            "setup_timeout must be a positive number of seconds, got '10'",
        ),
        (
            {"stall_timeout": None},
            ValueError,
            "stall_timeout must be a positive number of seconds, got None",
        ),
        ({"audio_buffer": "3"}, ValueError, "audio_buffer must be 0 or more seconds, got '3'"),
        ({"history_limit": None}, ValueError, "history_limit must be at least 1 character"),
        ({"buffer": None}, TypeError, "buffer must be a Limit, got None"),
        ({"media_buffer": 5}, TypeError, "media_buffer must be a Limit, got 5"),
        ({"hide": None}, ValueError, "hide must be a collection of .* got None"),
        ({"hide": [["go_away"]]}, ValueError, "hide must be a collection of"),
        ({"gate": 5}, TypeError, "gate must be a ReconnectGate, or None for no limit, got 5"),
        ({"gate": ReconnectGate}, TypeError, "gate must be a ReconnectGate, or None"),
        ({"continue_with": 5}, TypeError, "continue_with must be a text, .* got 5"),
        ({"continue_with": " "}, ValueError, "continue_with must not be blank, got ' '; use None"),
        ({"continue_with": lambda: "a"}, TypeError, "continue_with must be a text"),
        ({"continue_with": later}, TypeError, "continue_with must be a text, a plain function"),
    ],
)
def test_bad_input_is_refused(given, kind, said):
    """A wrong option raises at once, and says what would be right."""
    with pytest.raises(kind, match=said):
        ReconnectOptions(**given)


def test_text_that_is_none():
    """A function that returns no text for a model is named when a session is made with it."""
    with pytest.raises(TypeError, match="returned 5 for 'm'; it must return a text or None"):
        ResumableSession(len, model="m", continue_with=lambda _model: 5)


def test_text_without_a_word():
    """A function that returns an empty text asks for nothing, and is told what None is for."""
    with pytest.raises(ValueError, match="returned the blank text '' for 'm'; use None"):
        ResumableSession(len, model="m", continue_with=lambda _model: "")


@pytest.mark.parametrize("kind", [set, list, iter])
def test_what_is_hidden_is_kept(kind):
    """What is hidden is as it was given, whatever becomes of the collection."""
    given = kind(["go_away"])
    options = ReconnectOptions(hide=given)
    if kind is not iter:
        given.clear()
    assert set(options.hide) == {"go_away"}
    assert options == ReconnectOptions() == pickle.loads(pickle.dumps(options))  # noqa: S301
    assert hash(options) == hash(ReconnectOptions())
