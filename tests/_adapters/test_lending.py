"""A policy lent to websockets and to tenacity, and tested with these."""

import asyncio
import http
import inspect
import time

import pytest
import tenacity
import websockets
from failures import closed, refused
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response

from reconnect import ReconnectExhausted, ReconnectPolicy

QUICK = ReconnectPolicy(base=0.01, cap=0.02, throttle_delay=0.05)
TAKES = frozenset(inspect.signature(connect).parameters)
needs_process_exception = pytest.mark.skipif(
    "process_exception" not in TAKES, reason="older than websockets 15"
)
needs_reconnect_delays = pytest.mark.skipif(
    "reconnect_delays" not in TAKES, reason="older than websockets 17"
)


class Waits:
    """Notes what a policy is asked, and what it answers."""

    def __init__(self):
        self.delays = []

    async def __call__(self, seconds):
        self.delays.append(seconds)


def reply(status, **headers):
    """Return a response that refuses a handshake."""
    return Response(status, http.HTTPStatus(status).phrase, Headers(headers), b"")


def server(refusals):
    """Return a real server that refuses its first handshakes."""
    left = iter(refusals)

    def process_request(connection, request):
        return next(left, None)

    async def handler(connection):
        await connection.send("hello")

    return serve(handler, "127.0.0.1", 0, process_request=process_request)


def address(running):
    """Return where a server listens."""
    host, port = next(iter(running.sockets)).getsockname()[:2]
    return f"ws://{host}:{port}"


async def greeting(running, policy):
    """Return what the server says on the first connection that there is."""
    lent = {"process_exception": policy.process_exception}
    if "reconnect_delays" in TAKES:
        lent["reconnect_delays"] = policy.reconnect_delays
    async for connection in connect(address(running), **lent):
        return await connection.recv()
    return None


@needs_reconnect_delays
async def test_websockets_connects_through_an_outage():
    """Websockets connects again, through refusals that pass, as the policy says."""
    refusals = [reply(503), reply(429), reply(408)]
    async with server(refusals) as running:
        assert await greeting(running, QUICK) == "hello"


@needs_process_exception
@pytest.mark.parametrize("status", [401, 404])
async def test_websockets_raises_what_is_fatal(status):
    """Websockets raises a refusal that no attempt would change."""
    async with server([reply(status)]) as running:
        with pytest.raises(websockets.InvalidStatus, match=f"HTTP {status}"):
            await greeting(running, QUICK)


@needs_reconnect_delays
async def test_websockets_gives_up():
    """Websockets raises that the policy's budget is spent, from the last refusal."""
    policy = QUICK.replace(stop=lambda attempts, elapsed: attempts >= 3)
    async with server([reply(503)] * 10) as running:
        with pytest.raises(ReconnectExhausted, match="gave up after 3 attempts") as raised:
            await greeting(running, policy)
    assert isinstance(raised.value.__cause__, websockets.InvalidStatus)


@needs_reconnect_delays
async def test_websockets_leaves_a_throttling_server_alone():
    """Websockets waits for as long as the server asks."""
    clock = asyncio.get_running_loop().time
    async with server([reply(429, **{"Retry-After": "7"})]) as running:
        began = clock()
        assert await greeting(running, QUICK) == "hello"
        assert 7 <= clock() - began < 8


@pytest.mark.parametrize(
    "error", [refused(503), refused(429), ConnectionRefusedError(), TimeoutError(), closed(1011)]
)
def test_what_passes(error):
    """What may pass is tried again."""
    assert QUICK.process_exception(error) is None


@pytest.mark.parametrize("error", [refused(401), ValueError("a bug"), closed(1007)], ids=repr)
def test_what_does_not_pass(error):
    """What does not pass is raised as it came."""
    assert QUICK.process_exception(error) is error


def test_too_long_to_wait():
    """A server that asks for longer than the policy waits is given up."""
    error = refused(429, Retry_After="4000")
    assert isinstance(QUICK.process_exception(error), ReconnectExhausted)


def test_delays_of_an_unknown_failure():
    """Outside of an outage the delays are those of any failure that may pass."""
    delays = QUICK.reconnect_delays()
    assert all(0 <= next(delays) <= 0.02 for _ in range(8))


def test_throttled_in_a_row():
    """A server that goes on to throttle is given up within the budget for that."""
    delays = QUICK.reconnect_delays()

    def fail():
        try:
            raise refused(429)
        except websockets.InvalidStatus:
            return next(delays)

    assert len([fail() for _ in range(QUICK.throttle_attempts)]) == 5
    with pytest.raises(ReconnectExhausted):
        fail()


async def test_tenacity_tries_again():
    """Tenacity tries again what passes, after the policy's delays."""
    failures = [refused(503), ConnectionResetError(), refused(429)]
    waits = Waits()

    async def connect_():
        if failures:
            raise failures.pop(0)
        return "connected"

    assert await QUICK.retrying(sleep=waits)(connect_) == "connected"
    first, second, third = waits.delays
    assert first <= 0.01
    assert second <= 0.02
    assert 0.05 <= third <= 0.07


@pytest.mark.parametrize("error", [refused(404), ValueError("a bug")], ids=repr)
async def test_tenacity_raises_what_is_fatal(error):
    """Tenacity raises as it came what does not pass."""

    async def connect_():
        raise error

    with pytest.raises(type(error)) as raised:
        await QUICK.retrying(sleep=Waits())(connect_)
    assert raised.value is error


async def test_tenacity_gives_up():
    """Tenacity raises that the budget is spent, from the last error."""
    policy = QUICK.replace(stop=tenacity.stop_after_attempt(3))
    waits = Waits()

    async def connect_():
        raise ConnectionResetError(104, "reset")

    with pytest.raises(ReconnectExhausted, match="gave up after 3 attempts") as raised:
        await policy.retrying(sleep=waits)(connect_)
    assert isinstance(raised.value.__cause__, ConnectionResetError)
    assert len(waits.delays) == 3


async def test_tenacity_as_a_loop():
    """Tenacity's loop form works too, and a cancellation passes through it at once."""

    async def fail(error, *, times):
        made = 0
        async for attempt in QUICK.retrying(sleep=Waits()):
            with attempt:
                made += 1
                if made <= times:
                    raise error
        return made

    assert await fail(TimeoutError(), times=2) == 3
    with pytest.raises(asyncio.CancelledError):
        await fail(asyncio.CancelledError(), times=1)


async def test_tenacity_shared():
    """One object serves many calls at a time, each with an outage of its own."""
    policy = QUICK.replace(stop=lambda attempts, elapsed: attempts >= 3)
    retrying = policy.retrying(sleep=Waits())
    failures = {name: [TimeoutError() for _ in range(3)] for name in "abc"}

    async def connect_(name):
        await asyncio.sleep(0)
        if failures[name]:
            raise failures[name].pop()
        return name

    assert await asyncio.gather(*(retrying(connect_, name) for name in "abc")) == ["a", "b", "c"]


async def test_tenacity_without_an_exception():
    """A caller's own condition may try again what raised nothing."""
    results = [1, 2, 3]
    retrying = QUICK.retrying(sleep=Waits())
    retrying.retry = tenacity.retry_if_result(lambda result: result < 3)

    async def connect_():
        return results.pop(0)

    assert await retrying(connect_) == 3


def test_elapsed(monkeypatch):
    """The outage is as long as the clock says."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    asked = []
    policy = QUICK.replace(
        stop=lambda attempts, elapsed: asked.append((attempts, elapsed)) or False
    )
    asked.clear()
    delays = policy.reconnect_delays()
    for now[0] in (10.0, 11.5, 15.0):
        next(delays)
    assert asked == [(0, 0.0), (1, 1.5), (2, 5.0)]
