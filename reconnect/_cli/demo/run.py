"""The demo: a conversation that gets through a storm, and the count of what it cost.

``python -m reconnect demo`` runs the real google-genai client against the emulator of
`reconnect.testing`, over TCP and TLS and in real time, while the emulator breaks the connection
in every way of `reconnect._cli.demo.storm`. What is counted at the end comes from both sides: what
the client was shown, which tools it ran, and what the server knows. A fault that the server's
records do not show is a failure of the demo, since it would have proved nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from google import genai
from rich.console import Console

from reconnect._failures.words import describe
from reconnect.testing import Call, Connection, LiveServer, Question

from .conversation import Conversation, number_of, typed_in_realtime
from .picture import WIDTH, drawn
from .script import QUESTIONS, keep_list, wishes
from .storm import Moment, storm_of
from .tally import Tally, ToolTally, count, count_tools
from .timeline import Timeline
from .tools import WHAT, told

__all__ = ["main", "run", "verdict"]

CHUNK_DELAY: Final = 0.15
"""Seconds before each piece of the emulator's reply: as fast as one reads."""

HANDLE_DELAY: Final = 0.15
"""Seconds from the end of a reply to the handle that knows it. The real one's take 0.02 to 0.07:
here even a slow machine is to hit between them."""

PROFILE: Final = "2.5"
"""What the emulator behaves as. Newer models wait for the end of the playback before a turn ends:
with them the demo would take twice as long."""

_WITH_TOOLS: Final = sum(bool(wishes(question)) for question in QUESTIONS)
_AT_ONCE: Final = 2
"""How many tools the model calls in one message of one turn."""

_SEEDS: Final = 10_000


def main(
    *,
    seed: int | None = None,
    model: str | None = None,
    key: str | None = None,
    picture: Path | None = None,
) -> int:
    """Run the demo and return its exit code: 1 if anything was lost or booked twice.

    Args:
        seed: What every random draw comes from; None for another one each time.
        model: A model of the real API to talk to, without faults; None for the emulator.
        key: The API key for the real API.
        picture: Where to draw what is shown; None for nowhere.
    """
    # The timeline shows what the library would otherwise log to stderr.
    logging.getLogger("reconnect").addHandler(logging.NullHandler())
    chosen = random.randrange(_SEEDS) if seed is None else seed
    console = Console(
        highlight=False, record=picture is not None, width=None if picture is None else WIDTH
    )
    code = asyncio.run(run(console, seed=chosen, model=model, key=key))
    if picture is not None:
        title = f"reconnect demo --seed {chosen}" if model is None else f"reconnect demo, {model}"
        picture.write_text(drawn(console, title=title), encoding="utf-8")
    return code


async def run(
    console: Console, *, seed: int, model: str | None = None, key: str | None = None
) -> int:
    """Run the demo on the running loop and return its exit code.

    Args:
        console: Where it is shown.
        seed: What every random draw comes from.
        model: A model of the real API to talk to, without faults; None for the emulator.
        key: The API key for the real API.
    """
    timeline = Timeline(console, asyncio.get_running_loop().time)
    generator = random.Random(seed)
    if model is None:
        return await _emulated(timeline, generator, seed)
    return await _real(timeline, generator, model, key)


async def _emulated(timeline: Timeline, generator: random.Random, seed: int) -> int:
    """Talk to the emulator, in the storm."""
    loop = asyncio.get_running_loop()
    storm = storm_of(generator)

    def model(question: Question) -> str | Sequence[Call]:
        # What the client was not shown on this connection, the session has answered by itself.
        shown_on = conversation.tools.shown_on
        reused = [
            told(name, what)
            for name, what in _results(question)
            if shown_on[what] != conversation.connections
        ]
        if reused:
            timeline.reused(reused)
        return keep_list(question)

    async with LiveServer(
        model, profile=PROFILE, chunk_delay=CHUNK_DELAY, handle_delay=HANDLE_DELAY
    ) as server:
        timeline.heading(
            f"reconnect demo, seed {seed}",
            f"google-genai {genai.__version__} talks to an emulator of the Live API, over TCP and"
            f" TLS: {len(QUESTIONS)} typed turns, {_WITH_TOOLS} of which call tools and one of"
            " which interrupts a reply, 50 frames of audio a second going up, and"
            f" {len(storm.faults)} faults.",
            f"It takes about 35 seconds. Use --seed {seed} to repeat the same faults.",
        )

        def moment(turn: int, at: Moment) -> None:
            fault = storm.due(turn, at)
            if fault is not None:
                timeline.fault(fault.tells)
                storm.strike(server, fault, now=loop.time())

        conversation = Conversation(timeline, moment=moment)
        live = server.client().aio.live
        await conversation.hold(live, model="emulated", draw=generator.random)
        known = [(role, said) for role, said in server.context if isinstance(said, str)]
        frames = {number_of(heard.value) for heard in server.heard if heard.kind == "audio"}
        asked = [heard.value for heard in server.heard if heard.kind == "turn"]
        missed = storm.missed(server.connections)
        called = list(_called(server.connections))
    done = len(storm.faults) - len(missed)
    tally = count(conversation.turns, known=known, asked=asked)
    tools = count_tools([what for calls in called for what in calls], conversation.tools.booked)
    at_once = max(map(len, called), default=0)
    if at_once < _AT_ONCE:
        missed.append(f"{_AT_ONCE} tools at once")
    timeline.table(
        [
            *_figures(conversation, tally, tools),
            ("interrupted turns asked again", f"{len(tally.again)}", not tally.again),
            ("most tools called at once", f"{at_once}", at_once >= _AT_ONCE),
            ("faults that happened", f"{done} of {len(storm.faults)}", not missed),
            ("audio frames recorded", f"{conversation.recorded:,}", True),
            ("audio frames that arrived", f"{len(frames):,}", True),
        ]
    )
    timeline.note(
        "Audio is counted separately. In an outage only the last three seconds are kept, because"
        " older audio would confuse the model. There is no way to know how much of the audio in"
        " transit reached the server when a connection was lost."
    )
    return _close(timeline, conversation, tally, tools, missed=missed)


async def _real(timeline: Timeline, generator: random.Random, model: str, key: str | None) -> int:
    """Talk to the real API, which has faults of its own."""
    timeline.heading(
        f"reconnect demo, {model}",
        f"google-genai {genai.__version__} talks to the real API: {len(QUESTIONS)} typed turns,"
        f" {_WITH_TOOLS} of which call tools and one of which interrupts a reply, and 50 audio"
        " frames of silence a second going up. No faults are injected.",
    )
    client = genai.Client(api_key=key)
    conversation = Conversation(timeline, realtime=typed_in_realtime(model))
    try:
        await conversation.hold(client.aio.live, model=model, draw=generator.random)
    finally:
        await client.aio.aclose()
    tally = count(conversation.turns, known=None)
    tools = count_tools(conversation.tools.called, conversation.tools.booked)
    if conversation.connections:
        timeline.table(_figures(conversation, tally, tools))
    return _close(timeline, conversation, tally, tools)


def _results(question: Question) -> Iterator[tuple[str, str]]:
    """Yield the tool results that the model is to go on from: the function, and what it got."""
    for part in question.open:
        if isinstance(part, Mapping):
            result = part["function_response"]
            yield result["name"], result["response"][WHAT]


def _called(connections: Sequence[Connection]) -> Iterator[list[str]]:
    """Yield what the model called tools for, message by message, from the server's records."""
    for connection in connections:
        for message in connection.sent:
            if isinstance(message, dict) and "toolCall" in message:
                yield [call["args"][WHAT] for call in message["toolCall"]["functionCalls"]]


def _figures(
    conversation: Conversation, tally: Tally, tools: ToolTally
) -> list[tuple[str, str, bool]]:
    cuts, again = conversation.cuts, conversation.given_again
    interrupted = len(tally.interrupted)
    return [
        ("turns asked", f"{tally.asked}", tally.asked == len(QUESTIONS)),
        ("turns answered", f"{tally.answered}", tally.answered + interrupted == tally.asked),
        ("turns interrupted by the next one", f"{interrupted}", True),
        ("turns lost", f"{len(tally.lost)}", not tally.lost),
        ("turns twice", f"{len(tally.twice)}", not tally.twice),
        ("replies cut off, then given in full", f"{again} of {cuts}", again == cuts),
        ("tool calls by the model", f"{tools.called}", True),
        ("tool calls made again", f"{tools.again}", True),
        ("tools run", f"{tools.run}", not tools.lost),
        ("tools run twice", f"{len(tools.twice)}", not tools.twice),
        ("connections", f"{conversation.connections}", True),
        ("attempts that failed", f"{conversation.failed_attempts}", True),
        ("longest silence", f"{conversation.longest_silence:.1f} s", True),
    ]


def _close(
    timeline: Timeline,
    conversation: Conversation,
    tally: Tally,
    tools: ToolTally,
    *,
    missed: Sequence[str] = (),
) -> int:
    """Show the verdict and return the exit code."""
    error = conversation.error
    ended = None if error is None else describe(error)
    good, text = verdict(tally, tools, missed=missed, error=ended)
    timeline.verdict(text, good=good)
    return 0 if good else 1


def verdict(
    tally: Tally, tools: ToolTally, *, missed: Sequence[str], error: str | None
) -> tuple[bool, str]:
    """Return whether the run went well, and say so or why not.

    Args:
        tally: What became of the turns.
        tools: What became of the tool calls.
        missed: The names of the faults that did not happen.
        error: What ended the session early, in words; None if nothing did.
    """
    failures = []
    if error is not None:
        failures.append(f"The session ended early: {error}.")
    if tally.lost:
        failures.append(f"Lost: {_quoted(tally.lost)}.")
    if tools.lost:
        failures.append(f"No tool ever ran for: {', '.join(tools.lost)}.")
    if tools.twice:
        failures.append(f"A tool ran twice for: {', '.join(tools.twice)}.")
    if tally.again:
        failures.append(f"Asked again, although interrupted: {_quoted(tally.again)}.")
    if missed:
        failures.append(f"Not tested, because it did not happen: {', '.join(missed)}.")
    if failures:
        return False, " ".join(failures)
    if tally.twice:
        return True, f"No turn was lost, but this came twice: {_quoted(tally.twice)}."
    fate = f"All {tally.asked} turns were answered"
    if tally.interrupted:
        cut = len(tally.interrupted)
        fate = f"Of {tally.asked} turns {tally.answered} were answered, and {cut} interrupted"
    return True, f"{fate}: none was lost or came twice, and no tool ran twice."


def _quoted(questions: Sequence[str]) -> str:
    return ", ".join(f'"{question}"' for question in questions)
