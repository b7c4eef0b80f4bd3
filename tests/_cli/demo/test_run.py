"""Tests of the demo: of its parts, and of whole runs, for which the clock is virtual."""

import asyncio
import io
import itertools
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from google.genai import errors, types
from rich.console import Console

from reconnect import (
    FailureKind,
    Lost,
    Phase,
    Resumed,
)
from reconnect._cli.demo import conversation, run as demo, storm
from reconnect._cli.demo.conversation import Conversation, number_of
from reconnect._cli.demo.script import INTERRUPTING, QUESTIONS, keep_list, wishes
from reconnect._cli.demo.storm import FAULTS, Fault, Hit, Moment, storm_of
from reconnect._cli.demo.tally import Tally, ToolTally, Turn, count, count_tools
from reconnect._cli.demo.timeline import Timeline
from reconnect._cli.demo.tools import BOOK, RENT, Tools
from reconnect.events import Continuity
from reconnect.session import ResumableSession
from reconnect.testing import Call, Connection, Known, LiveServer, Question, Refuse


class Paper(Console):
    """A console of 80 columns whose text can be read back."""

    def __init__(self, encoding: str = "utf-8", width: int = 80) -> None:
        self.bytes = io.BytesIO()
        super().__init__(
            file=io.TextIOWrapper(self.bytes, encoding=encoding, write_through=True), width=width
        )

    @property
    def text(self) -> str:
        """What was printed, its lines joined where they were wrapped for their length."""
        return self.bytes.getvalue().decode()

    @property
    def flat(self) -> str:
        """What was printed, in one line."""
        return " ".join(self.text.split())

    @property
    def happenings(self) -> list[str]:
        """The lines of the timeline, unwrapped, without what depends on the machine's speed."""
        unwrapped = re.sub(r"\n {20}(?=\S)", " ", self.text)
        lines = [line[9:] for line in unwrapped.splitlines() if line[5:9] == " s  "]
        missing = r"(: |, )(up to )?[0-9.]+ s of audio (lost|dropped)"
        return [re.sub(r"[0-9.]+ s\b", "# s", re.sub(missing, "", line)) for line in lines]

    def figure(self, name: str) -> str:
        """Return a figure of the table."""
        rows = [line.split("│") for line in self.text.splitlines() if line.startswith("│")]
        (value,) = (value for _, title, value, _ in rows if title.strip() == name)
        return value.strip()


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


def timeline_on(paper: Paper) -> Timeline:
    """Return a timeline with a line every one and a quarter seconds."""
    times = itertools.count(1000.0, 1.25)
    return Timeline(paper, lambda: next(times))


# Whole runs


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
    cut, full = paper.figure("replies cut by a loss, then given in full").split(" of ")
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
    assert "nothing was lost" in paper.flat
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

LOST_CALLS = {
    "while a tool is at work": "broken off without a close frame",
    "while a result is on its way": "# Internal error encountered",
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
        same = "result of before: the tool does not run again"
        both = "results of before: no tool runs again"
        assert others == [
            f"· session  Connection lost after # s: {told} (transient).",
            "· session  Resuming in # s, attempt #.",
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
        "! server   Closes with # just after it has broken off its reply.",
        "· session  Connection lost after # s: # Internal error encountered (transient).",
        "· session  Resuming in # s, attempt #.",
        "· session  Resumed after # s: # messages sent again.",
    ]
    assert reply.endswith(" soap, towels.")
    assert paper.figure("turns interrupted by the next one") == "1"
    assert paper.figure("interrupted turns asked again") == "0"
    assert paper.figure("replies cut by a loss, then given in full") == "0 of 0"
    assert "13 were answered, and 1 interrupted: nothing was lost" in paper.flat


@pytest.mark.usefixtures("few_frames")
async def test_cut_reply_is_shown(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was shown of a reply that is cut is followed by the interruption and all of it."""
    monkeypatch.setattr(storm, "FAULTS", FAULTS[:1])
    assert await demo.run(paper, seed=1) == 0
    (_, lost, _, cut, back, reply) = between(paper.happenings, "in the middle of its reply")
    assert "Connection lost" in lost
    assert "# message sent again" in back
    beginning, note = cut.split("…")
    assert note == " (interrupted)"
    assert beginning.startswith("← model    That makes #:")
    assert reply.startswith(beginning)
    assert len(reply) > len(beginning)
    assert paper.figure("replies cut by a loss, then given in full") == "1 of 1"


@pytest.mark.usefixtures("few_frames")
async def test_tool_that_runs_twice_fails_demo(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that gives no result of before to a repeated call books twice: the demo fails."""
    forgetful = partial(ResumableSession, reuse_tool_results=False)
    monkeypatch.setattr(conversation, "ResumableSession", forgetful)
    assert await demo.run(paper, seed=1) == 1
    assert paper.figure("turns lost") == "0"
    assert int(paper.figure("tools run")) > len(TO_GET)
    assert int(paper.figure("tools run twice")) >= 1
    assert re.search(r"A tool ran twice for: (ferry|sauna)\.", paper.flat)
    assert "Sends the result of before" not in paper.text


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


# The conversation


async def ask_one(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Conversation:
    """Hold a conversation of one turn."""
    monkeypatch.setattr(conversation, "QUESTIONS", ("Only one.",))
    talk = Conversation(Timeline(Paper(), lambda: 0.0))
    await talk.hold(server.client().aio.live, model="m", draw=lambda: 0.5)
    return talk


async def test_reply_nobody_asked_for_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that comes again after the end of its turn counts as a second one."""
    spoken = {"serverContent": {"outputTranscription": {"text": "Yes."}}}
    end = {"serverContent": {"turnComplete": True}}
    async with LiveServer([[spoken, end, spoken, end]]) as server:
        talk = await ask_one(server, monkeypatch)
    assert talk.turns == [Turn("Only one.", ("Yes.", "Yes."))]
    assert count(talk.turns, known=None).twice == ("Only one.",)


async def test_thoughts_and_silence_are_no_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply is what was said or written, without the model's thoughts."""
    parts = [{"text": "Hm.", "thought": True}, {"text": "Yes"}]
    said = {"serverContent": {"modelTurn": {"parts": parts}, "outputTranscription": {}}}
    empty = {"serverContent": {"modelTurn": {}, "turnComplete": True}}
    async with LiveServer([[said, empty]]) as server:
        talk = await ask_one(server, monkeypatch)
    assert talk.turns == [Turn("Only one.", ("Yes",))]


async def test_bug_is_raised() -> None:
    """An exception that is no loss of a connection is not taken for the end of the session."""

    def connect(**arguments: Any) -> Any:
        raise ZeroDivisionError

    talk = Conversation(Timeline(Paper(), lambda: 0.0))
    with pytest.raises(ZeroDivisionError):
        await talk.hold(SimpleNamespace(connect=connect), model="m", draw=lambda: 0.5)


async def test_timeout_of_session_is_not_patience() -> None:
    """A timeout that the session raises passes for what it is."""

    async def send_client_content(**arguments: Any) -> None:
        raise TimeoutError("the dial took too long")

    talk = Conversation(Timeline(Paper(), lambda: 0.0))
    session: Any = SimpleNamespace(send_client_content=send_client_content)
    with pytest.raises(TimeoutError, match="the dial took too long"):
        await talk._take_turn(session, 1)


async def test_interruption_of_nothing_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption before any word was shown cuts no reply."""
    interrupted = {"serverContent": {"interrupted": True}}
    spoken = {"serverContent": {"outputTranscription": {"text": "Yes."}}}
    end = {"serverContent": {"turnComplete": True}}
    async with LiveServer([[interrupted, spoken, interrupted, spoken, end]]) as server:
        talk = await ask_one(server, monkeypatch)
    assert talk.turns == [Turn("Only one.", ("Yes.",))]
    assert talk.cuts == talk.given_again == 1


async def test_cut_reply_without_another_is_not_given_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reply that was cut and is followed by silence is not given again."""
    interrupted = {"serverContent": {"interrupted": True}}
    spoken = {"serverContent": {"outputTranscription": {"text": "Yes."}}}
    end = {"serverContent": {"turnComplete": True}}
    async with LiveServer([[spoken, interrupted, end]]) as server:
        talk = await ask_one(server, monkeypatch)
    assert (talk.cuts, talk.given_again) == (1, 0)


async def test_microphone_skips_what_is_late() -> None:
    """A microphone that was held up does not send later what it would have recorded."""
    sent: list[int] = []

    async def send_realtime_input(*, audio: types.Blob) -> None:
        assert audio.data is not None
        sent.append(number_of(audio.data))
        await asyncio.sleep(1.0 if len(sent) == 3 else 0.0)

    talk = Conversation(Timeline(Paper(), lambda: 0.0))
    session: Any = SimpleNamespace(send_realtime_input=send_realtime_input)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.2):
            await talk._speak(session)
    assert sent[:3] == [0, 1, 2]
    assert 50 <= sent[3] <= 53
    assert sent[4:] == list(range(sent[3] + 1, sent[3] + 1 + len(sent[4:])))


# The tool


class Mailbox:
    """A session that takes tool responses."""

    def __init__(self) -> None:
        self.results: list[Any] = []

    async def send_tool_response(self, *, function_responses: Any) -> None:
        """Keep a result."""
        self.results.append(function_responses)


async def test_tool_books_and_answers(paper: Paper) -> None:
    """Each call is run once, and its result names the call."""
    mailbox, answered = Mailbox(), []
    tools = Tools(timeline_on(paper), lambda: answered.append(len(mailbox.results)))
    wanted = {BOOK: "ferry", RENT: "canoe"}
    calls = [
        types.FunctionCall(id=name, name=name, args={"what": what}) for name, what in wanted.items()
    ]
    async with asyncio.TaskGroup() as group:
        tools.start(calls, connection=3, session=mailbox, group=group)
    assert tools.called == tools.booked == ["ferry", "canoe"]
    assert tools.shown_on == {"ferry": 3, "canoe": 3}
    assert mailbox.results == [
        types.FunctionResponse(id=name, name=name, response={"what": what, "number": number})
        for number, (name, what) in enumerate(wanted.items(), 1)
    ]
    assert answered == [1, 2]
    assert paper.happenings == [
        "← model    Calls book(ferry) and rent(canoe).",
        "◆ tool     Runs: the ferry is booked, number 1.",
        "◆ tool     Runs: the canoe is rented, number 2.",
    ]


async def test_cancelled_call_books_nothing(paper: Paper) -> None:
    """A call that is cancelled while the tool is at work is dropped; others go on."""
    mailbox = Mailbox()
    tools = Tools(timeline_on(paper), lambda: None)
    calls = [types.FunctionCall(id=f"{n}", name=BOOK, args={"what": f"boat{n}"}) for n in (1, 2)]
    async with asyncio.TaskGroup() as group:
        tools.start(calls, connection=1, session=mailbox, group=group)
        await asyncio.sleep(0.1)
        tools.cancel(["1", "unheard of"])
    assert tools.booked == ["boat2"]
    assert [result.id for result in mailbox.results] == ["2"]
    assert "Cancelled: the boat1 is not booked yet." in paper.text


async def test_id_that_comes_again_is_another_call(paper: Paper) -> None:
    """Ids are counted anew on each connection: two calls with the same one are two."""
    mailbox = Mailbox()
    tools = Tools(timeline_on(paper), lambda: None)
    async with asyncio.TaskGroup() as group:
        for connection, what in enumerate(("canoe", "sauna"), 1):
            call = types.FunctionCall(id="1", name=BOOK, args={"what": what})
            tools.start([call], connection=connection, session=mailbox, group=group)
    assert tools.booked == ["canoe", "sauna"]
    assert [result.response["what"] for result in mailbox.results] == ["canoe", "sauna"]


async def test_call_without_name_is_answered(paper: Paper) -> None:
    """A call that says nothing of what it wants, and has no id, is run all the same."""
    mailbox = Mailbox()
    tools = Tools(timeline_on(paper), lambda: None)
    async with asyncio.TaskGroup() as group:
        call = types.FunctionCall(name=BOOK)
        tools.start([call], connection=1, session=mailbox, group=group)
    assert len(mailbox.results) == 1


@pytest.mark.parametrize("number", [0, 255, 256, 1_000_000])
def test_frame_tells_its_number(number: int) -> None:
    """A frame is 20 ms of near silence that tells its number."""
    frame = conversation._frame(number)
    samples = [frame[at] + 256 * frame[at + 1] for at in range(0, len(frame), 2)]
    assert len(samples) == 320
    assert max(samples) <= 255
    assert number_of(frame) == number


# The script


def test_model_remembers_every_turn() -> None:
    """The emulator's model names everything it knows of, whatever else it heard."""
    context = [Known("user", "Pack the tent."), Known("user", b"\0"), Known("model", "Fine.")]
    known = Known("user", "Then the stove.")
    question = Question((*context, Known("user", "Hello."), known, known), {})
    assert keep_list(question) == "That makes 3: tent, stove, stove."


def test_model_books_before_it_answers() -> None:
    """The emulator's model calls the tool for what is to be booked, and then tells its number."""
    asked = Known("user", "Book the ferry and rent the canoe.")
    wanted = {BOOK: "ferry", RENT: "canoe"}
    assert keep_list(Question((asked,), {})) == [
        Call(name, {"what": what}) for name, what in wanted.items()
    ]
    called = [
        Known("model", {"function_call": {"name": name, "args": {"what": what}}})
        for name, what in wanted.items()
    ]
    results = [
        {"id": "1", "name": name, "response": {"what": what, "number": number}}
        for number, (name, what) in enumerate(wanted.items(), 7)
    ]
    answered = [Known("user", {"function_response": result}) for result in results]
    reply = keep_list(Question((asked, *called, *answered), {}))
    assert reply == "That makes 2: ferry, canoe. Booked, number 7. Rented, number 8."
    more = Known("user", "Pack the tent.")
    context = (asked, *called, *answered, Known("model", reply), more)
    assert keep_list(Question(context, {})) == "That makes 3: ferry, canoe, tent."


def test_every_question_names_one_thing() -> None:
    """All of the things on the list are different, and those to book or to rent are on it."""
    context = tuple(Known("user", question) for question in QUESTIONS)
    reply = keep_list(Question(context, {}))
    assert isinstance(reply, str)
    count = len(QUESTIONS) + 1  # one question names two
    assert reply.startswith(f"That makes {count}: campsite, tent, ")
    assert all(f" {thing}, " in reply for thing in TO_GET)
    assert len(set(reply.rstrip(".").split(": ")[1].split(", "))) == count


@pytest.mark.parametrize("seed", range(50))
def test_storm_leaves_room(seed: int) -> None:
    """Every fault comes once; the first turn, the last and those after a full reply have none."""
    storm = storm_of(random.Random(seed))
    numbers = range(1, len(QUESTIONS) + 1)
    within: list[Moment] = [1, 2, 3, "end", "call", "result", "interrupted"]
    moments = [(turn, moment) for turn in numbers for moment in within]
    struck = {(t, m): fault for t, m in moments if (fault := storm.due(t, m)) is not None}
    turns = [turn for turn, _ in struck]
    assert list(struck.values()) == storm.faults
    assert sorted(storm.faults, key=FAULTS.index) == list(FAULTS)
    assert len(set(turns)) == len(FAULTS)
    assert not {1, len(QUESTIONS)} & set(turns)
    assert all(turn + 1 not in turns for turn, moment in struck if moment == "end")
    assert INTERRUPTING - 1 not in turns
    for turn, moment in struck:
        assert bool(wishes(QUESTIONS[turn - 1])) is (moment in {"call", "result"})
        assert (turn == INTERRUPTING) is (moment == "interrupted")
    assert not any(storm.due(*moment) for moment in struck)


def dial(number: int = 1, **known: Any) -> Connection:
    """Make a record of a dial."""
    return Connection(number, **{"opened_at": 0.0, **known})


def test_fault_needs_connection() -> None:
    """A fault that finds no open connection does not happen."""
    storm = storm_of(random.Random(1))
    server: Any = SimpleNamespace(connections=[dial(1, session="s", ended_by="client"), dial(2)])
    storm.strike(server, FAULTS[0], now=0.0)
    assert storm.missed(server.connections) == [fault.name for fault in storm.faults]


ABORTED = {"ended_by": "server", "close_code": 1006}
CLOSED = {"ended_by": "server", "close_code": 1011}
PIECE = {"serverContent": {"outputTranscription": {"text": "That"}}}
DONE = {"serverContent": {"turnComplete": True}}
BROKEN = {"serverContent": {"interrupted": True}}
HANDLE = {"sessionResumptionUpdate": {"newHandle": "h"}}
CALL = {"toolCall": {"functionCalls": []}}
REJECTED = dial(2, handle="h", close_code=1008)


@pytest.mark.parametrize(
    ("name", "connection", "later", "happened"),
    [
        ("TCP abort", dial(sent=[PIECE, HANDLE], **ABORTED), [], True),
        ("TCP abort", dial(sent=[PIECE, HANDLE], **CLOSED), [], False),
        ("TCP abort", dial(sent=[PIECE, DONE], **ABORTED), [], False),
        ("TCP abort", dial(sent=["{}"], **ABORTED), [], False),
        ("1011 in a reply", dial(sent=[DONE, PIECE], **CLOSED), [], True),
        ("1011 in a reply", dial(sent=[PIECE], ended_by="client", close_code=1011), [], False),
        ("503 on the next attempt", dial(), [dial(2, status=503)], True),
        ("503 on the next attempt", dial(), [dial(2, status=101), dial(3, status=503)], False),
        ("503 on the next attempt", dial(), [], False),
        ("go_away", dial(sent=[{"goAway": {}}]), [], True),
        ("go_away", dial(sent=[PIECE]), [], False),
        ("rejected handle", dial(), [REJECTED], True),
        ("rejected handle", dial(), [dial(2, close_code=1008)], False),
        ("rejected handle", dial(), [], False),
        ("5 s outage", dial(**ABORTED), [dial(2, opened_at=15.0)], True),
        ("5 s outage", dial(**ABORTED), [dial(2, opened_at=12.0)], False),
        ("5 s outage", dial(**ABORTED), [], False),
        ("5 s outage", dial(**CLOSED), [dial(2, opened_at=15.0)], False),
        ("1011 before the handle", dial(sent=[PIECE, DONE], **CLOSED), [], True),
        ("1011 before the handle", dial(sent=[DONE, HANDLE], **CLOSED), [], False),
        ("1011 before the handle", dial(sent=[DONE, "{}"], **CLOSED), [], False),
        ("1011 before the handle", dial(sent=[DONE], **ABORTED), [], False),
        ("1011 after an interruption", dial(sent=[PIECE, BROKEN, DONE], **CLOSED), [], True),
        ("1011 after an interruption", dial(sent=[BROKEN, DONE, PIECE], **CLOSED), [], True),
        ("1011 after an interruption", dial(sent=[BROKEN, DONE, PIECE, DONE], **CLOSED), [], False),
        ("1011 after an interruption", dial(sent=[BROKEN, DONE], **ABORTED), [], False),
        ("1011 after an interruption", dial(sent=[PIECE, DONE], **CLOSED), [], False),
        ("cut in a tool call", dial(sent=[DONE, CALL, HANDLE], **ABORTED), [], True),
        ("cut in a tool call", dial(sent=[CALL, PIECE], **ABORTED), [], False),
        ("cut in a tool call", dial(sent=[CALL], **CLOSED), [], False),
        ("cut in a tool call", dial(sent=["{}"], **ABORTED), [], False),
        ("cut after a tool's result", dial(sent=[CALL], **CLOSED), [], True),
        ("cut after a tool's result", dial(sent=[CALL, PIECE], **CLOSED), [], False),
        ("cut after a tool's result", dial(sent=[CALL], ended_by="client"), [], False),
    ],
)
def test_records_prove_fault(
    name: str, connection: Connection, later: Sequence[Connection], *, happened: bool
) -> None:
    """A fault has happened if the server's records say so, and only then."""
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    assert fault.happened(Hit(10.0, connection, later)) is happened


# The count

ASKED = (Turn("One.", ("Reply 1.",)), Turn("Two.", ("Reply 2.",)))
KNOWN = [("user", "One."), ("model", "Reply 1."), ("user", "Two."), ("model", "Reply 2.")]


@pytest.mark.parametrize("known", [KNOWN, None])
def test_perfect_record(known: Any) -> None:
    """Turns that both sides know once are neither lost nor twice."""
    assert count(ASKED, known=known) == Tally(2, 2, (), ())


@pytest.mark.parametrize(
    ("turns", "known", "tally"),
    [
        pytest.param(ASKED, KNOWN[2:], Tally(2, 1, ("One.",), ()), id="forgotten turn"),
        pytest.param(ASKED, KNOWN[1:], Tally(2, 2, ("One.",), ()), id="forgotten question"),
        pytest.param(ASKED, KNOWN[:3], Tally(2, 1, ("Two.",), ()), id="forgotten reply"),
        pytest.param(ASKED, [], Tally(2, 0, ("One.", "Two."), ()), id="forgotten conversation"),
        pytest.param(ASKED, [*KNOWN, KNOWN[2]], Tally(2, 2, (), ("Two.",)), id="question twice"),
        pytest.param(ASKED, [*KNOWN, KNOWN[3]], Tally(2, 2, (), ("Two.",)), id="reply twice"),
        pytest.param(
            [ASKED[0], Turn("Two.", ())], KNOWN, Tally(2, 1, ("Two.",), ()), id="no reply"
        ),
        pytest.param(
            [ASKED[0], Turn("Two.", ())], None, Tally(2, 1, ("Two.",), ()), id="no reply, real"
        ),
        pytest.param(
            [ASKED[0], Turn("Two.", ("",))], None, Tally(2, 1, ("Two.",), ()), id="empty reply"
        ),
        pytest.param(
            [ASKED[0], Turn("Two.", ("RepReply 2.",))],
            KNOWN,
            Tally(2, 1, ("Two.",), ()),
            id="torn reply",
        ),
        pytest.param(
            [ASKED[0], Turn("Two.", ("Reply 2.", "Reply 2."))],
            KNOWN,
            Tally(2, 2, (), ("Two.",)),
            id="reply shown twice",
        ),
        pytest.param(
            [ASKED[0], Turn("Two.", ("Reply 1.",))],
            KNOWN,
            Tally(2, 1, ("Two.",), ("One.",)),
            id="reply of the turn before",
        ),
    ],
)
def test_imperfect_record(turns: Sequence[Turn], known: Any, tally: Tally) -> None:
    """What is missing from either side is lost, and what is there again is twice."""
    assert count(turns, known=known) == tally


INTERRUPTED = (Turn("One.", (), "Rep"), ASKED[1])


@pytest.mark.parametrize(
    ("known", "asked", "tally"),
    [
        ([KNOWN[0], ("model", "Rep"), *KNOWN[2:]], ["One.", "Two.", "Two."], Tally(2, 1, (), ())),
        ([KNOWN[0], ("model", "Rep"), *KNOWN[2:]], ["One.", "Two.", "One."], Tally(2, 1, (), ())),
        (None, [], Tally(2, 1, (), ())),
        (KNOWN, ["One.", "Two."], Tally(2, 1, ("One.",), ())),
        (
            [KNOWN[0], ("model", "Rep"), ("model", "Rep"), *KNOWN[2:]],
            ["One.", "Two."],
            Tally(2, 1, (), ("One.",)),
        ),
    ],
)
def test_interrupted_turn_is_counted(known: Any, asked: Sequence[str], tally: Tally) -> None:
    """The server knows of an interrupted reply what was shown, once, and is not asked again."""
    again = ("One.",) * (asked.count("One.") > 1)
    expected = replace(tally, interrupted=("One.",), again=again)
    assert count(INTERRUPTED, known=known, asked=asked) == expected


@pytest.mark.parametrize(
    ("called", "run", "tally"),
    [
        ([], [], ToolTally(0, 0, 0, (), ())),
        (["a", "b"], ["a", "b"], ToolTally(2, 0, 2, (), ())),
        (["a", "b", "a", "a"], ["a", "b"], ToolTally(4, 2, 2, (), ())),
        (["a", "a"], [], ToolTally(2, 1, 0, ("a",), ())),
        (["a", "b", "a", "b"], ["a", "a", "a"], ToolTally(4, 2, 3, ("b",), ("a",))),
        ([], ["a", "a"], ToolTally(0, 0, 2, (), ("a",))),
    ],
)
def test_tools_are_counted(called: Sequence[str], run: Sequence[str], tally: ToolTally) -> None:
    """A call that is made again is to be run once, and neither never nor twice."""
    assert count_tools(called, run) == tally


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
        (Tally(2, 2, (), ()), [], None, True, "All 2 turns were answered: nothing was lost, "),
        (Tally(2, 1, (), (), ("One.",)), [], None, True, "Of 2 turns 1 were answered, and 1 inter"),
        (Tally(2, 1, (), (), ("One.",), ("One.",)), [], None, False, 'was interrupted: "One.".'),
        (Tally(2, 2, (), ("One.",)), [], None, True, 'but this came twice: "One.".'),
        (Tally(2, 1, ("One.", "Two."), ()), [], None, False, 'Lost: "One.", "Two.".'),
        (Tally(2, 2, (), ()), ["go_away"], None, False, "Not proven, since it did not happen: go_"),
        (Tally(2, 2, (), ()), [], "HTTP 403", False, "The session ended early: HTTP 403."),
    ],
)
def test_verdict(
    tally: Tally, missed: list[str], error: str | None, text: str, *, good: bool
) -> None:
    """Only a run in which nothing was lost and everything happened goes well."""
    found = demo.verdict(tally, RAN, missed=missed, error=error)
    assert found[0] is good
    assert text in found[1]


# The timeline

CUT = errors.APIError(1006, "")
BUSY = errors.APIError(1011, "Internal error encountered.")


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
        "  3.8 s  · session  Sends the result of before: the tool does not run again.",
        "  5.0 s  ← model    Calls book(ferry) and rent(canoe) again.",
        "  6.2 s  · session  Sends the results of before: no tool runs again.",
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
    """Each event is a line, in the words of the event itself."""
    timeline = timeline_on(paper)
    timeline.event(Lost(CUT, FailureKind.TRANSIENT, Phase.SESSION, 1.0))
    timeline.event(Resumed(Continuity(attempts=1, outage=0.75)))
    assert paper.text.splitlines() == [
        "  0.0 s  · session  Connection lost after 1 s: broken off without a close frame",
        "                    (transient).",
        "  1.2 s  · session  Resumed after 0.75 s.",
    ]
