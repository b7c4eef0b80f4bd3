"""The end of a session."""

import traceback

import pytest

from reconnect._driver.ending import Ending


def test_ending_that_has_not_come_raises_nothing():
    """Ending lets everyone pass until it comes."""
    ending = Ending()
    ending.check()
    assert ending.error is None


def test_ending_raises_the_same_error_again_and_again():
    """Ending raises one and the same error to all, without a traceback that grows."""
    ending = Ending()
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    ending.come(caught.value)
    lengths = set()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError) as raised:
            ending.check()
        assert raised.value is ending.error
        lengths.add(len(traceback.extract_tb(raised.tb)))
    assert len(lengths) == 1
