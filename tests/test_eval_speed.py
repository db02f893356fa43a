import json
from pathlib import Path

import pytest

from eval.speed import Start, lanes_table, percentile_row, read_questions, rounds, start, told


def test_every_second_round_runs_the_lanes_backwards():
    ran: list[str] = []
    seconds = rounds({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, 3)
    assert ran == ["a", "b", "b", "a", "a", "b"]
    assert {name: len(own) for name, own in seconds.items()} == {"a": 3, "b": 3}
    assert all(own >= 0 for lane in seconds.values() for own in lane)


def test_a_lane_is_compared_with_the_plain_one_of_the_same_round():
    plain, ours = lanes_table({"plain": [1.0, 10.0, 2.0], "ours": [2.0, 10.0, 6.0]}, 60, "plain")
    assert "30.0 passages/s (6.0 to 60.0), n = 3 rounds of 60" in plain
    assert "10.0 passages/s" in ours
    assert "2.00 times as long (1.00 to 3.00)" in ours


def test_percentiles_are_given_in_milliseconds():
    assert percentile_row("ask", [0.01 * n for n in range(101)]).endswith("p50 500 ms, p95 950 ms, n = 101")


def test_starts_are_told_by_their_median_and_highest_memory():
    starts = [Start(seconds=seconds, peak_mb=peak) for seconds, peak in ((3.0, 800.0), (1.0, 900.0), (1.5, 850.0))]
    assert told(starts) == "1.50 s (1.00 to 3.00), peak 900 MB, n = 3"


def test_questions_are_spread_over_the_file_without_repetitions_and_texts(tmp_path: Path):
    rows = [{"question": f"Question {n // 2}?"} for n in range(20)] + [{"text": "word " * 41}]
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert read_questions(path, 5) == [f"Question {n}?" for n in range(0, 10, 2)]
    assert len(read_questions(path, 100)) == 10


@pytest.mark.slow
def test_a_question_is_asked_in_a_process_of_its_own(tmp_path: Path):
    own = start(tmp_path / "index", "Where was the pact announced?")
    assert own.seconds > 0.1
    assert own.peak_mb > 50


@pytest.mark.slow
def test_a_process_that_fails_is_not_taken_for_a_fast_one(tmp_path: Path):
    (tmp_path / "index").write_text("in the way", encoding="utf-8")
    with pytest.raises(RuntimeError, match="exit status"):
        start(tmp_path / "index", "")
