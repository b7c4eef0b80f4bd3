"""What is said of a failure."""

import io
import json
import sys
from dataclasses import replace
from typing import get_args

import pytest
from failures import closed, losses
from hypothesis import given
from paths import paths

from reconnect import FailureKind, Loss, Phase, ReconnectPolicy
from reconnect._cli.explain.course import Action, steps
from reconnect._cli.explain.report import KEYS, as_data, report
from reconnect._failures.classify import TABLE

NOT_AGAIN = "\nThe default policy does not retry: it raises the error unchanged.\n"

INTERNAL = Loss(closed(1011, "Internal error encountered."), age=600.0)


@pytest.fixture(params=["rich", "plain"])
def table(request, monkeypatch):
    """Show tables with rich and without."""
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "rich.console", None)


def cases_of(*losses):
    """Return losses with what the default policy does about each."""
    return [(loss, [*steps(ReconnectPolicy(), loss)]) for loss in losses]


def reported(*losses):
    """Return what is written of losses that are the same but for the handle."""
    file = io.StringIO()
    report("a line", cases_of(*losses), file=file)
    return file.getvalue()


def held(loss):
    """Return the same loss while a handle is held."""
    return replace(loss, handle=True)


@pytest.mark.usefixtures("table")
def test_courses():
    """Each step has a line, with its delay and its time; those that are alike have one together."""
    text = reported(held(INTERNAL), INTERNAL)
    assert text.startswith("transient: the next attempt may succeed\n\n  read  a line\n")
    assert text.count("transient: ") == 1
    assert text.index("with a handle held:") < text.index("without a handle:")
    assert "resume with the handle" in text
    assert "start a new session" in text
    assert "raise the error unchanged" in text


@pytest.mark.usefixtures("table")
def test_courses_that_are_the_same():
    """Where a handle makes no difference one course is shown."""
    text = reported(held(INTERNAL), held(INTERNAL))
    assert text.count("usually at") == 1
    assert "handle held" not in text
    assert "ReconnectExhausted" in reported(Loss(closed(1013), handle=True))


def test_verdicts_that_differ():
    """Where a handle makes it another failure there is a verdict for each."""
    unknown = Loss(closed(4429, "x"))
    text = reported(held(unknown), unknown)
    assert text.startswith("with a handle held, transient: ")
    assert "\n\nwithout a handle, fatal: " in text
    assert text.endswith("\nThe default policy does not retry: it raises the error unchanged.\n")


def test_nothing_to_follow():
    """What is raised at once is said without a table."""
    fatal = Loss(ValueError("x"))
    text = reported(held(fatal), fatal)
    assert text.endswith("\nThe default policy does not retry: it raises the error unchanged.\n")
    assert text.count("The default policy") == text.count("fatal: ") == 1


@given(loss=losses())
def test_everything_is_explained(loss):
    """There is something to say about every failure, in words and as data."""
    data = as_data("a line", cases_of(loss))
    assert json.loads(json.dumps(data)) == data
    assert paths(data) == [*KEYS]
    (case,) = data["cases"]
    text = reported(loss)
    assert text.startswith(f"{case['kind']}: {case['meaning']}\n\n  read  a line\n")
    assert f"row  {case['row']} of {len(TABLE)} in" in text


def test_keys_are_described():
    """Each key is described, and where it is one of a few words, they are all there."""
    data = as_data("a line", cases_of(held(INTERNAL), INTERNAL))
    with_handle, without = data["cases"]
    assert (with_handle["handle"], without["handle"]) == (True, False)
    assert paths(data) == [*KEYS]
    for key, words in (
        ("phase", Phase),
        ("cases[].kind", FailureKind),
        ("cases[].steps[].action", get_args(Action)),
    ):
        *first, last = words
        assert KEYS[key].endswith(f"{', '.join(first)} or {last}")
    assert without["steps"][-1] == {
        "attempt": 1,
        "action": "raise",
        "least": None,
        "most": None,
        "at": 0.0,
        "error": None,
    }
