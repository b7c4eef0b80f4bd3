"""What the tests of the session have in common: asking, listening, counting."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from reconnect import Limit, ReconnectPolicy, ResumableSession
from reconnect.testing import PROFILES, Call

TEXT = {"response_modalities": ["TEXT"]}
SPOKEN = {
    "response_modalities": ["AUDIO"],
    "input_audio_transcription": {},
    "output_audio_transcription": {},
}
MODEL = "gemini-live"


def session_on(server, **options):
    """Return a session on an emulator; `options` go to ResumableSession.

    It speaks the dialect of the emulator's profile, unless `vertexai` says which.
    """
    vertexai = options.pop("vertexai", None)
    options.setdefault("model", MODEL)
    options.setdefault("config", TEXT)
    options.setdefault("draw", lambda: 0.5)
    live = options.pop("live", None) or server.client(vertexai=vertexai).aio.live
    return ResumableSession(live, **options)


def user(text):
    """Return a text as a turn of the user's."""
    return {"role": "user", "parts": [{"text": text}]}


async def ask(session, text):
    """Ask and return the reply; what an interruption takes back is dropped, as players do."""
    await session.send_client_content(turns=user(text))
    return await reply(session)


async def reply(session):
    """Return the text of one turn."""
    said = ""
    async for message in session.receive():
        if message.server_content and message.server_content.interrupted:
            said = ""
        said += message.text or ""
    return said


async def settled():
    """Wait until the handle that covers the last turn has come."""
    await asyncio.sleep(1)


def asked(server):
    """Return the texts of the turns that the model received, over all connections."""
    return [heard.value for heard in server.heard if heard.kind == "turn"]


def remembered(server):
    """Return the user's texts in the newest session's context."""
    return [known.value for known in server.context if known.role == "user"]


def handles(server):
    """Return the handle each dial was opened with; None for a fresh one."""
    return [connection.handle for connection in server.connections]


QUICK = ReconnectPolicy(base=0.1, cap=1.0)
READY = QUICK.replace(without_handle="restart")
"""It begins a new session where no handle has come yet."""


def kinds(events):
    """Return the types of events, in order."""
    return [type(event) for event in events]


def heard_on(server, number):
    """Return what the model received on a connection, each with its kind; without the audio."""
    return [
        (heard.kind, heard.value)
        for heard in server.heard
        if heard.connection == number and heard.kind != "audio"
    ]


def results_on(server, number):
    """Return the results that were sent on a connection, each with the name of its tool."""
    return [
        (value["name"], value["response"].get("result", "lost"))
        for kind, value in heard_on(server, number)
        if kind == "tool_response"
    ]


def known(server):
    """Return what the newest session knows, but for calls and results: who said what."""
    return [(said.role, said.value) for said in server.context if isinstance(said.value, str)]


def asks_on(server, number):
    """Return what was asked on a connection."""
    return [said for said in heard_on(server, number) if said[0] in {"turn", "text", "ask_on"}]


def ends_on(server, number):
    """Return how many turns the server has ended on a connection."""
    sent = server.connections[number - 1].sent
    return sum("turnComplete" in message.get("serverContent", {}) for message in sent)


async def until(condition):
    """Wait until something is true."""
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110 (the server has no event for it)
            await asyncio.sleep(0.01)


# The emulator as it was recorded

SLOW = {"chunk_delay": 0.1}
"""The test sees each message before the next one is sent."""

SPEECH = SLOW | {"vad": True, "transcriber": lambda speech: "what time?"}

NAMES = {
    "3.1": "gemini-3.1-flash-live-preview",
    "3.8": "gemini-3.8-live",
    "transcribe": "gemini-transcribe-live",
    "translate": "gemini-live-translate",
}
"""What the models are called that are known by their names."""

MIDST = replace(PROFILES["3.8"], updates=PROFILES["3.8"].updates | {"output"})
"""3.8 whose handles come after the first word too: users saw them come in the midst of a turn."""


def one_by_one(*replies):
    """Return a model that gives these replies, one each time it is asked, and the last for ever."""
    left = list(replies)
    return lambda question: left.pop(0) if len(left) > 1 else left[0]


def replying(replies):
    """Return a model that replies to what was said since its last word; turns are joined by +."""

    def model(question):
        return replies["+".join(text for text in question.open if isinstance(text, str))]

    return model


def meteorologist(question):
    """Call for the weather in Oslo, and tell it once it is known."""
    answered = any(isinstance(part, dict) for part in question.open)
    return "it rains" if answered else Call("weather", {"city": "Oslo"})


FEW = Limit(messages=10, bytes=2**20, full="raise")
"""Room for so little that it is soon used up."""


def sound(number):
    """Return 20 ms of audio that is not silent."""
    return bytes([number, 1]) * 320


def blob(number, *, silent=False):
    """Return it, or silence, as it is sent."""
    return {"data": bytes(640) if silent else sound(number), "mime_type": "audio/pcm;rate=16000"}


async def hum(session, frames):
    """Speak for so many frames of 20 ms."""
    for number in range(frames):
        await session.send_realtime_input(audio=blob(number % 200))
        await asyncio.sleep(0.02)


async def speak(session, *, marks):
    """Speak a turn, with marks or with the silence that ends it."""
    if marks:
        await session.send_realtime_input(activity_start={})
    await hum(session, 3)
    if marks:
        await session.send_realtime_input(activity_end={})
    for _ in range(0 if marks else 6):
        await session.send_realtime_input(audio=blob(0, silent=True))


# A caller that listens all the time

LONG = 60.0
"""Seconds after which what is waited for will not come."""


class Caller:
    """A caller that reads on and on, and notes what it is shown.

    What is shown is words, as they are, and ``audio``, ``thought``, ``code``,
    ``interrupted``, ``whole``, ``end``, ``handle``, ``call`` and ``cancelled``; what is empty is
    left out.

    Args:
        session: The session.
        results: What the tools return at once, by their names; others are answered by the test.
    """

    def __init__(self, session, results):
        self.shown = []
        self.replies = []
        self.calls = []
        self._session = session
        self._results = results
        self._news = asyncio.Event()

    async def listen(self):
        """Read turn by turn. What an interruption takes back is no part of a reply."""
        while True:
            self._said = ""
            async for message in self._session.receive():
                self._note(message)
                self._news.set()
                if message.tool_call is not None:
                    await self._run(message.tool_call.function_calls)
            self.replies.append(self._said)
            self._news.set()

    def _note(self, message):
        content = message.server_content
        if content is not None:
            for part in (content.model_turn and content.model_turn.parts) or ():
                if part.thought or not (part.text or part.inline_data):
                    self.shown.append("thought" if part.thought else "code")
                else:
                    self.shown.append(part.text or "audio")
                    self._said += part.text or ""
            if content.output_transcription is not None and content.output_transcription.text:
                self.shown.append(content.output_transcription.text)
                self._said += content.output_transcription.text
            if content.interrupted:
                self.shown.append("interrupted")
                self._said = ""
            if content.generation_complete:
                self.shown.append("whole")
            if content.turn_complete:
                self.shown.append("end")
        update = message.session_resumption_update
        if update is not None and update.resumable:
            self.shown.append("handle")
        if message.tool_call is not None:
            self.shown.append("call")
            self.calls += message.tool_call.function_calls
        if message.tool_call_cancellation is not None:
            self.shown.append("cancelled")

    async def _run(self, calls):
        run = [call for call in calls if call.name in self._results]
        if run:
            await self.answer(*((call, self._results[call.name]) for call in run))

    async def answer(self, *results):
        """Send the results of tool calls, each a pair of the call and its result."""
        await self._session.send_tool_response(
            function_responses=[
                {"id": call.id, "name": call.name, "response": {"result": result}}
                for call, result in results
            ]
        )

    async def until(self, token, times=1):
        """Wait until something has been shown so many times."""
        await self._until(self.shown, token, times)

    async def told(self, reply, times=1):
        """Wait until a reply has come whole so many times, and its turn has ended."""
        await self._until(self.replies, reply, times)

    async def _until(self, noted, value, times):
        try:
            async with asyncio.timeout(LONG):
                await self.sees(lambda: noted.count(value) >= times)
        except TimeoutError:
            pytest.fail(f"no {value!r} after {self.shown}")

    async def sees(self, condition):
        """Wait until something is true of what has been shown."""
        while not condition():
            self._news.clear()
            await self._news.wait()


@contextlib.asynccontextmanager
async def listening(session, **results):
    """Listen on a session for as long as the block lasts."""
    caller = Caller(session, results)
    task = asyncio.create_task(caller.listen())
    try:
        yield caller
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
