"""Suites: public forms and users' own files are read, and what is wrong with one is said with its row."""

import gzip
import json
from pathlib import Path

import pytest

from eval.cases import CasesError, read_file
from eval.corpora import DataError
from eval.suites.catalog import KINDS, make_suites
from eval.suites.suite import Suite, SuiteError
from training.texts import part_of

TEMPLATES = Path(__file__).parents[1] / "eval" / "templates"
BRIDGE = """The new bridge cost 3 million euros. It was built after the floods of 2021 had left the only road under water.
It opened in March. The village had been cut off for a week.
"""


def make_suite(wanted: str, articles: Path | None = None) -> Suite:
    [suite] = make_suites(wanted, articles)
    return suite


def lines(path: Path, *rows: dict) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


# ── users' own ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["cases.csv", "cases.yaml"])
def test_the_templates_can_be_run_as_they_are(tmp_path: Path, name: str):
    (tmp_path / "bridge.txt").write_text(BRIDGE, encoding="utf-8")
    suite = make_suite(f"corpus={TEMPLATES / name}", tmp_path)
    by_id = {own.id: own for own in suite.cases}
    assert by_id["bridge-cost"].short == ["3 million euros", "€3 million"]
    assert by_id["bridge-architect"].answerable is False
    assert by_id["bridge-then"].turn == 2
    assert by_id["bridge-then"].history[1] == ("assistant", "3 million euros")


def test_alternatives_and_words_that_belong_together_are_parted(tmp_path: Path):
    by_id = {own.id: own for own in read_file(TEMPLATES / "cases.csv")}
    assert by_id["bridge-why"].gold == [["floods of 2021", "the only road"], ["cut off for a week"]]


def test_a_question_is_all_that_a_csv_needs_whatever_its_separator(tmp_path: Path):
    path = tmp_path / "own.csv"
    path.write_bytes("\ufeffquestion;gold\r\nWas kostet die Brücke?;3 million\r\n\r\nWho?;\r\n".encode())
    first, second = read_file(path)
    assert (first.id, first.status, first.gold) == ("q1", ["answered"], [["3 million"]])
    assert second.id == "q2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frage\nWho?\n", r"row 1: found the column 'frage'; expected “question”"),
        ("question,statsu\nWho?,answered\n", r"row 1: found the column 'statsu'"),
        ("", r"row 1: found columns none"),
        ("question,status\nWho?,answered\nWhat?,anserwed\n", r"row 3: status\.0: .*found 'anserwed'"),
        ("question,gold\nWho?,a,b\n", r"row 2: found 3 cells, expected 2; put a cell"),
        ("question,gold\n,words\n", r"row 2: the question is empty"),
        ('question,gold\n"Who?,a\nWhat?,b\n', r"row 2: .*quotation mark is opened"),
        ("question,history\nWho?,Hello there\n", r"row 2: history has the line 'Hello there', expected “user: …”"),
        ("id,question\na,Who?\na,What?\n", r"the id 'a' is given twice"),
        ("question\n", r"holds no question"),
    ],
)
def test_a_broken_csv_is_told_with_its_row(tmp_path: Path, text: str, message: str):
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CasesError, match=message):
        read_file(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- id: [\n", r"own\.yaml, line 2: no YAML"),
        ("question: Who?\n", r"holds a dict, expected a list"),
        ("- {id: a, kind: fact, question: 'Who?', status: [answered]}\n- {id: b}\n", r"own\.yaml, case 2: kind"),
        ("- {id: a, kind: fact, question: 'Who?', status: []}\n", r"case 1: status"),
        ("- {id: a, kind: fact, question: 'Who?', status: [answered], glod: []}\n", r"case 1: glod: Extra"),
        ("", r"holds a NoneType"),
    ],
)
def test_a_broken_yaml_is_told_with_its_case(tmp_path: Path, text: str, message: str):
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CasesError, match=message):
        read_file(path)


def test_rows_are_counted_as_a_spreadsheet_does_and_lines_beside_them(tmp_path: Path):
    path = tmp_path / "own.csv"
    path.write_text('question,history\nA?,"user: a\nassistant: b"\n\nB?,nobody: c\n', encoding="utf-8")
    with pytest.raises(CasesError, match=r"row 4 \(line 5\): history has"):
        read_file(path)


def test_a_file_of_another_sort_or_encoding_is_refused(tmp_path: Path):
    path = tmp_path / "own.csv"
    path.write_bytes("question\nCombien coûte?\n".encode("latin-1"))
    with pytest.raises(CasesError, match="not UTF-8"):
        read_file(path)
    with pytest.raises(CasesError, match=r"expected \.csv or \.yaml"):
        read_file(tmp_path / "own.xlsx")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Who?,4 million,", r"case 'q1': gold '4 million' stands in no article"),
        ("Who?,,brigde", r"case 'q1': there is no article 'brigde'; there are bridge"),
    ],
)
def test_words_and_articles_that_are_not_there_are_told_before_anything_is_run(tmp_path: Path, row: str, message: str):
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "bridge.txt").write_text(BRIDGE, encoding="utf-8")
    path = tmp_path / "own.csv"
    path.write_text(f"question,gold,relevant\n{row}\n", encoding="utf-8")
    with pytest.raises(CasesError, match=message):
        make_suite(f"corpus={path}", tmp_path / "articles")


# ── public data ──────────────────────────────────────────────────────────────────────────

ROW = {"id": "1", "question": "How much?", "context": BRIDGE, "answers": [{"text": "3 million euros", "start": 20}]}


def test_reading_comprehension_is_asked_of_its_own_context(tmp_path: Path):
    path = lines(
        tmp_path / "squad.jsonl.gz", ROW, {**ROW, "id": "2", "answerable": False}, {**ROW, "id": "3", "answers": []},
        {**ROW, "id": "4", "answers": ["3 million euros", "3 million euros"], "context": "It cost 3 million euros."},
    )  # fmt: skip
    suite = make_suite(f"reading={path}")
    assert suite.name == "reading:squad"
    assert [own.answerable for own in suite.cases] == [True, False, False, True]
    assert suite.cases[3].short == ["3 million euros"]
    assert suite.cases[0].corpus == suite.cases[1].corpus != suite.cases[3].corpus
    assert suite.corpora[suite.cases[0].corpus][0].text == BRIDGE


def test_reading_comprehension_is_asked_of_all_articles_where_they_are_given(tmp_path: Path):
    path = lines(tmp_path / "newsqa.jsonl", {**ROW, "story": "s1"})
    articles = lines(tmp_path / "stories.jsonl", {"id": "s1", "text": BRIDGE}, {"id": "s2", "text": "Another."})
    suite = make_suite(f"reading={path}", articles)
    assert suite.cases[0].relevant == {"s1": 1}
    assert len(suite.corpora["all"]) == 2
    with pytest.raises(DataError, match=r"line 1: .* has no article 's3'"):
        make_suite(f"reading={lines(path, {**ROW, 'story': 's3'})}", articles)


LONG = {
    "id": "1",
    "question": "And then?",
    "turns": [{"role": "user", "text": "Why?"}, {"role": "assistant", "text": "Floods."}],
    "passages": [{"id": "p", "title": "Bridge", "text": BRIDGE}],
    "answerable": "ANSWERABLE",
    "references_all": ["It opened in March."],
}


@pytest.mark.parametrize(
    ("degree", "answerable", "references"),
    [("ANSWERABLE", True, 1), ("PARTIAL", None, 1), ("UNANSWERABLE", False, 0), ("CONVERSATIONAL", None, 0)],
)
def test_long_answers_come_with_turns_and_degrees(tmp_path: Path, degree: str, answerable, references: int):
    path = lines(tmp_path / "clapnq.jsonl", {**LONG, "answerable": degree})
    [own] = make_suite(f"longform={path}").cases
    assert (own.turn, own.answerable, len(own.references)) == (2, answerable, references)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"passages": None}, "line 1: TypeError"),
        ({"answerable": "MAYBE"}, "line 1: KeyError"),
        ({"references_all": []}, "answerable without a reference"),
    ],
)
def test_a_long_answer_of_another_form_is_told_with_its_line(tmp_path: Path, change: dict, message: str):
    with pytest.raises(DataError, match=message):
        make_suite(f"longform={lines(tmp_path / 'x.jsonl', {**LONG, **change})}")


@pytest.mark.parametrize(("id", "qrels"), [("_id", "qrels/test.tsv"), ("id", "qrels.tsv")])
def test_a_set_in_beirs_form_is_read_for_search_alone(tmp_path: Path, id: str, qrels: str):
    lines(tmp_path / "corpus.jsonl", {id: "d1", "title": "A", "text": "One."}, {id: "d2", "title": "", "text": "Two."})
    lines(tmp_path / "queries.jsonl", {id: "q1", "text": "one?"}, {id: "q2", "text": "unjudged?"})
    (tmp_path / qrels).parent.mkdir(exist_ok=True)
    (tmp_path / qrels).write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n", encoding="utf-8")
    suite = make_suite(f"retrieval={tmp_path}")
    assert suite.search_only
    assert [own.relevant for own in suite.cases] == [{"d1": 2}]
    assert [own.id for own in suite.corpora["all"]] == ["d1", "d2"]
    (tmp_path / "queries.jsonl").unlink()
    with pytest.raises(SuiteError, match=r"holds no queries\.jsonl"):
        make_suite(f"retrieval={tmp_path}")


def test_follow_ups_come_with_a_persons_rewriting(tmp_path: Path):
    row = {
        "id": "1",
        "question": "When?",
        "history": [{"role": "user", "text": "Why?"}],
        "rewrite": "When did it open?",
    }
    [own] = make_suite(f"rewriting={lines(tmp_path / 'cast.jsonl', row)}").cases
    assert (own.rewrite, own.turn, own.kind) == ("When did it open?", 2, "followup")
    with pytest.raises(DataError, match="line 1: rewrite is None"):
        make_suite(f"rewriting={lines(tmp_path / 'cast.jsonl', {**row, 'rewrite': None})}")


def test_an_empty_file_is_no_suite(tmp_path: Path):
    with pytest.raises(SuiteError, match="no question"):
        make_suite(f"rewriting={lines(tmp_path / 'empty.jsonl')}")


def test_the_seed_cases_are_a_suite_a_file_those_tuned_on_last():
    suites = make_suites("seeds")
    names = [own.name for own in suites]
    assert names.index("seeds_heldout_v2") < names.index("seeds_heldout_v1")
    assert set(names[-2:]) == {"seeds_dev_v1", "seeds_heldout_v1"}
    assert all("tuned on" in own.about for own in suites[-2:])
    assert "never for tuning" in next(own for own in suites if own.name == "seeds_heldout_v2").about


def test_the_same_cases_have_the_same_fingerprint_and_others_another(tmp_path: Path):
    one, two = (make_suite("seeds=seeds_dev_v1").fingerprint() for _ in range(2))
    other = make_suite("seeds=seeds_heldout_v1").fingerprint()
    assert one == two
    assert one["articles"] == other["articles"]
    assert one["cases"] != other["cases"]
    names = {"seeds", "written", "news", "corpus", "reading", "longform", "retrieval", "rewriting"}
    assert {kind.name for kind in KINDS} == names


def test_our_own_cases_are_asked_of_the_articles_they_name():
    suites = {suite.name: suite for suite in make_suites("written")}
    assert set(suites) > {"withheld_v1", "french_v1"}
    for suite in suites.values():
        assert {case.corpus for case in suite.cases} == set(suite.corpora)
        assert all(suite.corpora.values())


def test_the_news_kept_aside_is_asked_of_its_own_article_or_of_all():
    own, together = make_suite("news"), make_suite("news=together")
    assert [case.question for case in own.cases] == [case.question for case in together.cases]
    assert {case.kind for case in own.cases} == {"told", "reworded", "withheld", "predicate", "other"}
    assert {part_of(documents[0].title) for documents in own.corpora.values()} == {"test"}
    assert len(together.corpora["together"]) > 3 * len(own.corpora)
    told = next(case for case in own.cases if case.answerable)
    assert told.short[0] in own.corpora[told.corpus][0].text
    with pytest.raises(SuiteError, match="news=together"):
        make_suite("news=apart")
