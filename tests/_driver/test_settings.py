"""What a session is made with: what is refused, and what is made of the rest."""

import random

import pytest
from google.genai import types

from reconnect import ReconnectOptions
from reconnect._driver.settings import Settings

GIVEN = {
    "live": len,
    "model": "m",
    "config": None,
    "history": (),
    "handle": None,
    "options": ReconnectOptions(),
    "index_base": 1,
    "draw": random.random,
}


def settings(**changes):
    """Return the settings of a session that is made with as little as can be."""
    return Settings(**{**GIVEN, **changes})


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"live": 7}, TypeError, "live must be .* got 7"),
        ({"model": None}, TypeError, "model must be .* got None"),
        ({"handle": b"secret"}, TypeError, "handle must be .* got bytes$"),
        ({"index_base": -1}, ValueError, "index_base must be .* got -1"),
        ({"index_base": True}, ValueError, "index_base must be .* got True"),
        ({"draw": 0.5}, TypeError, "draw must be .* got 0.5"),
    ],
)
def test_bad_input_is_refused(given, kind, said):
    """A wrong argument raises at once, and says what would be right."""
    with pytest.raises(kind, match=said):
        settings(**given)


@pytest.mark.parametrize(
    ("handle", "config", "expected"),
    [
        (None, None, None),
        ("", None, None),
        ("h", None, "h"),
        (None, {"session_resumption": {"handle": "c"}}, "c"),
        (None, {"session_resumption": {}}, None),
        ("h", {"session_resumption": {"handle": "c"}}, "h"),
    ],
)
def test_handle(handle, config, expected):
    """The handle is the one that is given, else that of the configuration."""
    assert settings(handle=handle, config=config).handle == expected


def test_what_is_made_of_them():
    """The configuration is the SDK's, a history a list of turns, the wording that of a model."""
    options = ReconnectOptions(continue_with=lambda model: f"Go on, {model}.")
    made = settings(config={"response_modalities": ["TEXT"]}, history="told", options=options)
    assert isinstance(made.config, types.LiveConnectConfig)
    assert len(made.history) == 1
    assert made.continue_with == "Go on, m."
    assert settings(history=list).history is list


def test_no_secret_is_told():
    """Settings show nothing of what they hold."""
    assert "secret" not in repr(settings(handle="a-secret-handle"))
