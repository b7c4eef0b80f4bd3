"""Numbers that look random and are computed: the same input, the same number, on every machine.

SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014). ``random.Random`` would do as well, but costs a state of 2.5 kB for each number that
is to be found again by its index alone.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FINAL", "INCREMENT", "mix", "unit"]

INCREMENT: Final = 0x9E3779B97F4A7C15
"""2**64 over the golden ratio, made odd: what the index is multiplied with."""

FINAL: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))
"""The rounds of the finaliser: shift right and exclusive-or, then multiply."""

_MASK: Final = 2**64 - 1


def mix(number: int, index: int) -> int:
    """Return the 64 bits that stand at an index of the sequence that a number starts.

    Args:
        number: What the sequence starts from; its lowest 64 bits count.
        index: Which element of the sequence.
    """
    bits = (number + index * INCREMENT) & _MASK
    for shift, factor in FINAL:
        bits = ((bits ^ (bits >> shift)) * factor) & _MASK
    return bits


def unit(bits: int) -> float:
    """Return the number in [0, 1) that the highest 53 of 64 bits stand for.

    Args:
        bits: What `mix` returned.
    """
    return (bits >> 11) * 2.0**-53
