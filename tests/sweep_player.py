"""Plays a random conversation: an ordinary caller, with one task that reads and one that speaks.

What happened is in the `Play`: all that the caller saw and did, in order, and what the server knows
in the end. The caller knows nothing of connections; it answers tool calls by their ids, or in their
order where they have none, and stops at what it is told to.
"""

from __future__ import annotations

import asyncio
import contextlib

import loops
from sweep_clock import Distant
from sweep_play import Entry, Play
from sweep_script import Context, Stream, Turn, Update
from sweep_words import SILENCE, Transcriber, context, frame, instruction, model_of, typed, words_in
from talk import user

from reconnect import GaveUp, ReconnectPolicy, ResumableSession
from reconnect.testing import LiveServer

FRAME = 0.02
"""Seconds of audio in a frame."""

PAUSE = 7
"""Frames of silence that are sent after speech: five end it."""

PATIENCE = 30.0
"""Seconds without a loss within which whoever waits must have what it waits for."""

LONGEST = 600.0
"""Seconds that a conversation may take."""

CLOSING = 11.0
"""Seconds until a socket is closed whose server acknowledges nothing: websockets waits for ten."""

SETTLING = 30.0
"""Seconds after the last reply: a stall is noticed after fourteen."""

POLICY = ReconnectPolicy(base=0.1, cap=1.0, without_handle="restart")


async def play(conversation):
    """Play a conversation on a server of its own, and return what came of it.

    Args:
        conversation: The conversation.
    """
    server = LiveServer(
        model_of(conversation),
        profile=conversation.traits,
        vad=True,
        transcriber=Transcriber(),
        chunk_delay=0.05,
        handle_delay=0.04,
    )
    with loops.quickly():
        async with server:
            return await _Caller(conversation, server).play()


class _Running:
    """A tool that runs.

    Args:
        call: The call, as the SDK gives it.
    """

    def __init__(self, call):
        self.call = call
        self.key = call.id or call.name
        self.turn, self.place = call.args["turn"], call.args["call"]
        # Whether the caller was told that nobody waits for it.
        self.left = False

    def result(self):
        """Return its result."""
        response = {"turn": self.turn, "call": self.place}
        result = {"name": self.call.name, "response": response}
        return result | ({"id": self.call.id} if self.call.id else {})


class _Caller:
    def __init__(self, conversation, server):
        self._conversation = conversation
        self._server = server
        self._play = Play(conversation)
        self._changed = asyncio.Event()
        self._tools = set()
        self._running = []
        # The newest step that has begun.
        self._newest = -1
        # Where calls have no ids, their results go out in their order.
        self._order = asyncio.Lock()

    async def play(self):
        """Play it through, and return what came of it."""
        async with asyncio.timeout(LONGEST):
            keepalive = {"ping_interval": 2.0, "ping_timeout": 2.0}
            live = self._server.client(async_client_args=keepalive).aio.live
            if self._conversation.latency:
                live = Distant(live, self._conversation.latency)
            session = ResumableSession(
                live,
                model=self._conversation.model,
                config=self._config(),
                policy=POLICY,
                on_event=self._on_event,
                setup_timeout=3.0,
                draw=lambda: 0.5,
            )
            async with session:
                reader = asyncio.create_task(self._read(session))
                await self._speak(session)
                self._play.context = self._server.context
                reader.cancel()
                await asyncio.wait({reader})
        await asyncio.sleep(CLOSING)
        self._play.connections = self._server.connections
        self._play.heard = self._server.heard
        self._play.left = [
            task.get_name()
            for task in asyncio.all_tasks()
            if task.get_name().startswith("reconnect")
        ]
        for task in self._tools:
            task.cancel()
        return self._play

    def _config(self):
        conversation = self._conversation
        config = {"response_modalities": ["AUDIO" if conversation.spoken else "TEXT"]}
        if conversation.spoken:
            config["output_audio_transcription"] = {}
        if conversation.heard:
            config["input_audio_transcription"] = {}
        if conversation.traits.stream != "none":
            return config
        if conversation.marks:
            detection = {"automatic_activity_detection": {"disabled": True}}
            config["realtime_input_config"] = detection
        if conversation.transparent is not None:
            config["session_resumption"] = {"transparent": conversation.transparent}
        declared = [
            {"name": name} | ({"behavior": behavior} if behavior else {})
            for name, behavior in conversation.behaviors.items()
        ]
        config["tools"] = [{"function_declarations": declared}]
        return config

    # What it sees

    def _log(self, kind, value=None):
        self._play.log.append(Entry(asyncio.get_running_loop().time(), kind, value))
        self._changed.set()

    def _on_event(self, event):
        self._log("event", event)

    async def _read(self, session):
        try:
            while True:
                async for message in session.receive():
                    self._see(session, message)
        except Exception as error:
            self._log("raised", error)

    def _see(self, session, message):
        content = message.server_content
        if message.tool_call_cancellation is not None:
            ids = message.tool_call_cancellation.ids or []
            self._log("cancel", ids)
            self._stop(ids)
        if content is not None:
            if words := _words_of(content):
                self._log("words", words_in(words))
            if content.interrupted:
                self._log("interrupted")
            if content.generation_complete:
                self._log("generated")
            if content.turn_complete:
                self._log("end")
        if message.tool_call is not None:
            calls = message.tool_call.function_calls
            for call in calls:
                self._log("call", (call.args["turn"], call.args["call"]))
            groups = [calls] if self._conversation.together else [[call] for call in calls]
            for group in groups:
                running = [_Running(call) for call in group]
                self._running += running
                task = asyncio.create_task(self._run(session, running))
                self._tools.add(task)
                task.add_done_callback(self._tools.discard)

    # What it does

    def _stop(self, keys):
        """Leave the tools that nobody waits for: the oldest of each id, or of each name."""
        for key in keys:
            found = next((it for it in self._running if it.key == key), None)
            if found is not None:
                found.left = True
                self._running.remove(found)

    async def _run(self, session, tools):
        """Run the tools of a message, and give their results in one response."""
        turn = self._conversation.turns[tools[0].turn]
        in_order = self._order if tools[0].call.id is None else contextlib.nullcontext()
        async with in_order:
            for tool in tools:
                await asyncio.sleep(turn.tools[tool.place].seconds)
            results = []
            for tool in tools:
                if not tool.left:
                    self._running.remove(tool)
                    self._log("result", (tool.turn, tool.place))
                    results.append(tool.result() | self._scheduling(turn))
            try:
                if results:
                    await session.send_tool_response(function_responses=results)
            except Exception as error:
                self._log("raised", error)

    def _scheduling(self, turn):
        """Return the scheduling of a result: nothing interrupts what was asked since."""
        if turn.scheduling == "INTERRUPT" and self._newest > turn.number:
            return {"scheduling": "WHEN_IDLE"}
        return {"scheduling": turn.scheduling} if turn.scheduling else {}

    async def _speak(self, session):
        for step in self._conversation.steps:
            self._disturb(step)
            try:
                async with asyncio.timeout(2 * PATIENCE):
                    await self._say(session, step)
            except TimeoutError:
                self._log("hang", f"to send {step}")
            except Exception as error:
                self._log("raised", error)
            if isinstance(step, Turn):
                await self._wait(session, step)
            if any(isinstance(event, GaveUp) for event in self._play.of("event")):
                return
        await asyncio.sleep(SETTLING)

    def _disturb(self, step):
        for trouble in self._conversation.troubles:
            if trouble.step != step.number:
                continue
            if trouble.rejects:
                self._server.reject_handles()
            if trouble.outage:
                self._server.outage(trouble.outage)
            if trouble.fault is not None:
                try:
                    self._server.inject(trouble.fault)
                except RuntimeError:
                    self._server.plan(trouble.fault)
            self._server.plan(*trouble.dials)

    async def _say(self, session, step):
        conversation = self._conversation
        self._log("sent", step.number)
        self._newest = step.number
        match step:
            case Turn(frames=0) if conversation.content:
                await session.send_client_content(turns=user(typed(step.number)))
            case Turn(frames=0):
                await session.send_realtime_input(text=typed(step.number))
            case Turn():
                await self._talk(session, step)
            case Context():
                turns = user(context(step.number))
                await session.send_client_content(turns=turns, turn_complete=False)
            case Update():
                await session.send_context_update(system_instruction=instruction(step.number))
            case Stream():
                for place in range(step.frames):
                    await self._sound(session, frame(step.number, place))
                await self._pause(session, step.silence)
        self._log("said", step.number)

    async def _talk(self, session, turn):
        if self._conversation.marks:
            await session.send_realtime_input(activity_start={})
        for place in range(turn.frames):
            await self._sound(session, frame(turn.number, place))
        if self._conversation.marks:
            await session.send_realtime_input(activity_end={})
        else:
            await self._pause(session, PAUSE)

    async def _pause(self, session, frames):
        for _ in range(frames):
            await self._sound(session, SILENCE)

    async def _sound(self, session, data):
        await session.send_realtime_input(audio={"data": data, "mime_type": "audio/pcm;rate=16000"})
        await asyncio.sleep(FRAME)

    # What it waits for

    async def _wait(self, session, turn):
        match turn.then:
            case "nothing":
                return
            case "pause":
                await asyncio.sleep(turn.pause)
                return
            case "begun":
                found = await self._until(session, turn, self._begun)
            case "whole":
                found = await self._until(session, turn, self._whole)
            case _:
                found = await self._until(session, turn, self._over)
        if not found:
            self._log("hang", turn.number)
        elif turn.then == "settled":
            await asyncio.sleep(1.0)

    def _begun(self, turn):
        words = [word for words in self._play.of("words") for word in words]
        called = any(number == turn.number for number, _ in self._play.of("call"))
        return called or any(number == turn.number for number, _, _ in words)

    def _whole(self, turn):
        words = [word for words in self._play.of("words") for word in words]
        return (turn.number, turn.words - 1, True) in words

    def _over(self, turn):
        last = (turn.number, turn.words - 1, True)
        seen = False
        for entry in self._play.log:
            if entry.kind == "words" and last in entry.value:
                seen = True
            elif entry.kind == "end" and seen:
                return True
        return False

    async def _until(self, session, turn, found):
        """Wait until something is seen; return whether it was, within what it may take.

        A microphone that is not switched off goes on: so it is while the reply to speech without
        marks is waited for.
        """
        loop = asyncio.get_running_loop()
        goes_on = turn.frames and not self._conversation.marks
        takes = sum(tool.seconds for tool in turn.tools)
        began = loop.time()
        while not found(turn):
            events = [entry.time for entry in self._play.log if entry.kind == "event"]
            last = max([began, *events])
            until = last + takes + PATIENCE
            if loop.time() >= until or self._play.of("raised"):
                return False
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(until, loop.time() + 1.0) if goes_on else until):
                    await self._changed.wait()
            if goes_on and not self._begun(turn):
                await self._pause(session, PAUSE)
        return True


def _words_of(content):
    """Return what the model says in a message: in a text, or in the transcription of audio."""
    parts = content.model_turn.parts or () if content.model_turn is not None else ()
    said = content.output_transcription
    return "".join(part.text or "" for part in parts) + ((said and said.text) or "")
