"""The driver begins a new session where a handle is rejected, missing, or of no use."""

import asyncio

import pytest
from talk import (
    QUICK,
    ask,
    asked,
    handles,
    kinds,
    remembered,
    session_on,
    settled,
    user,
)

from reconnect import (
    Closed,
    Connected,
    FailureKind,
    Lost,
    Phase,
    Restarted,
    Resumed,
    Retrying,
)
from reconnect.errors import ResumeUnconfirmed
from reconnect.testing import (
    Abort,
    Close,
    Frame,
    LiveServer,
    Refuse,
    RejectHandle,
    Stall,
)


async def test_starts_afresh_when_the_handle_is_rejected():
    """Session that is refused its handle starts afresh, and tells the model all that was said."""
    events = []
    history = [user("told")]
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, history=history, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.reject_handles()
        server.inject(Abort())
        assert 'before it: "told", "a".' in await ask(session, "b")
        assert server.context[:3] == [
            ("user", "told"),
            ("user", "a"),
            ("model", 'You said "a". That is turn 2; before it: "told".'),
        ]
        assert asked(server) == ["a", "b"]
    assert kinds(events)[-4:] == [Lost, Retrying, Restarted, Closed]
    assert events[-4].kind is FailureKind.HANDLE_REJECTED
    assert events[-2].history == 3


@pytest.mark.parametrize("after_setup", [False, True])
async def test_starts_afresh_after_any_refusal_of_the_handle(after_setup):
    """Session gives up a handle that is refused before or right after setupComplete."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.plan(RejectHandle(1008, "BidiGenerateContent session expired", after_setup))
        server.inject(Abort())
        await ask(session, "b")
        assert [handle is None for handle in handles(server)] == [True, False, True]


async def test_starts_afresh_on_vertex():
    """Session seeds a fresh session on Vertex with content that asks for no reply."""
    async with (
        LiveServer() as server,
        session_on(server, vertexai=True, policy=QUICK, history=[user("told")]) as session,
    ):
        assert 'before it: "told".' in await ask(session, "a")
        assert server.heard[0].kind == "context"


async def test_restarts_without_a_handle_when_told_to():
    """Session restarts without a handle when the policy says so, the first dial included."""
    policy = QUICK.replace(without_handle="restart")
    async with LiveServer(faults=[Refuse(503), Refuse(), Close(1011)]) as server:
        async with session_on(server, policy=policy, history=[user("told")]) as session:
            assert 'before it: "told".' in await ask(session, "a")
    assert len(server.connections) == 4


async def test_keeps_the_last_good_handle():
    """Session keeps its handle when an update says that there is none at this point."""
    async with LiveServer(profile="2.5") as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        handle = session.handle
        await session.send_client_content(turns=user("b"))
        async for message in session.receive():
            update = message.session_resumption_update
            if update is not None and not update.resumable:
                assert session.handle == handle
                break
        else:
            pytest.fail("the server sent no such update")


async def test_bad_history_of_a_callable_ends_the_session():
    """Driver raises what the SDK says of a history that a callable has returned."""
    async with LiveServer() as server:
        session = session_on(server, history=lambda: [{"parts": [{"no": "part"}]}])
        with pytest.raises(ValueError, match="Could not convert"):
            async with session:
                pass


async def test_restart_survives_a_blip():
    """Driver carries a restart through dials that fail, though the handle is gone."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.reject_handles()
        server.plan(None, Refuse(503), Refuse(), Close(1011, during_setup=True), None)
        server.inject(Abort())
        assert 'before it: "a".' in await ask(session, "b")


async def test_repeated_failure_after_a_resume_ends_in_a_fresh_session():
    """Driver drops a handle that fails three times in the same way, and tells a fresh session."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.plan(*[Close(1011, "Internal error occurred.")] * 4)
        server.inject(Abort())
        assert 'before it: "a".' in await ask(session, "b")
        assert [handle is None for handle in handles(server)][1:] == [False] * 3 + [True] * 2


async def test_unconfirmed_resume_ends_in_a_fresh_session():
    """Driver gives up a resumed session that confirms nothing in time, and tells a fresh one."""
    events = []
    options = {"policy": QUICK, "history": [user("told")], "on_event": events.append}
    async with (
        LiveServer(profile="2.5") as server,
        session_on(server, resume_confirm_timeout=5, **options) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        await asyncio.sleep(4.9)
        assert kinds(events) == [Connected, Lost, Retrying, Resumed]
        await asyncio.sleep(60)
        rejected, retrying, restarted = events[4:]
        assert [handle is None for handle in handles(server)] == [True, False, True]
        assert (rejected.kind, rejected.phase) == (FailureKind.HANDLE_REJECTED, Phase.SESSION)
        assert isinstance(rejected.error, ResumeUnconfirmed)
        assert rejected.age == pytest.approx(5, abs=0.5)
        assert (retrying.fresh, type(restarted), restarted.history) == (True, Restarted, 3)
        assert 'before it: "told", "a".' in await ask(session, "b")
        assert asked(server) == ["a", "b"]


async def test_turn_of_a_wedged_session_is_asked_again():
    """Driver asks a fresh session what was asked of a resumed one that has fallen silent."""
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, resume_confirm_timeout=5) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(Stall())
        server.inject(Abort())
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
        assert [handle is None for handle in handles(server)] == [True, False, True]


async def test_resume_is_confirmed_by_any_update():
    """Driver takes an update that says "not resumable now" for a sign of life like any other."""
    async with (
        LiveServer(profile="2.5") as server,
        session_on(server, policy=QUICK, resume_confirm_timeout=5) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        await asyncio.sleep(4)
        server.inject(Frame('{"sessionResumptionUpdate": {"resumable": false}}'))
        await asyncio.sleep(60)
        assert len(server.connections) == 2
        assert '"b"' in await ask(session, "b")


async def test_reply_that_takes_longer_than_the_confirmation():
    """Driver lets a resumed session reply for longer than it may take to confirm the resume."""
    async with (
        LiveServer(profile="2.5", chunk_delay=3) as server,
        session_on(server, policy=QUICK, resume_confirm_timeout=5) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        began = asyncio.get_running_loop().time()
        assert '"b"' in await ask(session, "b")
        assert asyncio.get_running_loop().time() - began > 10
        assert len(server.connections) == 2


async def test_resume_needs_no_confirmation_by_default():
    """Driver stays on a resumed session that is silent, unless it is told how long to wait."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        await asyncio.sleep(600)
        assert len(server.connections) == 2


async def test_history_is_shortened_to_its_limit():
    """Session tells a fresh one no more than history_limit, of the history and what was said."""
    history = [user("x" * 50), user("y" * 10)]
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, history=history, history_limit=60) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(RejectHandle())
        server.inject(Abort())
        await ask(session, "b")
        # The reply to "a" alone was longer than that, and whatever is older goes before it does.
        assert remembered(server) == ["b"]
    async with (
        LiveServer() as server,
        session_on(server, history=history, history_limit=40) as session,
    ):
        await ask(session, "a")
        assert remembered(server) == ["y" * 10, "a"]
