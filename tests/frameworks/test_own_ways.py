"""What a framework does with sessions in its own way goes on, on this library's client."""

import asyncio

import pytest

from frameworks.catalog import FRAMEWORKS, Framework
from frameworks.player import play
from frameworks.scenarios import Scenario
from frameworks.stage import App, Stage
from reconnect.testing import Abort

pytestmark = pytest.mark.filterwarnings("ignore")  # what a framework warns of is not ours


def framework(name: str) -> Framework:
    """Return a framework, or skip the test where it is not installed."""
    [found] = [item for item in FRAMEWORKS if item.name == name]
    if found.version is None:
        pytest.skip(f"{found.distribution} is not installed")
    return found


def held(app: type[App], scenario: Scenario, profile: str = "3.8") -> list[str]:
    """Return what is wrong with a conversation on this library's client."""
    return play(scenario, app, column="client", profile=profile)


def test_livekit_restarts_for_new_tools() -> None:
    """LiveKit connects anew for new tools, and resumes by the handle that it was shown."""
    app = framework("livekit-agents").load()

    async def conversation(stage: Stage) -> None:
        await stage.ask("One.")
        await stage.app.renew_tools()  # type: ignore[attr-defined]
        await asyncio.sleep(1)
        await stage.ask("Two.")
        first, second = stage.server.connections
        assert first.session == second.session
        assert second.handle is not None
        stage.go_wrong(Abort())
        await stage.ask("Three.")

    assert held(app, Scenario("new tools", conversation)) == []


def test_pydantic_ai_mends_headers_while_it_connects() -> None:
    """A duplicate header that is mended for the first connection is in no later one."""
    kind = framework("pydantic-ai").load()

    class App(kind):  # type: ignore[valid-type, misc]
        async def open(self) -> None:
            self.setting.http_options.headers = {"User-Agent": "my-app"}
            await super().open()

    async def conversation(stage: Stage) -> None:
        await stage.ask("One.")
        stage.go_wrong(Abort())
        await stage.ask("Two.")

    assert held(App, Scenario("two user agents", conversation)) == []


def test_pydantic_ai_writes_a_picture_past_the_session() -> None:
    """A result with a picture, which it writes to the socket, reaches the model once."""
    kind = framework("pydantic-ai").load()

    class App(kind):  # type: ignore[valid-type, misc]
        async def lookup(self) -> object:
            await super().lookup()
            return kind.picture()

    async def conversation(stage: Stage) -> None:
        await stage.ask("One.")
        await stage.say("call lookup()")
        await stage.working()
        stage.go_wrong(Abort())
        await stage.answered()
        await stage.ask("Three.")
        assert "inline_data" in str(stage.server.connections[-1].received)

    assert held(App, Scenario("a picture", conversation)) == []


def test_adk_hands_the_user_to_another_agent() -> None:
    """ADK closes a session and opens another for an agent that the user is transferred to."""
    app = framework("google-adk").load()

    async def conversation(stage: Stage) -> None:
        await stage.ask("One.")
        await stage.app.ask("call transfer_to_agent(agent_name=other)")
        await asyncio.sleep(20)
        assert len(stage.server.connections) > 1
        stage.go_wrong(Abort())
        await asyncio.sleep(5)
        assert stage.listener.fault is None
        await stage.app.ask("Who are you?")
        await stage.listener.until(
            lambda: any("Who are you?" in words for words in stage.listener.whole), "the answer"
        )

    complaints = held(app, Scenario("a transfer", conversation))
    assert not any("did not come" in complaint for complaint in complaints)


def test_pipecat_tells_a_history_first() -> None:
    """A context with a history is told once, and the turns after it are none of it."""
    kind = framework("pipecat-ai").load()

    class App(kind):  # type: ignore[valid-type, misc]
        history = (
            {"role": "user", "content": "My name is Ann."},
            {"role": "assistant", "content": "Hello, Ann."},
        )

    async def conversation(stage: Stage) -> None:
        stage.asked.append("My name is Ann.")
        stage.listener.hear('You said "My name is Ann.". That is turn 1.', audio=1)
        stage.listener.close_reply("whole")
        await stage.ask("One.")
        stage.server.reject_handles()
        stage.go_wrong(Abort())
        await stage.ask("Two.")

    for profile in ("2.5", "3.8"):
        assert held(App, Scenario("a history", conversation), profile) == []
