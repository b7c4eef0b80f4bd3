"""The conversation that is typed, part by part."""

import contextlib

import pytest
from hands import Hands
from paper import Paper

from reconnect._cli.chat import talk as _talk
from reconnect._cli.chat.faults import Breaker
from reconnect._cli.chat.talk import Talk
from reconnect._cli.demo.timeline import Timeline
from reconnect.testing import Call, Close, LiveServer


@pytest.fixture
def paper():
    """Return a console in UTF-8."""
    return Paper()


async def talk_of(paper, hands, *, model=None, faults=(), **more):
    """Hold a conversation with an emulator, and return it and what the server had heard."""
    async with LiveServer(model, profile="2.5", faults=faults, chunk_delay=0.1) as server:
        timeline = Timeline(paper, lambda: 0.0)
        talk = Talk(timeline, hands, breaker=Breaker(server, timeline), **more)
        with contextlib.ExitStack() as stack:
            if any(isinstance(line, KeyboardInterrupt) for line in hands._lines):
                stack.enter_context(pytest.raises(KeyboardInterrupt))
            await talk.hold(server.client().aio.live, model="m", draw=lambda: 0.5)
    return talk, server


async def test_reply_is_shown_as_it_comes(paper):
    """What there is of a reply is shown, and nothing once it is complete."""
    hands = Hands("One.")
    await talk_of(paper, hands)
    *parts, last = hands.shown
    assert last == ""
    assert parts == sorted(parts, key=len)
    assert len(parts) >= 3
    assert parts[-1].strip() == 'You said "One.". That is turn 1.'


async def test_typing_interrupts(paper):
    """Who types on while the model replies interrupts it, and is told so."""
    hands = Hands("One.", 0.15, "Two.", 5.0, waits=False)
    talk, _ = await talk_of(paper, hands)
    assert "(interrupted by you)" in paper.flat
    assert 'You said "Two.". That is turn 2' in paper.flat
    assert (talk.asked, talk.answered) == (2, 1)


async def test_cut_of_the_reply_under_way(paper):
    """A reply that is under way is cut at once, and given again."""
    hands = Hands("One.", 0.25, "/cut", 5.0, waits=False)
    talk, server = await talk_of(paper, hands)
    assert "(interrupted)" in paper.flat
    assert (talk.answered, talk.connections, len(server.connections)) == (1, 2, 2)


async def test_end_does_not_wait_for_a_reply(paper):
    """Who ends it at a terminal does not wait for the reply."""
    talk, _ = await talk_of(paper, Hands("One.", waits=False))
    assert (talk.asked, talk.answered, talk.error) == (1, 0, None)


@pytest.mark.parametrize("waits", [True, False])
async def test_quit(paper, waits):
    """What is typed after /quit is not read."""
    talk, _ = await talk_of(paper, Hands("/help", "/nonsense", "/quit", "One.", waits=waits))
    assert talk.asked == 0
    assert paper.text.count("shows this list") == 1
    assert "There is no command /nonsense" in paper.flat


async def test_interrupt_closes_the_session(paper):
    """Ctrl-C ends it, and the session is closed."""
    _, server = await talk_of(paper, Hands("One.", KeyboardInterrupt(), waits=False))
    assert [connection.ended_by for connection in server.connections] == ["client"]


async def test_session_that_ends(paper):
    """A session that has ended for good ends the conversation, while somebody is typing."""
    fatal = [Close(1007, "API key not valid", after_received=1)]
    talk, _ = await talk_of(paper, Hands("One.", stays=True, waits=False), faults=[fatal])
    assert talk.error.code == 1007
    assert "Ended for good" in paper.flat


async def test_bug_is_raised(paper):
    """An exception that is no loss of a connection is not taken for the end of the session."""
    with pytest.raises(ZeroDivisionError):
        await talk_of(paper, Hands(ZeroDivisionError()))


async def test_no_reply(paper):
    """A script waits no longer for a model that says nothing, and goes on."""
    talk, server = await talk_of(paper, Hands("One.", "Two."), model=[[], "Two it is."])
    assert f"No reply within {_talk.SILENCE:.0f} s." in paper.flat
    assert [heard.value for heard in server.heard] == ["One.", "Two."]
    assert talk.asked == 2


async def test_breaking_twice(paper):
    """Where no connection is open there is nothing to break, which is said."""
    await talk_of(paper, Hands("One.", "/outage 3", "/drop", "/reject", "/goaway 2", "Two."))
    assert paper.flat.count("There is no open connection to break.") == 3
    assert "before it: " in paper.flat
    assert "New session" not in paper.flat


async def test_tools_are_declined(paper):
    """A model that calls a tool is told that there is none, and goes on."""
    talk, server = await talk_of(paper, Hands("One."), model=[[Call("dance")], "I cannot."])
    assert "Calls dance()." in paper.flat
    assert "I cannot." in paper.flat
    (result,) = [heard.value for heard in server.heard if heard.kind == "tool_response"]
    assert result["response"] == {"error": "there are no tools here"}
    assert talk.answered == 1
