"""A conversation on an emulator, through a framework: what the scenarios are played on."""

import abc
import asyncio
from dataclasses import dataclass, field
from typing import Any

from google.genai import types

from frameworks.listener import Listener, plain
from frameworks.model import FRAME_SECONDS, answers, remembered, speech
from reconnect.testing import PROFILES, Abort, Close, GoAway, LiveServer

MODELS = {
    "2.5": "gemini-2.5-flash-native-audio-preview-12-2025",
    "3.8": "gemini-3.8-live",
    "2.5-vertex": "gemini-live-2.5-flash",
}
"""The model of each profile that the frameworks are tried with, by the name they know it by."""

COLUMNS = ("bare", "client")
"""The framework on the SDK's client, and on `ResumableClient`."""

KEY = "test-key"

AFTERWARDS = 30.0
"""Seconds after the end in which no connection may follow."""

SETTLING = 4.0
"""Seconds after a reply until its handle has come, and the turn of every model is over."""


def arguments_for(server: LiveServer, profile: str, key: str = KEY) -> dict[str, Any]:
    """Return what a client of an emulator is made with.

    Args:
        server: The emulator.
        profile: Its profile.
        key: The API key.
    """
    options = types.HttpOptions(
        base_url=server.url,
        client_args={"verify": server.ssl},
        async_client_args={"ssl": server.ssl},
    )
    vertexai = PROFILES[profile].backend == "vertex"
    return {"api_key": key, "vertexai": vertexai, "http_options": options}


@dataclass(frozen=True)
class Setting:
    """What an app is made with.

    Args:
        column: Which of `COLUMNS`.
        model: The model's name.
        arguments: What the client is made with: the key and the HTTP options.
        vertexai: Whether it speaks the Vertex dialect.
    """

    column: str
    model: str
    arguments: dict[str, Any]

    @property
    def http_options(self) -> types.HttpOptions:
        """The options that lead to the emulator."""
        options: types.HttpOptions = self.arguments["http_options"]
        return options


class App(abc.ABC):
    """An app on a framework, as its users write one.

    Args:
        setting: What it is made with.
        listener: Its user.
    """

    framework: str

    tool_seconds = 1.0
    """How long its tool takes."""

    def __init__(self, setting: Setting, listener: Listener) -> None:
        self.setting = setting
        self.listener = listener

    @abc.abstractmethod
    async def open(self) -> None:
        """Begin the conversation."""

    @abc.abstractmethod
    async def ask(self, text: str) -> None:
        """Let the user ask something, in the framework's own way."""

    @abc.abstractmethod
    async def speak(self, frame: bytes) -> None:
        """Let the microphone take in a frame."""

    @abc.abstractmethod
    async def close(self) -> None:
        """End the conversation in the framework's own way, and wait until it is over."""

    def recorded(self) -> list[str] | None:
        """Return the replies that the framework's own record holds as whole.

        Return None where it does not tell these from those that were cut.
        """
        return None

    async def lookup(self) -> dict[str, str]:
        """Run the tool: the same for all frameworks."""
        self.listener.run("lookup")
        await asyncio.sleep(self.tool_seconds)
        return {"found": "yes"}


@dataclass
class Stage:
    """What a scenario is played on.

    Args:
        server: The emulator.
        app: The app.
        listener: Its user.
        asked: What the user has asked.
    """

    server: LiveServer
    app: App
    listener: Listener
    asked: list[str] = field(default_factory=list)

    async def say(self, text: str) -> None:
        """Ask, and wait for nothing."""
        self.asked.append(text)
        await self.app.ask(text)

    async def speak(self, text: str) -> None:
        """Ask aloud, and wait for nothing."""
        self.asked.append(text)
        for frame in speech(text):
            await self.app.speak(frame)
            await asyncio.sleep(FRAME_SECONDS)

    async def ask(self, text: str) -> None:
        """Ask, and wait for the reply to its end, and until a handle covers it."""
        await self.say(text)
        await self.answered()

    async def answered(self) -> None:
        """Wait until all that was asked is answered."""
        count = len(self.asked)
        await self.listener.until(
            lambda: len(self.listener.whole) >= count or self.listener.fault,
            f"the answer to {self.asked[-1]!r}",
        )
        await asyncio.sleep(SETTLING)

    async def replying(self) -> None:
        """Wait until the reply has begun."""
        await self.listener.until(
            lambda: self.listener.speaking or self.listener.fault, "the first word of the reply"
        )

    async def working(self) -> None:
        """Wait until the tool runs."""
        await self.listener.until(lambda: self.listener.runs or self.listener.fault, "the tool")

    def go_wrong(self, fault: Close | Abort | GoAway) -> None:
        """Let a fault act on the open connection, unless the conversation has ended before."""
        if self.listener.fault is None:
            self.server.inject(fault)

    # What is to be held against it

    def complaints(self, taken_back: int) -> list[str]:
        """Return what is wrong with the conversation up to here, a sentence each; none if it held.

        Args:
            taken_back: How many replies the user must have been made to drop.
        """
        found = []
        expected, whole = answers(self.asked), self.listener.whole
        if whole != expected:
            found.append(f"the replies that stand are {whole}, not {expected}")
        left = [reply.words for reply in self.listener.replies if reply.state == "open"]
        if left:
            found.append(f"replies were left open: {left}")
        dropped = [reply.words for reply in self.listener.replies if reply.state == "taken back"]
        if len(dropped) != taken_back:
            found.append(f"{len(dropped)} replies were taken back, not {taken_back}: {dropped}")
        recorded = self.app.recorded()
        if recorded is not None and [plain(words) for words in recorded] != expected:
            found.append(f"the framework has recorded {recorded}")
        if any(reply.state == "whole" and not reply.audio for reply in self.listener.replies):
            found.append("a reply was shown and not heard")
        calls = sum(text.startswith("call ") for text in self.asked)
        if len(self.listener.runs) != calls:
            found.append(f"the tool ran {len(self.listener.runs)} times for {calls} calls")
        known = [
            known.value
            for known in remembered(self.server.context)
            if known.role == "user" and isinstance(known.value, str)
        ]
        if list(dict.fromkeys(known)) != self.asked:
            found.append(f"the model knows the questions {known}, not {self.asked}")
        if len(known) - len(self.asked) > self.listener.maybe_twice:
            found.append(f"questions were asked twice, and no event says so: {known}")
        if self.listener.fault is not None:
            found.append(f"the framework reports {self.listener.fault!r}")
        return found

    async def finish(self) -> list[str]:
        """Close the app, and return what is wrong with its end."""
        found = []
        fault = self.listener.fault
        try:
            async with asyncio.timeout(AFTERWARDS):
                await self.app.close()
        except TimeoutError:
            found.append(f"it did not close within {AFTERWARDS:g} s")
        connections = len(self.server.connections)
        await asyncio.sleep(AFTERWARDS)
        if len(self.server.connections) != connections:
            found.append("it connected again after it was closed")
        if any(connection.closed_at is None for connection in self.server.connections):
            found.append("it left a connection open")
        if self.listener.fault is not fault:
            found.append(f"to close it is an error: {self.listener.fault!r}")
        return found
