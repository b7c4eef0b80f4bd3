"""The table of judgement: what each failure is taken for."""

import asyncio
import json
import pathlib
import socket
import ssl
import string
from functools import partial

import pytest
import websockets.exceptions
from failures import (
    CODES,
    FOREIGN,
    NETWORK,
    STATUSES,
    TEXTS,
    closed,
    exceptions_of,
    losses,
    refused,
    wrapped,
)
from google.genai import errors
from hypothesis import given, strategies as st

from reconnect import FailureKind, Loss, Phase, classify
from reconnect.judgement import TABLE, explain
from reconnect.loss import read

REPORTS = pathlib.Path(__file__).parent / "data" / "live_api_errors.jsonl"
PLAIN = {
    "TimeoutError": TimeoutError,
    "ValueError": ValueError,
    "ssl.SSLCertVerificationError": partial(ssl.SSLCertVerificationError, 1),
}
NO_CODE = (1007, 1008, 1011)
"""Close codes that stand in where a report has a text but no code: the text must decide alone."""


def faces(report):
    """Return the exceptions that a report stands for, by name."""
    code, status, reason = report["code"], report["http_status"], report["reason"]
    if status is not None:
        return {"status": refused(status, reason)}
    if report["exception"] in PLAIN:
        return {"plain": PLAIN[report["exception"]](reason)}
    codes = NO_CODE if code is None else (code,)
    return {
        f"{face.__name__} {code}": face(code, reason)
        for code in codes
        for face in (closed, wrapped)
    }


def unjudged(report):
    """Say what a report would need that a single loss does not tell; None where nothing."""
    reason, young = report["reason"], report["age_s"] <= 2 and report["phase"] == "session"
    if young and report["resumed"] and reason == "Internal error occurred.":
        return "only its repetition tells a dead handle from an internal error"
    if young and not report["resumed"] and reason == "Internal error encountered.":
        return "only its repetition tells a refused request from an internal error"
    return None


def reported():
    """Return one parameter per report and face."""
    for number, line in enumerate(REPORTS.read_text("utf-8").splitlines(), 1):
        report = json.loads(line)
        why = unjudged(report)
        marks = () if why is None else pytest.mark.xfail(reason=why, strict=True)
        for name, error in faces(report).items():
            yield pytest.param(report, error, id=f"{number} {name}", marks=marks)


@pytest.mark.parametrize(("report", "error"), list(reported()))
def test_reports(report, error):
    """A failure that users have reported is judged as it should have been."""
    loss = Loss(
        error,
        report["phase"],
        resumed=report["resumed"],
        handle=report["resumed"],
        age=report["age_s"],
        go_away=report["go_away"],
        closing=report["closing"],
    )
    if report["label"] == "ambiguous":
        # Either is defensible. What is not is to end the session as if it were meant to.
        assert classify(loss) in {FailureKind.TRANSIENT, FailureKind.FATAL}
    else:
        assert classify(loss) == report["label"], explain(loss).why


EXAMPLES = [
    Loss(wrapped(1011, "API key not valid"), closing=True, handle=True),
    Loss(ValueError("api key not valid"), go_away=True),
    Loss(wrapped(1008, "quota exceeded"), go_away=True),
    Loss(closed(1011, "Your prepayment credits are depleted.")),
    Loss(refused(403, "You exceeded your current quota"), Phase.CONNECT),
    Loss(wrapped(1007, "The input token count exceeds the maximum number of tokens")),
    Loss(refused(400, "API key not valid"), Phase.CONNECT),
    Loss(wrapped(1008, "BidiGenerateContent session expired"), resumed=True, age=9.9),
    Loss(wrapped(1008, "Operation is not implemented, or supported, or enabled."), age=60),
    Loss(wrapped(1007, "realtime_input.media_chunks is deprecated.")),
    Loss(wrapped(1007, "Request contains an invalid argument."), Phase.SETUP, resumed=True),
    Loss(wrapped(1007, "Request contains an invalid argument."), Phase.SETUP),
    Loss(wrapped(1000, "The operation was cancelled."), age=60),
    Loss(wrapped(1009, "message too big")),
    Loss(closed(1013)),
    Loss(closed(3000)),
    Loss(closed(1006)),
    Loss(refused(429), Phase.CONNECT),
    Loss(wrapped(503), age=60),
    Loss(refused(404), Phase.CONNECT),
    Loss(ssl.SSLCertVerificationError(1, "certificate verify failed"), Phase.CONNECT),
    Loss(ConnectionRefusedError(111, "refused"), Phase.CONNECT),
    Loss(closed(4999)),
]


@pytest.mark.parametrize(
    ("row", "loss"), [*zip(TABLE, EXAMPLES, strict=True)], ids=[row.why[:40] for row in TABLE]
)
def test_every_row_is_reached(row, loss):
    """Each row of the table is the first to match some loss."""
    assert explain(loss) is row
    assert classify(loss) is row.kind


def test_rows_are_written_as_they_are_read():
    """Fragments are in lower case, as the texts are, and every row says why and from where."""
    for row in TABLE:
        assert all(part == part.lower() and part for part in row.text or ())
        assert row.why[-1] in string.punctuation
        assert row.source


@given(loss=losses())
def test_total(loss):
    """There is a verdict for every failure, and always the same."""
    assert classify(loss) is classify(loss)
    assert classify(loss) is explain(loss).kind


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("resumed", [False, True])
def test_every_code_and_status(phase, resumed):
    """There is a verdict for every close code and every HTTP status there can be."""
    every = [face(code) for code in range(1000, 5000) for face in (closed, wrapped)]
    every += [face(status) for status in range(100, 600) for face in (refused, wrapped)]
    assert {type(classify(Loss(error, phase, resumed=resumed))) for error in every} == {FailureKind}


def test_every_exception():
    """There is a verdict for every exception class of the libraries involved."""
    for error in exceptions_of(websockets.exceptions, errors, ssl, socket, asyncio):
        assert isinstance(classify(Loss(error)), FailureKind)


@given(code=CODES, text=TEXTS, rest=losses())
def test_faces_agree(code, text, rest):
    """A close is judged the same raw and wrapped."""
    first, second = (
        Loss(face(code, text), rest.phase, rest.resumed, rest.handle, rest.age, rest.go_away)
        for face in (closed, wrapped)
    )
    if code != 1006:
        assert classify(first) is classify(second)


@given(loss=losses(closing=True))
def test_asked_to_close(loss):
    """Whatever happens after the caller has asked to close is the end it asked for."""
    assert classify(loss) is FailureKind.CLEAN


@given(loss=losses(FOREIGN, closing=False))
def test_foreign_is_fatal(loss):
    """What is no failure of a connection is never tried again."""
    assert classify(loss) is FailureKind.FATAL


@given(loss=losses(closing=False, go_away=True, phase=Phase.SESSION))
def test_going_away(loss):
    """After a go_away any end of the connection is what was announced."""
    if read(loss.error).code is None or read(loss.error).code < 1000:
        return
    assert classify(loss) is FailureKind.TRANSIENT


@given(loss=losses(resumed=False, closing=False))
def test_no_handle_no_rejection(loss):
    """No handle is rejected where none was sent."""
    assert classify(loss) is not FailureKind.HANDLE_REJECTED


@given(loss=losses(NETWORK, closing=False))
def test_network_is_transient(loss):
    """The network comes back, unless it shows a certificate that cannot be verified."""
    certificate = isinstance(loss.error, ssl.SSLCertVerificationError)
    going_away = loss.go_away and loss.phase is Phase.SESSION
    expected = FailureKind.FATAL if certificate and not going_away else FailureKind.TRANSIENT
    assert classify(loss) is expected


@given(status=STATUSES)
def test_statuses(status):
    """A handshake is tried again over what passes: 408, 425, 429 and most of 5xx."""
    kind = classify(Loss(refused(status), Phase.CONNECT))
    if (300 <= status < 500 and status not in {408, 425, 429}) or status in {501, 505}:
        assert kind is FailureKind.FATAL
    else:
        assert kind is (FailureKind.THROTTLED if status == 429 else FailureKind.TRANSIENT)


@pytest.mark.parametrize(
    ("age", "kind"),
    [(9.99, FailureKind.HANDLE_REJECTED), (10.0, FailureKind.TRANSIENT)],
)
def test_young_connections(age, kind):
    """A handle is to blame only for what ends before its connection has proven anything."""
    error = closed(1008, "BidiGenerateContent session not found")
    assert classify(Loss(error, resumed=True, handle=True, age=age)) is kind


@pytest.mark.parametrize(
    ("age", "kind"), [(419.9, FailureKind.CLEAN), (420.0, FailureKind.TRANSIENT)]
)
def test_idle_or_old(age, kind):
    """A cancelled operation ends an idle session, but at the age limit only its connection."""
    error = wrapped(1000, "The operation was cancelled.")
    assert classify(Loss(error, handle=True, age=age)) is kind


@given(text=st.sampled_from(["Session Expired", "SESSION NOT FOUND", "invalid session handle"]))
def test_case_does_not_matter(text):
    """Texts are matched whatever their case."""
    assert classify(Loss(closed(1011, text), resumed=True)) is FailureKind.HANDLE_REJECTED
