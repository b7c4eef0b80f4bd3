"""The defaults of the client are what the frameworks need: with others, conversations break."""

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from frameworks import clients
from frameworks.catalog import FRAMEWORKS, Framework
from frameworks.player import play
from frameworks.scenarios import SCENARIOS
from reconnect import ReconnectOptions

pytestmark = pytest.mark.filterwarnings("ignore")  # what a framework warns of is not ours

OTHERS: dict[str, dict[str, Any]] = {
    "google-adk": {"hide": (), "reuse_tool_results": False},
    "pydantic-ai": {"after_cut": "same turn", "reuse_tool_results": False},
    "livekit-agents": {"hide": (), "after_cut": "same turn"},
    "pipecat-ai": {"reuse_tool_results": False},
    "Google's sample": {"after_cut": "same turn", "reuse_tool_results": False},
}
"""Options that are not the defaults, and that break something under a framework."""

BREAKS = {
    "after_cut": "cut in a reply",
    "hide": "go_away in a reply",
    "reuse_tool_results": "cut with a tool running",
}
"""What each of them breaks."""


def others() -> Iterator[Any]:
    """Give each framework with each option, or why it is left out."""
    for framework in FRAMEWORKS:
        missing = framework.version is None
        reason = f"{framework.distribution} is not installed"
        for option in OTHERS[framework.name]:
            yield pytest.param(
                framework,
                option,
                marks=pytest.mark.skipif(missing, reason=reason),
                id=f"{framework.name}-{option}",
            )


@pytest.mark.parametrize(("framework", "option"), [*others()])
def test_default_is_needed(
    framework: Framework, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conversation that holds with the default does not with another value."""
    [scenario] = [scenario for scenario in SCENARIOS if scenario.name == BREAKS[option]]
    app = framework.load()
    assert play(scenario, app, column="client", profile="3.8") == []
    given = {option: OTHERS[framework.name][option]}
    monkeypatch.setattr(clients, "ReconnectOptions", functools.partial(ReconnectOptions, **given))
    assert play(scenario, app, column="client", profile="3.8") != []
