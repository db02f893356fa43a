"""Runs: the same twice, going on after an interruption, compared, gated, and from the command line."""

import json
import random
from pathlib import Path

import pytest
from eval_replies import ARTICLES, SENTENCES, case, claim, header, record, reply, write
from fake_embedder import FakeEmbedder
from scipy.stats import binomtest

from assistant import Assistant, Document, Settings
from assistant.documents import gather
from assistant.index import build_index
from eval import cli, running, systems, versions
from eval.comparison import compare, difference
from eval.gate import gate, read_bound
from eval.results import RESULTS, TIMINGS, RunError, Writer, read_run
from eval.suites.suite import Suite, limited
from eval.summary import figures, summarise

COST, OPENED, _ = SENTENCES
EMBEDDER = FakeEmbedder()
SUITE = Suite(
    name="bridge",
    about="cases made by hand",
    cases=[
        case(short=["3 million euros"]),
        case("designed", question="Who designed the bridge?", status=["partial", "abstained"], gold=[]),
        case("hello", question="Hello!", kind="clarify", status=["clarify"], gold=[]),
        case("dakar", question="What does the market in Dakar sell?", corpus="other", gold=[["fish"]]),
    ],
    corpora={
        "": list(ARTICLES.values()),
        "other": [Document(id="m", title="M", text="The market in Dakar sells fish.")],
    },
)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch):
    """Everything but the embedder is real."""

    def opened(documents, settings):
        return Assistant(build_index(gather(documents), EMBEDDER, settings), EMBEDDER, settings)

    monkeypatch.setattr(running, "open_assistant", opened)
    for module in (systems, versions):
        monkeypatch.setattr(module, "load_embedder", lambda *given, **options: EMBEDDER)


def bytes_of(folder: Path) -> bytes:
    return (folder / RESULTS).read_bytes()


# ── running ──────────────────────────────────────────────────────────────────────────────


def test_the_same_run_twice_gives_the_same_bytes_and_other_times(tmp_path: Path, offline):
    for name in ("a", "b"):
        running.run([SUITE], systems.choose(), Settings(), tmp_path / name)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    run = read_run(tmp_path / "a")
    assert len(run.records) == run.expected == 16
    assert [own.case for own in run.records[::4]] == list(SUITE.cases)
    assert all(own.seconds["total"] >= 0 for own in run.records)
    assert b"total" not in bytes_of(tmp_path / "a")


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.62, 0.98])
def test_a_run_that_was_stopped_anywhere_goes_on_to_the_same_bytes(tmp_path: Path, offline, kept: float):
    chosen = systems.choose(["assistant", "always-abstain"])
    running.run([SUITE], chosen, Settings(), tmp_path / "whole")
    whole = bytes_of(tmp_path / "whole")
    running.run([SUITE], chosen, Settings(), tmp_path / "stopped")
    for name in (RESULTS, TIMINGS):
        path = tmp_path / "stopped" / name
        path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    told: list[str] = []
    running.run([SUITE], chosen, Settings(), tmp_path / "stopped", lambda name, of: told.append(f"{name} {of}"))
    assert bytes_of(tmp_path / "stopped") == whole
    assert told == ["bridge 8"] * 8
    assert all(own.seconds for own in read_run(tmp_path / "stopped").records)


def test_a_run_of_other_settings_is_not_continued(tmp_path: Path, offline):
    chosen = systems.choose(["always-abstain"])
    running.run([SUITE], chosen, Settings(), tmp_path)
    with pytest.raises(RunError, match=r"run of another versions.*--out"):
        running.run([SUITE], chosen, Settings(hits=3), tmp_path)
    with pytest.raises(RunError, match="run of another suites"):
        running.run([limited(SUITE, 2)], chosen, Settings(), tmp_path)


def test_a_header_holds_neither_paths_nor_secrets(tmp_path: Path, offline):
    settings = Settings(corpus=tmp_path / "private", index=tmp_path / "hidden")
    told = json.dumps(running.header([SUITE], systems.choose(), settings))
    assert str(tmp_path) not in told
    assert "private" not in told and "hidden" not in told


def test_the_whole_passage_baseline_wins_citations_and_is_never_right(tmp_path: Path, offline):
    long = Document(id="bridge", title="", text=" ".join(SENTENCES) + " It rained in the valley again." * 20)
    suite = Suite(name="s", about="a", cases=[case()], corpora={"": [long]})
    running.run([suite], systems.choose(), Settings(), tmp_path)
    by_system = {own.system: own for own in summarise(read_run(tmp_path).records)}
    gamed = by_system["whole-passage"]
    assert [gamed.value(name).value for name in ("citation_recall", "citation_precision", "right")] == [1, 1, 0]
    assert by_system["always-abstain"].value("citation_recall") is None
    assert by_system["nearest-sentences"].value("span_exact").value == 1


def test_a_limit_spreads_over_the_suite_and_keeps_corpora_together():
    many = [case(f"c{number}", corpus="ab"[number % 2]) for number in range(10)]
    suite = Suite(name="s", about="", cases=many, corpora={"a": [], "b": [], "c": []})
    kept = limited(suite, 4)
    assert sorted(own.id for own in kept.cases) == ["c0", "c2", "c5", "c7"]
    assert [own.corpus for own in kept.cases] == ["a", "a", "b", "b"]
    assert list(kept.corpora) == ["a", "b"]


def test_two_suites_of_one_name_are_refused(tmp_path: Path, offline):
    with pytest.raises(RunError, match="two suites"):
        running.run([SUITE, SUITE], systems.choose(), Settings(), tmp_path)


def test_a_record_comes_back_from_disk_as_it_was(tmp_path: Path):
    own = record(case(history=[("user", "Hi"), ("assistant", "Hello")], note="n"), reply("answered", COST, OPENED))
    assert read_run(write(tmp_path, [own])).records == [own]


def test_a_quote_is_kept_with_the_words_around_it(tmp_path: Path):
    kept = record(case(), reply("answered", OPENED)).reply["citations"][0]
    assert kept["before"].endswith("3 million euros. ")
    assert kept["after"].startswith(" Fishermen")


# ── summaries ────────────────────────────────────────────────────────────────────────────


def test_unscored_and_not_applicable_are_counted_apart_from_0():
    records = [
        record(case("a"), reply("answered", COST)),
        record(case("b"), reply("answered", OPENED)),
        record(case("c", gold=[]), reply("abstained")),
        record(case("d", gold=[]), reply("answered", claims=[claim("By Ama.", label="unchecked")], citations=[])),
    ]
    own = figures(records)
    assert (own["gold_quoted"].estimate.value, own["gold_quoted"].estimate.n) == (0.5, 2)
    assert (own["gold_quoted"].unscored, own["gold_quoted"].not_applicable) == (0, 2)
    assert (own["grounded"].estimate.n, own["grounded"].unscored, own["grounded"].not_applicable) == (2, 1, 1)
    assert own["rouge_l"].estimate is None


# ── comparing ────────────────────────────────────────────────────────────────────────────


def runs(tmp_path: Path, before: list[bool], after: list[bool], **versions):
    made = []
    for name, rights in (("a", before), ("b", after)):
        records = [
            record(case(f"c{number}"), reply("answered", COST if right else OPENED))
            for number, right in enumerate(rights)
        ]
        made.append(read_run(write(tmp_path / name, records, **(versions if name == "b" else {}))))
    return made


def test_runs_are_compared_question_by_question(tmp_path: Path):
    before, after = [True, True, False, False, False], [True, False, True, True, True]
    a, b = runs(tmp_path, before, after)
    own = compare(a, b, system_a="assistant", system_b="assistant")
    right = next(one for one in own.differences if one.measure == "right")
    assert (right.before, right.after, right.difference.value) == (0.4, 0.8, pytest.approx(0.4))
    assert (right.wins, right.losses, right.ties, right.p) == (3, 1, 1, binomtest(3, 4).pvalue)
    assert [y.case.id for _, y in own.wins] == ["c2", "c3", "c4"]
    assert [x.case.id for x, _ in own.losses] == ["c1"]
    assert own.losses[0][0].reply["text"] == COST
    assert own.losses[0][1].reply["text"] == OPENED


def test_two_equal_runs_have_no_difference(tmp_path: Path):
    a, b = runs(tmp_path, [True, False], [True, False])
    own = compare(a, b, system_a="assistant", system_b="assistant")
    assert all((one.difference.value, one.p, one.wins) == (0, 1.0, 0) for one in own.differences)
    assert own.notes == []


def test_what_changed_between_runs_is_said(tmp_path: Path):
    a, b = runs(tmp_path, [True, False], [True, True], settings={"caution": "eager"})
    assert compare(a, b, system_a="assistant", system_b="assistant").notes == ["other settings"]


def test_cases_that_were_edited_in_between_are_left_out(tmp_path: Path):
    one, two = record(case("a"), reply("answered", COST)), record(case("b"), reply("answered", COST))
    edited = record(case("b", gold=[["opened"]]), reply("answered", COST))
    a, b = read_run(write(tmp_path / "a", [one, two])), read_run(write(tmp_path / "b", [one, edited]))
    own = compare(a, b, system_a="assistant", system_b="assistant")
    assert own.shared == 1
    assert "1 cases have another question" in own.notes[0]


def test_runs_that_share_nothing_and_unknown_systems_are_refused(tmp_path: Path):
    a = read_run(write(tmp_path / "a", [record(case("a"), reply("answered"))]))
    b = read_run(write(tmp_path / "b", [record(case("b"), reply("answered"))]))
    with pytest.raises(RunError, match="share no case"):
        compare(a, b, system_a="assistant", system_b="assistant")
    with pytest.raises(RunError, match="no system 'other'; it has assistant"):
        compare(a, b, system_a="other", system_b="assistant")


def test_the_sign_test_holds_its_level_where_nothing_differs():
    dice = random.Random(9)
    records = {right: record(case(), reply("answered", COST if right else OPENED)) for right in (True, False)}
    found = 0
    for _ in range(200):
        pairs = [(records[dice.random() < 0.5], records[dice.random() < 0.5]) for _ in range(40)]
        own = difference("right", pairs)
        found += own is not None and own.p < 0.05
    assert found <= 18  # 5 % of 200 are 10


# ── gating ───────────────────────────────────────────────────────────────────────────────


def test_a_gate_is_kept_by_the_mean_and_by_the_intervals_end_where_asked(tmp_path: Path):
    run = runs(tmp_path, [True] * 8 + [False] * 2, [True])[0]
    bounds = [read_bound("right=0.8", least=True), read_bound("right=0.8", least=False)]
    assert [own.kept for own in gate(run, bounds, system="assistant")] == [True, True]
    assert [own.kept for own in gate(run, bounds, system="assistant", careful=True)] == [False, False]
    assert [own.kept for own in gate(run, [read_bound("right=0.81", least=True)], system="assistant")] == [False]


def test_a_score_that_no_case_has_does_not_pass(tmp_path: Path):
    run = runs(tmp_path, [True], [True])[0]
    [outcome] = gate(run, [read_bound("rouge_l=0", least=True)], system="assistant")
    assert not outcome.kept
    assert "no case was scored" in outcome.told


def test_half_a_run_passes_no_gate(tmp_path: Path):
    records = [record(case("a"), reply("answered", COST)), record(case("b"), reply("answered", COST))]
    writer = Writer(tmp_path, header(records))
    writer.add(records[0])
    outcomes = gate(read_run(tmp_path), [read_bound("right=0.5", least=True)], system="assistant")
    assert [own.kept for own in outcomes] == [True, False]


@pytest.mark.parametrize("bound", ["rigth=0.5", "right=high", "right"])
def test_a_bound_that_cannot_be_read_is_refused(bound: str):
    with pytest.raises(RunError, match=r"there is no score 'rigth'; there are right|expected a number"):
        read_bound(bound, least=True)


# ── command line ─────────────────────────────────────────────────────────────────────────


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main([str(argument) for argument in arguments])
    return int(stopped.value.code or 0)


def test_run_report_compare_and_gate_from_the_command_line(tmp_path: Path, offline, monkeypatch, capsys):
    monkeypatch.setattr("eval.suites.catalog.make_suites", lambda name, articles: [SUITE])
    assert called("run", "--out", tmp_path / "a", "--limit", "2") == 0
    shown = capsys.readouterr().out
    assert "bridge, 2 cases" in shown
    assert str(tmp_path / "a" / "report.html") in shown
    first = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert called("report", tmp_path / "a") == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == first
    assert called("run", "--out", tmp_path / "b", "--limit", "2") == 0
    for name in ("results.jsonl", "scores.json"):
        assert (tmp_path / "b" / name).read_bytes() == first[name]
    capsys.readouterr()
    assert called("compare", tmp_path / "a", tmp_path / "b", "--systems", "always-abstain,assistant", "--json") == 0
    assert json.loads(capsys.readouterr().out)["shared"] == 2
    assert called("compare", tmp_path / "a", tmp_path / "b") == 0
    assert "B wins by right: 0" in capsys.readouterr().out
    assert called("gate", tmp_path / "a", "--min", "span_exact=1", "status_right=0", "--max", "right=1") == 0
    assert called("gate", tmp_path / "a", "--min", "right=1", "--system", "always-abstain") == 1
    assert "FAIL right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "nowhere"], "holds no results.jsonl"),
        (["run", "--suite", "sedes"], "there is no suite 'sedes'; there are seeds, written, news, corpus"),
        (["run", "--suite", "seeds=seeds_dev_v0"], "seeds_dev_v1"),
        (["run", "--suite", "corpus=eval/templates/cases.csv"], "needs --articles"),
        (["run", "--suite", "reading=nowhere.jsonl"], "no such file"),
        (["run", "--systems", "assistent"], "there is no system 'assistent'"),
        (["gate", "nowhere"], "holds no results.jsonl"),
    ],
)
def test_what_a_user_can_mend_is_told_without_a_traceback(arguments, message, capsys):
    assert called(*arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert message in told


def test_the_list_names_every_suite_system_and_score(capsys):
    from eval.scoring import MEASURES
    from eval.suites.catalog import KINDS

    assert called("list") == 0
    shown = capsys.readouterr().out
    for own in (*KINDS, *systems.SYSTEMS, *MEASURES):
        assert own.name in shown
