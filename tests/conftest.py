"""Runs the tests: async ones on a loop of their own; ``loops`` says on which."""

import asyncio
import inspect
import logging
import sys
from unittest import mock

import loops
import pytest
from hypothesis import settings

settings.register_profile("reconnect", deadline=None, derandomize=True)
# Other examples in each run, and more: for `pytest -m hypothesis --hypothesis-profile=long`.
settings.register_profile(
    "long", deadline=None, derandomize=False, database=None, max_examples=1_000, print_blob=True
)
settings.load_profile("reconnect")

SETTLING = 3
"""Rounds of the loop after a test: google-genai 2.34 closes a client in a task when it is freed."""

DEPTH = 10
"""Frames that the debug mode notes where a future is made: as many as for tasks and callbacks.

Else it notes all of them, most of them pytest's, and a test takes a third longer.
"""


def run(coroutine):
    """Run a coroutine on a fresh loop; fail on whatever the loop had to report."""
    reported = []
    with (
        mock.patch.object(sys, "tracebacklimit", DEPTH, create=True),
        asyncio.Runner(debug=loops.DEBUG, loop_factory=loops.new) as runner,
    ):
        runner.get_loop().set_exception_handler(lambda _loop, context: reported.append(context))
        result = runner.run(_alone(coroutine))
    assert not reported, f"the loop reported {reported}"
    return result


async def _alone(coroutine):
    """Run a coroutine and fail if it leaves tasks behind."""
    result = await coroutine
    for _ in range(SETTLING):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks were left behind: {left}"
    return result


def pytest_configure(config):
    """Say before the first test that the loop cannot be had."""
    loops.check()


def pytest_report_header(config):
    """Say which loop it is."""
    return f"loop: {loops.LOOP}, its debug mode {'on' if loops.DEBUG else 'off'}"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a test that is a coroutine function."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(autouse=True)
def _quiet_asyncio():
    """Keep the loop's debug mode from logging every slow callback."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)
