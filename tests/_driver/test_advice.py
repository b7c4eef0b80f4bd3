"""What the configuration of a spoken conversation lacks."""

from types import SimpleNamespace

import pytest

from reconnect._driver.advice import advice


def asked(**changes):
    """Return the advice on a whole configuration, but for some changes."""
    whole = {"audio": True, "compressed": True, "transcribed": True, "turns": True} | changes
    config = SimpleNamespace(
        context_window_compression={} if whole["compressed"] else None,
        input_audio_transcription={} if whole["transcribed"] else None,
    )
    return advice(config, audio=whole["audio"], turns=whole["turns"])


def test_a_whole_configuration_lacks_nothing():
    """Advice is silent over audio with compression and transcription."""
    assert asked() == ()


@pytest.mark.parametrize(
    ("compressed", "transcribed"), [(True, True), (True, False), (False, True), (False, False)]
)
def test_text_needs_neither(compressed, transcribed):
    """Advice is silent over a session in text."""
    assert asked(audio=False, compressed=compressed, transcribed=transcribed) == ()


def test_compression_is_missed():
    """Advice names the setting, and when the server ends the session without it."""
    [text] = asked(compressed=False)
    assert 'context_window_compression={"sliding_window": {}}' in text
    assert "15 minutes" in text
    assert "2 with video" in text


def test_transcription_is_missed():
    """Advice names the setting where a spoken question could not be asked again."""
    [text] = asked(transcribed=False)
    assert "input_audio_transcription={}" in text


def test_a_model_without_turns_needs_no_transcription():
    """Advice asks for no transcription where no question is ever asked again."""
    assert asked(transcribed=False, turns=False) == ()


def test_both_are_missed():
    """Advice says both, one sentence each."""
    assert len(asked(compressed=False, transcribed=False)) == 2
