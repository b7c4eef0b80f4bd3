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
    """A Live API server on 127.0.0.1 that behaves, and misbehaves, like the real one.

    It uses TLS with a certificate that only ``client()`` trusts, and only the running loop's clock.
    If the model raises an exception, the server closes the connection with a fatal code and the
    exception's text; the exception is logged, and raised again when the block ends.

    Enter it with ``async with`` to run it in the current loop, or with ``with`` to run it in its
    own thread, for a test that has no loop or starts one. Its methods may be called from any
    thread.

    Args:
        model: Who answers. None for the built-in ``Parrot``; a sequence for a ``Script``, whose
            n-th item answers the n-th turn; otherwise a callable that takes a ``Question`` and
            returns a ``Reply``.
        profile: The model to emulate: the name of one of ``PROFILES``, or your own profile.
        port: The port to listen on; 0 for any free port.
        faults: What goes wrong, one item per connection in order: None, a fault or its short name
            (``"abort-after_sent-3"``), or a sequence of faults. Later connections have none.
        handle_delay: Seconds from turnComplete to the handle that covers the turn.
        chunk_delay: Seconds before each message of a reply.
        close_delay: Seconds until the server acknowledges a close; the session is in use until
            then.
        handle_lifetime: Seconds that a handle stays valid after its connection ends.
        receive_rate: Bytes per second that it reads from each connection, including TLS; 0 to read
            nothing, None for no limit. It can be changed while clients are connected.
        receive_buffer: Size in bytes of the kernel's receive buffer (SO_RCVBUF), with
            Ethernet-sized segments: with 1024, a client can write about 150 kB before it has to
            wait, including its own buffers. None for the system's default, which may be several
            megabytes.
        binary: Whether to send messages as binary frames.
        vad: Whether to detect speech that the client does not mark, as the real server does unless
            the setup disables it: all-zero bytes are silence, and a tenth of a second of silence
            ends the turn.
        transcriber: Turns the frames of a spoken turn into words, for a setup that asks for
            ``input_audio_transcription``. None counts the frames.

    Raises:
        ValueError: If a profile or the name of a fault is unknown, or a number is out of range.
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
        """The port on which it listens.

        Raises:
            RuntimeError: If the server has not started and the port was not chosen.
        """
        if not self._listener.port:
            raise RuntimeError("the server is not running, and has no port yet")
        return self._listener.port

    @property
    def url(self) -> str:
        """The base URL, for a client that was not created with ``client``; see ``port``."""
        return f"https://{HOST}:{self.port}"

    @property
    def ssl(self) -> ssl.SSLContext:
        """A TLS context for clients that trusts the server."""
        return contexts()[1]

    def client(
        self,
        *,
        vertexai: bool | None = None,
        api_key: str = API_KEY,
        async_client_args: Mapping[str, Any] | None = None,
    ) -> genai.Client:
        """Return a client for this server; it is closed when the block ends.

        Args:
            vertexai: Whether it uses the Vertex AI protocol; None for the API of the profile.
            api_key: The client's key; "bad-key" is rejected.
            async_client_args: Further arguments for ``websockets.connect``, such as
                ``ping_interval``.

        Raises:
            RuntimeError: If the server has not started and the port was not chosen.
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
        """Return environment variables that point an unmodified ``genai.Client()`` at this server.

        Use it for a subprocess, or for ``os.environ`` while a test runs. In this environment,
        sessions of this library reconnect without delay, as after `set_testing`. The files that it
        names (the trusted authorities, including this server's, and credentials for a client with a
        project and a location) are removed when the block ends.

        Args:
            vertexai: Whether a client that does not choose uses the Vertex AI protocol; None for
                the API of the profile.

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
        """Plan what goes wrong with future connections, after what is already planned.

        Args:
            faults: One item per connection: None, a fault or its short name, or a sequence of
                faults.

        Raises:
            TypeError: If one of them is not a fault.
            ValueError: If no fault has this name.
        """
        planned = dial_plan(faults)
        self._do(partial(self._plan.extend, planned))

    def inject(self, fault: ConnectionFault | str) -> None:
        """Apply a fault to the newest open connection.

        Args:
            fault: The fault or its short name. It acts at once or, if it has a trigger, when that
                is met, counted from now.

        Raises:
            TypeError: If it is not a fault, or if it acts before a connection is open.
            ValueError: If it is meant for the setup, or if no fault has this name.
            RuntimeError: If no connection is open.
        """
        wanted = fault_named(fault) if isinstance(fault, str) else fault
        if not isinstance(wanted, (Close, Abort, Stall, GoAway, Frame)):
            raise TypeError(f"cannot inject this fault into an open connection: {fault!r}")
        self._do(partial(self._inject, wanted))

    def _inject(self, fault: ConnectionFault) -> None:
        for dial in reversed(self._dials):
            if dial.open:
                dial.inject(fault)
                return
        raise RuntimeError("no connection is open; plan the fault for the next one")

    def outage(self, seconds: float) -> None:
        """Reset every connection and refuse all TCP connections for a while; return at once.

        Args:
            seconds: How long; a second outage during the first can only make it longer.

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
        """Bytes per second that it reads from each connection; None for no limit.

        Setting it affects open connections too: 0 stalls what clients send for as long as it stays
        0, without losing any of it.

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
        """Forget every handle issued so far: resuming with one of them is refused."""
        self._do(self._reject_handles)

    def _reject_handles(self) -> None:
        logger.info("the server has forgotten every handle")
        self._memory.reject_handles()

    # Records

    @property
    def connections(self) -> list[Connection]:
        """One record per attempt that reached a TCP connection, in order."""
        return [dial.record for dial in self._dials]

    @property
    def pending(self) -> list[str]:
        """The short names of the planned faults that have not happened.

        Their connection was not opened, or ended before the fault was due.
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
        """What the newest session knows now, in order; empty if there is no session."""
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
        raise ValueError(f"receive_rate must be bytes per second, 0 or more, or None, not {rate!r}")
