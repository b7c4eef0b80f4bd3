"""What a policy does about a failure that comes again and again."""

from failures import closed, losses
from hypothesis import given

from reconnect import Loss, ReconnectPolicy
from reconnect._cli.explain.course import Step, steps


def internal(**facts):
    """Return the loss of a connection over an internal error of the server's."""
    return Loss(closed(1011, "Internal error encountered."), **facts)


def test_dead_handle_over_time():
    """After a loss of a session that worked, the third failure in a row condemns the handle."""
    found = [*steps(ReconnectPolicy(), internal(handle=True, resumed=True, age=600.0))]
    assert [step.action for step in found] == [
        *["resume"] * 3,
        "restart",
        "raise",
    ]
    assert found[0] == Step(1, "resume", 0.0, 1.0, 0.5)


def test_repeated_from_the_start():
    """A connection that had proven nothing counts as one of the row."""
    found = [*steps(ReconnectPolicy(), internal(handle=True, resumed=True, age=1.0))]
    assert [step.action for step in found].index("restart") == 2


def test_policy_that_never_gives_up():
    """A policy that never gives up is followed for a while."""
    policy = ReconnectPolicy(stop=lambda attempts, elapsed: False)
    found = [*steps(policy, Loss(ConnectionResetError(), handle=True))]
    assert len(found) == 100
    assert found[-1].least is not None


@given(loss=losses())
def test_course_ends(loss):
    """Whatever is lost, the delays and the times are in order, and the default policy gives up."""
    *attempts, end = steps(ReconnectPolicy(), loss)
    assert all(step.least <= step.most for step in attempts)
    assert end.least is None
    assert end.action == "raise"
    assert [step.at for step in attempts] == sorted(step.at for step in attempts)
