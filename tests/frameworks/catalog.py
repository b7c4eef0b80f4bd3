"""The frameworks that are put through the scenarios, and what each makes impossible."""

import importlib
import importlib.metadata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from frameworks.scenarios import SCENARIOS, Scenario
from frameworks.stage import MODELS, App

TOOLS = (
    "cut with a tool running",
    "cut right after a tool's result",
    "go_away with a tool running",
)
KEYS = ("a fatal key", "a key that is withdrawn")


@dataclass(frozen=True)
class Impossible:
    """What a framework makes impossible, on whatever client.

    Args:
        scenarios: Names of the scenarios.
        profiles: The profiles of the models.
        why: What it does.
        where: The file and the line of the framework that do it.
    """

    scenarios: Sequence[str]
    profiles: Sequence[str]
    why: str
    where: str


@dataclass(frozen=True)
class Framework:
    """A framework, or a program that many have copied.

    Args:
        name: Its name; the distribution's, where it has one.
        app: Where the app on it is, as "module:class".
        script: The name of the example app.
        distribution: What must be installed; None for nothing.
        impossible: What it makes impossible.
    """

    name: str
    app: str
    script: str
    distribution: str | None = None
    impossible: Sequence[Impossible] = ()

    @property
    def version(self) -> str | None:
        """The version that is installed; "" for what needs none, None where it is missing."""
        if self.distribution is None:
            return ""
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return None

    def load(self) -> type[App]:
        """Import the app."""
        module, name = self.app.split(":")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a framework warns of is not ours
            found: type[App] = getattr(importlib.import_module(module), name)
        return found

    def obstacle(self, scenario: Scenario, profile: str) -> Impossible | None:
        """Return why a scenario cannot hold; None if it can."""
        return next(
            (
                item
                for item in self.impossible
                if scenario.name in item.scenarios and profile in item.profiles
            ),
            None,
        )


FRAMEWORKS: Sequence[Framework] = (
    Framework(
        "google-adk",
        "frameworks.on_adk:AdkApp",
        "google_adk_app",
        "google-adk",
        (
            Impossible(
                TOOLS,
                ("2.5",),
                "It holds back the calls of a 2.5 model until the turn is over, but on the Gemini"
                " API the turn is not over before it has their results, so no tool ever runs",
                "google/adk/models/gemini_llm_connection.py:644",
            ),
        ),
    ),
    Framework(
        "pydantic-ai",
        "frameworks.on_pydantic_ai:PydanticAIApp",
        "pydantic_ai_app",
        "pydantic-ai-slim",
    ),
    Framework(
        "livekit-agents",
        "frameworks.on_livekit:LiveKitApp",
        "livekit_agents_app",
        "livekit-plugins-google",
    ),
    Framework(
        "pipecat-ai",
        "frameworks.on_pipecat:PipecatApp",
        "pipecat_ai_app",
        "pipecat-ai",
        (
            Impossible(
                KEYS,
                tuple(MODELS),
                "An exception from `connect()` ends the connecting task, and nothing reports it: no"
                " `ErrorFrame` is pushed",
                "pipecat/services/google/gemini_live/llm.py:1574",
            ),
        ),
    ),
    Framework("Google's sample", "frameworks.on_sample:SampleApp", "google_sample_app"),
)

assert {*TOOLS, *KEYS} <= {scenario.name for scenario in SCENARIOS}
