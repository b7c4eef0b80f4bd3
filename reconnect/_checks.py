"""Checks what the user has written: a policy, its decisions, an ``on_event``, a wording.

A mistake in it would show in an outage otherwise, as a session that hangs or sleeps for ever.
"""

from __future__ import annotations

import inspect
import math
from typing import Any, Final

from reconnect._adapters.plugins import answers_later
from reconnect._numbers import is_number
from reconnect.policy import Decision, Policy, Raise, Restart, Resume

__all__ = [
    "check_gate",
    "check_observer",
    "check_wording",
    "checked_decision",
    "checked_policy",
    "wording_for",
]

_SIGNATURE: Final = "decide(self, loss, *, attempt, elapsed, draw)"
_NO_WORDS: Final = "use None to let the library choose by the model's name"
_DECISIONS: Final = "Resume(delay), Restart(delay) or Raise(error)"


def check_observer(on_event: Any) -> None:
    """Raise for what cannot be called with events.

    Args:
        on_event: What was given as ``on_event``; None for none.

    Raises:
        TypeError: If it cannot be called, or answers later.
    """
    if on_event is None:
        return
    if not callable(on_event):
        raise TypeError(f"on_event must be callable, got {on_event!r}")
    if answers_later(on_event):
        raise TypeError(
            f"on_event must be a plain function, got the async {on_event!r}, which would not be"
            " awaited; put the event into an asyncio.Queue, or start a task"
        )
    if not _takes(on_event, None):
        raise TypeError(f"on_event must take one argument, the event, got {on_event!r}")


def _takes(function: Any, *arguments: Any, **named: Any) -> bool:
    try:
        inspect.signature(function).bind(*arguments, **named)
    except TypeError:
        return False
    except ValueError:
        # A function that does not say what it takes, such as one written in C.
        return True
    return True


def check_gate(gate: Any) -> None:
    """Raise for what no attempt can wait at.

    Args:
        gate: What was given as ``gate``; None for none.

    Raises:
        TypeError: If it is no async context manager, or a class.
    """
    if gate is not None and (isinstance(gate, type) or not hasattr(gate, "__aenter__")):
        raise TypeError(f"gate must be a ReconnectGate, or None for no limit, got {gate!r}")


def check_wording(continue_with: Any) -> None:
    """Raise for what gives no text that asks a model to continue.

    Args:
        continue_with: What was given by this name: a text, a function of the model's name, or None.

    Raises:
        TypeError: If it is none of these, or a function that answers later.
        ValueError: If it is a text without a word.
    """
    if continue_with is None:
        return
    if isinstance(continue_with, str):
        if not continue_with.strip():
            raise ValueError(f"continue_with must not be blank, got {continue_with!r}; {_NO_WORDS}")
        return
    if (
        not callable(continue_with)
        or answers_later(continue_with)
        or not _takes(continue_with, None)
    ):
        raise TypeError(
            "continue_with must be a text, a plain function that takes the model's name and"
            f" returns a text, or None, got {continue_with!r}"
        )


def wording_for(continue_with: Any, model: str) -> str | None:
    """Return the text that asks a model to continue; None for what it takes by itself.

    Args:
        continue_with: What `check_wording` has let pass.
        model: The model's name.

    Raises:
        TypeError: If a function of the model's name returns no text.
        ValueError: If it returns one without a word.
    """
    text = continue_with(model) if callable(continue_with) else continue_with
    if not (text is None or isinstance(text, str)):
        raise TypeError(
            f"continue_with={continue_with!r} returned {text!r} for {model!r}; it must return a"
            " text or None"
        )
    if text is not None and not text.strip():
        raise ValueError(
            f"continue_with={continue_with!r} returned the blank text {text!r} for {model!r};"
            f" {_NO_WORDS}"
        )
    return text


def checked_policy(policy: Any) -> Policy:
    """Return a policy, checked as far as can be without asking it anything.

    Args:
        policy: What was given as one.

    Raises:
        TypeError: If it is a class, has no ``decide`` that can be asked as `Policy` says, or one
            that is ``async def``.
    """
    if isinstance(policy, type):
        raise TypeError(
            f"policy must be an object, got the class {policy.__name__}; write"
            f" policy={policy.__name__}()"
        )
    decide = getattr(policy, "decide", None)
    if not callable(decide):
        raise TypeError(
            f"policy must have a method {_SIGNATURE}, got {policy!r}; use a ReconnectPolicy, or see"
            " reconnect.Policy"
        )
    if answers_later(decide):
        raise TypeError(
            f"decide() of {policy!r} is async or a generator, and would not be awaited; write"
            f" def {_SIGNATURE} and return {_DECISIONS}"
        )
    if not _takes(decide, None, attempt=1, elapsed=0.0, draw=0.0):
        raise TypeError(
            f"decide() of {policy!r} cannot be called with a loss, attempt=, elapsed= and draw=;"
            f" write def {_SIGNATURE}"
        )
    checked: Policy = policy
    return checked


def checked_decision(decision: Any, policy: Policy) -> Decision:
    """Return a decision, checked.

    A ``Raise`` of what is no ``Exception``, such as a ``KeyboardInterrupt`` or a
    ``CancelledError``, is made one of a ``RuntimeError`` from it: everybody who waits for the
    session is raised the error, and none of them was interrupted or cancelled.

    Args:
        decision: What the policy has returned.
        policy: The policy.

    Raises:
        TypeError: If it is no decision, its delay no number or its error no exception.
        ValueError: If the delay is negative, infinite or NaN.
    """
    match decision:
        case Resume(delay=delay) | Restart(delay=delay):
            _check_delay(delay, decision, policy)
        case Raise(error=Exception()):
            pass
        case Raise(error=BaseException() as error):
            ended = RuntimeError(
                f"{policy!r} decided to raise {error!r}, which is not an Exception; return a Raise"
                " with an Exception, since the callers of the session were not interrupted"
            )
            ended.__cause__ = error
            return Raise(ended)
        case Raise(error=error):
            raise TypeError(
                f"decide() of {policy!r} returned {decision!r}, but {error!r} is not an exception;"
                " return Raise(loss.error), or a Raise with your own exception"
            )
        case _:
            if inspect.iscoroutine(decision):
                # Nobody will await it, and it would say so with a warning.
                decision.close()
            raise TypeError(
                f"decide() of {policy!r} returned {decision!r}; it must return {_DECISIONS}"
            )
    checked: Decision = decision
    return checked


def _check_delay(delay: Any, decision: Any, policy: Policy) -> None:
    if not is_number(delay):
        raise TypeError(
            f"decide() of {policy!r} returned {decision!r}; a delay must be a number of seconds"
        )
    # Written so that NaN is caught: it compares false with everything.
    if not 0 <= float(delay) < math.inf:
        raise ValueError(
            f"decide() of {policy!r} returned {decision!r}; a delay must be a finite number of"
            " seconds, 0 or more"
        )
