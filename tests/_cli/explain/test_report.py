"""What is said of a failure."""

import io
import json
import sys

import pytest
from failures import closed, losses
from hypothesis import given

from reconnect import Loss, ReconnectPolicy
from reconnect._cli.explain.course import steps
from reconnect._cli.explain.report import KEYS, as_data, follow, report
from reconnect._failures.classify import TABLE

INTERNAL = Loss(closed(1011, "Internal error encountered."), age=600.0)


@pytest.fixture(params=["rich", "plain"])
def table(request, monkeypatch):
    """Show tables with rich and without."""
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "rich.console", None)


def followed(*courses):
    """Return what is written of courses: whether a handle is held, and the first loss."""
    file = io.StringIO()
    policy = ReconnectPolicy()
    follow([(held, [*steps(policy, loss)]) for held, loss in courses], file=file)
    return file.getvalue()


def held(loss=INTERNAL):
    """Return a loss while a handle is held."""
    return True, Loss(loss.error, loss.phase, resumed=True, handle=True, age=600.0)


@pytest.mark.usefixtures("table")
def test_courses():
    """Each step has a line, with its delay and its time; those that are alike have one together."""
    text = followed(held(), (False, INTERNAL))
    assert "with a handle held:" in text
    assert "without one:" in text
    assert "resume with the handle" in text
    assert "start a new session" in text
    assert "raise the error as it came" in text


@pytest.mark.usefixtures("table")
def test_courses_that_are_the_same():
    """Where a handle makes no difference one course is shown."""
    text = followed(held(), held())
    assert text.count("usually at") == 1
    assert "handle held" not in text
    assert "ReconnectExhausted" in followed((True, Loss(closed(1013), handle=True)))


def test_nothing_to_follow():
    """What is raised at once is said without a table."""
    fatal = Loss(ValueError("x"))
    text = followed((True, fatal), (False, fatal))
    assert text == "\nThe default policy does not try again: it raises the error as it came.\n"


@given(loss=losses())
def test_everything_is_explained(loss):
    """There is something to say about every failure, in words and as data."""
    file = io.StringIO()
    report("a line", loss, file=file)
    data = as_data("a line", loss, [(True, [*steps(ReconnectPolicy(), loss)])])
    assert json.loads(json.dumps(data)) == data
    assert [*data] == [*KEYS]
    assert f"row  {data['row']} of {len(TABLE)} in" in file.getvalue()
    assert f"{data['kind']}: {data['meaning']}\n\n  read  a line\n" in file.getvalue()


def test_keys_are_described():
    """Each key of a step is in the description of the steps."""
    data = as_data("a line", INTERNAL, [(False, [*steps(ReconnectPolicy(), INTERNAL)])])
    (course,) = data["courses"]
    assert [*course] == ["handle", "steps"]
    assert all(key in KEYS["courses"] for key in course["steps"][0])
    assert course["steps"][-1] == {
        "attempt": 1,
        "action": "raise",
        "least": None,
        "most": None,
        "at": 0.0,
        "error": None,
    }
