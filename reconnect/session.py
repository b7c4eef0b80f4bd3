"""The driver: carries out what the pure modules decide.

`Ledger` knows the conversation, `Link` the connection, `ReconnectPolicy` what a loss calls for.
What is left for this file is to dial, read, write, wait and close.

Who reads: the caller itself, directly, while it iterates ``receive()``. A listener, a task that
reads into an inbox, steps in while nobody does: when the caller is not iterating, or sits in its
own loop body for longer than a tenth of a second. Otherwise a close, a handle or a go_away would
go unseen, since websockets stops reading at 16 frames. A background reader that hands every
message over was measured and rejected: it costs a quarter more per message.

Who writes: the caller itself. What was on its way when a connection died is written again by the
supervisor, the one task that lives as long as the session, before it lets the callers go on.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Self

from . import _sdk
from ._connection import Connection
from .errors import SessionClosed
from .events import Connected, Event, GaveUp, GoingAway, Lost, Restarted, Resumed, Retrying
from .judgement import classify
from .ledger import CONTENT, Call, Entry, Ledger, Mark, State, ends_turn
from .link import Link
from .loss import Family, Loss, Phase, read
from .policy import Raise, ReconnectPolicy, Restart
from .transcript import as_turns, tellable

if TYPE_CHECKING:
    from types import TracebackType

    from google.genai import types

__all__ = ["ResumableSession"]

logger = logging.getLogger("reconnect")

CLOSE_TIMEOUT: Final = 5.0
"""Seconds to wait for the server to acknowledge a close; it takes up to three."""

LISTEN_AFTER: Final = 0.1
"""Seconds without a reader after which the session listens for itself."""

INBOX_LIMIT: Final = 4096
"""Messages that wait for a caller who does not read; beyond it the server is made to wait."""


class ResumableSession:
    """A Gemini Live session that survives the loss of its connections.

    It is used as the SDK's own session is, with the same methods: only ``connect()`` is replaced.
    When a connection is lost the policy decides, and the session resumes the conversation, starts
    it afresh with its history, or raises what ended it. ``receive()`` carries on across the gap,
    and a message that was sent is delivered or the error is raised.

    Args:
        live: The SDK's ``client.aio.live``, anything else with its ``connect(model=, config=)``,
            or a callable, plain or async, that returns one: it is called for every dial, for
            credentials that are good for one.
        model: The model's name.
        config: The SDK's ``LiveConnectConfig`` or a dict of its fields; None for its defaults.
            Resumption is asked for whether or not it says so.
        policy: What decides about a loss; None for ``ReconnectPolicy()``.
        history: The turns that a fresh session must know, contents or dicts, or a callable, plain
            or async, that returns them. Never sent on a resume, which knows them.
        handle: The handle of a conversation of an earlier process, to carry it on; None to begin.
        on_event: Called with each event of `reconnect.events`.
        setup_timeout: Seconds that a dial with its setup may take.
        draw: Returns the random numbers in [0, 1) that spread the delays.

    Raises:
        TypeError: If ``live`` cannot be dialled with, or ``config`` is neither dict nor
            ``LiveConnectConfig``.
        ValueError: If ``config`` has an unknown field or a wrong value, or ``setup_timeout`` is
            not positive.
    """

    def __init__(
        self,
        live: Any,
        *,
        model: str,
        config: types.LiveConnectConfigOrDict | dict[str, Any] | None = None,
        policy: ReconnectPolicy | None = None,
        history: Iterable[Any] | Callable[[], Any] = (),
        handle: str | None = None,
        on_event: Callable[[Event], object] | None = None,
        # Limits
        setup_timeout: float = 10.0,
        # Determinism
        draw: Callable[[], float] = random.random,
    ) -> None:
        _sdk.check_live(live)
        if not setup_timeout > 0:
            raise ValueError(f"setup_timeout must be a positive time, got {setup_timeout!r}")
        if on_event is not None and not callable(on_event):
            raise TypeError(f"on_event must be callable, got {on_event!r}")
        if policy is not None and not hasattr(policy, "decide"):
            raise TypeError(f"policy must have decide(), as ReconnectPolicy has, got {policy!r}")
        self._live = live
        self._model = model
        self._config = _sdk.checked_config(config)
        self._policy = ReconnectPolicy() if policy is None else policy
        self._history = history if callable(history) else _sdk.checked_turns(history)
        self._on_event = on_event
        self._setup_timeout = setup_timeout
        self._draw = draw

        resumption = self._config.session_resumption
        configured = None if resumption is None else resumption.handle
        self._ledger = Ledger(handle=handle or configured)
        self._link = Link()

        self._connection: Connection | None = None
        self._connected_once = False
        self._vertexai = False
        self._ended: BaseException | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._waiters: set[asyncio.Future[None]] = set()
        # Who reads
        self._inbox: deque[types.LiveServerMessage] = deque()
        self._reading = False
        self._listener: asyncio.Task[None] | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._yields = 0
        self._yields_at_timer = 0

    # The caller's side

    async def __aenter__(self) -> Self:
        """Open the first connection: return as soon as its setup is complete.

        Raises:
            RuntimeError: If the session has been entered before.
            Exception: Whatever the policy lets through; see `ReconnectPolicy.decide`.
        """
        if self._supervisor is not None or self._ended is not None:
            raise RuntimeError("a ResumableSession is entered once; make another for another call")
        self._supervisor = asyncio.create_task(self._supervise(), name="reconnect supervisor")
        try:
            while self._connection is None:
                if self._ended is not None:
                    raise self._ended
                await self._news()
        except asyncio.CancelledError:
            self._end(SessionClosed("the session was cancelled while it opened"))
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session for good; a cancellation does not wait for the server's answer."""
        await self._close(timeout=0 if isinstance(exc, asyncio.CancelledError) else CLOSE_TIMEOUT)

    async def close(self) -> None:
        """Close the session for good: no dial follows, whatever was under way."""
        await self._close(timeout=CLOSE_TIMEOUT)

    @property
    def handle(self) -> str | None:
        """The newest handle, to be kept for another process; None while there is none.

        It is as good as a password for this conversation: keep it out of logs.
        """
        return self._ledger.handle

    @property
    def session_id(self) -> str | None:
        """The id of the newest connection's session; None where the server gave none."""
        session_id: str | None = self._newest("session_id")
        return session_id

    @property
    def setup_complete(self) -> types.LiveServerSetupComplete | None:
        """The newest connection's setupComplete."""
        setup_complete: types.LiveServerSetupComplete | None = self._newest("setup_complete")
        return setup_complete

    async def receive(self) -> AsyncIterator[types.LiveServerMessage]:
        """Yield the messages of the server up to the end of the turn, as the SDK's does.

        A connection that is lost inside the turn does not end it: what had arrived is yielded,
        then the rest of the turn from the next connection. Where a part of a reply was yielded
        that will be given anew, a message with ``server_content.interrupted`` comes between.

        Raises:
            SessionClosed: If the session is closed by its owner.
            RuntimeError: If another task is iterating.
            Exception: Whatever ended the session; see `ReconnectPolicy.decide`.
        """
        while True:
            connection = await self._source()
            if connection is None:
                message = self._inbox.popleft()
                self._yielding()
                yield message
                if ends_turn(message):
                    return
                continue
            # From here to the end of the loop is what every message costs.
            self._reading = True
            try:
                async for message in connection.messages():
                    self._reading = False
                    over = self._take(message)
                    self._yielding()
                    yield message
                    if over:
                        return
                    if self._inbox or self._listener is not None:
                        # The caller was away for so long that the listener stepped in.
                        break
                    self._reading = True
                else:
                    connection.renew()
            except Exception as error:
                if not self._reading:
                    raise
                connection.reading_failed(error)
                self._wake.set()
            except asyncio.CancelledError:
                # Whoever cancelled the reader may read no more.
                connection.renew()
                self._yielding()
                raise
            finally:
                self._reading = False

    async def send_client_content(self, *, turns: Any = None, turn_complete: bool = True) -> None:
        """Send turns to the model, as the SDK's method of this name.

        Args:
            turns: A content, a dict, a text or a list of these; None for none.
            turn_complete: Whether the model is to reply now.

        Raises:
            SessionClosed: If the session is closed by its owner.
            Exception: Whatever ended the session, or what the SDK raises for a bad argument.
        """
        # A copy: the ledger may have to send it again, when the caller has long changed its own.
        arguments: dict[str, Any] = {"turn_complete": turn_complete}
        if turns is not None:
            arguments["turns"] = as_turns(copy.deepcopy(turns))
        await self._converse(Call(CONTENT, arguments))

    async def send_context_update(
        self, *, system_instruction: Any = None, tools: Any = None
    ) -> None:
        """Change the system instruction or the tools, as the SDK's method of this name.

        Args:
            system_instruction: The new instruction; None to leave it.
            tools: The new tools; None to leave them.

        Raises:
            SessionClosed: If the session is closed by its owner.
            Exception: Whatever ended the session, or what the SDK raises for a bad argument.
        """
        update = {"system_instruction": system_instruction, "tools": tools}
        await self._converse(Call("send_context_update", update))

    async def send_realtime_input(
        self,
        *,
        media: types.BlobImageUnionDict | None = None,
        audio: types.BlobOrDict | None = None,
        audio_stream_end: bool | None = None,
        video: types.BlobImageUnionDict | None = None,
        text: str | None = None,
        activity_start: types.ActivityStartOrDict | None = None,
        activity_end: types.ActivityEndOrDict | None = None,
    ) -> None:
        """Send one piece of realtime input, as the SDK's method of this name.

        Args:
            media: A chunk of media.
            audio: A chunk of audio.
            audio_stream_end: Whether the audio pauses.
            video: An image.
            text: A text.
            activity_start: The user begins to speak.
            activity_end: The user has spoken.

        Raises:
            SessionClosed: If the session is closed by its owner.
            Exception: Whatever ended the session, or what the SDK raises for a bad argument.
        """
        await self._write(
            "send_realtime_input",
            {
                "media": media,
                "audio": audio,
                "audio_stream_end": audio_stream_end,
                "video": video,
                "text": text,
                "activity_start": activity_start,
                "activity_end": activity_end,
            },
        )

    async def send_tool_response(self, *, function_responses: Any) -> None:
        """Send the results of tool calls, as the SDK's method of this name.

        A result for a call that was cancelled, because its connection was lost, is not sent: the
        model asks anew.

        Args:
            function_responses: A function response or a list of them.

        Raises:
            SessionClosed: If the session is closed by its owner.
            Exception: Whatever ended the session, or what the SDK raises for a bad argument.
        """
        keys = _sdk.call_keys(function_responses, vertexai=self._vertexai)
        if not self._ledger.knows(keys):
            logger.info("a tool response was not sent: its connection, and the call, are gone")
            return
        await self._write("send_tool_response", {"function_responses": function_responses})
        self._ledger.answered(keys)

    async def send(self, *, input: Any = None, end_of_turn: bool | None = False) -> None:  # noqa: A002
        """Send input of any kind: the SDK's deprecated method of this name, with its warning.

        Args:
            input: What to send.
            end_of_turn: Whether the model is to reply now.

        Raises:
            SessionClosed: If the session is closed by its owner.
            Exception: Whatever ended the session, or what the SDK raises for a bad argument.
        """
        await self._write("send", {"input": input, "end_of_turn": end_of_turn})

    def __repr__(self) -> str:
        state = "new"
        if self._ended is not None:
            state = f"ended by {type(self._ended).__name__}"
        elif self._connection is not None:
            state = "connected" if self._connection.usable else "reconnecting"
        return f"<ResumableSession model={self._model!r} {state}>"

    # Writing

    async def _usable(self) -> Connection:
        """Return a connection that the caller's messages can be written to, once there is one."""
        while True:
            if self._ended is not None:
                raise self._ended
            if self._connection is not None and self._connection.usable:
                return self._connection
            await self._news()

    async def _converse(self, call: Call) -> None:
        """Send a message that belongs to the conversation: the ledger holds it until it is safe."""
        await self._rehearse(call)
        entry = self._ledger.record(call)
        try:
            while True:
                connection = await self._usable()
                if not entry.to_write or await self._write_ledger(connection, upto=entry):
                    return
        except BaseException:
            # Not delivered, and whoever sent it is being told so: it must not be sent later.
            if entry.to_write:
                self._ledger.retract(entry)
            raise

    async def _write_ledger(self, connection: Connection, *, upto: Entry) -> bool:
        """Write what the ledger holds, up to an entry; return whether the connection took it."""
        async with connection.write_lock:
            for entry in self._ledger.unwritten():
                call = entry.wording()
                # Before the write, since the answer may be read before the write returns.
                entry.mark(Mark.WRITTEN)
                try:
                    await getattr(connection.session, call.method)(**call.arguments)
                except Exception as error:
                    if read(error).family is Family.FOREIGN:
                        self._ledger.retract(entry)
                        raise
                    connection.suspect(error)
                    return False
                if entry is upto:
                    break
        return True

    async def _write(self, method: str, arguments: dict[str, Any]) -> None:
        """Send a message that is worth nothing later: straight to the connection."""
        connection = self._connection
        if connection is None or not connection.usable:
            await self._rehearse(Call(method, arguments))
            connection = await self._usable()
        while True:
            try:
                await getattr(connection.session, method)(**arguments)
            except Exception as error:
                if read(error).family is Family.FOREIGN:
                    raise
                connection.suspect(error)
                connection = await self._usable()
            else:
                return

    async def _rehearse(self, call: Call) -> None:
        """Let a bad argument raise in an outage too: the SDK checks it before it writes.

        The session of a closed connection does so as well as any, and what passes goes nowhere.
        """
        connection = self._connection
        if connection is None or not connection.closed:
            return
        try:
            await getattr(connection.session, call.method)(**call.arguments)
        except Exception as error:
            if read(error).family is Family.FOREIGN:
                raise

    # Reading

    async def _source(self) -> Connection | None:
        """Return a connection that this task can read from; None if the inbox has a message.

        A listener that is at it hands over after its next message.
        """
        if self._reading:
            raise RuntimeError("receive() is being iterated by another task")
        if self._inbox:
            return None
        self._reading = True
        try:
            while not self._inbox:
                connection = self._connection
                if connection is None or connection.error is not None:
                    if self._ended is not None:
                        raise self._ended
                elif self._listener is None:
                    return connection
                await self._news()
            return None
        finally:
            self._reading = False

    def _take(self, message: types.LiveServerMessage) -> bool:
        """Show a message to the pure modules; return whether it ends the turn."""
        if not self._ledger.received(message):
            return False
        self._wake.set()
        if message.go_away is not None:
            announced = self._link.announced(self._now(), message.go_away.time_left)
            if not announced.readable:
                logger.warning(
                    "go_away has no time_left that can be read (%r): taken for %.0f s",
                    announced.announced,
                    announced.notice,
                )
            self._tell(GoingAway(time_left=announced.notice, announced=announced.announced))
        if message.server_content is not None and message.server_content.turn_complete:
            self._link.turn_completed()
        return ends_turn(message)

    def _yielding(self) -> None:
        """Look after a while whether the caller still reads; one timer at a time."""
        self._yields += 1
        if self._idle_timer is None:
            self._watch_reader()

    def _watch_reader(self) -> None:
        self._yields_at_timer = self._yields
        self._idle_timer = asyncio.get_running_loop().call_later(LISTEN_AFTER, self._look_at_reader)

    def _look_at_reader(self) -> None:
        self._idle_timer = None
        if self._reading:
            return
        if self._yields != self._yields_at_timer:
            self._watch_reader()
        else:
            self._listen()

    def _listen(self) -> None:
        """Read into the inbox until the caller reads for itself, if nobody reads now."""
        connection = self._connection
        if (
            connection is None
            or connection.error is not None
            or self._reading
            or self._listener is not None
        ):
            return
        self._listener = asyncio.create_task(
            self._fill_inbox(connection), name="reconnect listener"
        )
        self._listener.add_done_callback(self._finished)

    async def _fill_inbox(self, connection: Connection) -> None:
        # A connection that is being closed is read to its end, over the limit if need be: what is
        # left unread is lost. What its buffers hold is bounded.
        while not self._reading and (len(self._inbox) < INBOX_LIMIT or not connection.ready):
            try:
                message = await anext(connection.messages())
            except StopAsyncIteration:
                connection.renew()
                continue
            except asyncio.CancelledError:
                connection.renew()
                raise
            except Exception as error:
                connection.reading_failed(error)
                self._wake.set()
                return
            self._take(message)
            self._inbox.append(message)
            self._spread_news()

    def _finished(self, task: asyncio.Task[None]) -> None:
        if task is self._listener:
            self._listener = None
            self._spread_news()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end(error)

    # The supervisor's side

    async def _supervise(self) -> None:
        """Keep a connection open until the session ends."""
        try:
            while True:
                loss = await self._live_through_one()
                if loss is not None:
                    await asyncio.sleep(self._react(loss))
        except Exception as error:
            self._end(error)

    async def _live_through_one(self) -> Loss | None:
        """Dial, hold and close one connection; return its loss, or None if the session moves on."""
        handle = self._ledger.handle
        self._link.dialling(self._now(), resumed=handle is not None)
        seed = [] if handle is not None else await self._seed()
        try:
            async with asyncio.timeout(self._setup_timeout):
                live = await _sdk.find_live(self._live)
            # Vertex has no history_config: there a seed is content that asks for no reply.
            self._vertexai = bool(getattr(live, "vertexai", False))
            waits = bool(seed) and not self._vertexai
            config = _sdk.config_for(self._config, handle=handle, seeded=waits)
            connection = Connection(live, model=self._model, config=config)
            await connection.open(timeout=self._setup_timeout)
        except Exception as error:
            readable = _sdk.readable(error, phase=Phase.SETUP)
            return self._lose(readable, phase=_sdk.phase_of(readable))

        self._link.connected(self._now())
        self._connection = connection
        self._spread_news()
        self._listen()
        seeding = Call(CONTENT, {"turns": seed, "turn_complete": waits}) if seed else None
        writer = asyncio.create_task(self._bring_up_to_date(connection, seeding))
        writer.add_done_callback(self._finished)
        try:
            loss = await self._hold(connection)
        finally:
            writer.cancel()
        await self._retire(connection, timeout=CLOSE_TIMEOUT)
        if loss is None:
            loss = self._link.moved(self._now())
        if loss is not None:
            return self._lose(loss, phase=Phase.SESSION)
        self._cut_off()
        return None

    async def _hold(self, connection: Connection) -> BaseException | None:
        """Wait until a connection is lost, and return why, or until it is to be left: None."""
        while connection.error is None:
            leave = self._link.leave(
                quiet=self._ledger.quiet, handle=self._ledger.handle is not None
            )
            if leave is not None and self._now() >= leave.at:
                if not leave.expired:
                    return None
                connection.fail(
                    TimeoutError("the deadline of the go_away has passed and the server is silent")
                )
                continue
            try:
                async with asyncio.timeout_at(None if leave is None else leave.at):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()
        return connection.error

    async def _bring_up_to_date(self, connection: Connection, seeding: Call | None) -> None:
        """Write a new connection what it must know, then let the callers write."""
        replayed = self._ledger.unwritten()
        asked_on = any(entry.state is State.TO_ASK_ON for entry in replayed)
        try:
            if seeding is not None:
                await getattr(connection.session, seeding.method)(**seeding.arguments)
            if replayed and not await self._write_ledger(connection, upto=replayed[-1]):
                return
        except Exception as error:
            # A loss is the reading side's to find out; anything else is a bad argument, the
            # history most likely, and ends the session.
            if read(error).family is Family.FOREIGN:
                connection.fail(error)
                self._wake.set()
            else:
                connection.suspect(error)
            return
        connection.ready = True
        self._tell(self._back(len(replayed), asked_on, seeding))
        self._connected_once = True
        self._spread_news()

    def _back(self, replayed: int, asked_on: bool, seeding: Call | None) -> Event:  # noqa: FBT001
        """Return the event that tells how the session came to the connection it has."""
        link = self._link
        if not self._connected_once:
            return Connected(resumed=link.resumed)
        outage = link.outage(self._now())
        if link.resumed:
            return Resumed(link.attempts, outage, replayed, asked_on)
        told = 0 if seeding is None else len(seeding.arguments["turns"])
        return Restarted(link.attempts, outage, replayed, told)

    def _lose(self, error: BaseException, *, phase: Phase) -> Loss:
        return self._link.lost(
            error,
            self._now(),
            phase=phase,
            handle=self._ledger.handle is not None,
            closing=isinstance(self._ended, SessionClosed),
        )

    def _react(self, loss: Loss) -> float:
        """Carry out what the policy decides; return the seconds until the next dial."""
        kind = classify(loss)
        self._tell(Lost(loss.error, kind, loss.phase, loss.age))
        attempt = self._link.attempts + 1
        decision = self._policy.decide(
            loss, attempt=attempt, elapsed=self._link.outage(self._now()), draw=self._draw()
        )
        if isinstance(decision, Raise):
            raise decision.error
        self._cut_off()
        if isinstance(decision, Restart):
            self._ledger.restarted()
        self._link.attempts = attempt
        fresh = self._ledger.handle is None
        self._tell(Retrying(delay=decision.delay, attempt=attempt, why=kind, fresh=fresh))
        return decision.delay

    def _cut_off(self) -> None:
        """Tell the caller what the connection that is gone took with it."""
        cut = self._ledger.lost()
        if cut.calls:
            self._inbox.append(_sdk.cancellation(cut.calls))
        if cut.reply:
            self._inbox.append(_sdk.interruption())
        self._spread_news()

    async def _seed(self) -> list[Any]:
        """Return the turns that a fresh session is told."""
        history = self._history() if callable(self._history) else self._history
        if inspect.isawaitable(history):
            history = await history
        return tellable([*as_turns(history), *self._ledger.past])

    # The end

    async def _retire(self, connection: Connection, *, timeout: float) -> None:
        """Close a connection, and read it to its end."""
        connection.ready = False
        self._listen()
        await connection.close(timeout=timeout)

    async def _close(self, *, timeout: float) -> None:
        self._end(SessionClosed("the session was closed by its owner"))
        if self._supervisor is None:
            return
        if self._connection is not None:
            await self._retire(self._connection, timeout=timeout)
        if self._listener is not None:
            self._listener.cancel()
        await asyncio.wait({self._supervisor}, timeout=timeout)
        self._inbox.clear()

    def _end(self, error: BaseException) -> None:
        """End the session: whoever uses it from now on is raised the error."""
        if self._ended is not None:
            return
        self._ended = error
        if self._supervisor is not None and self._supervisor is not asyncio.current_task():
            self._supervisor.cancel()
        if not isinstance(error, SessionClosed):
            self._tell(GaveUp(error, self._link.attempts, self._link.outage(self._now())))
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._spread_news()

    # Small things

    def _newest(self, name: str) -> Any:
        session = None if self._connection is None else self._connection.session
        return getattr(session, name, None)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _news(self) -> None:
        """Wait until something has changed: a connection, the inbox, the end."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _spread_news(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _tell(self, event: Event) -> None:
        """Log an event and hand it to the caller's callback, whose failure ends nothing."""
        level = logging.WARNING if isinstance(event, Lost | GaveUp) else logging.INFO
        logger.log(level, "%s", event)
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as error:
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"on_event raised over {event!r}", "exception": error}
            )
