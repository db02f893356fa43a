"""The judge judged: pairs are read, parts are kept apart, and figures are those of their definition."""

import json
from pathlib import Path

import pytest

from assistant import Verdict
from eval import checker, cli
from eval.checker import Pair, judge, read_judgements, read_pairs, sample, write_judgements
from eval.corpora import DataError
from eval.versions import versions  # noqa: F401  (imports the checker: no circle may arise)

ROW = {"source": "The bridge cost 3 million euros.", "claim": "The bridge cost 3 million euros.", "label": "supported"}


def lines(path: Path, *rows: dict) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def pair(supported: bool, claim: str = "c", *, validation: bool = False, dataset: str = "set") -> Pair:
    return Pair(dataset=dataset, claim=claim, source="s", supported=supported, validation=validation)


@pytest.fixture
def by_score(monkeypatch: pytest.MonkeyPatch):
    """A checker whose score is the claim itself, and which finds supported what is 0.5 or more."""

    def check(claim: str, evidence) -> Verdict:
        score = float(claim)
        return Verdict(label="supported" if score >= 0.5 else "unsupported", score=score)

    monkeypatch.setattr(checker, "CHECKERS", {"checker": check})


def test_pairs_are_read_and_partly_supported_is_not_supported(tmp_path: Path):
    path = lines(
        tmp_path / "pairs.jsonl", ROW, {**ROW, "label": "partially", "split": "dev"},
        {**ROW, "label": "not_supported", "split": "rand_val"}, {**ROW, "split": "evaluation"},
    )  # fmt: skip
    pairs = read_pairs(path)
    assert [own.supported for own in pairs] == [True, False, False, True]
    assert [own.validation for own in pairs] == [False, True, True, True]
    assert {own.dataset for own in pairs} == {"pairs"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**ROW, "label": "true"}, "line 2: label is 'true', expected supported"),
        ({**ROW, "claim": None}, "line 2: claim is None"),
    ],
)
def test_a_pair_of_another_form_is_told_with_its_line(tmp_path: Path, row: dict, message: str):
    with pytest.raises(DataError, match=message):
        read_pairs(lines(tmp_path / "pairs.jsonl", ROW, row))


def test_figures_are_those_of_their_definition(by_score):
    pairs = [pair(True, "0.9"), pair(True, "0.6"), pair(True, "0.4"), pair(False, "0.5"), pair(False, "0.1")]
    [own] = judge(pairs)
    assert (own.n, own.supported) == (5, 3)
    assert own.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert own.auroc == pytest.approx(5 / 6)  # of six pairs of labels one is the wrong way round
    assert own.low is not None and own.high is not None
    assert own.low < own.balanced_accuracy < own.high
    assert own.best_threshold is None


def test_the_threshold_is_chosen_on_the_validation_part_and_reported_on_the_other(by_score):
    validation = [pair(True, "0.35", validation=True), pair(False, "0.2", validation=True)]
    test = [pair(True, "0.4"), pair(True, "0.36"), pair(False, "0.1"), pair(False, "0.9")]
    [own] = judge([*validation, *test])
    assert own.n == 4
    assert own.best_threshold == pytest.approx(0.35)
    assert (own.balanced_accuracy, own.at_best) == (pytest.approx(0.25), pytest.approx(0.75))


def test_a_set_of_validation_alone_is_reported_whole(by_score):
    [own] = judge([pair(True, "0.9", validation=True), pair(False, "0.1", validation=True)])
    assert (own.n, own.balanced_accuracy, own.at_best) == (2, 1.0, None)


def test_a_sample_takes_of_every_part_and_is_the_same_each_time():
    pairs = [pair(True, str(n), validation=n % 3 == 0, dataset="ab"[n % 2]) for n in range(60)]
    drawn = sample(pairs, 4)
    assert len(drawn) == 16
    assert drawn == sample(pairs, 4)
    assert sample(pairs, None) == pairs


def test_a_measurement_comes_back_as_it_was_written_down(tmp_path: Path, by_score):
    judgements = judge([pair(True, "0.5"), pair(False, "0.25")])
    write_judgements(tmp_path / "checker.json", judgements, {"measured": "today"})
    assert read_judgements(tmp_path / "checker.json") == ({"measured": "today"}, judgements)
    (tmp_path / "checker.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="make it anew"):
        read_judgements(tmp_path / "checker.json")


def test_the_measurement_that_ships_can_be_read():
    about, judgements = read_judgements(checker.SHIPPED)
    assert {"measured", "note", "fingerprint", "files"} <= set(about)
    assert {own.checker for own in judgements} == {"checker", "lexical"}


def test_the_checkers_are_measured_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = lines(
        tmp_path / "pairs.jsonl", ROW, {**ROW, "claim": "The bridge cost 4 million euros.", "label": "partially"}
    )
    out = tmp_path / "checker.json"
    with pytest.raises(SystemExit) as stopped:
        cli.main(["checker", str(path), "--out", str(out)])
    assert not stopped.value.code
    assert "pairs" in capsys.readouterr().out
    about, judgements = read_judgements(out)
    assert about["files"] == ["pairs.jsonl"]
    assert [own.balanced_accuracy for own in judgements] == [1.0, 1.0]


def test_minimal_pairs_give_a_claim_of_each_label(tmp_path: Path):
    path = tmp_path / "pairs.yaml"
    path.write_text(
        "- {id: a, kind: name, evidence: [A said so.], claim: A spoke., changed: B spoke.}\n", encoding="utf-8"
    )
    assert [(pair.claim, pair.supported) for pair in read_pairs(path)] == [("A spoke.", True), ("B spoke.", False)]
    path.write_text("- {id: a, claim: A spoke.}\n", encoding="utf-8")
    with pytest.raises(DataError, match="expected a list of pairs"):
        read_pairs(path)
