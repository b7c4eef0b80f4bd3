"""Plays a conversation through faults, and tells in what it differs from an undisturbed one.

A `Play` is a script, the emulator and the faults it plays them with. Its `problems` hold what came
out against what must hold: what the newest session knows, what was written to which connection,
and what the caller was shown. None of it looks into the library: the records are the server's, and
those of a `Tap` between the library and the SDK.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from dataclasses import dataclass, field

import loops
from talk import MODEL, QUICK, TEXT, user

from reconnect import Lost, ResumableSession, Resumed
from reconnect.events import Restarted
from reconnect.testing import PROFILES, Abort, Call, Close, LiveServer

CUTS = {
    "abort": Abort,
    "1011": lambda **when: Close(1011, "Internal error encountered.", **when),
    "1000": lambda **when: Close(1000, "", **when),
    "1008": lambda **when: Close(1008, "The operation was aborted.", **when),
}
"""The four ways in which a connection dies."""

MODELS = ["2.5", "3.8"]
"""The profiles that the scenarios are played on, in both dialects."""

VERTEX = "2.5-vertex"
"""The one that is played in its own dialect alone: a call ends its turn, and calls have no ids."""

FRAME = 0.02
"""Seconds of sound in a frame."""

PATIENCE = 5.0
"""Seconds that a caller waits for a reply to what it has spoken."""

LONGEST = 120.0
"""Seconds that a conversation may take before it counts as hanging."""

HEARD = "I heard you."

SILENCE = bytes(640)
"""A frame of 20 ms in which nothing is to be heard."""

PAUSE = 7
"""Frames of silence after what is spoken without marks: five end it, and two come after."""


def frame(number):
    """Return a frame of 20 ms whose bytes tell its number, and are not silence."""
    return (number + 1).to_bytes(4, "big") * 160


def numbers(values):
    """Return the numbers of the frames among values, without those of silence."""
    return [
        int.from_bytes(value[:4], "big") - 1
        for value in values
        if isinstance(value, bytes) and value != SILENCE
    ]


def words_of(speech):
    """Return what the emulator understands of frames of speech."""
    return " ".join(["heard", *map(str, numbers(speech))])


# The script


@dataclass(frozen=True)
class Tell:
    """Context, without a reply."""

    text: str


@dataclass(frozen=True)
class Ask:
    """A typed turn; `calls` tools are called one after the other, before the reply."""

    text: str
    calls: int = 0

    @property
    def reply(self):
        """What the model says to it."""
        return answer_to(self.text)


@dataclass(frozen=True)
class Say:
    """A spoken turn: frames between two marks of activity."""

    first: int
    frames: int


@dataclass(frozen=True)
class Speak:
    """A spoken turn without marks: frames, and as much silence as ends it."""

    first: int
    frames: int


@dataclass(frozen=True)
class Hum:
    """Frames without marks and without a reply."""

    first: int
    frames: int


@dataclass(frozen=True)
class Wait:
    """Nothing for some seconds: the handle that covers what was said comes."""

    seconds: float = 1.0


def answer_to(text):
    """Return what the model says to a text."""
    return f"Answer to {text}."


def model(question):
    """Answer what was said last; to "book 2" two tables are booked first, one after the other."""
    since = question.open
    said = [value for value in since if not isinstance(value, dict) and value != SILENCE]
    text = said[-1]
    if isinstance(text, bytes) or text.startswith("heard"):
        return HEARD
    results = [value for value in since if isinstance(value, dict)]
    if text.startswith("book"):
        wanted = int(text.split()[1])
        if len(results) < wanted:
            return Call("book", {"for": text, "table": len(results)})
    return answer_to(text)


# What is between the library and the SDK


class Tap:
    """The SDK's live module, with a log of each connection in the order of the client's view."""

    def __init__(self, live, *, vertexai):
        self.vertexai = vertexai
        self.logs = []
        self._live = live

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        """Dial, as the SDK does."""
        async with self._live.connect(model=model, config=config) as session:
            log = []
            self.logs.append(log)
            yield _Tapped(session, log)


class _Tapped:
    def __init__(self, session, log):
        self._session = session
        self._log = log

    def __getattr__(self, name):
        found = getattr(self._session, name)
        if not name.startswith("send_"):
            return found

        async def send(**arguments):
            self._log.append(("out", name, arguments))
            await found(**arguments)

        return send

    async def receive(self):
        async for message in self._session.receive():
            self._log.append(("in", message))
            yield message


# The caller


@dataclass
class Play:
    """One conversation, and what came of it.

    Args:
        script: The steps.
        vertexai: Whether the client speaks the Vertex dialect: resumption is transparent there.
        profile: The emulator's.
        history: What a fresh session is told.
        tool_seconds: How long a tool takes.
        transcription: Whether the server says what it has understood of what is spoken.
        options: More options of the session.
    """

    script: list
    vertexai: bool = False
    profile: str = "3.8"
    history: list = field(default_factory=list)
    tool_seconds: float = 0.02
    transcription: bool = False
    options: dict = field(default_factory=dict)
    events: list = field(default_factory=list)
    shown: list = field(default_factory=list)
    replies: list = field(default_factory=list)
    runs: Counter = field(default_factory=Counter)
    sure: list = field(default_factory=list)
    away: bool = False

    async def on(self, server, *, live=None, before=None):
        """Play it on a server.

        Args:
            server: The emulator.
            live: The SDK's module; None to make one.
            before: Called with the number of each step and the session, before the step.
        """
        if live is None:
            live = server.client(vertexai=self.vertexai).aio.live
        self.tap = Tap(live, vertexai=self.vertexai)
        first_dial = len(server.connections)
        first_heard = len(server.heard)
        session = ResumableSession(
            self.tap,
            model=MODEL,
            config=TEXT | ({"input_audio_transcription": {}} if self.transcription else {}),
            policy=QUICK.replace(without_handle="restart"),
            history=self.history,
            on_event=self._on_event,
            draw=lambda: 0.5,
            **self.options,
        )
        async with session:
            for number, step in enumerate(self.script):
                if before is not None:
                    before(number, session)
                await self._step(session, step)
            await asyncio.sleep(10)
            self.context = server.context
        self.connections = server.connections[first_dial:]
        self.heard = server.heard[first_heard:]
        return self

    def _on_event(self, event):
        self.events.append(event)
        if isinstance(event, Lost):
            self.away = True
        elif isinstance(event, Resumed | Restarted):
            self.away = False

    async def _step(self, session, step):
        match step:
            case Tell():
                await session.send_client_content(turns=user(step.text), turn_complete=False)
            case Ask():
                await session.send_client_content(turns=user(step.text))
                self.replies.append((step.reply, await self._listen(session)))
            case Say():
                await session.send_realtime_input(activity_start={})
                await self._speak(session, step)
                await session.send_realtime_input(activity_end={})
                await self._hear_out(session)
            case Speak():
                await self._speak(session, step)
                for _ in range(PAUSE):
                    await self._sound(session, SILENCE)
                await self._hear_out(session)
            case Hum():
                await self._speak(session, step)
            case Wait():
                await asyncio.sleep(step.seconds)

    async def _speak(self, session, step):
        for number in range(step.first, step.first + step.frames):
            if self.away:
                self.sure.append(number)
            await self._sound(session, frame(number))

    async def _sound(self, session, data):
        await session.send_realtime_input(audio={"data": data, "mime_type": "audio/pcm;rate=16000"})
        await asyncio.sleep(FRAME)

    async def _hear_out(self, session):
        """Listen to the reply to what was spoken, if one comes."""
        try:
            async with asyncio.timeout(PATIENCE):
                self.replies.append((HEARD, await self._listen(session)))
        except TimeoutError:
            self.replies.append((HEARD, None))

    async def _listen(self, session):
        said = ""
        while True:
            called = False
            async for message in session.receive():
                self.shown.append(message)
                content = message.server_content
                if content is not None and content.interrupted:
                    said = ""
                said += message.text or ""
                if message.tool_call is not None:
                    called = True
                    await self._run(session, message.tool_call.function_calls)
            if said or not called:
                return said
            # Where a call ends the turn, what answers its result is a turn of its own.

    async def _run(self, session, calls):
        responses = []
        for call in calls:
            await asyncio.sleep(self.tool_seconds)
            self.runs[_call_key(call.name, call.args)] += 1
            responses.append(
                {"id": call.id, "name": call.name, "response": {"done": call.args["table"]}}
            )
        await session.send_tool_response(function_responses=responses)

    # What came of it

    def problems(self):
        """Return in what the conversation differs from what must hold; nothing if it is whole."""
        found = []
        for check in (
            self._replies,
            self._interruptions,
            self._stream,
            self._known,
            self._tools,
            self._answers,
            self._audio,
            self._activity,
            self._spoken,
            self._honest,
        ):
            found += check()
        return found

    @property
    def lost(self):
        """How many connections were lost."""
        return sum(isinstance(event, Lost) for event in self.events)

    def _replies(self):
        """Check that every reply is shown once in full, but for one to sound that was lost."""
        for expected, said in self.replies:
            if said == expected:
                continue
            # Nothing of it may be left but the marks, whose turn ends with nothing said.
            lost_speech = expected == HEARD and not said and self.lost and not self.vertexai
            if not lost_speech:
                yield f"the caller was shown {said!r} for {expected!r}"

    def _interruptions(self):
        """Check that an interruption comes after a part of a reply, and only there.

        A call whose result is known is a part that is not shown: see `superfluous`.
        """
        hidden = self._calls() - sum(self.runs.values())
        if self.superfluous > hidden:
            yield f"{self.superfluous} interruptions where nothing had been shown"

    def _calls(self):
        return sum("toolCall" in message for c in self.connections for message in c.sent)

    @property
    def superfluous(self):
        """How many interruptions came where the caller had been shown nothing."""
        open_reply = False
        found = 0
        for message in self.shown:
            tokens = _shown_tokens(message)
            for token in tokens:
                if token[0] in {"text", "call"}:
                    open_reply = True
                elif token[0] == "end":
                    open_reply = False
                elif token[0] == "interrupted":
                    found += not open_reply
                    open_reply = False
        return found

    def _stream(self):
        """Check that what is shown is what the server sent, in order, each message once.

        Left out are the ends of lost calls, calls whose result is known, and the second replies to
        speech that was written again though its reply had been shown.
        """
        own = {"interrupted", "cancel"}
        shown = [
            tokens
            for tokens in map(_shown_tokens, self.shown)
            if tokens and not {token[0] for token in tokens} & own
        ]
        ran, answered = set(), set()
        ends = {0}
        covered = {None: None}
        for connection, log in zip(self._opened, self.tap.logs, strict=True):
            spoken, handles = self._spoken_turns(log, covered[connection.handle])
            covered |= handles
            repeated = len(answered & spoken.keys())
            answered |= {turn for turn, complete in spoken.items() if complete}
            sent = self._visible(connection, log, ran, repeated)
            reached = set()
            for start in ends:
                same = 0
                while (
                    same < len(sent)
                    and start + same < len(shown)
                    and sent[same] == shown[start + same]
                ):
                    same += 1
                if connection.close_code == 1006:
                    reached |= set(range(start, start + same + 1))
                elif same == len(sent) or start + same == len(shown):
                    reached.add(start + same)
            # The end of a turn that was lost between the reply and its own end.
            made_up = {place for place in reached if shown[place : place + 1] == [(("end",),)]}
            ends = reached | {place + 1 for place in made_up}
        if len(shown) not in ends:
            yield f"the caller was shown {shown}, the server sent {self._sent()}"

    def _spoken_turns(self, log, newest):
        """Return the spoken turns of a connection, and what its handles cover.

        Args:
            log: The log of the connection.
            newest: The newest frame that its session had heard before it.

        Returns:
            Of each turn that was marked, or whose reply began, by its last frame, whether it was
            answered; and by each handle the newest frame that it covers.
        """
        turns, covered = {}, {}
        turn = None
        written = [newest]
        for direction, *what in log:
            if direction == "in":
                tokens = _shown_tokens(what[0])
                says = [token[1] for token in tokens if token[0] == "text"]
                replied = any(HEARD.startswith(text) for text in says)
                if replied and turn is None and self.vertexai and self._is_of(written[-1], Speak):
                    turn = written[-1]
                    turns[turn] = False
                if turn is not None and ("end",) in tokens:
                    turns[turn], turn = True, None
                update = what[0].session_resumption_update
                if update is not None and update.new_handle:
                    index = update.last_consumed_client_message_index
                    covered[update.new_handle] = written[-1 if index is None else index]
                continue
            audio = what[0] == "send_realtime_input" and what[1].get("audio")
            written.append(next(iter(numbers([audio["data"]] if audio else [])), written[-1]))
            if what[0] == "send_realtime_input" and what[1].get("activity_end") is not None:
                # Marks may be all that is left of it: then it is none that was answered before.
                turn = written[-1] if len(set(written)) > 1 else None
                turns[turn] = False
        return turns, covered

    @property
    def _opened(self):
        """The connections whose setup was completed to the client."""
        opened = [connection for connection in self.connections if connection.session is not None]
        return opened[: len(self.tap.logs)]

    def _sent(self):
        return [[_wire_tokens(m) for m in c.sent[1:] if _wire_tokens(m)] for c in self._opened]

    def _visible(self, connection, log, ran, repeated):
        """Return what a connection sent, without what is hidden of it."""
        first = next((entry for entry in log if entry[0] == "out" and _is_error(entry)), None)
        closing = first is not None
        visible = []
        hides_end = False
        wire = [(_wire_tokens(message)) for message in connection.sent[1:]]
        said = [tokens for tokens in wire if {token[0] for token in tokens} - {"handle"}]
        empty = 1 if not closing else 2
        if connection.handle is not None and said[:empty] == [(("end",),)] * empty:
            # A session that answers nothing at first is asked once more.
            wire.remove((("end",),))
        for tokens in wire:
            kinds = {token[0] for token in tokens}
            if hides_end and kinds == {"end"}:
                hides_end = False
                continue
            if closing and kinds == {"end"}:
                closing = False
                continue
            if kinds & {"text", "call"}:
                closing = False
            if repeated and kinds & {"text", "end", "interrupted"}:
                repeated -= "end" in kinds
                continue
            if "call" in kinds:
                (call,) = (token for token in tokens if token[0] == "call")
                if call[2] in ran:
                    # Where a call ends its turn, the end of one that is not shown is not either.
                    hides_end = not PROFILES[self.profile].holds_turn
                    continue
                ran.add(call[2])
            if tokens:
                visible.append(tokens)
        return visible

    def _expected(self):
        """Return what the newest session must know: typed, said, and heard, without the tools."""
        expected = [(turn["role"], turn["parts"][0]["text"]) for turn in self.history]
        replies = iter(self.replies)
        for step in self.script:
            match step:
                case Tell():
                    expected.append(("user", step.text))
                case Ask():
                    next(replies)
                    expected += [("user", step.text), ("model", step.reply)]
                case Say() | Speak():
                    _, said = next(replies)
                    frames = range(step.first, step.first + step.frames)
                    expected += [("user", number) for number in frames]
                    if said:
                        expected.append(("model", said))
                case Hum():
                    frames = range(step.first, step.first + step.frames)
                    expected += [("user", number) for number in frames]
        return expected

    def _known(self):
        """Check that the model knows all once, in order; what was in doubt it may know twice."""
        known = [
            (role, numbers([value])[0] if isinstance(value, bytes) else value)
            for role, value in self.context
            if not isinstance(value, dict) and value != SILENCE
        ]
        expected = self._expected()
        if self.vertexai:
            # Speech that was answered is replayed in words, where somebody wrote them down; where
            # nobody did, an event says that it is lost.
            told = self._told()
            heard = {value for _, value in known}
            words = {words for words, _ in told}
            known = [(role, value) for role, value in known if value not in words]
            replaced = {number for _, frames in told for number in frames}
            expected = [
                (role, value)
                for role, value in expected
                if not isinstance(value, int)
                or value in heard
                or (self._whole and value not in replaced)
            ]
            if known != expected:
                yield f"the model knows {known}, and should {expected}"
            return
        # Sound that was on its way is lost where resumption is not transparent, or its words are
        # told in its place.
        told = {words for words, _ in self._told()}
        known = [(r, value) for r, value in known if not isinstance(value, int)]
        known = [(r, value) for r, value in known if value not in told]
        expected = [item for item in expected if not isinstance(item[1], int)]
        if known == expected:
            return
        doubts = self._doubts()
        last = {item: place for place, item in enumerate(known)}
        if not any(item == ("model", HEARD) for item in expected):
            deduplicated = [item for place, item in enumerate(known) if last[item] == place]
        else:
            # Replies to sound are all the same.
            deduplicated = [
                item
                for place, item in enumerate(known)
                if item == ("model", HEARD) or last[item] == place
            ]
        if deduplicated != expected:
            yield f"the model knows {known}, and should {expected}"
        for item, count in Counter(known).items():
            role, value = item
            times = expected.count(item)
            if role == "user" and count > times + doubts[value]:
                yield f"the model knows {value!r} {count} times, {doubts[value]} in doubt: {known}"

    def _doubts(self):
        """Return how often each text was in doubt when its connection was lost.

        It was if the handle came after it was written, and before any output.
        """
        doubts = Counter()
        seen = set()
        for log in self.tap.logs:
            pending, proven, doubtful, handle = [], set(), [], None
            for direction, *what in log:
                if direction == "out":
                    pending += _texts(*what)
                    continue
                (message,) = what
                tokens = _shown_tokens(message)
                # An end alone may be that of a session that waits on a call, and answers nothing.
                if any(token[0] in {"text", "call"} for token in tokens):
                    proven |= set(pending)
                update = message.session_resumption_update
                if update is not None and update.new_handle:
                    handle = update.new_handle
                    pending = [text for text in pending if text not in proven]
                    doubtful = list(pending)
            for text in doubtful:
                if (text, handle) not in seen:
                    seen.add((text, handle))
                    doubts[text] += 1
        return doubts

    def _tools(self):
        """Check that a tool runs once for each thing that is asked of it."""
        wanted = Counter(
            _call_key("book", {"for": step.text, "table": table})
            for step in self.script
            if isinstance(step, Ask)
            for table in range(step.calls)
        )
        if self.runs != wanted:
            yield f"the tools ran {dict(self.runs)}, and should {dict(wanted)}"

    def _answers(self):
        """Check that a result goes to who has asked for it, or closes a call that was lost.

        That is closed with its result where the session may have had it, and else with an error.
        """
        given = {None: set()}
        for connection, log in zip(self._opened, self.tap.logs, strict=True):
            asked, had = set(), set(given[connection.handle])
            for direction, *what in log:
                if direction == "in":
                    calls = what[0].tool_call.function_calls if what[0].tool_call else ()
                    asked |= {call.id or call.name for call in calls}
                    if what[0].session_resumption_update is not None:
                        given[what[0].session_resumption_update.new_handle] = set(had)
                elif what[0] == "send_tool_response":
                    for response in _responses(what[1]):
                        key, result = response["id"] or response["name"], response["response"]
                        if "error" in result:
                            wrong = key in asked
                        else:
                            wrong = key not in asked and (key, *result.items()) not in had
                        if wrong:
                            yield f"connection {connection.number} was sent {response}"
                        had.add((key, *result.items()))

    def _audio(self):
        """Check that no frame is heard twice or out of order, and none of an outage is missing."""
        heard = numbers(value for _, value in self.context)
        if heard != sorted(set(heard)):
            yield f"frames are heard as {heard}"
        if missing := set(self.sure) - set(heard):
            yield f"frames of an outage are missing: {sorted(missing)}"

    def _activity(self):
        """Check that on each connection an activity is begun before its sound, and ended once."""
        for number, group in itertools.groupby(self.heard, key=lambda item: item.connection):
            active = False
            for item in group:
                if item.kind == "activity_start":
                    if active:
                        yield f"connection {number}: an activity is begun twice"
                    active = True
                elif item.kind == "activity_end":
                    if not active:
                        yield f"connection {number}: an activity is ended that was not begun"
                    active = False
                elif item.kind == "audio" and not active:
                    for it in numbers([item.value]):
                        if not self._is_of(it, Hum | Speak):
                            yield f"connection {number}: frame {it} without an activity"

    def _is_of(self, number, kind):
        """Tell whether a frame is one of a kind of step; None is not."""
        return number is not None and any(
            isinstance(step, kind) and step.first <= number < step.first + step.frames
            for step in self.script
        )

    def _told(self):
        """Return the words of speech that the model was told, each with the frames in them."""
        return [
            (value, [int(number) for number in value.split()[1:]])
            for _, value in self.context
            if isinstance(value, str) and value.startswith("heard")
        ]

    def _spoken(self):
        """Check what became of each turn that was spoken without marks.

        It is known by its sound, or else by its words, and by both only where that was in doubt; it
        has a reply where words of it were seen; and where anything of it is missing, an event says
        that something is.
        """
        replies = iter(self.replies)
        heard = set(numbers(value for _, value in self.context))
        understood = self._understood()
        for step in self.script:
            if not isinstance(step, Ask | Say | Speak):
                continue
            _, said = next(replies)
            if not isinstance(step, Speak):
                continue
            frames = set(range(step.first, step.first + step.frames))
            told = [set(found) for _, found in self._told() if frames & set(found)]
            if told and self.vertexai and said != HEARD:
                yield f"{step} was told as {told}, though its sound need not be lost"
            if len(told) + (frames <= heard) > 1 and not self._may_be_known(frames):
                yield f"{step} is known as {sorted(frames & heard)} and as {told}"
            missing = frames - heard - set().union(*told)
            if missing and self._whole:
                yield f"{sorted(missing)} of {step} are missing, and no event says so"
            if said != HEARD and self._whole:
                yield f"{step} has no reply, and no event says so"
            if said != HEARD and understood & frames:
                yield f"{step} has no reply, though its words were seen"

    def _understood(self):
        """Return the last frame of each turn whose words the client has seen.

        Where the silence after a turn is lost, the next one is heard as a part of it.
        """
        texts = [
            entry[1].server_content.input_transcription.text
            for log in self.tap.logs
            for entry in log
            if entry[0] == "in"
            and entry[1].server_content is not None
            and entry[1].server_content.input_transcription is not None
        ]
        return {int(text.split()[-1]) for text in texts}

    def _honest(self):
        """Check that nothing is said to be lost where resumption is transparent.

        But for speech that was answered, and of which nobody has the words.
        """
        spoken = any(isinstance(step, Speak) for step in self.script)
        if spoken and self.vertexai and self.transcription and not self._whole:
            yield f"something is said to be lost: {self.events}"

    @property
    def _whole(self):
        """Whether no event says that something is lost."""
        returns = [event for event in self.events if isinstance(event, Resumed | Restarted)]
        return all(event.continuity.whole for event in returns)

    def _may_be_known(self, frames):
        """Tell whether a handle came that covers some of the sound, before the reply to it."""
        for log in self.tap.logs:
            written = False
            for direction, *what in log:
                if direction == "out" and what[0] == "send_realtime_input":
                    audio = what[1].get("audio")
                    written |= audio is not None and bool(frames & set(numbers([audio["data"]])))
                elif direction == "in" and written:
                    update = what[0].session_resumption_update
                    if update is not None and update.new_handle:
                        return True
                    if any(token[0] == "text" for token in _shown_tokens(what[0])):
                        break
        return False


def _call_key(name, arguments):
    return name, tuple(sorted(arguments.items()))


def _responses(arguments):
    responses = arguments["function_responses"]
    if not isinstance(responses, list):
        responses = [responses]
    return [r if isinstance(r, dict) else r.model_dump() for r in responses]


def _is_error(entry):
    _, name, arguments = entry
    return name == "send_tool_response" and any(
        "error" in response["response"] for response in _responses(arguments)
    )


def _texts(name, arguments):
    """Return the user's texts in a client message."""
    if name == "send_client_content":
        turns = arguments.get("turns") or []
        turns = turns if isinstance(turns, list) else [turns]
        return [turn["parts"][0]["text"] for turn in turns if turn["role"] == "user"]
    return [arguments["text"]] if arguments.get("text") else []


def _shown_tokens(message):
    """Reduce a message of the SDK's to what matters of it."""
    tokens = []
    content = message.server_content
    if content is not None:
        tokens += [("text", message.text)] if message.text else []
        tokens += [("interrupted",)] if content.interrupted else []
        tokens += [("end",)] if content.turn_complete else []
    if message.tool_call is not None:
        tokens += [
            ("call", call.id, _call_key(call.name, call.args))
            for call in message.tool_call.function_calls
        ]
    if message.tool_call_cancellation is not None:
        tokens.append(("cancel", *message.tool_call_cancellation.ids))
    if message.session_resumption_update is not None:
        tokens.append(("handle", message.session_resumption_update.new_handle))
    return tuple(tokens)


def _wire_tokens(message):
    """Reduce a message on the wire to the same."""
    tokens = []
    content = message.get("serverContent", {})
    for part in content.get("modelTurn", {}).get("parts", []):
        tokens.append(("text", part["text"]))
    tokens += [("interrupted",)] if content.get("interrupted") else []
    tokens += [("end",)] if content.get("turnComplete") else []
    tokens += [
        ("call", call.get("id"), _call_key(call["name"], call["args"]))
        for call in message.get("toolCall", {}).get("functionCalls", [])
    ]
    if "toolCallCancellation" in message:
        tokens.append(("cancel", *message["toolCallCancellation"]["ids"]))
    if "sessionResumptionUpdate" in message:
        tokens.append(("handle", message["sessionResumptionUpdate"].get("newHandle")))
    return tuple(tokens)


def server_for(profile, script=(), **options):
    """Return an emulator whose times leave no two things to happen at once.

    Args:
        profile: Its profile.
        script: What will be played on it: it listens for speech if any is spoken without marks.
        **options: More of it.
    """
    options.setdefault("vad", any(isinstance(step, Speak) for step in script))
    options.setdefault("transcriber", words_of)
    options.setdefault("chunk_delay", 0.05)
    options.setdefault("handle_delay", 0.15)
    return LiveServer(model, profile=profile, **options)


def cuts(counts):
    """Return every moment of a connection at which it can be cut.

    Args:
        counts: How many messages the server has sent, and received, in an undisturbed run.
    """
    sent, received = counts
    moments = [{"after_sent": number} for number in range(sent + 1)]
    for number in range(1, received + 1):
        moments.append({"after_received": number, "processed": False})
        moments.append({"after_received": number, "processed": True})
    return moments


async def measure(script, *, profile, vertexai, **options):
    """Return how many messages the server sends, and receives, in an undisturbed run."""
    async with server_for(profile, script) as server:
        play = Play(script, profile=profile, vertexai=vertexai, **options)
        await play.on(server)
        found = play.problems()
        assert not found, found
        (connection,) = play.connections
        return len(connection.sent) - 1, len(connection.received)


async def play_each(cases, script, *, profile, vertexai, **options):
    """Play a script once for each case, on one server; return what went wrong, with its case.

    Args:
        cases: The faults of the dials, by the name of the case.
        script: The steps.
        profile: The emulator's.
        vertexai: Whether the client speaks the Vertex dialect.
        **options: More of `Play`.
    """
    failures = []
    with loops.quickly():
        async with server_for(profile, script) as server:
            live = server.client(vertexai=vertexai).aio.live
            for name, faults in cases.items():
                dialled = len(server.connections)
                server.plan(*faults)
                play = Play(script, profile=profile, vertexai=vertexai, **options)
                try:
                    async with asyncio.timeout(LONGEST):
                        await play.on(server, live=live)
                    found = play.problems()
                except Exception as error:
                    found = [f"it raised {error!r}"]
                # Faults of dials that were not needed are not for the next case.
                rest = dialled + len(faults) - len(server.connections)
                for _ in range(rest):
                    await _use_up(live)
                failures += [f"{name}: {problem}" for problem in found]
    return failures


async def _use_up(live):
    """Dial once, for the fault that is planned."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1), live.connect(model=MODEL, config=TEXT):
            pass


def each_cut(counts, kinds):
    """Return a case for every moment of the first connection, and each of the ways to cut it.

    Args:
        counts: What `measure` returned.
        kinds: The names of the cuts.
    """
    return {
        f"{kind} {_moment(when)}": [CUTS[kind](**when)] for kind in kinds for when in cuts(counts)
    }


def each_moment(counts):
    """Return a case for every moment of the first connection, and the ways to cut it in turn.

    Args:
        counts: What `measure` returned.
    """
    ways = itertools.cycle(CUTS)
    return {
        f"{kind} {_moment(when)}": [CUTS[kind](**when)]
        for kind, when in zip(ways, cuts(counts), strict=False)
    }


def _moment(when):
    return ", ".join(f"{name}={value}" for name, value in when.items())


async def sweep(script, *, profile, vertexai, kinds, **options):
    """Cut a conversation at every moment, in each of some ways; return what went wrong.

    Args:
        script: The steps.
        profile: The emulator's.
        vertexai: Whether the client speaks the Vertex dialect.
        kinds: The names of the cuts.
        **options: More of `Play`.
    """
    counts = await measure(script, profile=profile, vertexai=vertexai, **options)
    cases = each_cut(counts, kinds)
    return await play_each(cases, script, profile=profile, vertexai=vertexai, **options)
