"""Plays random conversations with the emulator, and holds them against the laws.

    python tests/sweep.py --seed 1 --count 1000

plays a thousand, from the first on, and prints a line for each that breaks a law, with what replays
it. Time is virtual. See `sweep_script` for what is drawn, and `sweep_laws` for the laws.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Iterable, Iterator

import loops
from sweep_laws import broken
from sweep_player import play
from sweep_script import Conversation, draw


def failures(seeds: Iterable[int], *, faults: bool = True) -> list[str]:
    """Play conversations; return a line for each that breaks a law.

    Args:
        seeds: What they are drawn from.
        faults: Whether anything goes wrong in them.
    """
    return list(_failing(seeds, faults=faults))


def _failing(seeds: Iterable[int], *, faults: bool) -> Iterator[str]:
    for seed in seeds:
        conversation = draw(seed, faults=faults)
        found = _problems(conversation)
        if found:
            replay = f"python tests/sweep.py --seed {seed}{'' if faults else ' --no-faults'}"
            yield f"{replay}  # {conversation.profile}: {'; '.join(found)}"


def _problems(conversation: Conversation) -> list[str]:
    """Play a conversation; return in what it breaks a law, with what its loop had to report."""
    reported: list[str] = []
    try:
        with asyncio.Runner(loop_factory=loops.new) as runner:
            loop = runner.get_loop()
            loop.set_exception_handler(lambda _, context: reported.append(f"it left {context}"))
            found = broken(runner.run(play(conversation)))
    except Exception as error:
        found = [f"it raised {error!r}"]
    return found + reported


def main(arguments: list[str] | None = None) -> int:
    """Play the conversations that are asked for; return 1 if one of them breaks a law.

    Args:
        arguments: Those of the command line; None for its own.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many conversations")
    parser.add_argument("--no-faults", action="store_true", help="let nothing go wrong")
    parser.add_argument("--show", action="store_true", help="print each conversation")
    given = parser.parse_args(arguments)
    logging.getLogger("reconnect").setLevel(logging.CRITICAL)
    seeds = range(given.seed, given.seed + given.count)
    for seed in seeds if given.show else ():
        print(f"{seed}: {draw(seed, faults=not given.no_faults)}")
    failed = 0
    for line in _failing(seeds, faults=not given.no_faults):
        failed += 1
        print(line, flush=True)
    print(f"{given.count} conversations, {failed} of them against a law")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
