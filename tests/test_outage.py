"""What an outage is: attempts, time, proof, and what repeats."""

import inspect
import textwrap
from types import SimpleNamespace

import pytest
from failures import closed, refused, wrapped
from hypothesis import given, strategies as st

from reconnect import (
    Outage,
    Phase,
    Raise,
    ReconnectExhausted,
    ReconnectPolicy,
    Restart,
    TooManyReconnects,
)
from reconnect.outage import _HOUR as HOUR, PROOF_AGE

GONE = OSError("gone")
INTERNAL = "Internal error encountered."
EXPIRED = closed(1008, "BidiGenerateContent session expired")


def connect(outage, now, *, resumed=True, proven=False):
    """Open a connection in no time."""
    outage.connecting(now, resumed=resumed)
    outage.connected(now)
    if proven:
        outage.proved()


def opened(now=0.0, **options):
    """Return an outage whose first connection is open."""
    outage = Outage(**options)
    connect(outage, now, resumed=False)
    return outage


def test_loss():
    """A loss tells all that is known of the connection."""
    outage = Outage()
    outage.connecting(0.0, resumed=True)
    outage.connected(1.0)
    loss = outage.lost(GONE, now=5.5, phase=Phase.SESSION, handle=True, go_away=True, closing=True)
    assert (loss.error, loss.phase, loss.resumed, loss.handle) == (GONE, "session", True, True)
    assert (loss.age, loss.go_away, loss.closing) == (4.5, True, True)
    assert (loss.repeats, loss.restarting) == (0, False)


def test_failed_attempt():
    """An attempt that fails has no age, and knows nothing of the connection before it."""
    outage = opened()
    outage.lost(GONE, now=50.0)
    outage.connecting(60.0, resumed=False)
    loss = outage.lost(GONE, now=63.0, phase=Phase.CONNECT)
    assert (loss.phase, loss.age, loss.go_away, loss.resumed) == ("connect", 0, False, False)


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [(closed(1008), "setup", "session"), (wrapped(1007), "setup", "session")]
    + [(error, "connect", "session") for error in (refused(503), TimeoutError(), GONE)],
    ids=repr,
)
def test_phase(error, before, after):
    """How far a connection had come is told from the error, and from whether it was open."""
    outage = Outage()
    outage.connecting(0.0, resumed=True)
    assert outage.lost(error, now=1.0).phase == before
    outage.connecting(2.0, resumed=True)
    outage.connected(3.0)
    assert outage.lost(error, now=4.0).phase == after


def test_first_attempt():
    """What fails before there ever was a connection begins an outage: the next attempt is 1."""
    outage = Outage()
    outage.connecting(0.0, resumed=False)
    outage.lost(GONE, now=2.0)
    assert (outage.attempt, outage.elapsed(5.0)) == (1, 3.0)


def test_outage():
    """An outage lasts from its first loss, over all the attempts that prove nothing."""
    outage = opened()
    assert (outage.attempt, outage.elapsed(50.0)) == (1, 0)
    outage.lost(GONE, now=5.0)
    assert outage.attempt == 1
    outage.connecting(7.0, resumed=True)
    outage.lost(GONE, now=8.0)
    assert outage.attempt == 2
    connect(outage, 10.0)
    assert outage.attempt == 3
    outage.lost(GONE, now=10.0 + PROOF_AGE - 0.1)
    assert (outage.attempt, outage.elapsed(25.0)) == (3, 20.0)


@pytest.mark.parametrize("proof", ["turn", "age"])
def test_proof_ends_the_outage(proof):
    """A completed turn or ten seconds alive end the outage: the next loss begins another."""
    outage = opened()
    for second in (5.0, 6.0, 7.0):
        outage.lost(GONE, now=second)
        connect(outage, second, proven=proof == "turn" and second == 7.0)
    lost_at = 9.0 if proof == "turn" else 7.0 + PROOF_AGE
    outage.lost(GONE, now=lost_at)
    assert (outage.attempt, outage.elapsed(lost_at + 2.0)) == (1, 2.0)


def test_connect_is_no_proof():
    """A server that accepts and hangs up at once is in one outage all the time."""
    outage = opened()
    for second in range(1, 100):
        outage.lost(GONE, now=second)
        connect(outage, second)
    assert (outage.elapsed(100.0), outage.attempt) == (99.0, 100)


def test_proof_counts_for_one_connection():
    """What one connection has proven says nothing about the next."""
    outage = opened()
    outage.proved()
    outage.lost(GONE, now=5.0)
    outage.connecting(6.0, resumed=True)
    outage.lost(GONE, now=7.0)
    assert (outage.elapsed(8.0), outage.attempt) == (3.0, 2)


def test_attempts_that_nobody_noted():
    """Losses in a row count as attempts, where nobody has said when these began."""
    outage = Outage()
    attempts = []
    for second in range(4):
        outage.lost(GONE, now=second)
        attempts.append(outage.attempt)
    assert attempts == [1, 2, 3, 4]


def test_connecting_ends_the_connection_before():
    """Whoever connects again without a word has left a connection: its proof counts."""
    outage = opened()
    outage.lost(GONE, now=5.0)
    connect(outage, 6.0, proven=True)
    outage.connecting(8.0, resumed=True)
    outage.lost(GONE, now=9.0)
    assert (outage.attempt, outage.elapsed(9.0)) == (1, 0)


def test_restarting():
    """A new session that is asked for in an outage goes on being asked for until one works."""
    outage = opened()
    told = []
    for resumed, proven in [(True, False), (False, False), (False, True), (True, False)]:
        told.append(outage.lost(GONE, now=1.0).restarting)
        connect(outage, 1.0, resumed=resumed, proven=proven)
    assert told == [False, False, True, False]


def test_handle_that_is_used_in_a_restart():
    """A new session that was asked for and has not worked is not forgotten over a later resume."""
    outage = opened()
    outage.lost(GONE, now=1.0)
    connect(outage, 1.0, resumed=False)
    connect(outage, 1.0, resumed=True)
    assert outage.lost(GONE, now=1.0).restarting


def test_first_session_is_no_restart():
    """The first session of all is no new one in place of another, whatever it fails with."""
    outage = Outage()
    outage.connecting(0.0, resumed=False)
    assert not outage.lost(GONE, now=1.0).restarting
    outage.connecting(2.0, resumed=False)
    assert outage.lost(GONE, now=3.0).restarting


def move(outage, now, *, proven=False):
    """Live through a connection that is moved from a second after it opened."""
    connect(outage, now, proven=proven)
    return outage.moved(now + 1)


def test_move():
    """A move from a connection that has proven itself is no failure, and ends the outage."""
    outage = opened()
    outage.lost(GONE, now=5.0)
    assert move(outage, 10.0, proven=True) is None
    assert (outage.elapsed(12.0), outage.attempt) == (0, 1)


def test_move_without_proof():
    """A move from a connection that has proven nothing leaves the outage as it is."""
    outage = opened()
    outage.lost(GONE, now=5.0)
    assert move(outage, 7.0) is None
    assert outage.elapsed(9.0) == 4.0


def test_rotation():
    """From the second move in a row that proves nothing on, a move is a failure."""
    outage = Outage()
    assert move(outage, 0.0) is None
    for count in (2, 3):
        error = move(outage, 10.0 * count)
        assert isinstance(error, ConnectionError)
        assert f"{count} connections in a row" in str(error)
        loss = outage.lost(error, now=10.0 * count + 1)
        assert (loss.phase, loss.age) == ("session", 1)
    assert move(outage, 100.0, proven=True) is None
    assert move(outage, 110.0) is None


def test_rotation_is_in_a_row():
    """A connection in between that proved itself, and was then lost, breaks the row."""
    outage = Outage()
    assert move(outage, 0.0) is None
    connect(outage, 10.0)
    outage.lost(GONE, now=100.0)
    assert move(outage, 200.0) is None


def repeats(errors, *, resumed=True, open_=True, lasted=1.0, proven=False):
    """Return what each loss tells of the ones before it, of connections that end with errors."""
    outage, told = Outage(), []
    for number, error in enumerate(errors):
        now = 100.0 * number
        outage.connecting(now, resumed=resumed)
        if open_:
            outage.connected(now)
        if proven:
            outage.proved()
        told.append(outage.lost(error, now=now + lasted).repeats)
    return told


def test_repeats():
    """A failure that comes again and again on unproven connections is counted."""
    assert repeats([wrapped(1011, INTERNAL)] * 4) == [0, 1, 2, 3]
    assert repeats([refused(429)] * 3, open_=False) == [0, 1, 2]


def test_repeats_have_many_faces():
    """The same close is the same, raw or wrapped, whatever id the request has in its text."""
    errors = [closed(1011, INTERNAL), wrapped(1011, INTERNAL.upper()), closed(1011, INTERNAL)]
    assert repeats(errors) == [0, 1, 2]
    traced = [closed(1011, f"Request trace id: {n}ab, [ORIGINAL ERROR] x") for n in range(3)]
    assert repeats(traced) == [0, 1, 2]


@pytest.mark.parametrize(
    "other", [closed(1008, INTERNAL), closed(1011, "Unavailable"), GONE], ids=repr
)
def test_another_failure_breaks_the_row(other):
    """Only the same failure in a row is counted."""
    error = closed(1011, INTERNAL)
    assert repeats([error, error, other, error, error]) == [0, 1, 0, 0, 1]


def test_no_reason_is_never_the_same():
    """Closes that give no reason are not known to have the same one."""
    assert repeats([closed(1011)] * 3) == repeats([wrapped(1000)] * 3) == [0, 0, 0]


@pytest.mark.parametrize("proof", [{"proven": True}, {"lasted": PROOF_AGE}])
def test_proof_breaks_the_row(proof):
    """A connection that has proven itself repeats nothing."""
    assert repeats([closed(1011, INTERNAL)] * 3, **proof) == [0, 0, 0]


def test_proof_in_between_breaks_the_row():
    """A connection in between that proved itself breaks the row, lost the same way or left."""
    outage = Outage()
    told = []
    for number, proven in enumerate([False, False, True, False, False]):
        connect(outage, 100.0 * number, proven=proven)
        if proven:
            outage.moved(100.0 * number + 1)
        else:
            told.append(outage.lost(GONE, now=100.0 * number + 1).repeats)
    assert told == [0, 1, 0, 1]


def test_resumed_and_fresh_are_counted_apart():
    """What resumed connections have in common says nothing of fresh ones."""
    outage, told = Outage(), []
    for number, resumed in enumerate([True, True, False, False, True]):
        connect(outage, 100.0 * number, resumed=resumed)
        told.append(outage.lost(GONE, now=100.0 * number + 1).repeats)
    assert told == [0, 1, 0, 1, 0]


def reconnect(outage, now):
    """Live through a connection that works, and lose it."""
    connect(outage, now, proven=True)
    return outage.lost(GONE, now=now + 1)


def test_reconnects_are_limited():
    """A session that reconnects and drops too often is ended, with the last error as the cause."""
    outage = Outage(max_reconnects_per_hour=3)
    for number in range(4):  # the first connection is no reconnect
        reconnect(outage, 10.0 * number)
    with pytest.raises(TooManyReconnects, match="3 reconnects within an hour") as raised:
        outage.connecting(40.0, resumed=True)
    assert raised.value.__cause__ is GONE


def test_reconnects_are_forgotten():
    """What is an hour ago counts no more."""
    outage = Outage(max_reconnects_per_hour=3)
    for number in range(4):
        reconnect(outage, 10.0 * number)
    connect(outage, 10.0 + HOUR)
    with pytest.raises(TooManyReconnects):
        outage.connecting(11.0 + HOUR, resumed=True)


def test_failed_attempts_are_no_reconnects():
    """Attempts that lead nowhere are an outage, and are the policy's to end."""
    outage = Outage(max_reconnects_per_hour=1)
    for number in range(1000):
        outage.connecting(float(number), resumed=True)
        outage.lost(GONE, now=float(number))


@given(gaps=st.lists(st.floats(0, 600), max_size=200))
def test_never_more_than_the_limit(gaps):
    """Within no hour are there more reconnects than there may be."""
    outage, now, opened_at = Outage(max_reconnects_per_hour=5), 0.0, []
    for gap in gaps:
        now += gap
        try:
            reconnect(outage, now)
        except TooManyReconnects:
            continue
        opened_at.append(now)
    reconnects = opened_at[1:]
    for first, sixth in zip(reconnects, reconnects[5:], strict=False):
        assert sixth - first >= HOUR


def test_no_limit():
    """Without a limit a session may reconnect as often as it has to."""
    outage = Outage()
    for number in range(1000):
        reconnect(outage, float(number))


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "60"], ids=repr)
def test_bad_limit(wrong):
    """A limit that no session can have is named in the error."""
    with pytest.raises(ValueError, match=f"max_reconnects_per_hour must be .* got {wrong!r}"):
        Outage(max_reconnects_per_hour=wrong)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["connecting", "connected", "proved", "lost", "moved"]),
        st.floats(0, 20),
        st.booleans(),
    ),
    max_size=50,
)


@given(events=EVENTS)
def test_every_order(events):
    """Whatever is noted, and in whatever order, a policy can be asked about every loss."""
    outage, now = Outage(), 0.0
    for name, gap, flag in events:
        now += gap
        match name:
            case "connecting":
                outage.connecting(now, resumed=flag)
            case "proved":
                outage.proved()
            case "lost":
                loss = outage.lost(GONE, now=now, handle=flag)
                ReconnectPolicy().decide(
                    loss, attempt=outage.attempt, elapsed=outage.elapsed(now), draw=0.5
                )
            case _:
                getattr(outage, name)(now)


# The loop that the docstring shows


class Server:
    """A server whose connections end with what a script says, and its clock.

    Args:
        script: For each connection the messages it sends, an ``Exception`` for how it ends; and
            before them the exception that the attempt fails with, if it does.
    """

    def __init__(self, *script):
        self.script = list(script)
        self.handles = []
        self.slept = []
        self.now = 100.0

    def clock(self):
        """Return the time."""
        return self.now

    async def sleep(self, seconds):
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds

    def connect(self, handle):
        """Return the next connection."""
        self.handles.append(handle)
        return Session(self.script.pop(0))


class Session:
    """One connection."""

    def __init__(self, messages):
        self.messages = list(messages)

    async def __aenter__(self):
        if self.messages and self.messages[0] is refusal:
            raise self.messages[0]
        return self

    async def __aexit__(self, *error):
        return None

    async def __aiter__(self):
        for message in self.messages:
            if isinstance(message, Exception):
                raise message
            yield message


refusal = refused(503)


def said(handle=None, *, turn_complete=False):
    """Return a message."""
    return SimpleNamespace(handle=handle, turn_complete=turn_complete)


async def run(server, policy):
    """Run the loop that the docstring of `Outage` shows, as it stands there."""
    text = inspect.getdoc(Outage)
    begin = text.index("::\n") + 3
    loop = text[begin : text.index("await sleep(decision.delay)") + 27]
    source = "async def loop():\n" + textwrap.indent(textwrap.dedent(loop), "    ")
    given_ = {
        "Outage": Outage,
        "Raise": Raise,
        "Restart": Restart,
        "clock": server.clock,
        "connect": server.connect,
        "policy": policy,
        "random": lambda: 0.5,
        "sleep": server.sleep,
    }
    exec(source, given_)  # noqa: S102
    await given_["loop"]()


async def test_loop_of_the_docstring():
    """The loop resumes, waits longer from attempt to attempt, starts anew, and resets by itself."""
    server = Server(
        [said("h1"), said(turn_complete=True), GONE],
        [refusal],
        [said(), GONE],
        [said("h2", turn_complete=True), GONE],
        [EXPIRED],
        [said(turn_complete=True)],
    )
    await run(server, ReconnectPolicy())
    assert server.handles == [None, "h1", "h1", "h1", "h2", None]
    assert server.slept == [0.5, 1.0, 2.0, 0.5, 1.0]


async def test_loop_of_the_docstring_gives_up():
    """The loop raises what is fatal as it came, and that the budget is spent."""
    fatal = ValueError("a bug")
    with pytest.raises(ValueError, match="a bug") as raised:
        await run(Server([said("h1"), fatal]), ReconnectPolicy())
    assert raised.value is fatal
    server = Server([said("h1"), GONE], *[[refusal]] * 100)
    with pytest.raises(ReconnectExhausted) as exhausted:
        await run(server, ReconnectPolicy())
    assert exhausted.value.attempts == len(server.slept)
    with pytest.raises(TooManyReconnects):
        await run(Server(*[[said("h1", turn_complete=True), GONE]] * 100), ReconnectPolicy())
