"""Every framework that is installed here keeps its conversation on this library's client.

Each needs an environment of its own: ``nox -f .ci/noxfile.py -s frameworks`` makes them.
"""

from collections.abc import Iterator

import pytest
import sweeping

from frameworks.catalog import FRAMEWORKS, Framework
from frameworks.player import play
from frameworks.scenarios import SCENARIOS, Scenario
from frameworks.stage import MODELS

pytestmark = pytest.mark.filterwarnings("ignore")  # what a framework warns of is not ours


def conversations() -> Iterator[object]:
    """Give each framework with each scenario, or why it is left out.

    A scenario is on one of the models, which take turns; on all of them where ``RECONNECT_SWEEP``
    is ``all`` in the environment.
    """
    for framework in FRAMEWORKS:
        if framework.version is None:
            missing = pytest.mark.skip(reason=f"{framework.distribution} is not installed")
            yield pytest.param(framework, "", SCENARIOS[0], marks=missing, id=framework.name)
            continue
        for number, profile in enumerate(MODELS):
            for scenario in SCENARIOS if sweeping.ALL else SCENARIOS[number :: len(MODELS)]:
                obstacle = framework.obstacle(scenario, profile)
                marks = (
                    [pytest.mark.xfail(reason=f"{obstacle.why}: {obstacle.where}", strict=True)]
                    if obstacle
                    else []
                )
                name = f"{framework.name}-{profile}-{scenario.name}"
                yield pytest.param(framework, profile, scenario, marks=marks, id=name)


@pytest.mark.parametrize(("framework", "profile", "scenario"), [*conversations()])
def test_conversation_holds(framework: Framework, profile: str, scenario: Scenario) -> None:
    """Nothing is lost, heard twice or run twice, and what ends it is said."""
    assert play(scenario, framework.load(), column="client", profile=profile) == []


def test_sample_breaks_without_it() -> None:
    """What the scenarios ask for breaks a conversation on the SDK's own client."""
    [sample] = [framework for framework in FRAMEWORKS if framework.distribution is None]
    held = [
        scenario.name
        for scenario in SCENARIOS
        if not play(scenario, sample.load(), column="bare", profile="3.8")
    ]
    assert held == ["a fatal key", "a key that is withdrawn", "close is final"]
