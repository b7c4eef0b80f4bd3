"""What one ``decide()`` costs, in microseconds.

Run as ``python tests/benchmarks/decide.py``. The failures are the reports of ``tests/data``, each
with the exception that the SDK would raise. They come round again and again, as failures do;
beside that, each with a text of its own, which is the worst that there is. The figure is the best
of several rounds, since a machine only ever makes code slower. Exits with 1 if it is over the
limit.
"""

import itertools
import json
import pathlib
import sys
import time

from google.genai import errors

from reconnect import Loss, ReconnectPolicy

LIMIT = 3.0
ROUNDS = 20
DATA = pathlib.Path(__file__).parent.parent / "data"
COUNTER = itertools.count()


def losses(*, unique):
    """Return a loss per report that has a close code."""
    found = []
    for file in ("live_api_errors", "more_reports"):
        for line in (DATA / f"{file}.jsonl").read_text("utf-8").splitlines():
            report = json.loads(line)
            if report["code"] is None:
                continue
            text = f"{report['reason']} {next(COUNTER)}" if unique else report["reason"]
            error = errors.APIError(report["code"], text, None)
            found.append(
                Loss(error, report["phase"], report["resumed"], handle=True, age=report["age_s"])
            )
    return found


def microseconds(*, unique):
    """Return the best mean of a decision over all reports."""
    policy, best = ReconnectPolicy(), float("inf")
    for _ in range(ROUNDS):
        found = losses(unique=unique) if unique else losses(unique=False) * 10
        began = time.perf_counter()
        for loss in found:
            policy.decide(loss, attempt=3, elapsed=4.2, draw=0.37)
        best = min(best, (time.perf_counter() - began) / len(found))
    return best * 1e6


def main():
    """Measure, print and return the exit code."""
    known, new = microseconds(unique=False), microseconds(unique=True)
    print(f"decide(), a failure seen before: {known:5.2f} us (limit {LIMIT:g} us)")
    print(f"decide(), a text never seen:     {new:5.2f} us")
    return 0 if known <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
