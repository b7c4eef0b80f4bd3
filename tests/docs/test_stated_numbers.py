"""The numbers that the pages mention, and how long the pages are."""

import importlib
import inspect
import re
import tomllib

import pages
import pytest

from reconnect import ReconnectPolicy, ResumableSession


def default(of, name):
    """Return the default of an argument."""
    return inspect.signature(of).parameters[name].default


def constant(path):
    """Return a constant of a module."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"reconnect.{module}"), name)


POLICY = {
    name: default(ReconnectPolicy, name)
    for name in (
        *("base", "factor", "cap", "throttle_delay", "throttle_attempts"),
        "max_reconnects_per_hour",
    )
}
SESSION = {
    name: default(ResumableSession, name)
    for name in ("audio_buffer", "stall_timeout", "setup_timeout", "history_limit")
}
NUMBERS = {
    **POLICY,
    **SESSION,
    "attempts": constant("policy._ATTEMPTS"),
    "audio_lifetime": constant("_driver.advice.AUDIO_LIFETIME"),
    "close": constant("_driver.driver.CLOSE_TIMEOUT"),
    "closing": constant("_conversation.outbox.CLOSING_TIMEOUT"),
    "listen_after": constant("_driver.reader.LISTEN_AFTER"),
    "margin": constant("_driver.departure.LEAST_MARGIN"),
    "move_within": constant("_driver.departure.MOVE_WITHIN"),
    "notice": constant("_driver.departure.DEFAULT_NOTICE"),
    "patience": constant("policy._PATIENCE"),
    "proof": constant("_failures.loss.PROOF_AGE"),
    "throttled_patience": constant("policy._THROTTLED_PATIENCE"),
    "video_lifetime": constant("_driver.advice.VIDEO_LIFETIME"),
}

SENTENCES = [
    ("../README.md", "sessions end after {audio_lifetime} minutes"),
    ("../README.md", "The last {audio_buffer} seconds of audio are buffered"),
    ("start.md", "session after {audio_lifetime} minutes"),
    ("start.md", "the last {audio_buffer} seconds"),
    ("voice.md", "{audio_lifetime} minutes of audio, or {video_lifetime} minutes with video"),
    ("voice.md", "The last {audio_buffer} seconds of audio are buffered"),
    ("voice.md", "After {stall_timeout} seconds (`stall_timeout`)"),
    ("voice.md", "an outage longer than {audio_buffer} s"),
    ("voice.md", "the audio older than {audio_buffer} s"),
    ("keep.md", "{history_limit} characters (`history_limit`)"),
    ("watch.md", "more than {max_reconnects_per_hour} within an hour"),
    ("many.md", "may reconnect {max_reconnects_per_hour} times within an hour"),
    ("many.md", "the cap of {cap} seconds"),
    ("policy_alone.md", "has lived for {proof} s"),
    ("write_a_policy.md", "up to {base} s (`base`)"),
    ("write_a_policy.md", "up to {cap} s (`cap`)"),
    ("write_a_policy.md", "{throttle_delay} s (`throttle_delay`)"),
    ("write_a_policy.md", "After {throttle_attempts} of these in a row (`throttle_attempts`)"),
    ("write_a_policy.md", "asks for more than {throttled_patience} s"),
    ("write_a_policy.md", "when {attempts} attempts were made *and* {patience} s have passed"),
    ("write_a_policy.md", "reconnected {max_reconnects_per_hour} times within an hour"),
    ("promises.md", "the last {audio_buffer} s are kept"),
    ("how_it_works.md", "has lived for {proof} s"),
    ("how_it_works.md", "After {closing} s of silence"),
    ("how_it_works.md", "not earlier than {move_within} s before the deadline"),
    ("how_it_works.md", "at least {margin} s, and"),
    ("how_it_works.md", "counts as lost {margin} s after the deadline"),
    ("how_it_works.md", "cannot be read counts as {notice} s"),
    ("how_it_works.md", "at most {close} s"),
    ("how_it_works.md", "longer than {listen_after} s"),
]
"""What stands where, with the names of the numbers in their places."""


@pytest.mark.parametrize(("page", "sentence"), SENTENCES)
def test_numbers_are_those_of_the_code(page, sentence):
    """A number in the text of a page is the one in the code."""
    shown = {
        name: f"{number:,}" if isinstance(number, int) else f"{number:g}"
        for name, number in NUMBERS.items()
    }
    text = " ".join(pages.written(pages.DOCS / page).split())
    assert sentence.format(**shown) in text


def test_the_factor_doubles():
    """The ceiling doubles with each attempt, as the pages say in a word."""
    assert POLICY["factor"] == 2
    assert "doubles (`factor`) the ceiling" in " ".join(
        pages.written(pages.DOCS / "write_a_policy.md").split()
    )


def words(*names):
    """Count the words of pages, without their code."""
    texts = [pages.FENCE.sub("", pages.written(pages.DOCS / name)) for name in names]
    return sum(len(re.findall(r"\w[\w'.-]*", text)) for text in texts)


def test_the_way_to_the_topics_is_short():
    """What everybody reads before the topics has at most 2,500 words."""
    assert words("index.md", "start.md", "migrate.md") <= 2500


def test_the_readme_names_the_repository():
    """The README names the address that the metadata has."""
    metadata = tomllib.loads((pages.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    address = metadata["project"]["urls"]["Repository"]
    assert f"<{address}>" in (pages.ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_short():
    """The README has at most 150 lines."""
    assert len((pages.ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
