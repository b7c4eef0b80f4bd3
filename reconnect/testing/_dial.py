"""One dial: from the accepted socket to its end, driven by the loop's clock.

Everything that happens (a handshake, a message, a timer, a loss) is a job in one queue, and the
jobs run one after the other in the dial's own task. So there are no locks. An exception nobody
expected, such as one of the test's own model, closes the connection with its text, and ends the
task, where the server finds it.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Literal

from reconnect._failures.loss import TEST_BROKE

from . import _frames as frames, _wire as wire
from ._exchange import Heard
from ._faults import (
    ABNORMAL_CODE,
    Abort,
    Close,
    ConnectionFault,
    GoAway,
    Refuse,
    Schedule,
    Stall,
    cut,
)
from ._journal import Journal, logger
from ._names import name_of
from ._records import Connection, Shared
from ._talk import Talk
from ._websocket import LIVE_ONLY, NO_HANDSHAKE_STATUS, Link

BAD_REQUEST_STATUS = 400
TWO_CREDENTIALS = "A header with a key or a token came twice."
NOT_FOUND_STATUS = 404
NO_SESSION = "session-0000"
"""The session a setupComplete names that is followed by a refusal."""


class Dial:
    """One dial.

    Args:
        number: Its number; the first is 1.
        schedule: What goes wrong with it.
        shared: What it shares with the others.
        transport: What was accepted.
    """

    def __init__(
        self, number: int, schedule: Schedule, shared: Shared, transport: asyncio.Transport
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.record = Connection(number, opened_at=self._loop.time())
        self.link = Link(self, transport)
        self.journal = Journal(number)
        self._schedule = schedule
        self._shared = shared
        self._jobs: asyncio.Queue[Callable[[], None]] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()
        self._talk: Talk | None = None
        self._early: list[bytes] = []
        """Messages that came before setupComplete."""
        self._freed = False
        self.live = True
        """Whether messages are read and written: not when it stalls or ends."""
        self._lost = False
        self._sent = 0
        self._reply: object = None
        """Changes when a reply is cut off, or the next one begins."""
        self._next_handle: object = None
        """Changes when a handle that is due is overtaken."""

    # What the server calls

    @property
    def open(self) -> bool:
        """Whether the setup is over and the end has not come."""
        return self._talk is not None and self.record.ended_by is None

    async def run(self) -> None:
        """Drive the connection until it is lost.

        Raises:
            Exception: What a job raised, when the client has been told.
        """
        broken: Exception | None = None
        try:
            while not self._lost:
                job = await self._jobs.get()
                try:
                    job()
                except Exception as error:
                    logger.exception("connection %d is closed", self.record.number)
                    broken = broken or error
                    self._break(error)
            if broken is not None:
                raise broken
        finally:
            for timer in self._timers:
                timer.cancel()
            self.live = False
            self.link.abort()
            self._release(self._loop.time())

    @property
    def pending(self) -> tuple[ConnectionFault, ...]:
        """The faults that have not acted yet."""
        return self._schedule.pending

    def inject(self, fault: ConnectionFault) -> None:
        """Let a fault act now, or when its trigger says, counted from now."""
        due = self._schedule.add(fault, sent=self._sent, received=len(self.record.received))
        if due is not None and due.at is None:
            self._act(due)
        elif due is not None:
            self.later(due.at or 0.0, partial(self._act, due))

    def abort(self) -> None:
        """Reset the connection."""
        self._end("server", ABNORMAL_CODE)
        self.link.abort()

    # What the link calls

    def on_request(self, path: str, headers: Mapping[str, str]) -> None:
        """Take the opening handshake of the client."""
        self._jobs.put_nowait(partial(self._handshake, path, headers))

    def on_other_request(self) -> None:
        """Take notice of a request that is no handshake."""
        self.record.status = NO_HANDSHAKE_STATUS  # at once, since it is answered at once
        self._jobs.put_nowait(self._other_request)

    def on_message(self, data: bytes) -> None:
        """Take one whole message."""
        self._jobs.put_nowait(partial(self._message, data))

    def on_close(self, code: int | None, reason: str) -> None:
        """Take the close frame of the client."""
        self._jobs.put_nowait(partial(self._client_close, code, reason))

    def on_lost(self) -> None:
        """Take notice that the socket is closed."""
        self._jobs.put_nowait(self._on_lost)

    # Opening and ending

    def _handshake(self, path: str, headers: Mapping[str, str]) -> None:
        self.record.path = path
        try:
            self.record.credential = wire.credential_of(path, headers)
        except LookupError:
            self._schedule = Schedule([Refuse(BAD_REQUEST_STATUS, body=TWO_CREDENTIALS)])
        self.record.dialect = wire.dialect_of(path)
        # What follows the question mark may be a key.
        self.journal.note("client", f"connects ({self.record.dialect or path.partition('?')[0]})")
        self.later(self._schedule.delay("handshake"), self._answer_handshake)

    def _answer_handshake(self) -> None:
        refusal = self._schedule.refusal
        if refusal is not None and refusal.status is not None:
            response = self.link.refusing(refusal.status, refusal.headers, refusal.body)
        elif self.record.dialect is None:
            response = self.link.refusing(NOT_FOUND_STATUS, {}, LIVE_ONLY)
        else:
            response = self.link.accepting()
        # Before it is written: whoever reads it, in another thread, may look at the record at once.
        self.record.status = response.status_code
        self.link.respond(response)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refused()

    def _other_request(self) -> None:
        self.journal.note("client", "makes a call that is none of the Live API's")
        self._refused()

    def _refused(self) -> None:
        self.journal.note("server", f"refuses: HTTP {self.record.status}")
        self._end("server", ABNORMAL_CODE)

    def _setup(self, setup: Mapping[str, Any]) -> None:
        self.record.setup = setup
        self.record.handle = (setup.get("session_resumption") or {}).get("handle")
        begins = "begins a session" if self.record.handle is None else "resumes a session"
        self.journal.note("client", f"{begins} with {setup.get('model')}")
        self.later(self._schedule.delay("setup"), self._answer_setup)

    def _answer_setup(self) -> None:
        self._fire(self._schedule.on_setup())
        if not self.live or self.record.setup is None or self.record.dialect is None:
            return
        rejection = self._schedule.rejection if self.record.handle is not None else None
        if rejection is not None:
            if rejection.after_setup:
                self._write(self._setup_complete(NO_SESSION))
            self._close(rejection.code, rejection.reason)
            return
        try:
            session = self._shared.memory.admit(
                self.record.setup,
                dialect=self.record.dialect,
                credential=self.record.credential,
                now=self._loop.time(),
            )
        except wire.Refused as refused:
            self._close(refused.code, refused.reason)
            return
        talk = self._talk = Talk(session, self._shared, self)
        self.record.session = session.id
        self._write(self._setup_complete(session.id))
        self._fire(self._schedule.on_sent(0))
        for seconds, fault in self._schedule.timed():
            self.later(seconds, partial(self._act, fault))
        talk.start()
        for data in self._early:
            self._message(data)

    def _setup_complete(self, session: str) -> wire.Message:
        return frames.setup_complete(session if self._shared.memory.profile.session_ids else None)

    def _client_close(self, code: int | None, reason: str) -> None:
        if not self.live:  # a server that has stalled answers nothing
            return
        self._end("client", code, reason)
        delay = self._shared.timing.close_delay
        self._release(self._loop.time() + delay)
        self.later(delay, self.link.acknowledge)

    def _close(self, code: int | None, reason: str) -> None:
        self._end("server", code, cut(reason))
        self.link.close(code, cut(reason))

    def _break(self, error: Exception) -> None:
        """Tell the client of an exception, if it can be told."""
        if self.link.writable:
            self._close(TEST_BROKE, f"LiveServer raised {type(error).__name__}: {error}")
        else:
            self.abort()

    def _end(self, who: Literal["client", "server"], code: int | None, reason: str = "") -> None:
        """Note the end, the first one only; the socket is closed later."""
        self.live = False
        if self.record.ended_by is None:
            how = "closes" if code is None else f"closes: {code} {reason}"
            self.journal.note(who, "resets the connection" if code == ABNORMAL_CODE else how)
            self.record.ended_by = who
            self.record.close_code = code
            self.record.close_reason = reason
            if who == "server":
                self._release(self._loop.time())

    def _release(self, free_at: float) -> None:
        self._free(free_at)
        self._talk = None

    def _free(self, free_at: float) -> None:
        """Let another connection take the session up; only once, or it would be taken from that."""
        if self._talk is not None and not self._freed:
            self._freed = True
            now = self._loop.time()
            number = self.record.number
            session = self._talk.session
            self._shared.memory.release(session, connection=number, now=now, free_at=free_at)

    def _on_lost(self) -> None:
        self._end("client", ABNORMAL_CODE)
        self.record.closed_at = self._loop.time()
        self._lost = True

    # Faults

    def _fire(self, faults: Iterable[ConnectionFault]) -> None:
        for fault in faults:
            self._act(fault)

    def _act(self, fault: ConnectionFault) -> None:
        if self.record.ended_by is not None:
            return
        self.journal.note("fault", name_of(fault))
        match fault:
            case Close():
                self._close(fault.code, fault.reason)
            case Abort():
                self.abort()
            case Stall():
                self.live = False
                if not fault.pongs:
                    self.link.ignore()
                if not fault.reads:
                    self.link.pause()
                    self._free(self._loop.time())
            case GoAway():
                self.send(frames.go_away(fault.time_left))
                self.live = self.live and not fault.silent
                if fault.seconds is not None and fault.ending is not None:
                    self.later(fault.seconds, partial(self._act, fault.ending))
            case _:
                self.send(fault.data)

    # Messages

    def _message(self, data: bytes) -> None:
        if not self.live:
            return
        try:
            kind, message = wire.decode(data)
            if self._talk is not None:
                self._take(self._talk, message)
            elif kind == "setup" and self.record.setup is None:
                self._setup(message["setup"])
            elif kind != "setup" and self.record.setup is not None:
                self._early.append(data)
            else:
                self._close(wire.INVALID_CODE, wire.INVALID_ARGUMENT)
        except wire.Refused as refused:
            self._close(refused.code, refused.reason)

    def _take(self, talk: Talk, message: wire.Message) -> None:
        self.record.received.append(message)
        count = len(self.record.received)
        self._fire(self._schedule.on_received(count, processed=False))
        if not self.live:
            return
        items = talk.session.read(message)
        for place, item in enumerate(items, 1):
            heard = Heard(self.record.number, count, item.kind, item.value)
            self._shared.heard.append(heard)
            self.journal.heard(item)
            talk.take(item, more=place < len(items))
        self._fire(self._schedule.on_received(count, processed=True))

    # Writing and waiting

    def send(self, message: wire.Message | str | bytes) -> None:
        """Send a message that counts, and let happen what is due after it."""
        # A client may send a message and its close frame in one go: then there is no answer.
        if not self.live or not self.link.writable:
            return
        self._write(message)
        if self._talk is not None:  # what comes during the setup does not count
            self._sent += 1
            self._fire(self._schedule.on_sent(self._sent))

    def _write(self, message: wire.Message | str | bytes) -> None:
        self.record.sent.append(message)
        self.journal.sent(message)
        if isinstance(message, dict):
            text = frames.encode(message)
            self.link.send(text.encode() if self._shared.binary else text)
        else:
            self.link.send(message)

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        """Run a job after so many seconds; for 0 it is the next one in the queue."""
        if not seconds:
            self._jobs.put_nowait(job)
            return

        def due() -> None:
            self._timers.discard(timer)
            self._jobs.put_nowait(job)

        timer = self._loop.call_later(seconds, due)
        self._timers.add(timer)
