"""What a person reads of a connection."""

import asyncio
import logging

import pytest
from talking import dial, end, say, send, until
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from reconnect.testing import Call, LiveServer
from reconnect.testing._journal import FRAMES_PER_LINE, LONGEST, Journal, entries_of, entry_of
from reconnect.testing._wire import Input


@pytest.fixture
def lines(caplog):
    """Return what gives the lines so far."""
    caplog.set_level(logging.INFO, logger="reconnect.testing")

    def lines():
        return [
            record.getMessage() for record in caplog.records if record.name == "reconnect.testing"
        ]

    return lines


async def test_a_conversation_can_be_read(lines):
    """Who did what stands in a line each, without the handle and the key."""
    script = [Call("weather", {"city": "Oslo"}), "It snows in Oslo, as it does every winter."]
    async with LiveServer(script, profile="2.5", faults=["refuse-503", "refuse"]) as server:
        for _ in range(2):
            with pytest.raises(Exception, match=r"503|reset"):
                async with dial(server):
                    pass
        client = server.client(api_key="a-secret")
        async with dial(server, client=client) as session:
            await send(session, "What is the weather?")
            call = (await until(session, "tool_call"))[-1].tool_call.function_calls[0]
            await session.send_tool_response(
                function_responses={"id": call.id, "name": call.name, "response": {"s": 1}}
            )
            await until(session, "turn_complete")
            await until(session, "session_resumption_update")
            server.inject("close-1008")
            assert (await end(session))[0] == 1008
        server.reject_handles()
        server.outage(2)
        await asyncio.sleep(3)
    assert lines() == [
        "#1 client  connects (gemini)",
        "#1 server  refuses: HTTP 503",
        "#1 server  resets the connection",
        "#2 fault   refuse",
        "#2 server  resets the connection",
        "#3 client  connects (gemini)",
        "#3 client  begins a session with models/m",
        "#3 server  sends a handle",
        '#3 client  turn "What is the weather?"',
        "#3 server  sends no handle",
        '#3 server  calls weather({"city": "Oslo"}) call-1',
        '#3 client  tool response {"id": "call-1", "name": "weather", "response": {"s": 1}}',
        '#3 server  says "It snows in Oslo, as it does every winter."',
        "#3 server  completes the reply",
        "#3 server  ends the turn",
        "#3 server  sends a handle",
        "#3 fault   close-1008",
        "#3 server  closes: 1008 Internal error encountered.",
        "the server has forgotten every handle",
        "the server is down for 2 s",
        "the server is back",
    ]


async def test_nothing_is_said_to_nobody(caplog):
    """Where the logger is not asked for such lines there are none."""
    async with LiveServer(profile="2.5", faults=["none", "refuse"]) as server:
        async with dial(server) as session:
            await say(session, "a")
    assert caplog.records == []


async def test_a_key_in_the_address_is_not_told(lines):
    """The path of a client that speaks neither dialect is told without what follows it."""
    async with LiveServer() as server:
        with pytest.raises(InvalidStatus):
            async with connect(f"wss://127.0.0.1:{server.port}/v9?key=secret", ssl=server.ssl):
                pass
    assert lines()[0] == "#1 client  connects (/v9)"


def audio(journal, count):
    """Tell of frames of audio."""
    for _ in range(count):
        journal.heard(Input("audio", value=bytes(640)))


def test_audio_is_counted(lines):
    """Audio is a line now and then, and before the next thing that happens."""
    journal = Journal(7)
    audio(journal, FRAMES_PER_LINE + 2)
    assert lines() == ["#7 client  audio 50 pieces"]
    journal.sent({"serverContent": {"outputTranscription": {"text": "I "}}})
    audio(journal, 1)
    journal.sent({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": ""}}]}}})
    journal.sent({"serverContent": {"outputTranscription": {"text": "hear."}}})
    assert len(lines()) == 1
    journal.sent({"serverContent": {"interrupted": True}})
    assert lines()[1:] == [
        "#7 client  audio 3 pieces",
        '#7 server  speaks "I hear."',
        "#7 server  audio 1 piece",
        "#7 server  is interrupted",
    ]


@pytest.mark.parametrize(
    ("item", "what", "text"),
    [
        (Input("activity_start"), "activity start", ""),
        (Input("context", "model", "Hi."), "context of the model", '"Hi."'),
        (Input("turn", value=[{"inline_data": b"x"}]), "turn", '[{"inline_data": "b\'x\'"}]'),
        (Input("turn", value='He said "no".\nYes.'), "turn", r'"He said "no".\nYes."'),
        (Input("turn", value="é" * 999), "turn", '"' + "é" * LONGEST + '..."'),
        (Input("turn", value=["é" * 999]), "turn", '["' + "é" * (LONGEST - 2) + "..."),
        (Input("turn", value=b"abc"), "turn", "3 bytes"),
        (Input("video", value=b"abc"), "video", None),
    ],
)
def test_what_a_client_tells_is_put_in_words(item, what, text):
    """Each kind of input is named, with what it says."""
    entry = entry_of(item)
    assert (entry.what, entry.text, entry.ends) == (what, text, text is not None)


@pytest.mark.parametrize(
    ("message", "entries"),
    [
        ({}, []),
        ({"setupComplete": {}}, []),
        ({"goAway": {"timeLeft": "9s"}}, [("goes away", "in 9s")]),
        ({"goAway": {}}, [("goes away", "in some time")]),
        ({"toolCallCancellation": {"ids": ["a", "b"]}}, [("cancels", "a, b")]),
        ({"toolCallCancellation": {}}, [("cancels", "a call")]),
        ({"toolCall": {"functionCalls": [{"name": "f"}]}}, [("calls", "f({})")]),
        (
            {"sessionResumptionUpdate": {"newHandle": "secret", "resumable": True}},
            [("sends a handle", "")],
        ),
        ({"sessionResumptionUpdate": {}}, [("sends no handle", "")]),
        ({"serverContent": {"inputTranscription": {"text": "Hi"}}}, [("understood", "Hi")]),
        ({"serverContent": {"modelTurn": {"parts": [{"thought": True}]}}}, []),
        (
            {"serverContent": {"generationComplete": True, "turnComplete": True}},
            [("completes the reply", ""), ("ends the turn", "")],
        ),
    ],
)
def test_what_a_server_sends_is_put_in_words(message, entries):
    """Each thing in a message is named, with what it says, and a handle is not shown."""
    assert [(entry.what, entry.text) for entry in entries_of(message)] == entries


def test_a_raw_frame_is_called_so(lines):
    """What is sent as it is is not looked into."""
    Journal(1).sent('{"any": "thing"}')
    assert lines() == ["#1 server  raw frame"]
