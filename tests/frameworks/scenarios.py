"""What goes wrong, and when: the scenarios that every framework is put through."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from frameworks.stage import KEY, Stage
from reconnect.testing import Abort, Close, GoAway, Refuse, Silence

OUTAGE = 8.0
"""Seconds that the server cannot be reached: longer than a framework tries."""


@dataclass(frozen=True)
class Scenario:
    """One thing that goes wrong.

    Args:
        name: What goes wrong, as the table says it.
        play: Lets it go wrong, in a conversation.
        key: The API key of the app.
        taken_back: How many replies the user must be made to drop, each begun and cut; no other
            may be.
        ends: Whether the conversation ends with it: the framework is to say so.
    """

    name: str
    play: Callable[[Stage], Awaitable[None]]
    key: str = KEY
    taken_back: int = 0
    ends: bool = False


async def _cut_at_rest(stage: Stage) -> None:
    await stage.ask("One.")
    stage.go_wrong(Abort())
    await asyncio.sleep(1)
    await stage.ask("Two.")


async def _cut_before_a_reply(stage: Stage) -> None:
    await stage.ask("One.")
    stage.go_wrong(Close(1011, after_received=1))
    await stage.ask("Two.")


def _cut_in_a_reply(*cuts: Abort | Close) -> Callable[[Stage], Awaitable[None]]:
    async def play(stage: Stage) -> None:
        await stage.ask("One.")
        await stage.say("Two.")
        for number, cut in enumerate(cuts, start=1):
            await stage.listener.until(
                lambda number=number: (
                    stage.listener.fault
                    or (stage.listener.speaking and len(stage.listener.replies) > number)
                ),
                "the first word of the reply",
            )
            stage.go_wrong(cut)
        await stage.answered()
        await stage.ask("Three.")

    return play


async def _cut_in_the_reply_to_speech(stage: Stage) -> None:
    await stage.ask("One.")
    await stage.speak("Two.")
    await stage.replying()
    stage.go_wrong(Abort())
    await stage.answered()
    await stage.ask("Three.")


async def _cut_with_a_tool(stage: Stage) -> None:
    await stage.ask("One.")
    await stage.say("call lookup()")
    await stage.working()
    stage.go_wrong(Abort())
    await stage.answered()
    await stage.ask("Three.")


async def _cut_after_a_result(stage: Stage) -> None:
    await stage.ask("One.")
    await stage.say("call lookup()")
    await stage.working()
    stage.go_wrong(Abort(after_received=1))
    await stage.answered()
    await stage.ask("Three.")


async def _outage(stage: Stage) -> None:
    await stage.ask("One.")
    stage.server.outage(OUTAGE)
    await asyncio.sleep(2 * OUTAGE)
    await stage.ask("Two.")


async def _asked_in_an_outage(stage: Stage) -> None:
    await stage.ask("One.")
    stage.server.outage(OUTAGE)
    await asyncio.sleep(2)
    await stage.ask("Two.")


async def _refused(stage: Stage) -> None:
    await stage.ask("One.")
    stage.server.plan(*[Refuse(503)] * 3)
    stage.go_wrong(Abort())
    await asyncio.sleep(1)
    await stage.ask("Two.")


async def _silent_setup(stage: Stage) -> None:
    await stage.ask("One.")
    stage.server.plan(Silence())
    stage.go_wrong(Abort())
    await asyncio.sleep(1)
    await stage.ask("Two.")


async def _go_away_in_a_reply(stage: Stage) -> None:
    await stage.ask("One.")
    await stage.say("Two.")
    await stage.replying()
    stage.go_wrong(GoAway("9.5s"))
    await stage.answered()
    await asyncio.sleep(10)
    await stage.ask("Three.")


async def _go_away_while_idle(stage: Stage) -> None:
    await stage.ask("One.")
    stage.go_wrong(GoAway("9.5s", silent=True))
    await asyncio.sleep(12)
    await stage.ask("Two.")


async def _go_away_with_a_tool(stage: Stage) -> None:
    await stage.ask("One.")
    await stage.say("call lookup()")
    await stage.working()
    stage.go_wrong(GoAway("9.5s"))
    await stage.answered()
    await asyncio.sleep(10)
    await stage.ask("Three.")


async def _rejected(stage: Stage) -> None:
    await stage.ask("One.")
    stage.server.reject_handles()
    stage.go_wrong(Abort())
    await asyncio.sleep(1)
    await stage.ask("Two.")


async def _rejected_in_a_reply(stage: Stage) -> None:
    await stage.ask("One.")
    await stage.say("Two.")
    await stage.replying()
    stage.server.reject_handles()
    stage.go_wrong(Abort())
    await stage.answered()
    await stage.ask("Three.")


async def _fatal_key(stage: Stage) -> None:
    await stage.listener.until(lambda: stage.listener.fault, "word of the refused key")


async def _key_withdrawn(stage: Stage) -> None:
    await stage.ask("One.")
    stage.server.plan(*[Refuse(403)] * 20)
    stage.go_wrong(Abort())
    await stage.listener.until(lambda: stage.listener.fault, "word of the refused key")


async def _closed(stage: Stage) -> None:
    await stage.ask("One.")


async def _closed_in_an_outage(stage: Stage) -> None:
    await stage.ask("One.")
    stage.server.outage(OUTAGE)
    await asyncio.sleep(2)


SCENARIOS: Sequence[Scenario] = (
    Scenario("cut at rest", _cut_at_rest),
    Scenario("cut before a reply", _cut_before_a_reply),
    Scenario("cut in a reply", _cut_in_a_reply(Abort()), taken_back=1),
    Scenario("an internal error in a reply", _cut_in_a_reply(Close(1011)), taken_back=1),
    Scenario("cut in a reply, twice", _cut_in_a_reply(Abort(), Abort()), taken_back=2),
    Scenario("cut in the reply to speech", _cut_in_the_reply_to_speech, taken_back=1),
    Scenario("cut with a tool running", _cut_with_a_tool),
    Scenario("cut right after a tool's result", _cut_after_a_result),
    Scenario("an outage of 8 s", _outage),
    Scenario("a question asked in an outage", _asked_in_an_outage),
    Scenario("503 three times", _refused),
    Scenario("a server that stays silent", _silent_setup),
    Scenario("go_away in a reply", _go_away_in_a_reply),
    Scenario("go_away while idle and silent", _go_away_while_idle),
    Scenario("go_away with a tool running", _go_away_with_a_tool),
    Scenario("a handle rejected", _rejected),
    Scenario("a handle rejected in a reply", _rejected_in_a_reply, taken_back=1),
    Scenario("a fatal key", _fatal_key, key="bad-key", ends=True),
    Scenario("a key that is withdrawn", _key_withdrawn, ends=True),
    Scenario("close is final", _closed),
    Scenario("close in an outage", _closed_in_an_outage),
)
