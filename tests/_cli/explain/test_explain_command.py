"""Explaining a failure on the command line."""

import argparse
import io
import json

import pytest
from paths import paths

from reconnect import Phase
from reconnect._cli.arguments import UsageError
from reconnect._cli.explain.command import add_arguments, loss_of, run
from reconnect._cli.explain.report import KEYS
from reconnect._failures.loss import Family, read


def parser():
    """Return the parser of the command."""
    made = argparse.ArgumentParser()
    add_arguments(made)
    return made


def parse(*words):
    """Return what is asked for."""
    return parser().parse_args(words)


def said(*words, stdin=""):
    """Return what the command says."""
    file = io.StringIO()
    run(parse(*words), file=file, stdin=io.StringIO(stdin))
    return file.getvalue()


def loss(*words, stdin=""):
    """Return the loss that is described."""
    return loss_of(parse(*words), stdin=io.StringIO(stdin))[1]


def test_quota():
    """The kind, the row, the reason, the source and the course of events are said."""
    text = said("1011", "You exceeded your current quota", "--phase", "setup")
    assert text.startswith("throttled: the server asks to wait")
    assert 'the text contains "exceed ... quota"' in text
    assert "https://github.com/googleapis/python-genai/issues/874" in text
    assert "30-31 s" in text
    assert "ReconnectExhausted" in text
    assert "raise the error unchanged" in text


def test_handle():
    """Where a handle is named, one course of events is shown; where not, both."""
    assert "without a handle" in said("1011", "--age", "60")
    for held in (["--handle"], ["--no-handle"], ["--resumed"]):
        assert "without a handle" not in said("1011", "--age", "60", *held)


def test_standard_output(capsys):
    """It is written to the standard output by default."""
    run(parse("1000", "--closing"))
    assert capsys.readouterr().out.startswith("clean: the session has ended as intended")


def test_facts():
    """Each fact of a loss can be given."""
    words = ["1008", "x", "--resumed", "--no-handle", "--age", "2.5", "--go-away", "--closing"]
    found = loss(*words, "--repeats", "2", "--phase", "setup")
    assert read(found.error) == read(loss("1008", "x").error)
    facts = (found.phase, found.resumed, found.handle, found.age, found.go_away, found.closing)
    assert facts == (Phase.SETUP, True, False, 2.5, True, True)
    assert found.repeats == 2


@pytest.mark.parametrize(
    ("words", "family", "code", "phase"),
    [
        (["1011"], Family.CLOSE, 1011, "session"),
        (["1006"], Family.CLOSE, 1006, "session"),
        (["429", "slow down"], Family.STATUS, 429, "connect"),
        (["503"], Family.STATUS, 503, "connect"),
        (["1011 Deadline expired"], Family.CLOSE, 1011, "session"),
        (["1011", "Deadline", "expired"], Family.CLOSE, 1011, "session"),
        (["websockets.exceptions.InvalidMessage", "x"], Family.HANDSHAKE, None, "connect"),
        (["ValueError: x"], Family.FOREIGN, None, "connect"),
        (["google.genai.errors.APIError:", "1011", "None.", "x"], Family.CLOSE, 1011, "session"),
        (["12 E live: received 1008 (policy violation) x"], Family.CLOSE, 1008, "session"),
        (["1700000000 live: 1008 None. x"], Family.CLOSE, 1008, "session"),
        (["1008 None. x"], Family.CLOSE, 1008, "session"),
        (["ended for good: 1008 x; 1 turn lost"], Family.CLOSE, 1008, "session"),
        (["keepalive ping timeout"], Family.CLOSE, 1006, "session"),
        (["attempt failed: 1008 not found (handle rejected)"], Family.CLOSE, 1008, "setup"),
        (["attempt failed: HTTP 503 (transient)"], Family.STATUS, 503, "connect"),
        (["connection lost after 2 s: connection reset"], Family.TRANSPORT, None, "session"),
        (["ConnectionResetError"], Family.TRANSPORT, None, "connect"),
        (["SSLCertVerificationError", "x"], Family.TRANSPORT, None, "connect"),
        (["ValueError", "x"], Family.FOREIGN, None, "connect"),
    ],
)
def test_failures(words, family, code, phase):
    """A failure is a close code, an HTTP status, an exception or a line of a log."""
    found = loss(*words)
    assert (read(found.error).family, read(found.error).code, found.phase) == (family, code, phase)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "explain needs a failure"),
        (["-"], "the text is empty"),
        (["5000"], "from 1000 to 4999, got 5000"),
        (["600"], "from 100 to 599, got 600"),
        (["99"], "from 100 to 599, got 99"),
        (["Nonsense"], "no failure found in 'Nonsense'"),
        (["print"], "no failure found in 'print'"),
        (["APIError"], "no failure found in 'APIError'"),
        (["1011", "--age", "-1"], "age must be"),
        (["1011", "--repeats", "-1"], "repeats must be"),
    ],
)
def test_no_such_failure(words, message):
    """What is no failure is named in the error."""
    with pytest.raises(UsageError, match=message):
        said(*words)


@pytest.mark.parametrize("phase", ["attempt failed", "connection lost after 0.5 s"])
def test_own_log_of_a_rejected_handle(phase):
    """What this library's log says was a rejected handle is explained as one."""
    line = f"WARNING session 1-40a248: {phase}: 1008 session not found (handle rejected)"
    found = said(line)
    assert found.startswith("handle_rejected: ")
    assert "without a handle" not in found


def test_age_of_ones_own_goes_before_that_of_the_log():
    """The age in a line of this library's log counts, unless another is given."""
    line = "connection lost after 583 s: 1011 Internal error encountered (transient)"
    assert loss(line).age == 583
    assert loss(line, "--age", "3").age == 3
    assert loss("1011").age == 0


def test_no_such_phase():
    """A phase that there is none of is a usage error."""
    with pytest.raises(SystemExit):
        parse("1011", "--phase", "nowhere")


def test_standard_input():
    """A whole traceback is read from the standard input, and the line that counted is shown."""
    text = "Traceback:\n  File x\ngoogle.genai.errors.APIError: 1008 None. session not found\n"
    found = said("-", "--resumed", "--phase", "setup", stdin=text)
    assert found.startswith("handle_rejected: ")
    assert "  read  google.genai.errors.APIError: 1008 None. session not found\n" in found


def test_json():
    """As JSON it has the keys that the help names, and a case with a handle and without."""
    data = json.loads(said("1011", "x", "--json"))
    assert paths(data) == [*KEYS]
    assert (data["line"], data["family"], data["code"]) == ("1011 x", "a WebSocket close", 1011)
    assert [case["handle"] for case in data["cases"]] == [True, False]
    (case,) = json.loads(said("1011", "x", "--resumed", "--json"))["cases"]
    assert case["handle"] is True


def test_help_names_the_keys():
    """The help text has every key of the JSON, and an example that reads a program's output."""
    text = parser().format_help()
    assert all(f"\n  {key}  " in text for key in KEYS)
    assert "2>&1 | " in text
