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

from sweep_laws import broken
from sweep_player import new_loop, play
from sweep_script import draw


async def problems(seed, *, faults=True):
    """Play a conversation; return in what it breaks a law.

    Args:
        seed: What it is drawn from.
        faults: Whether anything goes wrong in it.
    """
    try:
        return broken(await play(draw(seed, faults=faults)))
    except Exception as error:
        return [f"it raised {error!r}"]


def _run(seed, *, faults):
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(problems(seed, faults=faults))


def main(arguments=None):
    """Play the conversations that are asked for; return 1 if one of them breaks a law."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many conversations")
    parser.add_argument("--no-faults", action="store_true", help="let nothing go wrong")
    parser.add_argument("--show", action="store_true", help="print each conversation")
    given = parser.parse_args(arguments)
    logging.getLogger("reconnect").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    failures = 0
    for seed in range(given.seed, given.seed + given.count):
        if given.show:
            print(f"{seed}: {draw(seed, faults=not given.no_faults)}")
        found = _run(seed, faults=not given.no_faults)
        failures += bool(found)
        if found:
            profile = draw(seed).profile
            print(f"python tests/sweep.py --seed {seed}  # {profile}: {'; '.join(found)}", flush=True)
    print(f"{given.count} conversations, {failures} of them break a law")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
