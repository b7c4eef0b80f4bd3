"""Random conversations through random faults keep the laws of `sweep_laws`.

`python tests/sweep.py` plays as many more as one likes.
"""

import logging

import pytest
import sweep
from sweep_script import draw

from reconnect.testing import PROFILES

CHUNK = 30

ONCE_BROKEN = [
    *(20437, 24420),  # a call that was left is made again
    *(21031, 76591),  # an update between a turn and the interruption
    *(22728, 77465),  # what closes lost calls is answered by the same calls
    *(10683, 23301, 25238),  # results are taken up in their order
    23845,  # marked speech of an outage goes out after what was typed later
    21823,  # speech without marks that goes out before it
    23531,  # both are written before the first word
    *(21734, 22929, 23780),  # context after speech that has no reply yet
    24787,  # speech of which a handle has the beginning, and what was typed before its end
    *(21840, 75296),  # speech after an empty end
    *(21728, 51603, 51766),  # a refused handle has the beginning of speech
    *(300528, 310050, 321832),  # a late result that waits until the model has nothing else to do
    310104,  # what answers the closing of lost calls is asked again
    *(
        52509,
        76589,
        311069,
        311405,
    ),  # a turn or audio interrupts the reply to speech that left no trace
    *(75322, 321279),  # nothing is left of speech between its marks
    322116,  # a turn interrupts the answer to a late result
    303860,  # speech joins what a handle has
    310577,  # speech that goes on over a loss
    310402,  # lost calls are closed before what the session cannot have
    75099,  # the session moves before a handle has the history
    40104,  # two speak while a tool runs
    *(
        77607,
        78025,
    ),  # what may be there twice is told again; audio interrupts the reply to two turns
    412,  # two calls are named alike
    23332,  # and the attempt after that fails
    25954,  # it has all of it, and nobody has the words
    *(10044, 50357),  # an answer that the session has forgotten is given again
    *(22679, 25799, 51208),  # a turn crosses the first word of the reply to speech
    *(11000, 25337, 52087, 76666),  # a handle has the beginning of speech that is over
    525055,  # what answers the closing of lost calls is of another question than they were
    *(500829, 525002),  # the model talks beside its call, and has an older result
    851578,  # a question is asked again after what answers the closing of lost calls
    625173,  # a turn takes the place of the answer to a late result
    650414,  # a refused handle has the beginning of marked speech
    500886,  # a refused handle has the beginning of speech that was not transcribed
    500114,  # a handle covers audio between the first word and the interruption
    1027147,  # what closes lost calls is answered by the calls of what was asked before
    1027601,  # a silent result comes while the answer to a late one is spoken
    2025325,  # a new session is lost before it has said anything, and had an update
    2000570,  # a handle may have the beginning of speech that is answered with what was typed
    8003774,  # speech comes after what cannot be told to a model that takes no content
    8010824,  # context is on its way when the reply is interrupted
    *(
        8005595,
        8040874,
    ),  # a turn crosses the answer to a result, on a session that goes on by itself
    8002230,  # a turn joins speech that the model was asked to continue
    2020657,  # two turns before a handle, and the call that the first has led to is made again
    2017994,  # speech of an outage is answered with a turn, and context is between the two
    *(8001171, 8009901),  # the end of speech that is told in words ends a turn
    8011714,  # what the model says beside a tool may be the answer to a late result
    8025934,  # a turn interrupts the answer to a result that waited until nothing else was due
    *(8021585, 8029462),  # a silent result comes before the turn of a late one has ended
    8042208,  # context between speech that nobody has in words, and the reply to it
    *(550152, 2009122, 8013286),  # a turn interrupts, and then an older result is given
    9006800,  # speech that nobody has in words is before what was typed, and answered with it
    11026247,  # a handle may have the beginning of speech that goes on after a loss
    12012465,  # a handle has speech that was replied to, but for silence
    12013093,  # the server cancels calls, and more was asked before them
    11004802,  # a result crosses what Vertex says beside a tool
    # A handle has the beginning of speech that cut a reply off.
    *(8009299, 11029980, 20007877, 20018843),
    20036682,  # a turn crosses the first word of the reply to speech that nobody has in words
    *(12012096, 20038023, 20038799),  # audio is heard between turns that are answered together
    20006400,  # a handle has the beginning of speech that went on after a loss
    8044687,  # a call that is made again parts context that was said after its result
    8029974,  # a known result waits for one of a call without id that cannot be written at once
    8024471,  # three new sessions in a row end alike: the policy gives up
    *(2022446, 10001533),  # a result crosses what the model says before it, and interrupts that
    *(1000436, 1003600, 1004118, 1005895, 1028188, 9003166, 9006069),  # what a law forgot to excuse
    *(2000746, 2000912, 2001907),  # the same: a reply that began before more was asked
]
"""Seeds that have broken a law, and what is in them."""


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """Keep the warnings about losses out of the report of a failure."""
    caplog.set_level(logging.CRITICAL, logger="reconnect")


@pytest.mark.parametrize("first", range(1, 301, CHUNK))
def test_laws(first):
    """Conversations keep the laws whatever goes wrong with their connections."""
    failures = sweep.failures(range(first, first + CHUNK))
    assert not failures, "\n".join(failures)


def test_laws_that_were_broken():
    """Conversations keep the laws that have broken one before."""
    failures = sweep.failures(ONCE_BROKEN)
    assert not failures, "\n".join(failures)


def test_laws_without_faults():
    """Conversations keep the laws where nothing goes wrong."""
    failures = sweep.failures(range(1, 1 + CHUNK), faults=False)
    assert not failures, "\n".join(failures)


def test_seeds():
    """A seed gives the same conversation each time, and three hundred of them all profiles."""
    assert draw(7) == draw(7) != draw(8)
    assert {draw(seed).profile for seed in range(1, 301)} == set(PROFILES)


def test_a_failure_is_told(monkeypatch, capsys):
    """A conversation that breaks a law is told with what replays it, and is an exit code of 1."""
    monkeypatch.setattr(
        sweep, "broken", lambda play: ["a law"] if play.conversation.seed == 2 else []
    )
    assert sweep.main(["--seed", "1", "--count", "2"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("python tests/sweep.py --seed 2  # ")
    assert told[0].endswith(": a law")
    assert told[1] == "2 conversations, 1 of them against a law"
    assert sweep.main(["--seed", "1"]) == 0
