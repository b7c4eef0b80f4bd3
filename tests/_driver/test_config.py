"""The configuration of a session, and of each of its connections."""

import asyncio
import logging
import traceback

import pytest
from google.genai import types
from pydantic import ValidationError
from talk import QUICK, ask, session_on, settled, user

from reconnect._driver.config import (
    announces_history,
    asks_for_audio,
    checked_config,
    checked_turns,
    config_for,
    is_transparent,
)
from reconnect.testing import Abort, LiveServer

TOO_DEEP = "[" * 100_000


HANDLE = "CiQz-not-a-real-one"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"session_resumption": HANDLE}, "session_resumption: Input should be"),
        ({"sessionResumption": {"handel": HANDLE}}, "sessionResumption.handel: Extra inputs"),
        ({"http_options": {"headers": {"x": [HANDLE]}}}, "http_options.headers.x: Input should be"),
        ([("session_resumption", {"handle": HANDLE})], "got a list"),
    ],
)
def test_no_secret_is_told_of_a_config_that_is_refused(config, said):
    """What may be a handle or a key is named by where it stands, and not quoted."""
    with pytest.raises((TypeError, ValueError)) as caught:
        checked_config(config)
    assert said in str(caught.value)
    assert HANDLE not in "".join(traceback.format_exception(caught.value))


def test_what_is_no_secret_is_quoted():
    """A value that a field cannot have is in what pydantic says of it."""
    with pytest.raises(ValidationError, match="input_value='warm'"):
        checked_config({"temperature": "warm"})


async def test_leaves_the_callers_config_alone():
    """Session dials with a copy of the configuration, which connect() changes."""
    config = types.LiveConnectConfig(response_modalities=["TEXT"], system_instruction="be brief")
    before = config.model_copy(deep=True)
    async with LiveServer() as server, session_on(server, config=config) as session:
        await ask(session, "a")
    assert config == before


@pytest.mark.parametrize(
    ("config", "handle", "seeded", "resumption", "history"),
    [
        ({}, None, False, {"handle": None}, None),
        ({}, "h", False, {"handle": "h"}, None),
        ({"session_resumption": {"transparent": True}}, "h", False, {"transparent": True}, None),
        ({"history_config": {}}, "h", False, {"handle": "h"}, None),
        ({}, None, True, {"handle": None}, True),
    ],
)
def test_config_of_a_dial(config, handle, seeded, resumption, history):
    """A dial always asks for resumption, and announces a history only to a fresh session."""
    dialled = config_for(
        checked_config(config),
        handle=handle,
        seeded=seeded,
        announced=announces_history(checked_config(config)),
        vertexai=False,
    )
    assert dialled.session_resumption.handle == handle
    for name, value in resumption.items():
        assert getattr(dialled.session_resumption, name) == value
    announced = dialled.history_config and dialled.history_config.initial_history_in_client_content
    assert announced is history


def test_config_is_the_sessions_own():
    """What the caller changes of its configuration later, at any depth, is not the session's."""
    handle = types.SessionResumptionConfig(handle="h")
    declared = types.FunctionDeclaration(name="f")
    fields = {"session_resumption": handle, "tools": [types.Tool(function_declarations=[declared])]}
    for given in (fields, types.LiveConnectConfig(**fields)):
        config = checked_config(given)
        before = config.model_dump()
        handle.handle, handle.transparent, declared.name = "another", True, "g"
        assert config.model_dump() == before
        handle.handle, handle.transparent, declared.name = "h", None, "f"


def test_config_of_another_kind_is_named():
    """A configuration that is none raises at once, with its kind: it may be a secret."""
    with pytest.raises(TypeError, match=r"config must be a dict or .* got a str"):
        checked_config("fast")


@pytest.mark.parametrize(
    "history",
    ["a", user("a"), [user("a")], (user("a"),), iter([user("a")])],
    ids=["text", "dict", "list", "tuple", "iterator"],
)
def test_history_comes_in_many_forms(history):
    """A history is a text, a turn, or any number of turns."""
    assert checked_turns(history) == [user("a")]


def test_history_of_contents_is_taken_as_it_is():
    """A history of the SDK's contents needs no check."""
    content = types.Content(role="user", parts=[types.Part(text="a")])
    assert checked_turns(content) == [content]


@pytest.mark.parametrize(
    ("vertexai", "asked", "transparent"),
    [(True, None, True), (True, False, False), (False, None, False), (False, True, True)],
)
def test_transparent_resumption(vertexai, asked, transparent):
    """A dial asks for transparent resumption on Vertex, unless the caller said otherwise."""
    config = checked_config({"session_resumption": {"transparent": asked}})
    dialled = config_for(config, handle=None, seeded=False, announced=False, vertexai=vertexai)
    assert is_transparent(dialled) is transparent


@pytest.mark.parametrize(
    ("config", "audio"),
    [
        ({}, True),
        ({"response_modalities": ["AUDIO"]}, True),
        ({"response_modalities": ["TEXT"]}, False),
        ({"response_modalities": [types.Modality.AUDIO]}, True),
        ({"generation_config": {"response_modalities": ["TEXT"]}}, False),
        ({"generation_config": {"response_modalities": ["AUDIO"]}}, True),
    ],
)
def test_asks_for_audio(config, audio):
    """A configuration asks for audio if it says so, or says nothing."""
    assert asks_for_audio(checked_config(config)) is audio


async def test_what_an_audio_config_lacks_is_logged_once(caplog):
    """Session says at INFO what its configuration lacks: at its first connection, and once."""
    with caplog.at_level(logging.INFO, logger="reconnect"):
        async with (
            LiveServer() as server,
            session_on(server, config={"response_modalities": ["AUDIO"]}, policy=QUICK) as session,
        ):
            await session.send_client_content(turns=user("a"))
            async for _ in session.receive():
                pass
            await settled()
            server.inject(Abort())
            await asyncio.sleep(1)
            assert len(server.connections) == 2
    said = [record for record in caplog.records if "the config asks for audio" in record.message]
    assert [record.levelname for record in said] == ["INFO", "INFO"]
