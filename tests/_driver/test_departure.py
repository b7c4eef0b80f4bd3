"""When a connection is left: go-aways, and resumes that nothing confirms."""

import pytest
from hypothesis import example, given, strategies as st

from reconnect._driver.departure import (
    DEFAULT_NOTICE,
    LEAST_MARGIN,
    MOVE_WITHIN,
    Departure,
    GoAway,
    Leave,
    parse_time_left,
)
from reconnect.errors import ResumeUnconfirmed

TIMES = st.floats(0, 1e6)
DRAWS = st.floats(0, 1, exclude_max=True)
NOTICES = st.integers(0, 10**12 - 1).map(lambda nanos: f"{nanos / 10**9:.9f}s")


def opened(at=0.0, *, took=0.0, resumed=False, **options):
    """Return what is known of a connection that opened after an attempt of so many seconds."""
    departure = Departure(**options)
    departure.connecting(at - took)
    departure.connected(at, resumed=resumed)
    return departure


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
    """Whatever the server sends, it is known when to leave, and ends no session over it."""
    go_away = opened().announced(100.0, text, draw=0.5)
    assert go_away.deadline == 100.0 + go_away.notice
    assert go_away.readable or go_away.notice == DEFAULT_NOTICE


def test_announced():
    """A go_away names the end of the connection."""
    departure = opened()
    go_away = departure.announced(100.0, "9.5s", draw=0.5)
    assert go_away == GoAway(
        9.5, 109.5, "9.5s", readable=True, quiet_at=104.25, busy_at=109.5 - LEAST_MARGIN
    )
    assert departure.go_away == go_away


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
    departure = opened()
    departure.announced(100.0, "50s", draw=draw)
    assert departure.leave(quiet=True, handle=True) == Leave(at)


@pytest.mark.parametrize(("draw", "at"), [(0.0, 301 - MOVE_WITHIN), (0.5, 270.5)])
def test_long_notice(draw, at):
    """A notice of five minutes is used up to the last minute, not answered by a rotation."""
    departure = opened()
    departure.announced(1.0, "300s", draw=draw)
    assert departure.leave(quiet=True, handle=True) == Leave(at)


def test_busy_session_leaves_late():
    """A busy session stays until there is just time to connect."""
    departure = opened()
    departure.announced(100.0, "50s", draw=0.5)
    assert departure.leave(quiet=False, handle=True) == Leave(150 - LEAST_MARGIN)


def test_slow_attempts_take_longer():
    """The slowest attempt seen is the time that is kept for the next."""
    departure = opened(took=4.0)
    departure.connecting(10.0)
    departure.connected(10.5, resumed=True)
    departure.announced(100.0, "50s", draw=0.5)
    assert departure.leave(quiet=False, handle=True) == Leave(146.0)


def test_short_notice():
    """Two thirds of a short notice are left to the reply under way."""
    departure = opened(took=4.0)
    departure.announced(100.0, "0.9s", draw=0.5)
    assert departure.leave(quiet=False, handle=True).at == pytest.approx(100.6)


@pytest.mark.parametrize("quiet", [False, True])
def test_without_a_handle(quiet):
    """Without a handle the connection is used to its end, then taken for lost."""
    departure = opened()
    departure.announced(100.0, "50s", draw=0.5)
    leave = departure.leave(quiet=quiet, handle=False)
    assert leave.at == 150 + LEAST_MARGIN
    assert isinstance(leave.error, TimeoutError)
    assert "the server is silent" in str(leave.error)


ROUNDING = 1e-6


def drawn(notice, now, took, draw):
    """Return when a session leaves, quiet and busy, whose first attempt took so many seconds."""
    departure = opened(now, took=took)
    departure.announced(now, notice, draw=draw)
    return tuple(departure.leave(quiet=quiet, handle=True).at for quiet in (True, False))


@given(notice=NOTICES, now=TIMES, took=st.floats(0, 100), draw=DRAWS)
# An attempt that takes longer than the window is wide.
@example(notice="900s", now=0.0, took=90.0, draw=0.5)
def test_leaves_within_the_notice(notice, now, took, draw):
    """A session with a handle leaves within the window of the notice, and in time to connect."""
    quiet, busy = drawn(notice, now, took, draw)
    seconds = parse_time_left(notice)
    margin = min(max(LEAST_MARGIN, took), seconds / 3)
    assert now <= quiet <= busy
    assert min(now + seconds - MOVE_WITHIN, busy) <= quiet
    assert busy == pytest.approx(now + seconds - margin, abs=ROUNDING)


@given(notice=NOTICES, now=TIMES, took=st.floats(0, 100), draws=st.tuples(DRAWS, DRAWS))
def test_higher_draw_leaves_later(notice, now, took, draws):
    """A quiet session with a higher draw leaves no earlier; to a busy one the draw is nothing."""
    (low, busy), (high, same) = (drawn(notice, now, took, draw) for draw in sorted(draws))
    assert low <= high
    assert busy == same


@given(notice=NOTICES, now=TIMES, took=st.floats(0, 100), count=st.integers(1, 50))
def test_sessions_spread_evenly(notice, now, took, count):
    """Evenly spaced draws give evenly spaced moves, from the first moment up to the latest."""
    moves = [drawn(notice, now, took, number / count)[0] for number in range(count)]
    _, latest = drawn(notice, now, took, 0.0)
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
    for departure in (once, twice):
        departure.announced(100.0, notice, draw=draws[1])
    for quiet in (True, False):
        assert once.leave(quiet=quiet, handle=True) == twice.leave(quiet=quiet, handle=True)


def left(departure, *, quiet=True, handle=True):
    """Return when a departure is to be left, and the class of what it is then lost with."""
    leave = departure.leave(quiet=quiet, handle=handle)
    return None if leave is None else (leave.at, type(leave.error))


@pytest.mark.parametrize("quiet", [False, True])
def test_unconfirmed_resume(quiet):
    """A resume that nothing confirms in time is given up, whether or not anything is open."""
    departure = opened(100.0, took=2.0, resumed=True, confirm_timeout=5.0)
    assert left(departure, quiet=quiet) == (105.0, ResumeUnconfirmed)
    assert departure.leave(quiet=quiet, handle=True).error.timeout == 5.0


def test_confirmed_resume():
    """A resume that is confirmed is not given up; the next one has to be confirmed anew."""
    departure = opened(100.0, resumed=True, confirm_timeout=5.0)
    departure.confirmed()
    assert left(departure) is None
    departure.connecting(200.0)
    departure.confirmed()  # what is left of the connection before
    assert left(departure) is None
    departure.connected(201.0, resumed=True)
    assert left(departure) == (206.0, ResumeUnconfirmed)
    departure.connecting(300.0)
    assert left(departure) is None


@pytest.mark.parametrize(
    "options", [{"resumed": False, "confirm_timeout": 5.0}, {"resumed": True}], ids=str
)
def test_nothing_to_confirm(options):
    """A fresh session has nothing to confirm, and without the guard no session has."""
    assert left(opened(100.0, **options)) is None


@pytest.mark.parametrize("handle", [False, True])
@given(notice=NOTICES, timeout=st.floats(0.001, 1000), took=st.floats(0, 100), quiet=st.booleans())
def test_earlier_reason_counts(handle, notice, timeout, took, quiet):
    """A connection that is both unconfirmed and going away is left for what comes first."""
    guarded, free = (
        opened(100.0, took=took, resumed=True, confirm_timeout=limit) for limit in (timeout, None)
    )
    for departure in (guarded, free):
        departure.announced(100.0, notice, draw=0.5)
    going = left(free, quiet=quiet, handle=handle)
    assert left(guarded, quiet=quiet, handle=handle) == min(
        going, (100.0 + timeout, ResumeUnconfirmed), key=lambda reason: reason[0]
    )
    guarded.confirmed()
    assert left(guarded, quiet=quiet, handle=handle) == going
