"""The short names of faults."""

import pytest
from hypothesis import given, strategies as st

from reconnect.testing import (
    Abort,
    Close,
    Delay,
    Frame,
    GoAway,
    Refuse,
    RejectHandle,
    Silence,
    Stall,
)
from reconnect.testing._names import dial_faults, fault_named, is_fault, name_of

NAMES = {
    "abort": Abort(),
    "abort-after_sent-3": Abort(after_sent=3),
    "abort-during_setup": Abort(during_setup=True),
    "abort-after_received-2-no_processed": Abort(after_received=2, processed=False),
    "close": Close(),
    "close-1008-at-2.5": Close(1008, at=2.5),
    "close-none": Close(None),
    "delay-2": Delay(2),
    "delay-2-of-handshake": Delay(2, of="handshake"),
    "goaway": GoAway(),
    "goaway-9.5s": GoAway("9.5s"),
    "goaway-none-silent": GoAway(None, silent=True),
    "goaway-5s-close_code-none": GoAway("5s", close_code=None),
    "refuse": Refuse(),
    "refuse-503": Refuse(503),
    "reject": RejectHandle(),
    "reject-1007-after_setup": RejectHandle(1007, after_setup=True),
    "silence": Silence(),
    "silence-no_pongs": Silence(pongs=False),
    "stall-no_pongs-no_reads": Stall(pongs=False, reads=False),
}


@pytest.mark.parametrize(("name", "fault"), NAMES.items(), ids=NAMES)
def test_a_name_says_what_is_no_default(name, fault):
    """A fault has a name, and the name stands for the fault."""
    assert name_of(fault) == name
    assert fault_named(name) == fault
    assert type(fault_named(name)) is type(fault)


def thousandths(most):
    """Give numbers of seconds that a name can say."""
    return st.integers(0, most * 1000).map(lambda number: number / 1000)


TRIGGERS = st.one_of(
    st.just({}),
    st.just({"during_setup": True}),
    st.fixed_dictionaries({"after_sent": st.integers(0, 99)}),
    st.fixed_dictionaries({"after_received": st.integers(1, 99), "processed": st.booleans()}),
    st.fixed_dictionaries({"at": thousandths(99)}),
)
CODES = st.sampled_from([1000, 1008, 1011, 3000, 4999])
FAULTS = st.one_of(
    st.builds(lambda trigger: Abort(**trigger), TRIGGERS),
    st.builds(lambda code, trigger: Close(code, **trigger), CODES | st.none(), TRIGGERS),
    st.builds(Delay, thousandths(99), of=st.sampled_from(["setup", "handshake"])),
    st.builds(Refuse, st.none() | st.sampled_from([200, 429, 503])),
    st.builds(RejectHandle, CODES, after_setup=st.booleans()),
    st.builds(
        lambda pongs, reads, trigger: Stall(pongs=pongs, reads=reads, **trigger),
        st.booleans(),
        st.booleans(),
        TRIGGERS,
    ),
    st.builds(
        lambda left, code, silent, trigger: GoAway(left, code, silent=silent, **trigger),
        st.none() | thousandths(99).map("{}s".format),
        st.none() | CODES,
        st.booleans(),
        TRIGGERS,
    ),
)


@given(FAULTS)
def test_every_name_stands_for_its_fault(fault):
    """The name of any fault without a text is read as that fault again."""
    assert fault_named(name_of(fault)) == fault


def test_texts_are_left_out():
    """What has no place in a name does not disturb it."""
    assert name_of(Close(1008, "quota")) == "close-1008"
    assert name_of(Refuse(503, {"Retry-After": "1"}, "later")) == "refuse-503"
    assert name_of(Frame("{}", after_sent=1)) == "frame-after_sent-1"


def test_a_time_left_may_lack_its_unit():
    """The time of a go_away is in seconds."""
    assert fault_named("goaway-5") == GoAway("5s")


def test_a_connection_has_one_fault_or_many():
    """A connection has no fault, one, or several, as faults or by name."""
    assert dial_faults(None) == dial_faults("none") == dial_faults([]) == ()
    assert dial_faults(Abort()) == dial_faults("abort") == (Abort(),)
    assert dial_faults([Delay(1), "close"]) == dial_faults("delay-1+close") == (Delay(1), Close())
    for wrong in (7, [7]):
        with pytest.raises(TypeError, match="or its short name, not 7"):
            dial_faults(wrong)  # type: ignore[arg-type]


def test_what_is_parametrised_has_a_name():
    """So have the connections of a test."""
    assert (
        name_of([None, Abort(), "close", [Delay(1), "reject"]]) == "none+abort+close+delay-1+reject"
    )
    assert name_of([]) == "none"


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("boom", "no fault is named 'boom'; names start with abort, close, "),
        ("", "no fault is named ''"),
        ("frame", "no fault is named 'frame'"),
        ("abort-3", "'3' in 'abort-3' is unknown; abort can have during_setup, after_sent"),
        ("close-1008-later", "'later' in 'close-1008-later' is unknown"),
        (
            "close-1005",
            "'close-1005' is not a fault: code must be a close code .* use an abort",
        ),
        ("close-reason-x", "'close-reason-x' is not a fault|'x' in"),
        ("delay", "'delay' is not a fault: .*seconds"),
        ("refuse-999", "'refuse-999' is not a fault: .* 999"),
        ("abort-after_sent-many", "'abort-after_sent-many' is not a fault"),
    ],
)
def test_a_wrong_name_is_explained(name, match):
    """The error says which part of a name is unknown, and what could stand there."""
    with pytest.raises(ValueError, match=match):
        fault_named(name)


def test_faults_are_told_from_other_parameters():
    """Faults have names as parameters of a test; what is none is left to others."""
    assert is_fault(Abort())
    assert is_fault([None, Abort()])
    assert is_fault([[Abort(), Close()], None])
    for other in (None, [], [None], "abort", ["abort"], 7, [Abort(), 7], [Abort(), "x"]):
        assert not is_fault(other)
