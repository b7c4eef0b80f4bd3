"""The laws that every policy keeps, and a search for a counterexample.

A law says what must hold between what a policy is asked and what it answers. `check_policy` lets
Hypothesis look for a question that breaks one, and names both. Hypothesis is imported when it is
called, so that the emulator can be used without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from reconnect._checks import checked_policy
from reconnect._failures.classify import FailureKind, classify
from reconnect._failures.loss import Loss
from reconnect._failures.retry_after import retry_after
from reconnect.policy import Decision, Policy, Raise, Resume

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from .strategies import Attempt

__all__ = ["LAWS", "BrokenLaw", "Law", "check_policy"]


class BrokenLaw(AssertionError):
    """A policy breaks a law.

    Args:
        law: The law, in words.
        how: The input, and what the policy decided instead.
    """

    def __init__(self, law: str, how: str) -> None:
        super().__init__(law, how)
        self.law = law
        self.how = how

    def __str__(self) -> str:
        return f"the policy breaks the law {self.law!r}:\n{self.how}"


@dataclass(frozen=True, slots=True)
class Question:
    """What a policy is asked.

    Args:
        loss: What was lost, and how.
        attempt: Which attempt of the outage it is about.
        elapsed: Seconds since the outage began.
        draw: A number in [0, 1).
    """

    loss: Loss
    attempt: int
    elapsed: float
    draw: float

    def put(self, policy: Policy) -> Decision:
        """Return what the policy answers; that it does is a law of its own."""
        try:
            return policy.decide(
                self.loss, attempt=self.attempt, elapsed=self.elapsed, draw=self.draw
            )
        except Exception as error:
            raise BrokenLaw(ANSWERS, f"  {self}\n  raised {error!r}") from error

    def __str__(self) -> str:
        return (
            f"decide({self.loss!r}, attempt={self.attempt!r}, elapsed={self.elapsed!r},"
            f" draw={self.draw!r})"
        )


Complaint: TypeAlias = str | None
"""How a law is broken; None if it is kept."""


@dataclass(frozen=True, slots=True)
class Law:
    """One law.

    Args:
        says: It, in words.
        inputs: Returns the strategy for what it is checked with.
        check: Tells how a policy breaks it with one such input; None if it does not.
    """

    says: str
    inputs: Callable[[], SearchStrategy[Any]]
    check: Callable[[Policy, Any], Complaint]


ANSWERS: Final = "every question has an answer"
"""Checked with all the others: `decide` never raises."""

_HIGHEST_ATTEMPT: Final = 100_000
"""Attempts; at the cap of 30 s they take weeks. Beyond it a wait that computes ``2 ** attempt``
with whole numbers, as tenacity's does, takes minutes and gigabytes for one delay."""

_FEW_ATTEMPTS: Final = 30
"""Attempts that most policies still have a budget for."""

_BEGINNING: Final = 10.0
"""Seconds that every policy has a budget for that tries again at all."""

_SHORT_OUTAGE: Final = 300.0
"""Seconds that most policies still have a budget for."""

_LONGEST_OUTAGE: Final = 1e9
"""Seconds; some thirty years are as good as for ever."""

_WALKED: Final = 50
"""Attempts that are made one by one before time is made to run faster."""

_ENDING: Final = frozenset({FailureKind.FATAL, FailureKind.CLEAN})


def check_policy(policy: Policy, *, max_examples: int = 100) -> None:
    """Search for an input for which a policy breaks a law.

    The laws: every question has an answer; same input, same decision; never a retry of a fatal
    failure; never a resume without a handle; a delay within [0, cap]; it gives up in finite time;
    a throttled failure never waits less than a transient one at the same attempt; more budget
    never gives up earlier. The search is the same every time.

    A wait with its own random numbers, such as tenacity's ``wait_random``, breaks the second law.
    Use ``full_jitter`` or another formula from `reconnect.backoff`: these use the draw that is
    passed to them.

    Args:
        policy: The policy, including its ``wait`` and ``stop``, or your own object with ``decide``.
            If that has no ``cap`` or ``throttle_delay``, its delays are not limited.
        max_examples: With how many inputs to try each law.

    Raises:
        BrokenLaw: If a law is broken; the error names the law and the simplest input found.
        TypeError: If it is not a policy.
        ModuleNotFoundError: If Hypothesis is not installed.
    """
    checked_policy(policy)
    for law in LAWS:
        broken = _search(policy, law, max_examples=max_examples)
        if broken is not None:
            # A new one: Hypothesis has added notes to that which it found, on how to find it again.
            raise BrokenLaw(broken.law, f"  {policy!r}\n{broken.how}") from broken.__cause__


def _search(policy: Policy, law: Law, *, max_examples: int) -> BrokenLaw | None:
    """Return how a policy breaks a law, with the simplest input that Hypothesis finds."""
    try:
        from hypothesis import HealthCheck, Phase, given, settings
        from hypothesis.errors import Flaky
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'check_policy needs Hypothesis: pip install ".[testing]" in a clone of reconnect',
            name=error.name,
        ) from error

    every_check: Any = list(HealthCheck)

    # Whatever profile the caller's own tests run under: the same search everywhere.
    @settings(
        max_examples=max_examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=every_check,
    )
    @given(law.inputs())
    def search(example: Any) -> None:
        how = law.check(policy, example)
        if how is not None:
            raise BrokenLaw(law.says, how)

    try:
        search()
    except BrokenLaw as broken:
        return broken
    except Flaky as error:
        # An input broke the law, and the same input did not break it again.
        return BrokenLaw(SAME, f"  {error}")
    return None


# What the laws are checked with


def _questions(**fixed: Any) -> SearchStrategy[Question]:
    from hypothesis import strategies as st

    from .strategies import draws, losses

    inputs: dict[str, Any] = {
        # Most losses are fatal, and most outages over: so half of what is asked is neither.
        "loss": losses() | _of(FailureKind.TRANSIENT) | _of(FailureKind.THROTTLED),
        "attempt": st.integers(1, _FEW_ATTEMPTS) | st.integers(1, _HIGHEST_ATTEMPT),
        "elapsed": st.floats(0, _SHORT_OUTAGE) | st.floats(0, _LONGEST_OUTAGE),
        "draw": draws(),
    }
    return st.builds(Question, **inputs | fixed)


@cache
def _any_questions() -> SearchStrategy[Question]:
    from hypothesis import strategies as st

    # Most of them at the beginning of an outage that a policy waits for, and half of these after
    # many attempts: one that raises breaks no law of delays.
    waited_for = _of(FailureKind.TRANSIENT) | _of(FailureKind.THROTTLED)
    begun: dict[str, Any] = {
        "loss": waited_for.map(lambda loss: replace(loss, handle=True, repeats=0)),
        "elapsed": st.floats(0, _BEGINNING),
    }
    return (
        _questions()
        | _questions(**begun, attempt=st.integers(1, _FEW_ATTEMPTS))
        | _questions(**begun, attempt=st.integers(_FEW_ATTEMPTS // 2, _FEW_ATTEMPTS))
    )


@cache
def _fatal_questions() -> SearchStrategy[Question]:
    from .strategies import losses

    return _questions(loss=losses().filter(lambda loss: classify(loss) in _ENDING))


@cache
def _outages() -> SearchStrategy[tuple[Attempt, ...]]:
    from .strategies import losses, outages

    return outages() | outages(
        losses=losses() | _of(FailureKind.TRANSIENT) | _of(FailureKind.THROTTLED), max_attempts=3
    )


@cache
def _pairs() -> SearchStrategy[tuple[Question, Question]]:
    """Return a strategy for the same question about a throttled and a transient failure."""
    from hypothesis import strategies as st

    # Of an outage that is given up there is nothing to compare.
    throttled = _questions(
        loss=_of(FailureKind.THROTTLED),
        attempt=st.integers(1, _FEW_ATTEMPTS),
        elapsed=st.floats(0, _SHORT_OUTAGE),
    )
    return st.tuples(throttled, _of(FailureKind.TRANSIENT)).map(
        lambda made: (
            made[0],
            replace(made[0], loss=replace(made[1], handle=made[0].loss.handle)),
        )
    )


@cache
def _of(kind: FailureKind) -> SearchStrategy[Loss]:
    """Return a strategy for losses of a kind that is waited for, which are rare among all."""
    from hypothesis import strategies as st

    from .strategies import api_errors, losses, transport_errors

    if kind is FailureKind.THROTTLED:
        busy = st.just("Resource exhausted")
        errors: SearchStrategy[Any] = api_errors(codes=st.sampled_from([429, 1011]), texts=busy)
    else:
        errors = transport_errors()
    # Every filter has its price, so what is known is fixed.
    return losses(errors=errors, go_away=False, closing=False).filter(
        lambda loss: classify(loss) is kind
    )


# How they are checked


def _is_the_same(policy: Policy, question: Question) -> Complaint:
    first, second = question.put(policy), question.put(policy)
    if _facts(first) == _facts(second):
        return None
    return f"  {question}\n  returned {first!r}, then {second!r}"


def _facts(decision: Decision) -> object:
    """Return what two decisions are compared by: an error has no equality of its own."""
    if isinstance(decision, Raise):
        return type(decision.error), str(decision.error), decision.error.__cause__
    return decision


def _ends_the_session(policy: Policy, question: Question) -> Complaint:
    decision = question.put(policy)
    if isinstance(decision, Raise):
        return None
    kind = classify(question.loss).value
    return f"  {question}\n  returned {decision!r} for a failure that is {kind}"


def _needs_a_handle(policy: Policy, question: Question) -> Complaint:
    decision = question.put(policy)
    if question.loss.handle or not isinstance(decision, Resume):
        return None
    return f"  {question}\n  returned {decision!r}, and no handle is held"


def _is_within_the_cap(policy: Policy, question: Question) -> Complaint:
    decision = question.put(policy)
    if isinstance(decision, Raise):
        return None
    lowest, highest = 0.0, getattr(policy, "cap", math.inf)
    if classify(question.loss) is FailureKind.THROTTLED:
        floor = getattr(policy, "throttle_delay", 0.0)
        lowest = max(floor, retry_after(question.loss.error) or 0.0)
        highest += lowest
    if lowest <= decision.delay <= highest:
        return None
    return f"  {question}\n  returned {decision!r}, not from {lowest!r} to {highest!r} s"


def _gives_up(policy: Policy, outage: tuple[Attempt, ...]) -> Complaint:
    slept, last = 0.0, ""
    for dialled, (attempt, elapsed) in enumerate(_time(outage)):
        dial = outage[dialled % len(outage)]
        question = Question(dial.loss, attempt, elapsed + slept, dial.draw)
        decision = question.put(policy)
        if isinstance(decision, Raise):
            return None
        slept += decision.delay
        last = f"  {question}\n  still returned {decision!r} after the outage {outage!r}"
    return last


def _time(outage: tuple[Attempt, ...]) -> Iterator[tuple[int, float]]:
    """Count attempts and seconds: one by one at first, then by leaps, up to some thirty years."""
    elapsed = 0.0
    for attempt in range(1, _WALKED):
        yield attempt, elapsed
        elapsed += outage[attempt % len(outage)].lasted
    attempt = _WALKED
    while elapsed < _LONGEST_OUTAGE:
        yield attempt, elapsed
        attempt, elapsed = min(2 * attempt, _HIGHEST_ATTEMPT), 2 * elapsed


def _waits_longer(policy: Policy, pair: tuple[Question, Question]) -> Complaint:
    throttled, transient = (question.put(policy) for question in pair)
    if isinstance(throttled, Raise) or isinstance(transient, Raise):
        return None
    if throttled.delay >= transient.delay:
        return None
    return f"  {pair[0]}\n  returned {throttled!r}, but\n  {pair[1]}\n  returned {transient!r}"


def _went_on_before(policy: Policy, question: Question) -> Complaint:
    late = question.put(policy)
    if isinstance(late, Raise):
        return None
    for earlier in _with_more_budget(question):
        early = earlier.put(policy)
        if isinstance(early, Raise):
            return f"  {earlier}\n  returned {early!r}, but\n  {question}\n  returned {late!r}"
    return None


def _with_more_budget(question: Question) -> Iterator[Question]:
    """Ask the same with fewer attempts made, with less time gone, and with less of both."""
    attempts = {*range(1, min(question.attempt, _WALKED) + 1), question.attempt}
    for attempt in sorted(attempts):
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            yield replace(question, attempt=attempt, elapsed=share * question.elapsed)


SAME: Final = "same input, same decision"

LAWS: Final = (
    Law(SAME, _any_questions, _is_the_same),
    Law("never a retry of a fatal failure", _fatal_questions, _ends_the_session),
    Law("never a resume without a handle", _any_questions, _needs_a_handle),
    Law("a delay within [0, cap]", _any_questions, _is_within_the_cap),
    Law("it gives up in finite time", _outages, _gives_up),
    Law(
        "a throttled failure never waits less than a transient one at the same attempt",
        _pairs,
        _waits_longer,
    ),
    Law("more budget never gives up earlier", _any_questions, _went_on_before),
)
"""The laws in the order in which they are checked: the others need the first to mean anything."""
