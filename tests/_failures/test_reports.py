"""What users have reported: each failure is classified as it should have been."""

import json
import pathlib
import ssl
from functools import partial

import pytest
from failures import (
    closed,
    refused,
    wrapped,
)

from reconnect import FailureKind, Loss, classify
from reconnect._failures.classify import explain

DATA = pathlib.Path(__file__).parent.parent / "data"
REPORTS = [
    (file, number, json.loads(line))
    for file in ("live_api_errors", "more_reports")
    for number, line in enumerate((DATA / f"{file}.jsonl").read_text("utf-8").splitlines(), 1)
]
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


def repeats(report):
    """Return how often the same must have come before for its label to be knowable.

    A resumed connection that ends with an internal error of the server's is an everyday thing; the
    third one in a row is a dead handle. That report is the only one that needs this.
    """
    young = report["age_s"] <= 2 and report["phase"] == "session"
    dead = young and report["resumed"] and report["reason"] == "Internal error occurred."
    return 2 if dead else 0


def reported():
    """Return one parameter per report and face."""
    for file, number, report in REPORTS:
        for name, error in faces(report).items():
            yield pytest.param(report, error, id=f"{file} {number} {name}")


@pytest.mark.parametrize(("report", "error"), list(reported()))
def test_reports(report, error):
    """A failure that users have reported is classified as it should have been."""
    loss = Loss(
        error,
        report["phase"],
        resumed=report["resumed"],
        handle=report["resumed"],
        age=report["age_s"],
        go_away=report["go_away"],
        closing=report["closing"],
        repeats=repeats(report),
    )
    if report["label"] == "ambiguous":
        # Either is defensible. What is not is to end the session as if it were meant to.
        assert classify(loss) in set(FailureKind) - {FailureKind.CLEAN}
    else:
        assert classify(loss) == report["label"], explain(loss).why


def test_repetition_is_needed_once():
    """All reports but one are classified from the one loss that they tell of."""
    assert sum(repeats(report) > 0 for _, _, report in REPORTS) == 1
