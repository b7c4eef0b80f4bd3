"""What a person sees of the demo while it runs."""

import pytest
from google.genai import errors
from paper import Paper, timeline_on

from reconnect import (
    FailureKind,
    Lost,
    Phase,
    Resumed,
    Retrying,
)
from reconnect.events import Continuity

CUT = errors.APIError(1006, "")


BUSY = errors.APIError(1011, "Internal error encountered.")


@pytest.fixture
def paper() -> Paper:
    """Return a console in UTF-8."""
    return Paper()


def test_timeline_is_aligned(paper: Paper) -> None:
    """Every line has its time, and what is too long goes on below."""
    timeline = timeline_on(paper)
    timeline.asked("One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve?")
    timeline.cut("One, ")
    timeline.answered("", whole=True)
    timeline.cut("")
    assert paper.text.splitlines() == [
        "  0.0 s  → you      One, two, three, four, five, six, seven, eight, nine, ten,",
        "                    eleven, twelve?",
        "  1.2 s  ← model    One, … (interrupted)",
        "  2.5 s  ← model    (nothing)",
        "  3.8 s  ← model    … (interrupted)",
    ]


def test_long_reply_loses_its_middle(paper: Paper) -> None:
    """A reply is shortened to one line, unless it is to be shown whole."""
    timeline = timeline_on(paper)
    reply = "That makes 9: tent, stove, lamp, rope, map, mug, soap, knife, teapot."
    timeline.answered(reply)
    timeline.answered(reply, whole=True)
    timeline.answered("word" * 100)
    assert paper.text.splitlines() == [
        "  0.0 s  ← model    That makes 9: tent, … rope, map, mug, soap, knife, teapot.",
        "  1.2 s  ← model    That makes 9: tent, stove, lamp, rope, map, mug, soap,",
        "                    knife, teapot.",
        "  2.5 s  ← model    …",
    ]


def test_tools_are_told(paper: Paper) -> None:
    """A call, its run and a result that is sent again each have a line."""
    timeline = timeline_on(paper)
    timeline.called(["book(canoe)"])
    timeline.tool("Runs.")
    timeline.reused(["book(canoe)"])
    timeline.reused(["book(ferry)", "rent(canoe)"])
    assert paper.text.splitlines() == [
        "  0.0 s  ← model    Calls book(canoe).",
        "  1.2 s  ◆ tool     Runs.",
        "  2.5 s  ← model    Calls book(canoe) again.",
        "  3.8 s  · session  Sends the earlier result: the tool does not run again.",
        "  5.0 s  ← model    Calls book(ferry) and rent(canoe) again.",
        "  6.2 s  · session  Sends the earlier results: no tool runs again.",
    ]


def test_timeline_in_ascii() -> None:
    """A terminal that knows only ASCII gets ASCII, and a narrow one short lines."""
    paper = Paper("ascii", width=24)
    timeline = timeline_on(paper)
    timeline.heading("Démo", "About → everything that is to be seen.")
    timeline.fault("Says: né.")
    timeline.cut("One, ")
    timeline.answered("One, two, three, four, five.")
    timeline.table([("turns", "1", True)])
    assert paper.text.splitlines() == [
        "D?mo",
        "About ? everything that",
        "is to be seen.",
        "",
        "  0.0 s  ! server   Says: n?.",
        "  1.2 s  < model    On ... (interrupted)",
        "  2.5 s  < model    One, ... four, five.",
        "",
        "+-----------+",
        "| turns | 1 |",
        "+-----------+",
    ]


def test_events_are_sentences(paper: Paper) -> None:
    """Each event is a line, in its own words, and a loss stands with what is done about it."""
    timeline = timeline_on(paper)
    timeline.event(Lost(CUT, FailureKind.TRANSIENT, Phase.SESSION, 1.0))
    timeline.event(Retrying(0.5, 1, FailureKind.TRANSIENT, fresh=False))
    timeline.event(Resumed(Continuity(attempts=1, outage=0.75)))
    assert paper.text.splitlines() == [
        "  0.0 s  · session  Connection lost after 1 s: broken off without a close frame",
        "                    (transient). Resuming in 0.5 s, attempt 1.",
        "  1.2 s  · session  Resumed after 0.75 s.",
    ]


def test_loss_without_anything_done(paper: Paper) -> None:
    """A loss that nothing is done about is shown before whatever comes next."""
    timeline = timeline_on(paper)
    timeline.event(Lost(ConnectionRefusedError(), FailureKind.TRANSIENT, Phase.CONNECT, 0.0))
    timeline.event(Lost(ConnectionRefusedError(), FailureKind.TRANSIENT, Phase.CONNECT, 0.0))
    timeline.asked("Are you there?")
    lost = "· session  Attempt failed: connection refused (transient)."
    question = "→ you      Are you there?"
    assert [line[9:] for line in paper.text.splitlines()] == [lost, lost, question]
