"""Each recorded order of frames, cut before every frame, through the session.

The emulator plays what was recorded, a caller plays its side of it, and the connection is lost at
every moment in turn. Once the session is resumed; once the handle is refused, and a new one begun.
"""

import asyncio
import functools
import itertools
from dataclasses import dataclass, field, replace

import loops
import pytest
from recordings import RECORDINGS, STREAMS, frames_of, part_of
from scenario import cuts
from talk import NAMES, READY, SPOKEN, asks_on, blob, kinds, listening, session_on, user

from reconnect import Restarted, Resumed
from reconnect.testing import PROFILES, Abort, LiveServer, RejectHandle
from reconnect.testing._steps import chunks

LONGEST = 15.0
"""Seconds after which an answer will not come."""

SETTLED = 3.0
"""Seconds in which all has been said that there is to say."""

FRAMES = 3
"""Frames of speech of a turn; more of them change nothing."""

WAITS = {"audio": "audio", "call": "call", "whole": "whole"} | {
    "end+grounding+usage": "end",
    "end+usage": "end",
}
"""What the caller waits for before it goes on, by the newest of these that was recorded."""

UNASKED = "a result that nobody asked for is answered"
"""What is said to a result for a call that the session has never heard of is asked by nobody."""


def words(question, number):
    """Return what the model says to a question, the first time or after the result of a tool."""
    return f"{question}.{number} one two three four five six seven"


def _name(value):
    """Return what an input is called: a question, typed or spoken, a result, or something else."""
    match value:
        case dict():
            return "result"
        case bytes():
            return f"question {value[0]}" if value[0] in range(1, 10) else "else"
        case _:
            return value


@dataclass
class Play:
    """One recording, and what came of it.

    Args:
        recording: The recording.
        transparent: Whether handles have numbers; None for where they have them by default.
        questions: The names of what was asked, in order.
        asked: What the model was asked, each with how much the caller had been shown by then.
        events: What the session has told.
    """

    recording: dict
    transparent: bool | None
    questions: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    events: list = field(default_factory=list)

    async def on(self, faults):
        """Play it on the emulator, with these faults of its connections."""
        own = self.recording["profile"]
        profile = replace(PROFILES[own], **self.recording.get("differs", {}))
        async with (
            LiveServer(
                self._model,
                profile=profile,
                vad=True,
                transcriber=lambda speech: f"question {speech[0][0]}",
                faults=faults,
                chunk_delay=0.05,
                handle_delay=0.15,
            ) as server,
            session_on(
                server,
                config=self._config(),
                policy=READY,
                model=NAMES.get(own, "m"),
                on_event=self.events.append,
            ) as session,
            listening(session, **self._tools()) as self.caller,
        ):
            self.server = server
            try:
                async with asyncio.timeout(LONGEST):
                    await self._talk(session)
                    await self.caller.sees(self._answered)
                await asyncio.sleep(SETTLED)
            finally:
                self.stats = session.stats

    def _config(self):
        config = SPOKEN | {"session_resumption": {"transparent": self.transparent}}
        if not self.recording.get("transcribed", True):
            del config["output_audio_transcription"]
        if self.recording.get("non_blocking"):
            function = {"name": "f", "behavior": "NON_BLOCKING"}
            config["tools"] = [{"function_declarations": [function]}]
        return config

    def _tools(self):
        """Return the tools that answer at once: where the recording ends before the result."""
        return {} if ">result" in self.recording["order"] else {"f": "done"}

    # The model

    def _model(self, question):
        if self.recording["profile"] in STREAMS:
            return "one two three"
        said = [_name(value) for role, value in question.context if role == "user"]
        name = [it for it in said if it.startswith("question")][-1]
        known = int("result" in said[said.index(name) :])
        self.asked.append((name, len(self.caller.shown)))
        return [part_of(part, words(name, known)) for part in self._parts(name)[known]]

    def _parts(self, name):
        """Return the parts of the replies to a question: at first, and after a tool's result."""
        left = [*self.recording["replies"]]
        for _ in range(int(name.split()[1])):
            first = left.pop(0)
            after = left.pop(0) if "call" in first and left else ["talk"]
        return first, after

    # The caller

    async def _talk(self, session):
        before = []
        for frame, _ in itertools.groupby(frames_of(self.recording["order"])):
            if not frame.startswith(">"):
                before.append(frame)
                continue
            waits = [WAITS[kind] for kind in before if kind in WAITS]
            if self.recording["profile"] in STREAMS:
                # Nobody waits for what it says.
                await asyncio.sleep(1)
            elif waits:
                await self.caller.until(waits[-1])
            before.clear()
            await self._send(session, frame)

    async def _send(self, session, frame):
        match frame:
            case ">turn":
                await session.send_client_content(turns=user(self._question()))
            case ">history":
                told = [user("before"), {"role": "model", "parts": [{"text": "then"}]}]
                await session.send_client_content(turns=told, turn_complete=False)
            case ">audio":
                await self._speak(session, int(self._question().split()[1]))
            case ">audio_end":
                await session.send_realtime_input(audio_stream_end=True)
            case ">video":
                image = {"data": b"v", "mime_type": "image/jpeg"}
                await session.send_realtime_input(video=image)
            case ">result":
                [call] = self.caller.calls
                result = {"id": call.id, "name": "f", "response": {"result": "done"}}
                if self.recording.get("non_blocking"):
                    result["scheduling"] = "INTERRUPT"
                await session.send_tool_response(function_responses=result)

    def _question(self):
        self.questions.append(f"question {len(self.questions) + 1}")
        return self.questions[-1]

    async def _speak(self, session, number):
        for frame in [blob(number)] * FRAMES + [blob(0, silent=True)] * 6:
            await session.send_realtime_input(audio=frame)
            await asyncio.sleep(0.02)

    # What came of it

    def _answered(self):
        """Tell whether the last question has been answered, and the turn of the answer ended."""
        if self.recording["profile"] in STREAMS:
            return True
        return self._whole(self.questions[-1]) in self._turns()

    def _turns(self):
        """Return what stands of each turn that has ended: its words, and its pieces of audio."""
        return [stands for what, stands in standing(self.caller.shown) if what == "end"]

    def _whole(self, name):
        """Return what stands in the end of the whole reply to a question."""
        first, after = self._parts(name)
        parts = after if "call" in first else first
        if "nothing" in parts:
            return "", 0
        said = words(name, int("call" in first))
        pieces = len(chunks(said))
        if not self.recording.get("transcribed", True):
            return "", pieces
        if PROFILES[self.recording["profile"]].transcription == "joined":
            pieces *= 2
        return said, 0 if "unspoken" in parts else pieces

    def problems(self):
        """Return in what it differs from what must hold; nothing if it is whole."""
        shown = self.caller.shown
        outcomes = [event for event in kinds(self.events) if event in {Resumed, Restarted}]
        if len(outcomes) != min(1, len(self.server.connections) - 1):
            return [f"it has told of {outcomes}"]
        if self.recording["profile"] in STREAMS:
            asked = [asks_on(self.server, it.number) for it in self.server.connections]
            return [f"it was asked {it}" for it in asked if it]
        found = []
        nothing = ["nothing"] in self.recording["replies"]
        answers = [it for it in self._turns() if it != ("", 0) or nothing]
        expected = [self._whole(name) for name in self.questions]
        if answers[-1:] != expected[-1:] or (answers != expected and not self._interrupts):
            found.append(f"the answers were {answers}")
        texts = [words(name, known) for name in self.questions for known in (0, 1)]
        for _, (said, _) in standing(shown):
            if not any(text.startswith(said) for text in texts):
                found.append(f"{said!r} stands")
        for name in self.questions:
            finished = self._finished(name)
            again = [it for it, place in self.asked if it == name and place > finished]
            if again:
                found.append(f"{name} was asked again when its reply was whole")
        calls = sum("call" in parts for parts in self.recording["replies"])
        if len(self.caller.calls) != calls:
            found.append(f"tools ran {len(self.caller.calls)} times")
        return [f"{problem}: {shown}" for problem in found]

    def _finished(self, name):
        """Return how much the caller had been shown when the whole reply to a question was."""
        whole = self._whole(name)
        end = "end" if whole == ("", 0) else "whole"
        for place, (what, stands) in enumerate(standing(self.caller.shown), start=1):
            if what == end and stands == whole:
                return place
        return len(self.caller.shown)

    @property
    def _interrupts(self):
        """Whether the second question interrupts the reply to the first."""
        return "interrupted" in self.recording["order"] and len(self.questions) > 1


def standing(shown):
    """Yield each thing that was shown, with the words and pieces of audio that stand by then."""
    said, audio = "", 0
    for what in shown:
        match what:
            case "audio":
                audio += 1
            case "interrupted":
                said, audio = "", 0
            case "whole" | "end" | "handle" | "call" | "thought" | "code" | "cancelled":
                pass
            case _:
                said += what
        yield what, (said, audio)
        if what == "end":
            said, audio = "", 0


async def problems_of(recording, *faults, transparent):
    """Play a recording with these faults; return its problems, and the play.

    Speech that was cut while it was spoken need not be answered, if it is told that it is lost.
    """
    play = Play(recording, transparent)
    try:
        await play.on(faults)
    except TimeoutError:
        told = play.stats.uncovered_audio > 0
        spoken = any(isinstance(fault, Abort) and fault.after_received for fault in faults)
        return [] if spoken and told else [f"it hangs: {play.caller.shown}"], play
    return play.problems(), play


CASES = [
    pytest.param(recording, transparent, id=f"{recording['model']}: {recording['shows']}{name}")
    for recording in RECORDINGS
    for name, transparent in {"": None, ", without numbers": False}.items()
    if transparent is None or PROFILES[recording["profile"]].backend == "vertex"
    if recording["shows"] != UNASKED
]


@pytest.mark.parametrize(("recording", "transparent"), CASES)
async def test_cut_before_every_frame(recording, transparent):
    """No answer is lost, none is asked twice, and what is given anew is taken back before."""
    failures = []
    play_with = functools.partial(problems_of, recording, transparent=transparent)
    with loops.quickly():
        found, play = await play_with()
        assert found == []
        [whole] = play.server.connections
        for moment in cuts((len(whole.sent) - 1, len(whole.received))):
            cut = Abort(**moment)
            found, play = await play_with(cut)
            failures += [f"resumed after {moment}: {problem}" for problem in found]
            if play.server.connections[1].handle is not None:
                found, play = await play_with(cut, RejectHandle())
                failures += [f"refused after {moment}: {problem}" for problem in found]
                assert play.server.connections[-1].handle is None
    assert not failures, "\n".join(failures)
