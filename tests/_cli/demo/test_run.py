"""Whole runs of the demo, for which the clock is virtual, and their verdict."""

import random
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from paper import Paper
from rich.console import Console

from reconnect._cli.demo import conversation, run as demo, storm
from reconnect._cli.demo.script import INTERRUPTING, QUESTIONS, keep_list, wishes
from reconnect._cli.demo.storm import FAULTS, Fault, Moment, storm_of
from reconnect._cli.demo.tally import Tally, ToolTally
from reconnect._cli.demo.tools import BOOK, RENT, Tools
from reconnect.session import ResumableSession
from reconnect.testing import LiveServer, Question, Refuse

TO_GET = [call.args["what"] for question in QUESTIONS for call in wishes(question)]
"""What is booked or rented in the demo."""


@pytest.fixture
def paper() -> Paper:
    """Return a console in UTF-8."""
    return Paper()


@pytest.fixture
def few_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the microphone send a frame every half second: the rest of the demo is the same."""
    monkeypatch.setattr(conversation, "FRAME_SECONDS", 0.5)


async def test_demo_loses_nothing(paper: Paper) -> None:
    """Every turn of the demo survives every fault, with audio going up all the time."""
    assert await demo.run(paper, seed=1) == 0
    assert int(paper.figure("turns asked")) == len(QUESTIONS) >= 10
    assert int(paper.figure("turns answered")) == len(QUESTIONS) - 1
    assert paper.figure("turns interrupted by the next one") == "1"
    assert paper.figure("interrupted turns asked again") == "0"
    assert paper.figure("turns lost") == "0"
    assert paper.figure("turns twice") == "0"
    assert paper.figure("faults that happened") == f"{len(FAULTS)} of {len(FAULTS)}"
    assert len(FAULTS) >= 6
    cut, full = paper.figure("replies cut off, then given in full").split(" of ")
    assert int(cut) == int(full) >= 2
    assert int(paper.figure("tools run")) == len(TO_GET) >= 3
    assert int(paper.figure("tool calls by the model")) == len(TO_GET) + 3
    assert paper.figure("tool calls made again") == "3"
    assert paper.figure("most tools called at once") == "2"
    assert paper.figure("tools run twice") == "0"
    assert int(paper.figure("connections")) >= len(FAULTS)
    assert float(paper.figure("longest silence").removesuffix(" s")) >= storm.OUTAGE
    recorded = int(paper.figure("audio frames recorded").replace(",", ""))
    arrived = int(paper.figure("audio frames that arrived").replace(",", ""))
    assert 1000 < recorded < 2000
    # Of the long outage the newest three seconds arrive.
    dropped = (storm.OUTAGE - 3.0) / conversation.FRAME_SECONDS
    assert recorded * 0.8 < arrived < recorded - dropped + 1
    assert "none was lost or came twice" in paper.flat
    assert "no tool ran twice" in paper.flat


@pytest.mark.usefixtures("few_frames")
@pytest.mark.parametrize("seed", range(2, 8))
async def test_demo_survives_storms(paper: Paper, seed: int) -> None:
    """The order and the moments of the faults make no difference."""
    assert await demo.run(paper, seed=seed) == 0
    assert paper.figure("turns twice") == "0"
    assert paper.figure("tools run twice") == "0"


@pytest.mark.usefixtures("few_frames")
async def test_demo_is_shown_in_80_columns(paper: Paper) -> None:
    """What is printed into a file is plain text that fits into 80 columns."""
    await demo.run(paper, seed=3)
    lines = paper.text.split("\n")
    assert all(line.isprintable() and len(line) <= 80 for line in lines)
    assert all(line == line.rstrip() for line in lines)


def between(lines: Sequence[str], first: str, last: str = "→ you") -> list[str]:
    """Return the lines from one to before another, in which times and numbers are left out."""
    start = next(at for at, line in enumerate(lines) if first in line)
    end = next(at for at, line in enumerate(lines) if at > start and last in line)
    return [re.sub(r"[0-9.]*[0-9]", "#", line) for line in lines[start:end]]


CALLED = {
    "Book the sauna": ("book(sauna)", ["sauna is booked"]),
    "Book the ferry": ("book(ferry) and rent(canoe)", ["ferry is booked", "canoe is rented"]),
}
"""By how a question begins: what the model calls in one message, and what the tools then do."""

INTERNAL = "# Internal error encountered"
RESUMING = "Resuming in # s, attempt #."
"""What a loss is told as, and what is done about it."""

LOST_CALLS = {
    "while a tool is running": "broken off without a close frame",
    "while a result is on its way": INTERNAL,
}
"""The faults that hit calls of tools, and what the session tells of them."""


@pytest.mark.usefixtures("few_frames")
@pytest.mark.parametrize("seed", [3, 4])
async def test_lost_calls_are_shown(
    paper: Paper, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Calls that were cut run on, and their results are sent when the model makes them again."""
    monkeypatch.setattr(storm, "FAULTS", FAULTS[-2:])
    assert await demo.run(paper, seed=seed) == 0
    for question, (calls, done) in CALLED.items():
        _, *lines, reply = between(paper.happenings, question)
        assert sorted(line for line in lines if "◆ tool" in line) == sorted(
            f"◆ tool     Runs: the {what}, number #." for what in done
        )
        fault, told = next(
            (fault, told)
            for fault, told in LOST_CALLS.items()
            if any(fault in line for line in lines)
        )
        call, hit, *others = (line for line in lines if "◆ tool" not in line)
        assert call == f"← model    Calls {calls}."
        assert fault in hit
        same = "earlier result: the tool does not run again"
        both = "earlier results: no tool runs again"
        assert others == [
            f"· session  Connection lost after # s: {told} (transient). {RESUMING}",
            "· session  Resumed after # s: # message sent again.",
            f"← model    Calls {calls} again.",
            f"· session  Sends the {same if len(done) == 1 else both}.",
        ]
        assert reply.startswith("← model    That makes #: ")
        assert reply.endswith(f"{done[-1].split()[-1].capitalize()}, number #.")


async def test_both_faults_hit_both_calls() -> None:
    """The seeds of the test before draw each fault for the turn that calls two tools."""
    two = next(n for n, question in enumerate(QUESTIONS, 1) if len(wishes(question)) == 2)
    moments: list[Moment] = ["call", "result"]
    drawn = [
        [moment for moment in moments if storm_of(random.Random(seed)).due(two, moment)]
        for seed in (3, 4)
    ]
    assert sorted(drawn) == [["call"], ["result"]]


@pytest.mark.usefixtures("few_frames")
async def test_interruption_is_shown(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question cuts a reply off; after a loss it is asked again, and what it cut off is not."""
    (fault,) = (fault for fault in FAULTS if fault.moment == "interrupted")
    monkeypatch.setattr(storm, "FAULTS", (fault,))
    assert await demo.run(paper, seed=3) == 0
    lines = between(paper.happenings, QUESTIONS[INTERRUPTING - 2], QUESTIONS[INTERRUPTING])
    asked, interrupting, cut, *others, reply = lines
    assert asked == f"→ you      {QUESTIONS[INTERRUPTING - 2]}"
    assert interrupting == f"→ you      {QUESTIONS[INTERRUPTING - 1]}"
    assert cut == "← model    That makes #: campsite, tent, stove, … (interrupted by you)"
    assert others == [
        "! server   Closes with # just after interrupting its reply.",
        f"· session  Connection lost after # s: {INTERNAL} (transient). {RESUMING}",
        "· session  Resumed after # s: # messages sent again.",
    ]
    assert reply.endswith(" soap, towels.")
    assert paper.figure("turns interrupted by the next one") == "1"
    assert paper.figure("interrupted turns asked again") == "0"
    assert paper.figure("replies cut off, then given in full") == "0 of 0"
    assert "13 were answered, and 1 interrupted: none was lost" in paper.flat


@pytest.mark.usefixtures("few_frames")
async def test_cut_reply_is_shown(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was shown of a reply that is cut is followed by the interruption and all of it."""
    monkeypatch.setattr(storm, "FAULTS", FAULTS[:1])
    assert await demo.run(paper, seed=1) == 0
    (_, lost, cut, back, reply) = between(paper.happenings, "in the middle of its reply")
    assert "Connection lost" in lost
    assert "# message sent again" in back
    beginning, note = cut.split("…")
    assert note == " (interrupted)"
    assert beginning.startswith("← model    That makes #:")
    assert reply.startswith(beginning)
    assert len(reply) > len(beginning)
    assert paper.figure("replies cut off, then given in full") == "1 of 1"


@pytest.mark.usefixtures("few_frames")
async def test_tool_that_runs_twice_fails_demo(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that gives no earlier result to a repeated call books twice: the demo fails."""
    forgetful = partial(ResumableSession, reuse_tool_results=False)
    monkeypatch.setattr(conversation, "ResumableSession", forgetful)
    assert await demo.run(paper, seed=1) == 1
    assert paper.figure("turns lost") == "0"
    assert int(paper.figure("tools run")) > len(TO_GET)
    assert int(paper.figure("tools run twice")) >= 1
    assert re.search(r"A tool ran twice for: (ferry|sauna)\.", paper.flat)
    assert "Sends the earlier result" not in paper.text


@pytest.mark.usefixtures("few_frames")
async def test_tool_that_never_runs_fails_demo(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call of the model's that nobody runs is named, with the turn that waits for it."""
    monkeypatch.setattr(Tools, "start", lambda *arguments, **more: None)
    assert await demo.run(paper, seed=1) == 1
    assert paper.figure("tool calls by the model") == "1"
    assert paper.figure("tools run") == "0"
    assert f"No tool ever ran for: {TO_GET[0]}." in paper.flat


@pytest.mark.usefixtures("few_frames")
async def test_seed_draws_same_storm(paper: Paper) -> None:
    """The same seed gives the same timeline."""
    again = Paper()
    await demo.run(paper, seed=4)
    await demo.run(again, seed=4)
    assert len(paper.happenings) > 3 * len(FAULTS)
    assert paper.happenings == again.happenings


@pytest.mark.usefixtures("few_frames")
async def test_fault_that_does_not_happen_fails_demo(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that the server's records do not show is named, and the demo fails."""
    harmless = Fault("earthquake", "Trembles.", lambda server: None, lambda hit: False)
    monkeypatch.setattr(storm, "FAULTS", (harmless,))
    assert await demo.run(paper, seed=1) == 1
    assert paper.figure("faults that happened") == "0 of 1"
    assert "did not happen: earthquake." in paper.flat


@pytest.mark.usefixtures("few_frames")
async def test_turn_without_reply_fails_demo(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that gets no reply ends the conversation, and is lost."""

    def silent_from_second(question: Question) -> Any:
        return keep_list(question) if len(question.texts) == 1 else []

    monkeypatch.setattr(storm, "FAULTS", ())
    monkeypatch.setattr(demo, "keep_list", silent_from_second)
    assert await demo.run(paper, seed=1) == 1
    assert paper.figure("turns asked") == "2"
    assert paper.figure("turns answered") == "1"
    assert paper.figure("turns lost") == "1"
    assert "ended early: no complete reply within 30 s." in paper.flat
    assert f'Lost: "{QUESTIONS[1]}".' in paper.flat


@pytest.mark.usefixtures("few_frames")
@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("gemini-2.5-flash-native-audio", "turn"),
        ("gemini-3.1-flash-live", "text"),
        ("models/gemini-3.1-flash-live", "text"),
    ],
)
async def test_real_model_is_asked_in_its_way(
    paper: Paper, monkeypatch: pytest.MonkeyPatch, model: str, kind: str
) -> None:
    """Against the real API no faults are injected, and newer models are typed to in realtime."""
    profile = "3.1" if kind == "text" else "2.5"
    async with LiveServer(keep_list, profile=profile, chunk_delay=0.1) as server:
        monkeypatch.setattr(demo, "genai", SimpleNamespace(Client=server.client, __version__="3"))
        assert await demo.run(paper, seed=1, model=model, key="k") == 0
        heard = [heard.value for heard in server.heard if heard.kind == kind]
        assert heard == list(QUESTIONS)
        assert {dial.credential for dial in server.connections} == {"k"}
        (dial,) = server.connections
        (tool,) = dial.setup["tools"]
        assert [function["name"] for function in tool["function_declarations"]] == [BOOK, RENT]
        results = [heard.value for heard in server.heard if heard.kind == "tool_response"]
        assert [result["response"]["what"] for result in results] == TO_GET
        assert all(result["id"] and result["name"] in {BOOK, RENT} for result in results)
    assert paper.figure("turns lost") == "0"
    assert paper.figure("turns interrupted by the next one") == "1"
    assert paper.figure("tool calls by the model") == paper.figure("tools run") == f"{len(TO_GET)}"
    assert paper.figure("connections") == "1"
    assert "faults that happened" not in paper.text


async def test_real_api_that_refuses_is_told(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that cannot be opened fails the demo in one sentence, without a table."""
    async with LiveServer(faults=[Refuse(403)]) as server:
        monkeypatch.setattr(demo, "genai", SimpleNamespace(Client=server.client, __version__="3"))
        assert await demo.run(paper, seed=1, model="m", key="k") == 1
    assert "Attempt failed: HTTP 403 (fatal)." in paper.text
    assert "The session ended early: HTTP 403." in paper.text
    assert "turns" not in paper.text.split("Ended for good: HTTP 403.")[1]


@pytest.mark.parametrize(("given", "seed"), [(7, 7), (None, 4321)])
def test_main_runs_with_seed(monkeypatch: pytest.MonkeyPatch, given: int | None, seed: int) -> None:
    """The command runs the demo with the seed it was given, or one of its own."""
    called: dict[str, Any] = {}

    async def run(console: Console, **arguments: Any) -> int:
        called.update(arguments)
        return 5

    monkeypatch.setattr(demo, "run", run)
    monkeypatch.setattr(demo.random, "randrange", lambda stop: 4321)
    assert demo.main(seed=given, model="m", key="k") == 5
    assert called == {"seed": seed, "model": "m", "key": "k"}


def test_main_draws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command draws what the run has shown, as wide as the picture is."""

    async def run(console: Console, **arguments: Any) -> int:
        console.print(f"seed {arguments['seed']}, {console.width} columns")
        return 1

    monkeypatch.setattr(demo, "run", run)
    file = tmp_path / "demo.svg"
    assert demo.main(seed=7, picture=file) == 1
    svg = file.read_text(encoding="utf-8")
    assert "reconnect&#160;demo&#160;--seed&#160;7" in svg or "reconnect demo --seed 7" in svg
    assert "seed&#160;7,&#160;100&#160;columns" in svg


RAN = ToolTally(2, 1, 1, (), ())


@pytest.mark.parametrize(
    ("tools", "text"),
    [
        (ToolTally(1, 0, 0, ("canoe",), ()), "No tool ever ran for: canoe."),
        (ToolTally(2, 1, 2, (), ("canoe",)), "A tool ran twice for: canoe."),
    ],
)
def test_verdict_on_tools(tools: ToolTally, text: str) -> None:
    """A tool that ran twice, or not at all, fails a run in which every turn was answered."""
    found = demo.verdict(Tally(2, 2, (), ()), tools, missed=[], error=None)
    assert found == (False, text)


@pytest.mark.parametrize(
    ("tally", "missed", "error", "good", "text"),
    [
        (Tally(2, 2, (), ()), [], None, True, "All 2 turns were answered: none was lost or "),
        (Tally(2, 1, (), (), ("One.",)), [], None, True, "Of 2 turns 1 were answered, and 1 inter"),
        (
            Tally(2, 1, (), (), ("One.",), ("One.",)),
            [],
            None,
            False,
            'although interrupted: "One.".',
        ),
        (Tally(2, 2, (), ("One.",)), [], None, True, 'but this came twice: "One.".'),
        (Tally(2, 1, ("One.", "Two."), ()), [], None, False, 'Lost: "One.", "Two.".'),
        (
            Tally(2, 2, (), ()),
            ["go_away"],
            None,
            False,
            "Not tested, because it did not happen: go_",
        ),
        (Tally(2, 2, (), ()), [], "HTTP 403", False, "The session ended early: HTTP 403."),
    ],
)
def test_verdict(
    tally: Tally, missed: list[str], error: str | None, text: str, *, good: bool
) -> None:
    """Only a run in which no turn was lost and everything happened goes well."""
    found = demo.verdict(tally, RAN, missed=missed, error=error)
    assert found[0] is good
    assert text in found[1]
