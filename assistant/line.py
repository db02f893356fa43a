"""The line: so many questions are answered at the same time, and the others wait in the order of asking.

It knows nothing of questions, answers and pages.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from assistant.errors import BusyError


class Line:
    """A line that may be joined from several threads."""

    def __init__(self, places: int, longest: int) -> None:
        self.places = places
        """How many have their turn at the same time."""
        self._longest = longest
        self._joined: list[object] = []
        self._moved = threading.Condition()

    @contextmanager
    def join(self) -> Iterator[Iterator[int]]:
        """A place in the line, given up at the end: how many come before it, told until it has its turn.

        Raises BusyError where too many wait already.
        """
        place = object()
        with self._moved:
            if len(self._joined) >= self.places + self._longest:
                raise BusyError(f"{self._longest} questions wait for an answer already; ask again in a moment")
            self._joined.append(place)
        try:
            yield self._before(place)
        finally:
            with self._moved:
                self._joined.remove(place)
                self._moved.notify_all()

    def _before(self, place: object) -> Iterator[int]:
        while (before := self._ahead(place)) >= 0:
            yield before
            with self._moved:
                if self._ahead(place) == before:
                    self._moved.wait(TOLD_EVERY)

    def _ahead(self, place: object) -> int:
        with self._moved:
            return self._joined.index(place) - self.places


TOLD_EVERY = 0.5
"""Seconds after which who waits is told again where nothing moved, so that waiting can be given up in between."""
