"""What is begun by its caller and finished by a task: nobody waits, and nothing is mixed up."""

import asyncio
import contextlib
import gc

import pytest

from reconnect._driver.eager import Eager


@contextlib.asynccontextmanager
async def eager(broken=None):
    """Hold an Eager open; what it reports as broken is unexpected unless a list is given."""
    reported = [] if broken is None else broken
    begun = Eager(name="eager", broken=reported.append)
    yield begun
    begun.cancel()
    await asyncio.wait([begun._task])
    assert broken is not None or not reported


async def settle():
    """Give whatever is ready its turn, without letting time pass."""
    for _ in range(5):
        await asyncio.sleep(0)


async def fail(error):
    """Raise without waiting."""
    raise error


class Steps:
    """A coroutine to be begun, and a note of who ran each of its steps."""

    def __init__(self):
        self.by = []

    def note(self):
        task = asyncio.current_task()
        self.by.append(None if task is None else task.get_name())

    async def run(self, *awaited):
        self.note()
        try:
            for each in awaited:
                await each
                self.note()
        finally:
            self.by.append("over")


# Where there is nothing to wait for


async def test_what_needs_no_waiting_is_over_at_once():
    """Eager runs what never waits to its end before start returns."""
    steps = Steps()
    async with eager() as begun:
        assert begun.start(steps.run()) is None
        assert begun.start(steps.run()) is None
        assert steps.by == ["eager", "over", "eager", "over"]


async def test_what_is_raised_before_any_waiting_goes_to_the_caller():
    """Eager raises the failure of a first step to the caller, and is good for more."""
    steps = Steps()
    async with eager() as begun:
        for error in (ValueError("bad"), asyncio.CancelledError()):
            with pytest.raises(type(error)) as raised:
                begun.start(fail(error))
            assert raised.value is error
        rest = begun.start(steps.run(asyncio.sleep(1)))
        await asyncio.sleep(2)
        assert rest is not None
        assert steps.by[-1] == "over"


async def test_caller_is_the_current_task_again():
    """Eager gives the caller its own name back, whatever became of the first step."""
    caller = asyncio.current_task()
    seen = []

    async def look():
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)

    async with eager() as begun:
        assert begun.start(look()) is not None
        assert asyncio.current_task() is caller
        await settle()
        with pytest.raises(ZeroDivisionError):
            begun.start(fail(ZeroDivisionError()))
        assert asyncio.current_task() is caller
        assert seen == [begun._task]


async def test_start_from_a_plain_callback():
    """Eager begins and finishes what a callback of the loop starts, which is no task."""
    steps, tasks = Steps(), []
    async with eager() as begun:

        def call():
            tasks.append(asyncio.current_task())
            with pytest.raises(ValueError):
                begun.start(fail(ValueError()))
            begun.start(steps.run(asyncio.sleep(1)))
            tasks.append(asyncio.current_task())

        asyncio.get_running_loop().call_soon(call)
        await asyncio.sleep(2)
        assert tasks == [None, None]
        assert steps.by == ["eager", "eager", "over"]


# Where there is


async def test_rest_is_finished_by_the_task():
    """Eager does not hold up its caller with what has to wait, and drops what it returns."""
    opened, later = asyncio.Event(), []

    async def wait():
        await opened.wait()
        return "dropped"

    async with eager() as begun:
        rest = begun.start(wait())
        rest.later = later.append
        await settle()
        assert later == []
        opened.set()
        await settle()
        assert later == [None]


async def test_rest_needs_no_later():
    """Eager finishes what nobody asks about."""
    steps = Steps()
    async with eager() as begun:
        begun.start(steps.run(asyncio.sleep(1)))
        await asyncio.sleep(2)
        assert steps.by[-1] == "over"


async def test_several_waits_in_a_row():
    """Eager carries a coroutine through yields, timers and futures, in order, in its task."""
    loop = asyncio.get_running_loop()
    done, soon, steps = loop.create_future(), loop.create_future(), Steps()
    done.set_result(None)
    loop.call_later(3, soon.set_result, None)
    async with eager() as begun:
        begin = loop.time()
        awaited = (asyncio.sleep(0), asyncio.sleep(0), done, asyncio.sleep(2), soon)
        begun.start(steps.run(*awaited)).later = steps.by.append
        assert steps.by == ["eager"]
        await soon
        await settle()
        assert steps.by == ["eager"] * 6 + ["over", None]
        assert loop.time() - begin < 4


async def test_future_that_is_done_before_the_task_takes_over():
    """Eager minds no future that is done by the time its task looks at it."""
    future, steps = asyncio.get_running_loop().create_future(), Steps()
    async with eager() as begun:
        begun.start(steps.run(future))
        future.set_result(None)
        await settle()
        assert steps.by == ["eager", "eager", "over"]


async def test_failure_of_what_is_waited_for_is_raised_inside():
    """Eager raises what a future fails with where it is awaited, and there it may be caught."""
    future, caught = asyncio.get_running_loop().create_future(), []

    async def catch():
        try:
            await future
        except OSError as error:
            caught.append(error)
        await asyncio.sleep(1)
        caught.append("went on")

    async with eager() as begun:
        begun.start(catch())
        await settle()
        error = OSError()
        future.set_exception(error)
        await asyncio.sleep(2)
        assert caught == [error, "went on"]


async def test_failure_goes_to_later():
    """Eager tells the one who began a coroutine of its failure, and goes on."""
    later, steps, error = [], Steps(), OSError()
    async with eager() as begun:
        future = asyncio.get_running_loop().create_future()
        begun.start(steps.run(future)).later = later.append
        future.set_exception(error)
        await settle()
        assert later == [error]
        begun.start(steps.run(asyncio.sleep(0))).later = later.append
        await settle()
        assert later == [error, None]


@pytest.mark.parametrize("passed_on", [False, True])
async def test_failure_that_nobody_takes_is_reported(passed_on):
    """Eager reports as broken what nobody takes later, or what raises it once more."""
    broken, error = [], OSError()

    def again(error):
        raise error

    async with eager(broken) as begun:
        future = asyncio.get_running_loop().create_future()
        begun.start(Steps().run(future)).later = again if passed_on else None
        future.set_exception(error)
        await settle()
        assert broken == [error]


async def test_cancelled_future_is_raised_inside():
    """Eager raises a cancellation of what is waited for where it is awaited."""
    future, caught = asyncio.get_running_loop().create_future(), []

    async def catch():
        try:
            await future
        except asyncio.CancelledError:
            caught.append("cancelled")

    async with eager() as begun:
        begun.start(catch()).later = caught.append
        await settle()
        future.cancel()
        await settle()
        assert caught == ["cancelled", None]


async def test_next_may_be_started_by_the_one_before():
    """Eager lets `later`, which it calls in its own task, start the next coroutine."""
    first, second, tasks = Steps(), Steps(), []
    async with eager() as begun:

        def go_on(error):
            assert error is None
            tasks.append(asyncio.current_task())
            begun.start(second.run(asyncio.sleep(1)))
            tasks.append(asyncio.current_task())

        begun.start(first.run(asyncio.sleep(1))).later = go_on
        await asyncio.sleep(3)
        assert tasks == [begun._task, begun._task]
        assert first.by == second.by == ["eager", "eager", "over"]


# Timeouts


@pytest.mark.parametrize("from_callback", [False, True])
async def test_timeout_hits_only_the_coroutine(from_callback):
    """Eager lets a timeout inside a coroutine end that one, and neither its caller nor others."""
    over = []

    async def give_up():
        try:
            async with asyncio.timeout(1):
                await asyncio.Event().wait()
        except TimeoutError:
            over.append("gave up")

    async def stand_by():
        await asyncio.sleep(3)
        over.append("stood by")

    async with eager() as begun:
        bystander = asyncio.create_task(stand_by())
        if from_callback:
            asyncio.get_running_loop().call_soon(begun.start, give_up())
        else:
            begun.start(give_up())
        # It would end here, were it the caller whom the timeout cancels.
        await asyncio.sleep(2)
        assert over == ["gave up"]
        await bystander
        assert over == ["gave up", "stood by"]
        assert asyncio.current_task().cancelling() == begun._task.cancelling() == 0


async def test_timeout_that_is_not_caught_is_a_failure():
    """Eager hands a timeout that is not caught to `later`, as any failure."""
    later = []

    async def give_up():
        async with asyncio.timeout(1):
            await asyncio.Event().wait()

    async with eager() as begun:
        begun.start(give_up()).later = later.append
        await asyncio.sleep(2)
        assert [type(error) for error in later] == [TimeoutError]


async def test_timeout_of_the_caller_does_not_reach_inside():
    """Eager goes on with what it has begun when its caller runs out of time."""
    steps = Steps()
    async with eager() as begun:
        async with asyncio.timeout(1) as caller:
            with contextlib.suppress(asyncio.CancelledError):
                begun.start(steps.run(asyncio.sleep(2)))
                await asyncio.sleep(5)
        assert caller.expired()
        await asyncio.sleep(2)
        assert steps.by == ["eager", "eager", "over"]


# The end


async def test_cancel_with_nothing_left():
    """Eager that has nothing to finish stops, whether or not its task has begun."""
    for rounds in (0, 2):
        begun = Eager(name="eager", broken=pytest.fail)
        for _ in range(rounds):
            await asyncio.sleep(0)
        begun.cancel()
        await asyncio.wait([begun._task])
        assert begun._task.cancelled()


@pytest.mark.parametrize("rounds", [0, 1, 5])
@pytest.mark.parametrize("fresh", [False, True])
async def test_cancel_ends_what_is_left(rounds, fresh):
    """Eager that stops ends what is left, even before its task took over, and tells nobody."""
    later, steps = [], Steps()
    begun = Eager(name="eager", broken=later.append)
    if not fresh:
        await settle()
    begun.start(steps.run(asyncio.sleep(1))).later = later.append
    for _ in range(rounds):
        await asyncio.sleep(0)
    begun.cancel()
    await asyncio.wait([begun._task])
    assert begun._task.cancelled()
    assert steps.by == ["eager", "over"]
    assert later == []
    # What was never awaited, or never retrieved, would be reported now.
    del begun
    gc.collect()


async def test_cancelled_coroutine_may_take_its_time():
    """Eager that stops lets a coroutine finish its cleaning up."""
    cleaned = []

    async def clean():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)
            cleaned.append(True)

    async with eager() as begun:
        begun.start(clean())
        await settle()
    assert cleaned == [True]


async def test_failure_while_it_stops_is_reported():
    """Eager reports what a coroutine raises instead of being cancelled."""
    broken = []

    async def refuse():
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError

    async with eager(broken) as begun:
        begun.start(refuse())
        await settle()
    assert [type(error) for error in broken] == [OSError]


async def test_timeout_that_is_over_when_it_is_set():
    """Eager hands a timeout whose time has passed to the coroutine that set it, and lives on."""
    over = []

    async def late():
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            over.append("timed out")

    async with eager() as begun:
        await settle()
        for _ in range(2):
            begun.start(late()).later = over.append
            await settle()
        assert over == ["timed out", None] * 2
        assert not begun._task.done()
