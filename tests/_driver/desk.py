"""A writer with all that it needs, driven by hand: what is written, when, and what is told."""

import asyncio
import contextlib
from collections import deque

from google.genai import types
from messages import turn
from talk import MODEL
from websockets.exceptions import ConnectionClosedError

from reconnect import ResumableSession
from reconnect._conversation.conversation import Conversation
from reconnect._conversation.exchanges import ANSWER, CONTENT, REALTIME
from reconnect._conversation.limits import MEDIA
from reconnect._conversation.media import Media
from reconnect._conversation.outbox import Outbox
from reconnect._driver.connection import Connection
from reconnect._driver.sender import Sender
from reconnect._driver.writer import Writer

CLOSED = ConnectionClosedError(None, None)
STALL_TIMEOUT = 10.0


class OneSession:
    """Something to dial with, and its session: it notes what is written, or fails, or waits."""

    def __init__(self):
        self.written = []
        # What the next writes raise; and what all of them wait for before.
        self.errors = deque()
        self.room = asyncio.Event()
        self.room.set()
        # Seconds that each write takes.
        self.pace = 0.0
        self.tasks = []

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        yield self

    async def _write(self, method, arguments):
        self.tasks.append(asyncio.current_task())
        await asyncio.sleep(self.pace)
        await self.room.wait()
        if self.errors:
            raise self.errors.popleft()
        self.written.append((method, arguments))

    async def send_client_content(self, **arguments):
        await self._write(CONTENT, arguments)

    async def send_realtime_input(self, **arguments):
        await self._write(REALTIME, arguments)

    async def send_tool_response(self, **arguments):
        await self._write(ANSWER, arguments)

    def abort(self):
        """Raise to whoever waits for room, as websockets does when a connection is cut off."""
        self.errors.extend([CLOSED] * 100)
        self.room.set()


class Desk:
    """A writer with all that it needs, and what it has told."""

    def __init__(self, *, limit=MEDIA):
        self.session = OneSession()
        self.media = Media(seconds=3.0, limit=limit)
        self.conversation = Conversation(audio=lambda: self.media.line.progress)
        self.outbox = Outbox(self.conversation, self.media)
        self.sender = Sender(
            self.conversation,
            self.outbox,
            check_usable=lambda: None,
            log=lambda level, text: None,
        )
        # What ResumableSession asks for.
        self._sender = self.sender
        self.broken = []
        # When it was told, in seconds since the connection was opened, and what.
        self.told = []
        # What was written each time that the connection was up to date, and whether it was direct.
        self.up_to_date = []

    @contextlib.asynccontextmanager
    async def open(self, *, seed=(), transparent=False, until_direct=True, suspected=None):
        """Open a connection and a writer for it, and wait until all that is due is written.

        With an error as ``suspected`` the connection is suspect before the writer begins.
        """
        config = types.LiveConnectConfig()
        self.connection = Connection(self.session, model=MODEL, config=config, over=lambda: None)
        await self.connection.open(timeout=1)
        self.outbox.connected(list(seed), asks=False, transparent=transparent)
        self.writer = Writer(
            self.connection,
            self.outbox,
            stall_timeout=STALL_TIMEOUT,
            up_to_date=self._come_back,
            caught_up=self._catch_up,
            tell=lambda event: self.told.append((self.now, event)),
            broken=self.broken.append,
        )
        if suspected is not None:
            self.connection.suspect(suspected)
        self.writer.start()
        self.sender.writer = self.writer
        if until_direct:
            await settle()
            assert self.writer.direct
        self._began = asyncio.get_running_loop().time()
        try:
            yield self.writer
        finally:
            self.writer.stop()
            self.sender.writer = None
            self.connection.fail(CLOSED)
            await self.connection.close(timeout=1)
            await settle()

    async def _catch_up(self):
        """Have read all that has come."""

    def _come_back(self):
        self.up_to_date.append((self.written, self.writer.direct))

    @property
    def now(self):
        """Seconds since the connection was opened."""
        return asyncio.get_running_loop().time() - self._began

    @property
    def written(self):
        """What the session was written: the words of each turn, the data of each frame."""
        return [_gist(method, arguments) for method, arguments in self.session.written]

    @property
    def kept(self):
        """The frames that wait, taken out of the outbox."""
        frames = []
        while self.media.first is not None:
            frames.append(_gist(REALTIME, self.media.next().arguments))
        return frames

    def say(self, text, *, asks=True):
        """Leave a turn to be written."""
        return self.conversation.record(turn(text, asks=asks))

    def hold(self, data):
        """Leave a frame to be written."""
        self.outbox.hold(frame(data))

    # What a caller does

    async def turn(self, text):
        """Send a turn."""
        await self.sender.converse(turn(text))

    async def audio(self, data):
        """Send a frame of audio, as all audio is sent."""
        await ResumableSession.send_realtime_input(self, **frame(data))

    async def media_chunk(self, data):
        """Send a frame of audio as a chunk of media."""
        await ResumableSession.send_realtime_input(self, media=frame(data)["audio"])

    def lose(self):
        """Lose the connection; return the seconds of audio that no session is known to have."""
        self.conversation.handle = "h"
        self.outbox.lost()
        return self.media.forget_uncovered()


def _gist(method, arguments):
    if method == CONTENT:
        turns = arguments.get("turns")
        return turns[0]["parts"][0]["text"] if turns else "ask on"
    if method == REALTIME:
        blob = arguments.get("audio") or arguments["media"]
        return blob["data"]
    return [_id_of(response) for response in arguments["function_responses"]]


def _id_of(response):
    return response["id"] if isinstance(response, dict) else response.id


def frame(data):
    """Return the arguments of a frame of audio."""
    return {"audio": {"data": data, "mime_type": "audio/pcm;rate=16000"}}


SECOND = bytes(32000)
"""Audio of a second."""


async def settle():
    """Give whatever is ready its turn, without letting time pass."""
    for _ in range(100):
        await asyncio.sleep(0)
