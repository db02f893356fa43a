import gzip
import json
import math
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_embedder import FakeEmbedder, write_articles
from sklearn.metrics import ndcg_score

from assistant.documents import Document, gather
from assistant.errors import IndexMismatchError
from assistant.index import build_index
from assistant.question import parse_question
from assistant.settings import Settings
from assistant.store import read_manifest
from eval.corpora import DataError, Task, read_documents, read_newsqa, read_rows, read_task
from eval.indexing import indexed
from eval.retrieval import (
    MEASURES,
    READ,
    WEIGHTS,
    gain,
    main,
    read_again,
    scored,
    search,
    table,
    with_known_ids,
)
from eval.scores.ranking import documents_of

SETTINGS = Settings(passage_tokens=40, overlap_tokens=10, hits=100)
VARIANTS = [SETTINGS.model_copy(update={"dense_weight": weight}) for weight in WEIGHTS.values()]


def write_lines(path: Path, rows: list[dict]) -> Path:
    opened = gzip.open(path, "wt", encoding="utf-8") if path.suffix == ".gz" else path.open("w", encoding="utf-8")
    with opened as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    return path


# ── measures ─────────────────────────────────────────────────────────────────────────────


def test_a_perfect_ranking_scores_1_by_every_measure():
    qrels = {"1": {"a": 1}, "2": {"b": 1, "c": 1}}
    scores = scored({"1": ["a", "b"], "2": ["c", "b", "a"]}, qrels)
    assert {(measure, query): value for measure in MEASURES for query, value in scores[measure].items()} == {
        (measure, query): 1.0 for measure in MEASURES for query in qrels
    }


def test_measures_agree_with_those_worked_out_by_hand():
    ranking = ["x", "a", "y", "z", "v", "b", *[f"n{i}" for i in range(10)], "c"]
    scores = scored({"1": ranking}, {"1": {"a": 1, "b": 1, "c": 1}})
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert scores["nDCG@10"]["1"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(7)) / ideal)
    assert scores["R@10"]["1"] == pytest.approx(2 / 3)
    assert scores["RR"]["1"] == 0.5
    assert scores["Success@5"]["1"] == 1.0
    assert scored({"1": ranking}, {"1": {"b": 1}})["Success@5"]["1"] == 0.0


def test_ndcg_agrees_with_sklearns():
    dice = random.Random(3)
    names = [f"d{number}" for number in range(30)]
    for _ in range(20):
        ranking = dice.sample(names, 30)
        grades = {name: dice.choice([1, 1, 2, 3]) for name in dice.sample(names, dice.randint(1, 8))}
        expected = ndcg_score(
            np.asarray([[grades.get(name, 0) for name in ranking]]), np.asarray([[-place for place in range(30)]]), k=10
        )
        assert scored({"q": ranking}, {"q": grades})["nDCG@10"]["q"] == pytest.approx(expected)


def test_a_question_for_which_nothing_was_found_scores_0_and_is_counted():
    scores = scored({"1": ["a"], "2": []}, {"1": {"a": 1}, "2": {"b": 1}, "3": {"c": 1}})
    assert scores["nDCG@10"] == {"1": 1.0, "2": 0.0, "3": 0.0}


def test_the_gain_is_over_the_better_single_system_question_by_question():
    scores = {
        "dense": {"RR": {"1": 1.0, "2": 0.0, "3": 0.5}},
        "BM25": {"RR": {"1": 0.5, "2": 0.0, "3": 0.5}},
        "fused": {"RR": {"1": 1.0, "2": 0.5, "3": 0.5}},
    }
    best, difference = gain(scores, "RR")
    assert (best, difference.n) == ("dense", 3)
    assert difference.value == pytest.approx(0.5 / 3)
    assert difference.low >= 0.0  # never worse, so no sample of the questions is either


# ── searching ────────────────────────────────────────────────────────────────────────────


def test_each_document_is_ranked_once_and_found_by_its_own_words():
    articles = gather(write_articles(20))
    embedder = FakeEmbedder()
    index = build_index(articles, embedder, SETTINGS)
    own = [article.text.split("\n\n")[1] for article in articles]
    rankings: dict[str, dict[str, list[str]]] = {name: {} for name in WEIGHTS}
    for article, text in zip(articles, own, strict=True):
        for name, found in zip(
            WEIGHTS, map(documents_of, search(index, embedder, parse_question(text), VARIANTS)), strict=True
        ):
            assert len(found) == len(set(found))
            rankings[name][article.id] = found
    qrels = {article.id: {article.id: 1} for article in articles}
    scores = {name: scored(own, qrels) for name, own in rankings.items()}
    assert sum(scores["fused"]["Success@5"].values()) == 20
    assert len(table(scores)) == 1 + 4 * len(MEASURES)


def test_an_article_of_the_same_text_answers_for_another():
    article = write_articles(1)[0]
    twin = Document(id="twin", title="Another title", text=article.text)
    index = build_index(gather([article, twin]), FakeEmbedder(), SETTINGS)
    task = Task(name="t", queries={"1": "pact"}, qrels={"1": {"twin": 2, article.id: 1, "elsewhere": 1}})
    assert with_known_ids(task, index) == {"1": {article.id: 2, "elsewhere": 1}}


@pytest.mark.slow
def test_the_command_prints_the_table_and_writes_each_questions_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    texts = ["The army closed the border.", "Farmers feared for the harvest.", "The museum bought a painting."]
    rows = [{"id": f"s{n}", "title": "", "text": text} for n, text in enumerate(texts)]
    corpus = write_lines(tmp_path / "corpus.jsonl.gz", rows)
    questions = ["Who closed the border?", "What did farmers fear for?", "What was bought by the museum?"]
    asked = [{"id": f"q{n}", "question": text, "story": f"s{n}"} for n, text in enumerate(questions)]
    newsqa, out = write_lines(tmp_path / "newsqa.jsonl", asked), tmp_path / "scores.jsonl"
    arguments = ["--corpus", str(corpus), "--newsqa", str(newsqa), "--out", str(out), "--read", "2"]
    monkeypatch.setattr(sys, "argv", ["retrieval", *arguments])
    main()
    printed = capsys.readouterr().out
    assert printed.startswith("newsqa: 3 questions, 3 articles")
    assert "nDCG@10    fused        1.000 [1.000, 1.000], n = 3" in printed
    assert "read − fused: 0.000" in printed
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(line["query"], line["system"]) for line in lines] == [
        (f"q{n}", s) for n in range(3) for s in (*WEIGHTS, *READ)
    ]
    assert all(line["found"][0] == line["query"].replace("q", "s") for line in lines)


@pytest.mark.parametrize("arguments", [[], ["--queries", "q"], ["--queries", "q", "--qrels", "r", "--newsqa", "n"]])
def test_a_set_must_be_given_in_one_way(monkeypatch: pytest.MonkeyPatch, arguments: list[str]):
    monkeypatch.setattr(sys, "argv", ["retrieval", "--corpus", "c", *arguments])
    with pytest.raises(SystemExit):
        main()


# ── an index made in steps ───────────────────────────────────────────────────────────────


def test_an_interrupted_index_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    articles = gather(write_articles(7))

    class Interrupted(FakeEmbedder):
        def embed(self, texts, spans):
            if len(self.embedded) > 20:
                raise KeyboardInterrupt
            return super().embed(texts, spans)

    with pytest.raises(KeyboardInterrupt):
        indexed(tmp_path / "index", articles, Interrupted(), SETTINGS, chunk=2)
    done = len(read_manifest(tmp_path / "index")["documents"])
    assert 0 < done < 7
    embedder = FakeEmbedder()
    index = indexed(tmp_path / "index", articles, embedder, SETTINGS, chunk=2)
    assert {document.id for document in index.documents} == {article.id for article in articles}
    assert 0 < len(embedder.embedded) < len(index)
    again = FakeEmbedder()
    assert len(indexed(tmp_path / "index", articles, again, SETTINGS, chunk=3)) == len(index)
    assert again.embedded == []
    assert "7 of 7 articles" in capsys.readouterr().err


def test_an_index_of_another_corpus_is_not_searched(tmp_path: Path):
    indexed(tmp_path / "index", gather(write_articles(2, prefix="old")), FakeEmbedder(), SETTINGS, chunk=9)
    with pytest.raises(IndexMismatchError, match="2 articles that the corpus lacks"):
        indexed(tmp_path / "index", gather(write_articles(2)), FakeEmbedder(), SETTINGS, chunk=9)


# ── files ────────────────────────────────────────────────────────────────────────────────


def test_a_corpus_is_read_plain_or_gzipped_with_what_it_says_of_an_article(tmp_path: Path):
    rows = [
        {"id": "a", "title": "", "text": "Talks began."},
        {"id": "b", "title": "Pact", "text": "Talks ended.", "meta": {"published": "2022-06-17", "url": "x.org/1"}},
    ]
    for name in ("c.jsonl", "c.jsonl.gz"):
        first, second = read_documents(write_lines(tmp_path / name, rows))
        assert (first.id, first.title, first.text, first.published) == ("a", "", "Talks began.", None)
        assert (second.title, str(second.published), second.source) == ("Pact", "2022-06-17", "x.org/1")


def test_only_questions_with_a_relevant_document_are_asked(tmp_path: Path):
    queries = write_lines(tmp_path / "queries.jsonl.gz", [{"id": str(n), "text": f"question {n}"} for n in range(4)])
    qrels = tmp_path / "qrels.tsv"
    qrels.write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n1\tb\t2\n2\tc\t0\n", encoding="utf-8")
    task = read_task(queries, qrels)
    assert (task.queries, task.qrels) == ({"1": "question 1"}, {"1": {"a": 1, "b": 2}})


def test_newsqas_questions_belong_to_their_own_story(tmp_path: Path):
    rows = [{"id": "q1", "question": "Who?", "story": "s1"}, {"id": "q2", "question": "When?", "story": "s1"}]
    task = read_newsqa(write_lines(tmp_path / "newsqa.jsonl.gz", rows))
    assert task.queries == {"q1": "Who?", "q2": "When?"}
    assert task.qrels == {"q1": {"s1": 1}, "q2": {"s1": 1}}
    assert task.name == "newsqa"


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ("query-id\tcorpus-id\tscore\n1\ta\n", "line 2: found"),
        ("query-id\tcorpus-id\tscore\n1\ta\tyes\n", "line 2: found"),
        ("query-id\tcorpus-id\tscore\n9\ta\t1\n", "judges 1 questions"),
    ],
)
def test_judgements_that_cannot_be_used_are_named(tmp_path: Path, qrels: str, message: str):
    queries = write_lines(tmp_path / "queries.jsonl", [{"id": "1", "text": "x"}])
    (tmp_path / "qrels.tsv").write_text(qrels, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_task(queries, tmp_path / "qrels.tsv")


@pytest.mark.parametrize(("line", "message"), [("{", "line 2: no JSON"), ("[1]", "line 2: found a list")])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, line: str, message: str):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "1"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        list(read_rows(path))


def test_an_article_without_text_is_named(tmp_path: Path):
    with pytest.raises(DataError, match="line 1: text is None"):
        read_documents(write_lines(tmp_path / "c.jsonl", [{"id": "a", "title": "T"}]))


def test_what_the_reader_orders_anew_are_the_first_passages_and_nothing_is_lost():
    class Backwards:
        """A reader that likes the last passage best."""

        def read(self, question: str, passages: list[str]) -> list[SimpleNamespace]:
            self.count = len(passages)
            return [SimpleNamespace(logit=float(place)) for place in range(len(passages))]

    embedder, reader = FakeEmbedder(), Backwards()
    documents = [
        Document(id=f"d{n}", title="", text=f"The army met in room {n} for talks about gold.") for n in range(6)
    ]
    index = build_index(documents, embedder, SETTINGS)
    asked = parse_question("Where did the army meet for talks?")
    (hits,) = search(index, embedder, asked, VARIANTS[-1:])
    fused = documents_of(hits)
    read, both = map(documents_of, read_again(reader, asked, hits, 4))
    assert reader.count == 4
    assert read == [*reversed(fused[:4]), *fused[4:]]
    assert sorted(both[:4]) == sorted(fused[:4]) and both[4:] == fused[4:]
    assert {both[0], both[1]} == {fused[0], fused[3]}
