"""The count of what became of the turns and of the tool calls."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from reconnect._cli.demo.tally import Tally, ToolTally, Turn, count, count_tools

ASKED = (Turn("One.", ("Reply 1.",)), Turn("Two.", ("Reply 2.",)))


KNOWN = [("user", "One."), ("model", "Reply 1."), ("user", "Two."), ("model", "Reply 2.")]


@pytest.mark.parametrize("known", [KNOWN, None])
def test_perfect_record(known: Any) -> None:
    """Turns that both sides know once are neither lost nor twice."""
    assert count(ASKED, known=known) == Tally(2, 2, (), ())


@pytest.mark.parametrize(
    ("turns", "known", "tally"),
    [
        pytest.param(ASKED, KNOWN[2:], Tally(2, 1, ("One.",), ()), id="forgotten turn"),
        pytest.param(ASKED, KNOWN[1:], Tally(2, 2, ("One.",), ()), id="forgotten question"),
        pytest.param(ASKED, KNOWN[:3], Tally(2, 1, ("Two.",), ()), id="forgotten reply"),
        pytest.param(ASKED, [], Tally(2, 0, ("One.", "Two."), ()), id="forgotten conversation"),
        pytest.param(ASKED, [*KNOWN, KNOWN[2]], Tally(2, 2, (), ("Two.",)), id="question twice"),
        pytest.param(ASKED, [*KNOWN, KNOWN[3]], Tally(2, 2, (), ("Two.",)), id="reply twice"),
        pytest.param(
            [ASKED[0], Turn("Two.", ())], KNOWN, Tally(2, 1, ("Two.",), ()), id="no reply"
        ),
        pytest.param(
            [ASKED[0], Turn("Two.", ())], None, Tally(2, 1, ("Two.",), ()), id="no reply, real"
        ),
        pytest.param(
            [ASKED[0], Turn("Two.", ("",))], None, Tally(2, 1, ("Two.",), ()), id="empty reply"
        ),
        pytest.param(
            [ASKED[0], Turn("Two.", ("RepReply 2.",))],
            KNOWN,
            Tally(2, 1, ("Two.",), ()),
            id="torn reply",
        ),
        pytest.param(
            [ASKED[0], Turn("Two.", ("Reply 2.", "Reply 2."))],
            KNOWN,
            Tally(2, 2, (), ("Two.",)),
            id="reply shown twice",
        ),
        pytest.param(
            [ASKED[0], Turn("Two.", ("Reply 1.",))],
            KNOWN,
            Tally(2, 1, ("Two.",), ("One.",)),
            id="reply of the turn before",
        ),
    ],
)
def test_imperfect_record(turns: Sequence[Turn], known: Any, tally: Tally) -> None:
    """What is missing from either side is lost, and what is there again is twice."""
    assert count(turns, known=known) == tally


INTERRUPTED = (Turn("One.", (), "Rep"), ASKED[1])


@pytest.mark.parametrize(
    ("known", "asked", "tally"),
    [
        ([KNOWN[0], ("model", "Rep"), *KNOWN[2:]], ["One.", "Two.", "Two."], Tally(2, 1, (), ())),
        ([KNOWN[0], ("model", "Rep"), *KNOWN[2:]], ["One.", "Two.", "One."], Tally(2, 1, (), ())),
        (None, [], Tally(2, 1, (), ())),
        (KNOWN, ["One.", "Two."], Tally(2, 1, ("One.",), ())),
        (
            [KNOWN[0], ("model", "Rep"), ("model", "Rep"), *KNOWN[2:]],
            ["One.", "Two."],
            Tally(2, 1, (), ("One.",)),
        ),
    ],
)
def test_interrupted_turn_is_counted(known: Any, asked: Sequence[str], tally: Tally) -> None:
    """The server knows of an interrupted reply what was shown, once, and is not asked again."""
    again = ("One.",) * (asked.count("One.") > 1)
    expected = replace(tally, interrupted=("One.",), again=again)
    assert count(INTERRUPTED, known=known, asked=asked) == expected


@pytest.mark.parametrize(
    ("called", "run", "tally"),
    [
        ([], [], ToolTally(0, 0, 0, (), ())),
        (["a", "b"], ["a", "b"], ToolTally(2, 0, 2, (), ())),
        (["a", "b", "a", "a"], ["a", "b"], ToolTally(4, 2, 2, (), ())),
        (["a", "a"], [], ToolTally(2, 1, 0, ("a",), ())),
        (["a", "b", "a", "b"], ["a", "a", "a"], ToolTally(4, 2, 3, ("b",), ("a",))),
        ([], ["a", "a"], ToolTally(0, 0, 2, (), ("a",))),
    ],
)
def test_tools_are_counted(called: Sequence[str], run: Sequence[str], tally: ToolTally) -> None:
    """A call that is made again is to be run once, and neither never nor twice."""
    assert count_tools(called, run) == tally
