"""The faults: what may be asked for, and which is due when."""

import pytest

from reconnect.testing._faults import (
    Abort,
    Close,
    Delay,
    Frame,
    GoAway,
    Refuse,
    RejectHandle,
    Schedule,
    Silence,
    Stall,
    cut,
)


def test_cut_keeps_what_fits():
    """A reason that fits stays as it is."""
    assert cut("Internal error encountered.") == "Internal error encountered."


def test_cut_never_splits_a_character():
    """A long reason is cut to 123 bytes or just before the character that would be split."""
    assert cut("x" * 200) == "x" * 123
    assert cut("x" + "é" * 100) == "x" + "é" * 61
    assert cut("é" * 100) == "é" * 61


@pytest.mark.parametrize(
    "arguments",
    [
        {"after_sent": 1, "at": 2.0},
        {"during_setup": True, "after_sent": 0},
        {"after_sent": -1},
        {"after_received": 0},
        {"after_sent": "3"},
        {"after_received": 1.5},
        {"at": "3"},
        {"at": -0.5},
        {"at": float("nan")},
        {"processed": False},
    ],
)
def test_triggers_are_checked(arguments):
    """A fault refuses two triggers, or one out of range."""
    with pytest.raises(ValueError, match=r"trigger|must be|has no effect"):
        Abort(**arguments)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_codes_that_cannot_be_sent_are_refused(code):
    """A close code that no frame may carry is named in the error."""
    with pytest.raises(ValueError, match=str(code)):
        Close(code)
    with pytest.raises(ValueError, match=str(code)):
        RejectHandle(code)


@pytest.mark.parametrize("code", [None, 1000, 1003, 1007, 1014, 3000, 4999])
def test_codes_that_can_be_sent_are_accepted(code):
    """A close carries any code a frame may carry, or none."""
    assert Close(code).code == code


@pytest.mark.parametrize("status", [101, 199, 299, 600, 999])
def test_statuses_are_checked(status):
    """A refusal needs an HTTP status that exists."""
    with pytest.raises(ValueError, match=str(status)):
        Refuse(status)


def test_a_reset_carries_nothing():
    """A refusal without a status has no headers and no body."""
    assert Refuse().status is None
    with pytest.raises(ValueError, match="need a status"):
        Refuse(body="no")
    with pytest.raises(ValueError, match="need a status"):
        Refuse(headers={"Retry-After": "1"})


def test_delays_are_checked():
    """A delay is of the handshake or the setup, and never negative."""
    with pytest.raises(ValueError, match="-1"):
        Delay(-1)
    with pytest.raises(ValueError, match="teardown"):
        Delay(1, of="teardown")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("time_left", "seconds"),
    [
        ("50s", 50.0),
        ("9.951s", 9.951),
        ("0.500s", 0.5),
        ("0s", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1s", None),
        ("10", None),
        ("1e3s", None),
    ],
)
def test_go_away_reads_its_own_time(time_left, seconds):
    """A go-away knows its deadline when its time is a duration."""
    assert GoAway(time_left).seconds == seconds


def test_go_away_ends_as_told():
    """A go-away ends with a close, a reset or not at all."""
    deadline = "Deadline expired before operation could complete."
    assert GoAway().ending == Close(1011, deadline)
    assert GoAway(close_code=1006).ending == Abort()
    assert GoAway(close_code=None).ending is None
    with pytest.raises(ValueError, match="1005"):
        GoAway(close_code=1005)


def test_a_silence_is_a_stall_during_the_setup():
    """Silence needs no trigger."""
    assert Silence().during_setup
    assert Schedule([Silence()]).on_setup() == [Silence()]


def test_schedule_tells_how_the_dial_fails():
    """A schedule knows the refusal, the rejection and the delays of its dial."""
    schedule = Schedule([Delay(1), Delay(2), Delay(5, of="handshake"), Refuse(503), RejectHandle()])
    assert schedule.delay("setup") == 3
    assert schedule.delay("handshake") == 5
    assert schedule.refusal == Refuse(503)
    assert schedule.rejection == RejectHandle()
    assert Schedule().refusal is None
    assert Schedule().rejection is None
    assert Schedule().delay("setup") == 0


def test_schedule_fires_right_after_the_setup_by_default():
    """A planned fault without a trigger is due after setupComplete, once."""
    schedule = Schedule([Abort()])
    assert schedule.on_setup() == []
    assert schedule.on_sent(0) == [Abort(after_sent=0)]
    assert schedule.on_sent(0) == []


def test_schedule_fires_each_fault_in_its_moment():
    """Every trigger has its own moment."""
    early = Frame("{}", during_setup=True)
    third = Close(after_sent=3)
    before = Stall(after_received=2, processed=False)
    after = Abort(after_received=2)
    late = GoAway(at=7)
    schedule = Schedule([early, third, before, after, late])
    assert schedule.on_setup() == [early]
    assert schedule.on_sent(0) == []
    assert schedule.timed() == [(7, late)]
    assert schedule.on_sent(3) == [third]
    assert schedule.on_received(1, processed=True) == []
    assert schedule.on_received(2, processed=False) == [before]
    assert schedule.on_received(2, processed=True) == [after]


def test_injected_counts_start_now():
    """An injected fault counts from the moment it is injected."""
    schedule = Schedule()
    assert schedule.add(Abort(after_sent=2), sent=5, received=1) is None
    assert schedule.on_sent(2) == []
    assert schedule.on_sent(7) == [Abort(after_sent=7)]
    assert schedule.add(Abort(after_received=1, processed=False), sent=5, received=4) is None
    assert schedule.on_received(5, processed=False) == [Abort(after_received=5, processed=False)]


def test_injected_without_counts_is_the_callers():
    """An injected fault that is due at once or timed is handed back."""
    schedule = Schedule()
    assert schedule.add(Abort(), sent=5, received=1) == Abort()
    assert schedule.add(Abort(after_sent=0), sent=5, received=1) == Abort(after_sent=0)
    assert schedule.add(Abort(at=2), sent=5, received=1) == Abort(at=2)


def test_injected_during_the_setup_is_refused():
    """A fault of the setup cannot be injected any more."""
    with pytest.raises(ValueError, match="setup is already over"):
        Schedule().add(Silence(), sent=0, received=0)
