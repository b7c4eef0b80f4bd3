"""Explaining a failure on the command line."""

import argparse
import io
import sys

import pytest
from failures import losses
from hypothesis import given

from reconnect import Loss, Phase, ReconnectPolicy
from reconnect._cli.explain import Step, add_arguments, loss_of, report, run, steps
from reconnect._failures.classify import TABLE
from reconnect._failures.loss import Family, read


def parse(*words):
    """Return what is asked for."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def said(*words):
    """Return what the command says."""
    file = io.StringIO()
    run(parse(*words), file=file)
    return file.getvalue()


@pytest.fixture(params=["rich", "plain"])
def table(request, monkeypatch):
    """Show tables with rich and without."""
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "rich.console", None)


@pytest.mark.usefixtures("table")
def test_quota():
    """The kind, the row, the reason, the source and the course of events are said."""
    text = said("1011", "You exceeded your current quota", "--phase", "setup")
    assert text.startswith("throttled: the server wants to be left alone for a while")
    assert 'the text has "exceed ... quota"' in text
    assert "https://github.com/googleapis/python-genai/issues/874" in text
    assert "30-31 s" in text
    assert "ReconnectExhausted" in text
    assert "raise the error as it came" in text


@pytest.mark.usefixtures("table")
def test_handle():
    """Where a handle is named, one course of events is shown; where not, both."""
    assert "without one" in said("1011")
    for held in (["--handle"], ["--no-handle"], ["--resumed"]):
        assert "without one" not in said("1011", *held)


def test_standard_output(capsys):
    """It is written to the standard output by default."""
    run(parse("1000", "--closing"))
    assert capsys.readouterr().out.startswith("clean: the session has ended as it should")


def test_facts():
    """Each fact of a loss can be given."""
    words = ["1008", "x", "--resumed", "--no-handle", "--age", "2.5", "--go-away", "--closing"]
    loss = loss_of(parse(*words, "--repeats", "2", "--phase", "setup"))
    assert read(loss.error) == read(loss_of(parse("1008", "x")).error)
    facts = (loss.phase, loss.resumed, loss.handle, loss.age, loss.go_away, loss.closing)
    assert facts == (Phase.SETUP, True, False, 2.5, True, True)
    assert loss.repeats == 2


@pytest.mark.parametrize(
    ("words", "family", "code", "phase"),
    [
        (["1011"], Family.CLOSE, 1011, "session"),
        (["1006"], Family.CLOSE, 1006, "session"),
        (["429", "slow down"], Family.STATUS, 429, "connect"),
        (["--status", "503"], Family.STATUS, 503, "connect"),
        (["--status", "503", "slow down"], Family.STATUS, 503, "connect"),
        (["ConnectionResetError"], Family.TRANSPORT, None, "connect"),
        (["SSLCertVerificationError", "x"], Family.TRANSPORT, None, "connect"),
        (["ValueError", "x"], Family.FOREIGN, None, "connect"),
    ],
)
def test_failures(words, family, code, phase):
    """A failure is a close code, an HTTP status or an exception of Python's."""
    loss = loss_of(parse(*words))
    assert (read(loss.error).family, read(loss.error).code, loss.phase) == (family, code, phase)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs a close code"),
        (["5000"], "from 1000 to 4999, got 5000"),
        (["600"], "from 100 to 599, got 600"),
        (["--status", "99"], "from 100 to 599, got 99"),
        (["--status", "503", "1011", "x"], "got '1011' too"),
        (["Nonsense"], "got 'Nonsense'"),
        (["print"], "got 'print'"),
        (["1011", "--age", "-1"], "age must be"),
        (["1011", "--repeats", "-1"], "repeats must be"),
    ],
)
def test_no_such_failure(words, message):
    """What is no failure is named in the error."""
    with pytest.raises(ValueError, match=message):
        loss_of(parse(*words))


def test_no_such_phase():
    """A phase that there is none of is a usage error."""
    with pytest.raises(SystemExit):
        parse("1011", "--phase", "nowhere")


def internal(**facts):
    """Return the loss of a connection over an internal error of the server's."""
    return Loss(loss_of(parse("1011", "Internal error encountered.")).error, **facts)


def test_dead_handle_over_time():
    """After a loss of a session that worked, the third failure in a row condemns the handle."""
    found = [*steps(ReconnectPolicy(), internal(handle=True, resumed=True, age=600.0))]
    assert [step.what for step in found] == [
        *["resume with the handle"] * 3,
        "start a new session",
        "raise the error as it came",
    ]
    assert found[0] == Step(1, "resume with the handle", 0.0, pytest.approx(1.0), 0.5)


def test_repeated_from_the_start():
    """A connection that had proven nothing counts as one of the row."""
    found = [*steps(ReconnectPolicy(), internal(handle=True, resumed=True, age=1.0))]
    assert [step.what for step in found].index("start a new session") == 2


def test_policy_that_never_gives_up():
    """A policy that never gives up is followed for a while."""
    policy = ReconnectPolicy(stop=lambda attempts, elapsed: False)
    found = [*steps(policy, Loss(ConnectionResetError(), handle=True))]
    assert len(found) == 100
    assert found[-1].least is not None


@given(loss=losses())
def test_everything_is_explained(loss):
    """There is something to say about every failure."""
    file = io.StringIO()
    report(loss, file=file)
    assert f" of {len(TABLE)} in" in file.getvalue()
    *attempts, end = steps(ReconnectPolicy(), loss)
    assert all(step.least <= step.most for step in attempts)
    assert end.least is None
    assert [step.at for step in attempts] == sorted(step.at for step in attempts)
