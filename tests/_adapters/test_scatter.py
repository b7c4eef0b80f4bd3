"""Numbers that look random and are computed."""

import pytest
from hypothesis import given, strategies as st

from reconnect._adapters.scatter import mix, unit


@pytest.mark.parametrize(
    ("index", "expected"),
    # The first outputs of SplitMix64 for the seed 0, as its reference implementation prints them.
    [(1, 0xE220A8397B1DCDAF), (2, 0x6E789E6AA1B965F4), (3, 0x06C45D188009454F)],
)
def test_known_numbers(index, expected):
    """The sequence is that of the published generator."""
    assert mix(0, index) == expected


@given(number=st.integers(), index=st.integers(0, 2**64))
def test_numbers_fit(number, index):
    """Whatever is mixed, 64 bits come out, and a number in [0, 1) of them."""
    bits = mix(number, index)
    assert 0 <= bits < 2**64
    assert 0 <= unit(bits) < 1


def test_ends_of_the_unit():
    """The lowest bits give 0, the highest the largest number below 1."""
    assert (unit(0), unit(2**64 - 1)) == (0.0, 1 - 2**-53)
