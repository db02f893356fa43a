"""The line: who has a turn, who waits, and that nobody's place stays taken."""

import threading
from contextlib import ExitStack

import pytest

from assistant import line as line_module
from assistant.errors import BusyError
from assistant.line import Line


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(line_module, "TOLD_EVERY", 0.01)


def test_who_has_a_place_does_not_wait():
    line = Line(2, 1)
    with line.join() as first, line.join() as second:
        assert (list(first), list(second)) == ([], [])


def test_who_waits_is_told_how_many_come_before_until_it_has_its_turn():
    line = Line(1, 2)
    with ExitStack() as waiting, ExitStack() as served:
        served.enter_context(line.join())
        with ExitStack() as gives_up:
            gives_up.enter_context(line.join())
            last = waiting.enter_context(line.join())
            assert [next(last), next(last)] == [1, 1]
        assert next(last) == 0
        served.close()
        assert list(last) == []


def test_more_than_may_wait_are_told_so_and_may_join_when_a_place_is_given_up():
    line = Line(1, 1)
    with line.join():
        with line.join(), pytest.raises(BusyError, match="ask again in a moment"), line.join():
            pass
        with line.join() as waiting:
            assert next(waiting) == 0


def test_a_place_is_given_up_where_an_answer_fails():
    line = Line(1, 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), line.join() as waiting:
            assert list(waiting) == []
            raise ZeroDivisionError


def test_the_order_of_turns_is_the_order_of_asking():
    line, turns, joined = Line(1, 50), [], threading.Semaphore(0)

    def take(number):
        with line.join() as waiting:
            joined.release()
            for _ in waiting:
                pass
            turns.append(number)

    with line.join():
        threads = [threading.Thread(target=take, args=(number,)) for number in range(50)]
        for thread in threads:
            thread.start()
            assert joined.acquire(timeout=60)
        assert turns == []
    for thread in threads:
        thread.join(60)
    assert turns == list(range(50))
