"""The server: listens, numbers the connections, keeps the records, and hands out clients."""

import asyncio
import math
import ssl
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from google import genai
from google.genai import types

from reconnect._numbers import is_number, is_whole

from ._certificates import HOST, contexts
from ._dial import Dial
from ._environment import API_KEY, environment
from ._exchange import Heard, Known
from ._faults import (
    Abort,
    Close,
    ConnectionFault,
    Fault,
    Frame,
    GoAway,
    Schedule,
    Stall,
)
from ._hearing import Transcriber, count_frames
from ._journal import logger
from ._listener import Listener
from ._model import Model, Reply, as_model
from ._names import DialFaults, dial_plan, fault_named, name_of
from ._profiles import Profile, as_profile
from ._records import Connection, Shared, Timing
from ._sessions import Memory
from ._thread import Background, run_in

_T = TypeVar("_T")

_PORTS = range(2**16)

SETTLING = 3
"""Rounds of the loop that clients in the same loop get to see that their sockets are closed."""


class LiveServer:
    """A Live API server on 127.0.0.1 that behaves, and misbehaves, as the real one does.

    It speaks TLS with a certificate that only ``client()`` trusts, and keeps time by the running
    loop's clock alone. An exception that the model raises closes the connection with a code that
    no client should try again after, and with its text; it is logged, and raised again when the
    block ends.

    It is entered with ``async with``, and runs in the running loop; or with ``with``, and runs in a
    thread of its own, for a test that has no loop or starts one. Its methods may be called from
    every thread.

    Args:
        model: Who answers. None is the built-in ``Parrot``; a sequence is a ``Script``, whose n-th
            item answers the n-th turn; else a callable that takes a ``Question`` and returns a
            ``Reply``.
        profile: Which model it behaves as: the name of one of ``PROFILES``, or a profile of your
            own.
        port: The port it listens on; 0 for any that is free.
        faults: What goes wrong, one item per connection in order: None, a fault or its short name
            (``"abort-after_sent-3"``), or a sequence of faults. Later connections have none.
        handle_delay: Seconds from turnComplete to the handle that covers the turn.
        chunk_delay: Seconds before each message of a reply.
        close_delay: Seconds until the server acknowledges a close; its session is in use till then.
        handle_lifetime: Seconds a handle is good for after its connection ended.
        receive_rate: Bytes a second that it reads of each connection, TLS included; 0 for none at
            all, None for as fast as they come. It can be changed while clients are connected.
        receive_buffer: Bytes of the kernel's buffer for what it has not read (SO_RCVBUF), with
            segments of the size that Ethernet has: 1024 lets a client write some 150 kB before it
            has to wait, its own buffers included. None for what the system gives, which may be
            several megabytes.
        binary: Whether messages go as binary frames.
        vad: Whether it detects speech that the client does not mark, as the real one does unless
            the setup disables it: all-zero bytes are silence, and a tenth of a second of it ends
            the turn.
        transcriber: Puts the frames of a spoken turn into words, for a setup that asks for
            ``input_audio_transcription``. None counts them.

    Raises:
        ValueError: If a profile or the name of a fault is unknown, or a number out of range.
        TypeError: If ``model`` cannot answer, or is async, or one of ``faults`` is not a fault.
    """

    def __init__(
        self,
        model: Model | Sequence[Reply] | None = None,
        *,
        # What it is
        profile: Profile | str = "3.8",
        port: int = 0,
        binary: bool = False,
        # What it hears
        vad: bool = False,
        transcriber: Transcriber | None = None,
        # What goes wrong
        faults: Iterable[DialFaults] = (),
        # How long it takes
        handle_delay: float = 0.03,
        chunk_delay: float = 0.01,
        close_delay: float = 0.0,
        handle_lifetime: float = 7200.0,
        # How fast it reads
        receive_rate: float | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        _check_seconds("handle_delay", handle_delay)
        _check_seconds("chunk_delay", chunk_delay)
        _check_seconds("close_delay", close_delay)
        _check_seconds("handle_lifetime", handle_lifetime)
        _check_rate(receive_rate)
        if not (is_whole(port) and port in _PORTS):
            raise ValueError(f"port must be a number from 0 to {_PORTS[-1]}, not {port!r}")
        if receive_buffer is not None and not (is_whole(receive_buffer) and receive_buffer >= 1):
            raise ValueError(f"receive_buffer must be 1 byte or more, not {receive_buffer!r}")
        self._memory = Memory(profile=as_profile(profile), handle_lifetime=handle_lifetime, vad=vad)
        timing = Timing(handle_delay, chunk_delay, close_delay)
        self._shared = Shared(
            self._memory, as_model(model), timing, binary, transcriber or count_frames
        )
        self._plan: list[tuple[Fault, ...]] = dial_plan(faults)
        self._receive_rate = receive_rate
        self._listener = Listener(self._accept, port=port, receive_buffer=receive_buffer)
        self._dials: list[Dial] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self._clients: list[genai.Client] = []
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background: Background | None = None

    # The block

    async def __aenter__(self) -> Self:
        await self._listener.open()
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._listener.close()
        self._abort_all()
        while self._tasks:
            await asyncio.wait(self._tasks)
        for client in self._clients:
            await client.aio.aclose()
        for _ in range(SETTLING):
            await asyncio.sleep(0)
        if self._files is not None:
            self._files.cleanup()
            self._files = None
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            raise BaseExceptionGroup("LiveServer raised", self._errors)

    def __enter__(self) -> Self:
        background = Background(self)
        background.open()
        self._background = background
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        background, self._background = self._background, None
        if background is None:
            raise RuntimeError("the server is not running")
        background.close()

    def _do(self, job: Callable[[], _T]) -> _T:
        """Run a job where the connections are, from whichever thread."""
        return run_in(self._loop, job)

    # Clients

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: If the server has not started, unless the port was chosen.
        """
        if not self._listener.port:
            raise RuntimeError("the server is not running, and has no port yet")
        return self._listener.port

    @property
    def url(self) -> str:
        """The base URL, for a client that is not made by ``client``; see ``port``."""
        return f"https://{HOST}:{self.port}"

    @property
    def ssl(self) -> ssl.SSLContext:
        """A client's TLS context that trusts the server."""
        return contexts()[1]

    def client(
        self,
        *,
        vertexai: bool | None = None,
        api_key: str = API_KEY,
        async_client_args: Mapping[str, Any] | None = None,
    ) -> genai.Client:
        """Return a client of this server; it is closed when the block ends.

        Args:
            vertexai: Whether it speaks the Vertex dialect; None for what the profile's API speaks.
            api_key: Its key; "bad-key" is refused.
            async_client_args: More arguments for ``websockets.connect``, such as ping_interval.

        Raises:
            RuntimeError: If the server has not started, unless the port was chosen.
        """
        arguments = {"ssl": self.ssl, **(async_client_args or {})}
        # Without a context for its REST calls too, each client loads the public authorities: 40 ms.
        options = types.HttpOptions(
            base_url=self.url, client_args={"verify": self.ssl}, async_client_args=arguments
        )
        vertexai = self._speaks_vertex(vertexai)
        client = genai.Client(vertexai=vertexai, api_key=api_key, http_options=options)
        self._clients.append(client)
        return client

    def environment(self, *, vertexai: bool | None = None) -> dict[str, str]:
        """Return the environment in which an unchanged ``genai.Client()`` talks to this server.

        For a subprocess, or for ``os.environ`` while a test runs. The sessions of this library do
        not wait in it, as after `set_testing`. The files that it names (the authorities to trust,
        this server's among them, and credentials for a client with a project and a location) are
        removed when the block ends.

        Args:
            vertexai: Whether a client that is not told speaks the Vertex dialect; None for what the
                profile's API speaks.

        Raises:
            RuntimeError: If the server is not running.
        """
        if not self._listener.holds:
            raise RuntimeError("the server is not running")
        if self._files is None:
            self._files = tempfile.TemporaryDirectory(prefix="reconnect-")
        vertexai = self._speaks_vertex(vertexai)
        return environment(url=self.url, vertexai=vertexai, directory=Path(self._files.name))

    def _speaks_vertex(self, vertexai: bool | None) -> bool:  # noqa: FBT001
        return self._memory.profile.backend == "vertex" if vertexai is None else vertexai

    # Faults

    def plan(self, *faults: DialFaults) -> None:
        """Plan what goes wrong with the connections to come, after what is planned already.

        Args:
            faults: One item per connection: None, a fault or its short name, or a sequence of
                faults.

        Raises:
            TypeError: If one of them is not a fault.
            ValueError: If no fault has the name.
        """
        planned = dial_plan(faults)
        self._do(partial(self._plan.extend, planned))

    def inject(self, fault: ConnectionFault | str) -> None:
        """Let a fault act on the newest open connection.

        Args:
            fault: The fault or its short name. It acts at once, or when its trigger says, counted
                from now.

        Raises:
            TypeError: If it is not a fault, or one that acts before a connection is open.
            ValueError: If it is meant for the setup, or no fault has the name.
            RuntimeError: If no connection is open.
        """
        wanted = fault_named(fault) if isinstance(fault, str) else fault
        if not isinstance(wanted, (Close, Abort, Stall, GoAway, Frame)):
            raise TypeError(f"cannot be injected into an open connection: {fault!r}")
        self._do(partial(self._inject, wanted))

    def _inject(self, fault: ConnectionFault) -> None:
        for dial in reversed(self._dials):
            if dial.open:
                dial.inject(fault)
                return
        raise RuntimeError("no connection is open; plan the fault for the next one")

    def outage(self, seconds: float) -> None:
        """Reset every connection, and refuse all attempts (TCP) for so long; returns at once.

        Args:
            seconds: How long; an outage during an outage can only make it longer.

        Raises:
            ValueError: If ``seconds`` is negative.
            RuntimeError: If the server is not running.
        """
        _check_seconds("seconds", seconds)
        self._do(partial(self._leave, seconds))

    def _leave(self, seconds: float) -> None:
        logger.info("the server is down for %g s", seconds)
        self._listener.leave(seconds)
        self._abort_all()

    @property
    def receive_rate(self) -> float | None:
        """Bytes a second that it reads of each connection; None for as fast as they come.

        Setting it changes open connections, too: 0 stalls what clients send for as long as it
        stays 0, and loses none of it.

        Raises:
            ValueError: If it is negative, or not a number.
        """
        return self._receive_rate

    @receive_rate.setter
    def receive_rate(self, rate: float | None) -> None:
        _check_rate(rate)
        self._do(partial(self._read_at, rate))

    def _read_at(self, rate: float | None) -> None:
        self._receive_rate = rate
        for dial in self._dials:
            if dial.record.closed_at is None:
                dial.link.read_at(rate)

    def reject_handles(self) -> None:
        """Forget every handle issued so far: to resume with one of them is refused."""
        self._do(self._reject_handles)

    def _reject_handles(self) -> None:
        logger.info("the server has forgotten every handle")
        self._memory.reject_handles()

    # Records

    @property
    def connections(self) -> list[Connection]:
        """One record per attempt that got as far as a TCP connection, in order."""
        return [dial.record for dial in self._dials]

    @property
    def pending(self) -> list[str]:
        """The short names of the faults that were planned and have not acted.

        Their connection was not opened, or ended before they were due.
        """
        opened = [fault for dial in self._dials for fault in dial.pending]
        planned = [fault for faults in self._plan for fault in faults]
        return [name_of(fault) for fault in (*opened, *planned)]

    @property
    def heard(self) -> list[Heard]:
        """What the model received, over all connections, in order."""
        return list(self._shared.heard)

    @property
    def context(self) -> list[Known]:
        """What the newest session knows now, in order; nothing without one."""
        newest = self._memory.newest
        return [] if newest is None else list(newest.context)

    # Connections

    def _accept(self, transport: asyncio.Transport) -> None:
        """Take the next connection."""
        schedule = Schedule(self._plan.pop(0) if self._plan else ())
        dial = Dial(len(self._dials) + 1, schedule, self._shared, transport)
        self._dials.append(dial)
        refusal = schedule.refusal
        if refusal is not None and refusal.status is None:
            dial.journal.note("fault", "refuse")
            dial.abort()
            dial.record.closed_at = dial.record.opened_at
            return
        transport.set_protocol(dial.link)
        dial.link.read_at(self._receive_rate)
        self._start(dial.run())

    def _abort_all(self) -> None:
        for dial in self._dials:
            if dial.record.closed_at is None:
                dial.abort()

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._errors.append(error)


def _check_seconds(name: str, seconds: float) -> None:
    if not (is_number(seconds) and 0 <= seconds < math.inf):
        raise ValueError(f"{name} must be a number of seconds, 0 or more, not {seconds!r}")


def _check_rate(rate: float | None) -> None:
    if rate is not None and not (is_number(rate) and 0 <= rate < math.inf):
        raise ValueError(f"receive_rate must be bytes a second, 0 or more, or None, not {rate!r}")
