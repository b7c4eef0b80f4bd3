"""A loop of uvloop's with a virtual clock: a module of its own, since not everyone has uvloop."""

import asyncio
import heapq
import itertools
import select

import uvloop

LOOK = 0.001
"""Seconds of real time within which something happens on uvloop, unless nothing is ready."""


class VirtualTimeUvloop(uvloop.Loop):
    """A loop on which waiting takes no time: when nothing happens, its clock jumps.

    The timers are its own, since uvloop has no selector that would tell when nothing is ready.
    """

    def __init__(self):
        super().__init__()
        self._jumped = 0.0
        self._numbers = itertools.count()
        self._timers = []
        self._looking = False
        self._busy = False

    def time(self):
        return self._jumped

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        self._look_later()
        return timer

    def call_soon(self, callback, *args, context=None):
        self._busy = True
        return super().call_soon(callback, *args, context=context)

    def _timer_handle_cancelled(self, timer):
        pass  # it is left out when its time comes

    def _ready(self):
        """Tell whether a socket is ready: what epoll or kqueue has to say can be waited for too."""
        ready, _, _ = select.select([self._get_backend_id()], [], [], 0)
        return bool(ready)

    def _look_later(self):
        if not self._looking:
            self._looking = True
            super().call_later(LOOK, self._look)

    def _look(self):
        """Run the timers that are due, and let the clock jump where nothing has happened."""
        self._looking = False
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        if self._timers and not self._busy and not self._ready():
            self._jumped += max(0.0, self._timers[0][0] - self.time())
        self._busy = False
        due, now = [], self.time()
        while self._timers and self._timers[0][0] <= now:
            due.append(heapq.heappop(self._timers)[2])
        for timer in due:
            if not timer.cancelled():
                timer._run()
        if self._timers:
            self._look_later()
