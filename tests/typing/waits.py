"""The types of waits, and of their sums with tenacity's."""

from typing import assert_type

import tenacity

from reconnect import ReconnectPolicy
from reconnect.backoff import Backoff, constant, decorrelated_jitter, full_jitter

jitter = full_jitter(base=1, factor=2, cap=30)

assert_type(jitter(1, 0.5), float)
assert_type(jitter + constant(1), Backoff)
assert_type(jitter + tenacity.wait_fixed(1), tenacity.wait_combine)
assert_type(tenacity.wait_fixed(1) + jitter, tenacity.wait_combine)

ReconnectPolicy(wait=decorrelated_jitter(base=1, cap=30))
ReconnectPolicy(wait=jitter + tenacity.wait_fixed(1))
tenacity.AsyncRetrying(wait=jitter)
tenacity.AsyncRetrying(wait=jitter + constant(1))
