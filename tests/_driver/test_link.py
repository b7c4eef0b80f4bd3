"""What is known of the connection: go-aways, proof, and the outage."""

import pytest
from failures import closed, refused, wrapped
from hypothesis import example, given, strategies as st

from reconnect import Phase, TooManyReconnects
from reconnect._driver.link import (
    DEFAULT_NOTICE,
    HOUR,
    LEAST_MARGIN,
    MOVE_WITHIN,
    PROOF_AGE,
    GoAway,
    Leave,
    Link,
    parse_time_left,
)
from reconnect.errors import ResumeUnconfirmed

TIMES = st.floats(0, 1e6)
DRAWS = st.floats(0, 1, exclude_max=True)
NOTICES = st.integers(0, 10**12 - 1).map(lambda nanos: f"{nanos / 10**9:.9f}s")


def opened(at=0.0, *, dial=0.0, resumed=False, **options):
    """Return a link whose connection opened after a dial of so many seconds."""
    link = Link(**options)
    link.dialling(at - dial, resumed=resumed)
    link.connected(at)
    return link


def lose(link, now, *, phase=Phase.SESSION, handle=True):
    """Lose the connection of a link."""
    return link.lost(OSError("gone"), now, phase=phase, handle=handle, closing=False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("50s", 50), ("30s", 30), ("9.951s", 9.951), ("0.500s", 0.5), ("300s", 300), ("0s", 0)],
)
def test_time_left(text, seconds):
    """The notices that real servers have sent are read."""
    assert parse_time_left(text) == seconds


@given(seconds=st.integers(0, 10**12 - 1), nanos=st.integers(0, 10**9 - 1))
def test_every_duration(seconds, nanos):
    """Every positive protobuf Duration is read, to the nanosecond."""
    assert parse_time_left(f"{seconds}s") == seconds
    assert parse_time_left(f"{seconds}.{nanos:09}s") == pytest.approx(seconds + nanos / 1e9)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "s", "10", "10 s", "10ms", "-1s", "+1s", "1.s", ".5s", "1.0000000001s"),
        *("nans", "infs", "1e3s", "1s\n", "\N{ARABIC-INDIC DIGIT THREE}s", "9" * 400 + "s"),
    ],
)
def test_malformed_time_left(text):
    """What is no duration is named in the error."""
    with pytest.raises(ValueError, match="time_left must be a duration") as raised:
        parse_time_left(text)
    assert repr(text) in str(raised.value)


@given(text=st.text())
def test_any_time_left(text):
    """Whatever the server sends, the link knows when to leave, and ends no session over it."""
    go_away = opened().announced(100.0, text, draw=0.5)
    assert go_away.deadline == 100.0 + go_away.notice
    assert go_away.readable or go_away.notice == DEFAULT_NOTICE


def test_announced():
    """A go_away names the end of the connection."""
    link = opened()
    go_away = link.announced(100.0, "9.5s", draw=0.5)
    assert go_away == GoAway(
        9.5, 109.5, "9.5s", readable=True, quiet_at=104.25, busy_at=109.5 - LEAST_MARGIN
    )
    assert link.go_away == go_away


@pytest.mark.parametrize("text", [None, "soon"])
def test_announced_without_a_time(text):
    """A go_away without a time that can be read is given the usual notice."""
    go_away = opened().announced(100.0, text, draw=0.0)
    assert go_away == GoAway(
        30.0, 130.0, text, readable=False, quiet_at=100.0, busy_at=130.0 - LEAST_MARGIN
    )


def test_no_reason_to_leave():
    """A connection that is not going away is not left."""
    assert opened().leave(quiet=True, handle=True) is None


@pytest.mark.parametrize(("draw", "at"), [(0.0, 100.0), (0.5, 124.5), (0.75, 136.75)])
def test_quiet_session_leaves_where_it_is_drawn(draw, at):
    """A quiet session moves between hearing of the deadline and the latest moment, as drawn."""
    link = opened()
    link.announced(100.0, "50s", draw=draw)
    assert link.leave(quiet=True, handle=True) == Leave(at)


@pytest.mark.parametrize(("draw", "at"), [(0.0, 301 - MOVE_WITHIN), (0.5, 270.5)])
def test_long_notice(draw, at):
    """A notice of five minutes is used up to the last minute, not answered by a rotation."""
    link = opened()
    link.announced(1.0, "300s", draw=draw)
    assert link.leave(quiet=True, handle=True) == Leave(at)


def test_busy_session_leaves_late():
    """A busy session stays until there is just time for a dial."""
    link = opened()
    link.announced(100.0, "50s", draw=0.5)
    assert link.leave(quiet=False, handle=True) == Leave(150 - LEAST_MARGIN)


def test_slow_dials_take_longer():
    """The slowest dial seen is the time that is kept for the next."""
    link = opened(dial=4.0)
    link.dialling(10.0, resumed=True)
    link.connected(10.5)
    link.announced(100.0, "50s", draw=0.5)
    assert link.leave(quiet=False, handle=True) == Leave(146.0)


def test_short_notice():
    """Two thirds of a short notice are left to the reply under way."""
    link = opened(dial=4.0)
    link.announced(100.0, "0.9s", draw=0.5)
    assert link.leave(quiet=False, handle=True).at == pytest.approx(100.6)


@pytest.mark.parametrize("quiet", [False, True])
def test_without_a_handle(quiet):
    """Without a handle the connection is used to its end, then taken for lost."""
    link = opened()
    link.announced(100.0, "50s", draw=0.5)
    leave = link.leave(quiet=quiet, handle=False)
    assert leave.at == 150 + LEAST_MARGIN
    assert isinstance(leave.error, TimeoutError)
    assert "the server is silent" in str(leave.error)


ROUNDING = 1e-6


def drawn(notice, now, dial, draw):
    """Return when a session leaves, quiet and busy, whose first dial took so many seconds."""
    link = opened(now, dial=dial)
    link.announced(now, notice, draw=draw)
    return tuple(link.leave(quiet=quiet, handle=True).at for quiet in (True, False))


@given(notice=NOTICES, now=TIMES, dial=st.floats(0, 100), draw=DRAWS)
# A dial that takes longer than the window is wide.
@example(notice="900s", now=0.0, dial=90.0, draw=0.5)
def test_leaves_within_the_notice(notice, now, dial, draw):
    """A session with a handle leaves within the window of the notice, and in time for a dial."""
    quiet, busy = drawn(notice, now, dial, draw)
    seconds = parse_time_left(notice)
    margin = min(max(LEAST_MARGIN, dial), seconds / 3)
    assert now <= quiet <= busy
    assert min(now + seconds - MOVE_WITHIN, busy) <= quiet
    assert busy == pytest.approx(now + seconds - margin, abs=ROUNDING)


@given(notice=NOTICES, now=TIMES, dial=st.floats(0, 100), draws=st.tuples(DRAWS, DRAWS))
def test_higher_draw_leaves_later(notice, now, dial, draws):
    """A quiet session with a higher draw leaves no earlier; to a busy one the draw is nothing."""
    (low, busy), (high, same) = (drawn(notice, now, dial, draw) for draw in sorted(draws))
    assert low <= high
    assert busy == same


@given(notice=NOTICES, now=TIMES, dial=st.floats(0, 100), count=st.integers(1, 50))
def test_sessions_spread_evenly(notice, now, dial, count):
    """Evenly spaced draws give evenly spaced moves, from the first moment up to the latest."""
    moves = [drawn(notice, now, dial, number / count)[0] for number in range(count)]
    _, latest = drawn(notice, now, dial, 0.0)
    earliest = min(max(now, now + parse_time_left(notice) - MOVE_WITHIN), latest)
    step = (latest - earliest) / count
    assert moves == pytest.approx(
        [earliest + number * step for number in range(count)], abs=ROUNDING
    )


@given(notice=NOTICES, draws=st.lists(DRAWS, min_size=2, max_size=2))
def test_announced_again(notice, draws):
    """A go_away that comes again takes the place of the one before."""
    once, twice = opened(), opened()
    twice.announced(50.0, "3s", draw=draws[0])
    for link in (once, twice):
        link.announced(100.0, notice, draw=draws[1])
    for quiet in (True, False):
        assert once.leave(quiet=quiet, handle=True) == twice.leave(quiet=quiet, handle=True)


def left(link, *, quiet=True, handle=True):
    """Return when a link is to be left, and the class of what it is then lost with."""
    leave = link.leave(quiet=quiet, handle=handle)
    return None if leave is None else (leave.at, type(leave.error))


@pytest.mark.parametrize("quiet", [False, True])
def test_unconfirmed_resume(quiet):
    """A resume that nothing confirms in time is given up, whether or not anything is open."""
    link = opened(100.0, dial=2.0, resumed=True, confirm_timeout=5.0)
    assert left(link, quiet=quiet) == (105.0, ResumeUnconfirmed)
    assert link.leave(quiet=quiet, handle=True).error.timeout == 5.0


def test_confirmed_resume():
    """A resume that is confirmed is not given up; the next one has to be confirmed anew."""
    link = opened(100.0, resumed=True, confirm_timeout=5.0)
    link.confirmed()
    assert left(link) is None
    link.dialling(200.0, resumed=True)
    link.confirmed()  # what is left of the connection before
    assert left(link) is None
    link.connected(201.0)
    assert left(link) == (206.0, ResumeUnconfirmed)
    link.dialling(300.0, resumed=True)
    assert left(link) is None


@pytest.mark.parametrize(
    "options", [{"resumed": False, "confirm_timeout": 5.0}, {"resumed": True}], ids=str
)
def test_nothing_to_confirm(options):
    """A fresh session has nothing to confirm, and without the guard no session has."""
    assert left(opened(100.0, **options)) is None


@pytest.mark.parametrize("handle", [False, True])
@given(notice=NOTICES, timeout=st.floats(0.001, 1000), dial=st.floats(0, 100), quiet=st.booleans())
def test_earlier_reason_counts(handle, notice, timeout, dial, quiet):
    """A connection that is both unconfirmed and going away is left for what comes first."""
    guarded, free = (
        opened(100.0, dial=dial, resumed=True, confirm_timeout=limit) for limit in (timeout, None)
    )
    for link in (guarded, free):
        link.announced(100.0, notice, draw=0.5)
    going = left(free, quiet=quiet, handle=handle)
    assert left(guarded, quiet=quiet, handle=handle) == min(
        going, (100.0 + timeout, ResumeUnconfirmed), key=lambda reason: reason[0]
    )
    guarded.confirmed()
    assert left(guarded, quiet=quiet, handle=handle) == going


def test_loss():
    """A loss tells all that is known of the connection."""
    link = Link()
    link.dialling(0.0, resumed=True)
    link.connected(1.0)
    link.announced(2.0, "50s", draw=0.5)
    error = ConnectionResetError()
    loss = link.lost(error, 5.5, phase=Phase.SESSION, handle=True, closing=True)
    assert (loss.error, loss.phase, loss.resumed, loss.handle) == (error, "session", True, True)
    assert (loss.age, loss.go_away, loss.closing) == (4.5, True, True)


def test_failed_dial():
    """A dial that fails has no age, and knows nothing of the connection before it."""
    link = opened()
    link.announced(2.0, "50s", draw=0.5)
    link.dialling(60.0, resumed=False)
    loss = lose(link, 63.0, phase=Phase.CONNECT)
    assert (loss.phase, loss.age, loss.go_away, loss.resumed) == ("connect", 0, False, False)


def test_outage():
    """An outage lasts from its first loss, over all the dials that prove nothing."""
    link = opened()
    assert link.outage(50.0) == 0
    lose(link, 5.0)
    link.attempts = 1
    link.dialling(7.0, resumed=True)
    lose(link, 8.0, phase=Phase.CONNECT)
    link.attempts = 2
    link.dialling(9.0, resumed=True)
    link.connected(10.0)
    lose(link, 10.0 + PROOF_AGE - 0.1)
    assert link.outage(25.0) == 20.0
    assert link.attempts == 2


@pytest.mark.parametrize("proof", ["turn", "age"])
def test_proof_ends_the_outage(proof):
    """A completed turn or ten seconds alive end the outage: the next loss begins another."""
    link = opened()
    lose(link, 5.0)
    link.attempts = 3
    link.dialling(7.0, resumed=True)
    link.connected(8.0)
    if proof == "turn":
        link.turn_completed()
        lose(link, 9.0)
        assert link.outage(11.0) == 2.0
    else:
        lose(link, 8.0 + PROOF_AGE)
        assert link.outage(9.0 + PROOF_AGE) == 1.0
    assert link.attempts == 0


def test_connect_is_no_proof():
    """A server that accepts and hangs up at once is in one outage all the time."""
    link = opened()
    for second in range(1, 100):
        lose(link, second)
        link.attempts += 1
        link.dialling(second, resumed=True)
        link.connected(second)
    assert (link.outage(100.0), link.attempts) == (99.0, 99)


def test_proof_counts_for_one_connection():
    """What one connection has proven says nothing about the next."""
    link = opened()
    link.turn_completed()
    lose(link, 5.0)
    link.dialling(6.0, resumed=True)
    lose(link, 7.0, phase=Phase.CONNECT)
    assert link.outage(8.0) == 3.0


def test_left_without_proof():
    """A connection that is left before it has proven anything leaves the outage as it is."""
    link = opened()
    lose(link, 5.0)
    link.dialling(6.0, resumed=True)
    link.connected(7.0)
    link.left(8.0)
    assert link.outage(9.0) == 4.0


def move(link, now, *, proven=False):
    """Live through a connection that is moved from a second after it opened."""
    link.dialling(now, resumed=True)
    link.connected(now)
    if proven:
        link.turn_completed()
    return link.moved(now + 1)


def test_move():
    """A move from a connection that has proven itself is no failure, and ends the outage."""
    link = opened()
    lose(link, 5.0)
    link.attempts = 1
    assert move(link, 10.0, proven=True) is None
    assert (link.outage(12.0), link.attempts) == (0, 0)


def test_rotation():
    """From the second move in a row that proves nothing on, a move is a failure."""
    link = Link()
    assert move(link, 0.0) is None
    for count in (2, 3):
        error = move(link, 10.0 * count)
        assert isinstance(error, ConnectionError)
        assert f"{count} connections in a row" in str(error)
    assert move(link, 100.0, proven=True) is None
    assert move(link, 110.0) is None


def test_rotation_is_in_a_row():
    """A connection in between that proved itself, and was then lost, breaks the row."""
    link = Link()
    assert move(link, 0.0) is None
    link.dialling(10.0, resumed=True)
    link.connected(10.0)
    lose(link, 100.0)
    assert move(link, 200.0) is None


def repeats(errors, *, resumed=True, opened=True, lasted=1.0, proven=False):
    """Return what each loss tells of the ones before it, of connections that end with errors."""
    link, told = Link(), []
    for number, error in enumerate(errors):
        now = 100.0 * number
        link.dialling(now, resumed=resumed)
        if opened:
            link.connected(now)
        if proven:
            link.turn_completed()
        phase = Phase.SESSION if opened else Phase.CONNECT
        loss = link.lost(error, now + lasted, phase=phase, handle=True, closing=False)
        told.append(loss.repeats)
    return told


INTERNAL = "Internal error encountered."


def test_repeats():
    """A failure that comes again and again on unproven connections is counted."""
    assert repeats([wrapped(1011, INTERNAL)] * 4) == [0, 1, 2, 3]
    assert repeats([refused(429)] * 3, opened=False) == [0, 1, 2]


def test_repeats_have_many_faces():
    """The same close is the same, raw or wrapped, whatever id the request has in its text."""
    errors = [closed(1011, INTERNAL), wrapped(1011, INTERNAL.upper()), closed(1011, INTERNAL)]
    assert repeats(errors) == [0, 1, 2]
    traced = [closed(1011, f"Request trace id: {n}ab, [ORIGINAL ERROR] x") for n in range(3)]
    assert repeats(traced) == [0, 1, 2]


@pytest.mark.parametrize(
    "other", [closed(1008, INTERNAL), closed(1011, "Unavailable"), OSError("gone")], ids=repr
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
    link = Link()
    told = []
    for number, proven in enumerate([False, False, True, False, False]):
        link.dialling(100.0 * number, resumed=True)
        link.connected(100.0 * number)
        if proven:
            link.turn_completed()
            link.moved(100.0 * number + 1)
        else:
            told.append(lose(link, 100.0 * number + 1).repeats)
    assert told == [0, 1, 0, 1]


def test_resumed_and_fresh_are_counted_apart():
    """What resumed connections have in common says nothing of fresh ones."""
    link, told = Link(), []
    for number, resumed in enumerate([True, True, False, False, True]):
        link.dialling(100.0 * number, resumed=resumed)
        link.connected(100.0 * number)
        told.append(lose(link, 100.0 * number + 1).repeats)
    assert told == [0, 1, 0, 1, 0]


def reconnect(link, now):
    """Live through a connection that works, and lose it."""
    link.dialling(now, resumed=True)
    link.connected(now)
    link.turn_completed()
    return lose(link, now + 1)


def test_reconnects_are_limited():
    """A session that reconnects and drops too often is ended, with the last error as the cause."""
    link = Link(max_reconnects_per_hour=3)
    for number in range(4):  # the first connection is no reconnect
        loss = reconnect(link, 10.0 * number)
    with pytest.raises(TooManyReconnects, match="3 reconnects within an hour") as raised:
        link.dialling(40.0, resumed=True)
    assert raised.value.__cause__ is loss.error


def test_reconnects_are_forgotten():
    """What is an hour ago counts no more."""
    link = Link(max_reconnects_per_hour=3)
    for number in range(4):
        reconnect(link, 10.0 * number)
    link.dialling(10.0 + HOUR, resumed=True)
    link.connected(10.0 + HOUR)
    with pytest.raises(TooManyReconnects):
        link.dialling(11.0 + HOUR, resumed=True)


def test_dials_are_no_reconnects():
    """Dials that lead nowhere are an outage, and are the policy's to end."""
    link = Link(max_reconnects_per_hour=1)
    for number in range(1000):
        link.dialling(float(number), resumed=True)
        lose(link, float(number), phase=Phase.CONNECT)


@given(gaps=st.lists(st.floats(0, 600), max_size=200))
def test_never_more_than_the_limit(gaps):
    """Within no hour are there more reconnects than there may be."""
    link, now, opened_at = Link(max_reconnects_per_hour=5), 0.0, []
    for gap in gaps:
        now += gap
        try:
            reconnect(link, now)
        except TooManyReconnects:
            continue
        opened_at.append(now)
    reconnects = opened_at[1:]
    for first, sixth in zip(reconnects, reconnects[5:], strict=False):
        assert sixth - first >= HOUR


def test_no_limit():
    """Without a limit a session may reconnect as often as it has to."""
    link = Link()
    for number in range(1000):
        reconnect(link, float(number))
