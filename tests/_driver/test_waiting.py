"""The switch that takes the waiting out of reconnects."""

import asyncio

import pytest

from reconnect import (
    Raise,
    ReconnectExhausted,
    ReconnectGate,
    ReconnectPolicy,
    Restart,
    ResumableSession,
    Resume,
    Retrying,
)
from reconnect._driver.waiting import PAUSE, VARIABLE, gate_for, hurried, is_testing, set_testing
from reconnect.testing import LiveServer

GONE = ConnectionResetError("gone")


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    """Let no variable of the machine decide."""
    monkeypatch.delenv(VARIABLE, raising=False)


def test_the_newest_choice_counts():
    """A choice holds until the next one, or for its block."""
    assert not is_testing()
    with set_testing():
        assert is_testing()
        with set_testing(False):
            assert not is_testing()
        assert is_testing()
    assert not is_testing()


def test_blocks_may_end_in_any_order():
    """A block takes back its own choice, and no other."""
    first, second = set_testing(), set_testing(False)
    with second:
        with first:
            pass
        assert not is_testing()
    assert not is_testing()


@pytest.mark.parametrize(("value", "testing"), [("1", True), ("0", False), ("", False)])
def test_a_process_can_be_told_by_its_environment(monkeypatch, value, testing):
    """The variable turns it on, and a choice has the last word."""
    monkeypatch.setenv(VARIABLE, value)
    assert is_testing() is testing
    with set_testing(not testing):
        assert is_testing() is not testing


@pytest.mark.parametrize("attempts", [0, -1, 1.5])
def test_attempts_are_checked(attempts):
    """A number of attempts that is none is refused, and changes nothing."""
    with pytest.raises(ValueError, match="attempts must be a whole number of at least 1"):
        set_testing(attempts=attempts)
    assert not is_testing()


def test_a_decision_is_carried_out_almost_at_once():
    """What is decided stays, but for the delay; without the switch all of it."""
    asked = {"attempt": 7, "elapsed": 9.0, "error": GONE}
    assert hurried(Resume(3.0), **asked) == Resume(3.0)
    with set_testing():
        assert hurried(Resume(3.0), **asked) == Resume(PAUSE)
        assert hurried(Restart(3.0), **asked) == Restart(PAUSE)
        assert hurried(Resume(0.001), **asked) == Resume(0.001)
        assert hurried(Raise(GONE), **asked) == Raise(GONE)


def test_attempts_can_be_bounded():
    """After so many attempts it is given up, whatever the policy says."""
    with set_testing(attempts=2):
        assert hurried(Resume(3.0), attempt=2, elapsed=1.0, error=GONE) == Resume(PAUSE)
        given_up = hurried(Resume(3.0), attempt=3, elapsed=1.0, error=GONE)
    assert isinstance(given_up, Raise)
    assert isinstance(given_up.error, ReconnectExhausted)
    assert (given_up.error.attempts, given_up.error.elapsed) == (2, 1.0)
    assert given_up.error.__cause__ is GONE


def test_no_gate_holds_up():
    """A gate lets everybody through."""
    gate = ReconnectGate(rate=1)
    assert gate_for(gate) is gate
    with set_testing():
        assert gate_for(gate) is not gate


async def converse(server, *, gate=None):
    """Ask twice, and return the delays there were and the seconds it took."""
    events, loop = [], asyncio.get_running_loop()
    began = loop.time()
    async with ResumableSession(
        server.client().aio.live,
        model="m",
        config={"response_modalities": ["TEXT"]},
        policy=ReconnectPolicy(wait=lambda attempt, draw: 20.0),
        gate=gate,
        on_event=events.append,
    ) as session:
        for text in ("a", "b"):
            await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]})
            async for _ in session.receive():
                pass
    delays = [event.delay for event in events if isinstance(event, Retrying)]
    return delays, loop.time() - began


FAULTS = ["abort-after_sent-2", "refuse-429", "refuse-503", "close-1013", None]


async def test_a_session_waits_by_default():
    """Without the switch the policy's delays are waited out, and what the server asks for."""
    async with LiveServer(faults=FAULTS) as server:
        delays, seconds = await converse(server)
    assert delays == [20, 50, 20, 50]
    assert seconds > sum(delays)


async def test_a_session_does_not_wait_in_a_test():
    """With it a session reconnects at once, though it was told nothing of it."""
    gate = ReconnectGate(rate=0.01)
    with set_testing():
        async with LiveServer(faults=FAULTS) as server:
            delays, seconds = await converse(server, gate=gate)
            assert len(server.connections) == len(FAULTS)
    assert delays == [PAUSE] * 4
    assert seconds < 10


async def test_a_session_gives_up_in_a_test():
    """A server that stays away is given up after as many attempts as were chosen."""
    with set_testing(attempts=3):
        async with LiveServer(faults=["abort-after_sent-2", *["refuse-503"] * 9]) as server:
            with pytest.raises(ReconnectExhausted) as raised:
                await converse(server)
            assert len(server.connections) == 4
    assert raised.value.attempts == 3
