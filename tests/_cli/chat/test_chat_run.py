"""Whole conversations that are typed, for which the clock is virtual."""

import os
from types import SimpleNamespace

import pytest
from hands import Hands
from paper import Paper

from reconnect._cli.chat import run as chat
from reconnect._cli.chat.typed import Script
from reconnect.testing import LiveServer, Refuse


@pytest.fixture
def paper():
    """Return a console in UTF-8."""
    return Paper()


async def test_conversation_survives_every_command(paper):
    """What is asked after each way to break the line is answered, by a model that remembers."""
    lines = ["One.", "/drop", "Two.", "/cut", "Three.", "/outage 5", "Four.", "/goaway 2", "Five."]
    assert await chat.run(paper, Hands(*lines, "/reject", "Six.")) == 0
    assert '"One.", "Two.", "Three.", "Four.", "Five.".' in paper.flat
    for told in (
        "Resets the connection.",
        "Resets the connection in the middle of its reply.",
        "(interrupted)",
        "Goes down for 5 s: every attempt is refused.",
        "Sends go_away: it will hang up in 2 s.",
        "Forgets every handle it issued, and closes with 1011.",
        "New session",
    ):
        assert told in paper.flat
    assert "6 questions, 6 answered, " in paper.flat


async def test_script_of_lines(paper):
    """Lines of a pipe are a conversation, in which each waits for the reply to the one before."""
    reader, writer = os.pipe()
    os.write(writer, b"One.\n\n/drop\nTwo.")
    os.close(writer)
    assert await chat.run(paper, Script(reader)) == 0
    os.close(reader)
    words = ("you One.", 'You said "One.". That is turn 1.', "Resets", "you Two.", "turn 2; before")
    places = [paper.flat.index(part) for part in words]
    assert places == sorted(places)
    assert "2 questions, 2 answered, 2 connections." in paper.flat


async def test_help_is_shown_first(paper):
    """What can be typed is shown before the first line, and nothing else is asked for."""
    assert await chat.run(paper, Hands()) == 0
    assert "/outage 5   takes the server down" in paper.text
    assert "0 questions, 0 answered, 1 connection." in paper.text


@pytest.mark.parametrize(
    ("model", "kind"),
    [("gemini-2.5-flash-native-audio", "turn"), ("gemini-3.1-flash-live", "text")],
)
async def test_real_api(paper, monkeypatch, model, kind):
    """The real API is typed to in the model's way, and does not break on command."""
    async with LiveServer(profile="3.1" if kind == "text" else "2.5") as server:
        monkeypatch.setattr(chat, "genai", SimpleNamespace(Client=server.client, __version__="3"))
        assert await chat.run(paper, Hands("One.", "/drop", "Two."), model=model, key="k") == 0
        assert [heard.value for heard in server.heard if heard.kind == kind] == ["One.", "Two."]
        (connection,) = server.connections
        assert connection.credential == "k"
    assert "Only the emulator breaks on command" in paper.flat
    assert "/outage" not in paper.text


async def test_session_that_cannot_be_opened(paper, monkeypatch):
    """What the session fails with is said in one sentence, and the exit code says so too."""
    async with LiveServer(faults=[Refuse(403)]) as server:
        monkeypatch.setattr(chat, "genai", SimpleNamespace(Client=server.client, __version__="3"))
        assert await chat.run(paper, Hands("One."), model="m", key="k") == 1
    assert "The session has ended: HTTP 403." in paper.flat


def test_main(monkeypatch):
    """The command talks on a loop of its own, with what comes over the standard input."""
    hands, given = Hands(), {}

    async def run(console, lines, **arguments):
        given.update(arguments, lines=lines)
        return 5

    monkeypatch.setattr(chat, "run", run)
    monkeypatch.setattr(chat, "typed", lambda: hands)
    assert chat.main(model="m", key="k") == 5
    assert given == {"model": "m", "key": "k", "lines": hands}
