"""What is typed at a server."""

import asyncio

import pytest

from reconnect import ResumableSession
from reconnect._cli.serve.commands import HELP, act
from reconnect.testing import LiveServer


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("help", HELP),
        ("next abort-after_sent-3", "planned: abort-after_sent-3"),
        (" refuse-503 ", "planned: refuse-503"),
        ("silence+delay-2", "planned: silence+delay-2"),
        ("rate 1000", "reads 1000 bytes a second"),
        ("rate", "reads without a limit"),
        ("reject", ""),
        ("outage 1", ""),
        ("outage", ""),
        (
            "abort",
            "abort: no connection is open; plan the fault for the next one; type help",
        ),
        ("rate x", "rate x: 'x' is not a number; type help for a list of commands"),
        (
            "outage -1",
            "outage -1: seconds must be a number of seconds, 0 or more, not -1.0; type help",
        ),
        ("next", "next: no fault is named ''; names start with abort"),
        ("boom now", "boom now: no fault is named 'boom now'; names start with abort"),
        ("close-1005", "close-1005: 'close-1005' is not a fault: code must be a close code"),
    ],
)
async def test_a_line_is_answered(line, answer):
    """Each line is done or explained, and none ends the server."""
    async with LiveServer() as server:
        said = act(server, line)
        assert said.startswith(answer)
        assert bool(said) == bool(answer)


async def test_lines_break_connections():
    """What is typed happens to a client that is connected, and to those to come."""
    async with LiveServer(profile="2.5") as server:
        live = server.client().aio.live
        config = {"response_modalities": ["TEXT"]}
        async with ResumableSession(live, model="m", config=config, draw=lambda: 0.1) as session:
            for text, lines in {
                "a": ["next refuse-503", "abort"],
                "b": ["close-1011"],
                "c": ["reject", "outage 3"],
                "d": ["goaway-1s"],
            }.items():
                turn = {"role": "user", "parts": [{"text": text}]}
                await session.send_client_content(turns=turn)
                assert [message async for message in session.receive()]
                await asyncio.sleep(1)
                assert [act(server, line) for line in lines][-1] == ""
                await asyncio.sleep(5)
        codes = [record.close_code for record in server.connections]
        assert codes[:4] == [1006, 1006, 1011, 1006]
        assert [record.status for record in server.connections[:3]] == [101, 503, 101]
        assert server.connections[4].close_code == 1008  # its handle was forgotten
        assert [heard.value for heard in server.heard if heard.kind == "turn"] == [*"abcd"]
