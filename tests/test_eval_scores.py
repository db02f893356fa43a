"""Scores: their definitions, and agreement with independent implementations on random inputs."""

import random
from dataclasses import replace

import pytest
from eval_replies import ARTICLE, ARTICLES, SENTENCES, case, citation, claim, hit, reply
from sklearn.calibration import calibration_curve
from sklearn.metrics import balanced_accuracy_score, ndcg_score, roc_auc_score

from assistant import Citation, Document, Verdict
from eval.scores import abstention, calibration, citations, groundedness, quotes, ranking, status, words
from eval.scores.conversation import rewrite_f1, typed_f1
from eval.scores.cost import spreads
from eval.scoring import BY_NAME, MEASURES, score

COST, OPENED, ASKED = SENTENCES


# ── status and quotes ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expected", "given", "values"),
    [
        (["answered"], "answered", (1, 1, None)),
        (["answered"], "partial", (0, 0, None)),
        (["partial", "abstained"], "abstained", (1, None, 1)),
        (["partial", "abstained"], "answered", (0, None, 0)),
        (["abstained"], "partial", (0, None, 1)),
        (["answered", "abstained"], "abstained", (1, None, None)),
        (["clarify"], "answered", (0, None, None)),
    ],
)
def test_what_may_be_answered_is_counted_apart_from_what_may_not(expected, given, values):
    own = case(status=expected)
    scores = [take(own, reply(given), ARTICLES) for take in (status.status_right, status.answered, status.refused)]
    assert tuple(score.value for score in scores) == values
    assert all(score.state == ("scored" if score.value is not None else "not applicable") for score in scores)


def test_gold_words_count_only_in_a_quote_that_a_person_would_read():
    long = Document(id="bridge", title="", text="The bridge cost 3 million euros. " + "It rained again. " * 40)
    whole = Citation(
        number=1, document_id="bridge", title="", author=None, published=None, source=None,
        quote=long.text, start=0, end=len(long.text),
    )  # fmt: skip
    copied = reply("answered", citations=[whole])
    assert quotes.gold_quoted(case(), copied, {"bridge": long}).value == 0
    assert "longer than 400" in quotes.gold_quoted(case(), copied, {"bridge": long}).reason
    assert quotes.gold_quoted(case(), reply("answered", COST), ARTICLES).value == 1


def test_all_words_of_one_alternative_must_be_quoted_in_any_quotes():
    own = case(gold=[["3 million", "opened in March"], ["floods of 2021"]])
    assert quotes.gold_quoted(own, reply("answered", COST), ARTICLES).value == 0
    assert quotes.gold_quoted(own, reply("answered", COST, OPENED), ARTICLES).value == 1
    assert quotes.gold_quoted(own, reply("answered", ASKED), ARTICLES).value == 1


def test_a_refusal_that_is_right_needs_no_quote_and_one_that_is_wrong_scores_0():
    assert quotes.gold_quoted(case(status=["partial", "abstained"]), reply("abstained"), ARTICLES).value is None
    assert quotes.gold_quoted(case(), reply("abstained"), ARTICLES).value == 0


def test_gold_words_are_found_whatever_their_white_space_and_quotation_marks():
    assert case(gold=[["minister's  visit"]]).gold_in("the minister’s\nvisit") == ["minister's  visit"]


def test_a_quote_at_the_wrong_place_and_one_that_is_not_there_are_told_apart():
    shifted = reply("answered", citations=[citation(1, COST), citation(2, OPENED, shift=1)])
    assert quotes.span_exact(case(), shifted, ARTICLES).value == 0.5
    assert quotes.quote_exact(case(), shifted, ARTICLES).value == 1.0
    other = Document(id="bridge", title="", text="Another article.")
    assert quotes.quote_exact(case(), reply("answered", COST), {"bridge": other}).value == 0.0
    assert quotes.span_exact(case(), reply("abstained"), ARTICLES).value is None


# ── words ────────────────────────────────────────────────────────────────────────────────


def test_token_f1_agrees_with_rouge_1_on_random_words():
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import DefaultTokenizer

    scorer = RougeScorer(["rouge1", "rougeL"], tokenizer=DefaultTokenizer(use_stemmer=False))
    dice = random.Random(4)
    vocabulary = ["pact", "army", "dakar", "5000", "border", "talks", "river"]
    for _ in range(200):
        given, expected = (" ".join(dice.choices(vocabulary, k=dice.randint(1, 9))) for _ in range(2))
        both = scorer.score(expected, given)
        assert words.token_f1(given, expected) == pytest.approx(both["rouge1"].fmeasure)
        assert words.rouge_l_of(given, [expected]) == pytest.approx(both["rougeL"].fmeasure)


def test_exact_match_and_f1_use_squads_form():
    own = case(short=["The Volta"])
    assert words.exact_match(own, reply("answered", short="“volta.”"), ARTICLES).value == 1
    assert words.answer_f1(own, reply("answered", short="the Volta bridge"), ARTICLES).value == pytest.approx(2 / 3)
    assert words.answer_f1(own, reply("abstained"), ARTICLES).value == 0
    assert words.answer_f1(case(), reply("answered", short="x"), ARTICLES).state == "not applicable"


def test_refusing_costs_rouge_and_is_left_out_over_what_was_answered():
    own = case(references=[COST])
    assert words.rouge_l(own, reply("answered", COST), ARTICLES).value == 1
    assert words.rouge_l(own, reply("abstained"), ARTICLES).value == 0
    assert words.rouge_l_answered(own, reply("abstained"), ARTICLES).value is None


def test_a_rewritten_question_is_held_against_a_persons():
    own = case(question="And when?", rewrite="When was the bridge opened?")
    assert rewrite_f1(own, reply("answered", question="When was the bridge opened?"), ARTICLES).value == 1
    assert typed_f1(own, reply("answered"), ARTICLES).value == pytest.approx(2 / 6)


# ── groundedness and citations ───────────────────────────────────────────────────────────


@pytest.fixture
def by_table(monkeypatch: pytest.MonkeyPatch):
    """A checker that finds supported what a table says: claim, and the evidence given together."""
    table: set[tuple[str, frozenset[str]]] = set()

    def check(claim: str, evidence: tuple[str, ...]) -> Verdict:
        held = any(claim == known and needs <= set(evidence) for known, needs in table)
        return Verdict(label="supported" if held else "unsupported", score=float(held), reasons=["table"])

    for module in (groundedness, citations):
        monkeypatch.setattr(module, "check", check)
    return table


def alce(by_table, supports: list[set[str]], cited: list[str]) -> tuple[float | None, float | None]:
    by_table.update(("claim", frozenset(one)) for one in supports)
    numbers = list(range(1, len(cited) + 1))
    given = reply(
        "answered",
        claims=[claim("claim", *numbers)],
        citations=[citation(number, quote) for number, quote in zip(numbers, cited, strict=True)],
    )
    recall = citations.citation_recall(case(), given, ARTICLES).value
    return recall, citations.citation_precision(case(), given, ARTICLES).value


@pytest.mark.parametrize(
    ("supports", "cited", "recall", "precision"),
    [
        ([{COST}], [COST], 1, 1),
        ([{COST}], [OPENED], 0, 0),
        ([{COST}], [COST, OPENED], 1, 0.5),  # the second is not needed
        ([{COST, OPENED}], [COST, OPENED], 1, 1),  # only together: each is needed
        ([{COST}, {OPENED}], [COST, OPENED], 1, 1),  # each alone is enough: ALCE counts both
        ([{COST, OPENED}], [COST, OPENED, ASKED], 1, 2 / 3),
        ([], [COST, OPENED], 0, 0),
    ],
)
def test_citation_recall_and_precision_are_alces(by_table, supports, cited, recall, precision):
    assert alce(by_table, supports, cited) == (recall, pytest.approx(precision))


def test_a_claim_that_cites_nothing_costs_recall_and_no_precision(by_table):
    by_table.add((COST, frozenset([COST])))
    given = reply("answered", claims=[claim(COST, 1), claim("It is red.")], citations=[citation(1, COST)])
    assert citations.citation_recall(case(), given, ARTICLES).value == 0.5
    assert citations.citation_precision(case(), given, ARTICLES).value == 1
    assert groundedness.grounded(case(), given, ARTICLES).value == 0.5


def test_a_reply_without_claims_is_not_scored_where_alce_gives_0():
    for name in ("citation_recall", "citation_precision", "grounded", "grounded_by_words", "grounded_retrieved"):
        assert BY_NAME[name].take(case(), reply("abstained"), ARTICLES).state == "not applicable"


def test_claims_from_the_articles_data_are_unscored_and_not_wrong():
    given = reply("answered", claims=[claim("It is by Ama Owusu.", label="unchecked")], citations=[])
    assert groundedness.grounded(case(), given, ARTICLES).state == "unscored"
    assert citations.citation_recall(case(), given, ARTICLES).state == "unscored"


def test_a_claim_may_be_supported_by_what_was_retrieved_and_not_cited():
    given = reply("answered", claims=[claim(OPENED, 1)], citations=[citation(1, COST)])
    assert groundedness.grounded(case(), given, ARTICLES).value == 0
    assert groundedness.grounded_by_words(case(), given, ARTICLES).value == 0
    assert groundedness.grounded_retrieved(case(), given, ARTICLES).value == 1
    assert OPENED in groundedness.grounded(case(), given, ARTICLES).reason


# ── ranking ──────────────────────────────────────────────────────────────────────────────

MANY = {f"d{number}": Document(id=f"d{number}", title="", text=f"Text {number}.") for number in range(12)}


def test_ranking_agrees_with_sklearn_and_with_a_count_on_random_lists():
    dice = random.Random(5)
    for _ in range(40):
        order = dice.sample(sorted(MANY), len(MANY))
        relevant = {name: dice.choice([1, 1, 2, 3]) for name in dice.sample(order, dice.randint(1, 6))}
        own = case(relevant=relevant)
        given = reply("answered", hits=[hit(MANY[name], rank) for rank, name in enumerate(order, 1)])
        values = {name: BY_NAME[name].take(own, given, MANY).value for name in ("ndcg_at_10", "mrr", "hit_at_5")}
        places = [order.index(name) + 1 for name in relevant]
        truth = [[relevant.get(name, 0) for name in order]]
        assert values["ndcg_at_10"] == pytest.approx(ndcg_score(truth, [list(range(len(order), 0, -1))], k=10))
        assert values["mrr"] == pytest.approx(1 / min(places))
        assert values["hit_at_5"] == (min(places) <= 5)
        recall = ranking.recall_at_10(own, given, MANY).value
        assert recall == pytest.approx(sum(place <= 10 for place in places) / len(places))


def test_ranking_is_not_scored_without_judgements_or_with_a_single_article():
    assert ranking.ndcg_at_10(case(), reply("answered"), MANY).state == "not applicable"
    assert ranking.ndcg_at_10(case(relevant={"bridge": 1}), reply("answered"), ARTICLES).state == "not applicable"


def test_a_passage_is_retrieved_where_it_holds_the_gold_words():
    assert ranking.gold_retrieved(case(), reply("answered"), ARTICLES).value == 1
    assert ranking.gold_retrieved(case(gold=[["4 million"]]), reply("answered"), ARTICLES).value == 0
    assert ranking.gold_retrieved(case(), reply("clarify", hits=[]), ARTICLES).state == "not applicable"


# ── abstention and calibration ───────────────────────────────────────────────────────────


def test_the_curve_is_that_of_every_threshold_tried_one_by_one():
    dice = random.Random(6)
    labels = [dice.random() < 0.6 for _ in range(60)]
    sure = [round(dice.random(), 1) for _ in labels]  # many are equal
    own = abstention.curve(labels, sure)
    assert own is not None
    for point in own.points:
        kept = [label for label, value in zip(labels, sure, strict=True) if value >= point.threshold]
        assert point.coverage == pytest.approx(len(kept) / len(labels))
        assert point.risk == pytest.approx(1 - sum(kept) / len(kept))
    assert [point.threshold for point in own.points] == sorted(set(sure), reverse=True)
    assert own.auroc == pytest.approx(roc_auc_score(labels, sure))
    assert abstention.curve([], []) is None


def test_a_system_that_knows_has_no_risk_until_it_must_answer_what_it_should_not():
    own = abstention.curve([True, True, False, False], [0.9, 0.8, 0.2, 0.1])
    assert own is not None
    assert [(point.coverage, point.risk) for point in own.points] == [
        (0.25, 0), (0.5, 0), (0.75, pytest.approx(1 / 3)), (1, 0.5),
    ]  # fmt: skip
    assert (own.auroc, own.area) == (1.0, pytest.approx((1 / 3 + 0.5) / 4))


def test_bins_and_balanced_accuracy_agree_with_sklearn():
    dice = random.Random(7)
    labels = [dice.random() < 0.4 for _ in range(500)]
    said = [dice.random() for _ in labels]
    so, mean = calibration_curve(labels, said, n_bins=10)
    own = calibration.bins(labels, said)
    assert [one.so for one in own] == pytest.approx(list(so))
    assert [one.said for one in own] == pytest.approx(list(mean))
    error = sum(one.n * abs(one.so - one.said) for one in own) / 500
    assert calibration.calibration_error(own) == pytest.approx(error)
    told = [value > 0.5 for value in said]
    assert calibration.balanced_accuracy(labels, told) == pytest.approx(balanced_accuracy_score(labels, told))
    assert calibration.balanced_accuracy([True, True], [True, False]) is None


def test_a_probability_of_1_belongs_to_the_last_bin():
    assert [(one.low, one.high, one.n) for one in calibration.bins([True, False], [1.0, 0.0])] == [
        (0.0, 0.1, 1), (0.9, 1.0, 1),
    ]  # fmt: skip


def test_the_best_threshold_is_the_best_of_all_that_could_be_tried():
    dice = random.Random(8)
    labels = [dice.random() < 0.5 for _ in range(80)]
    scores = [round(dice.random() + 0.3 * label, 2) for label in labels]
    found = calibration.best_threshold(labels, scores)
    assert found is not None
    reached = balanced_accuracy_score(labels, [score >= found for score in scores])
    tried = [balanced_accuracy_score(labels, [score >= one for score in scores]) for one in set(scores)]
    assert reached == pytest.approx(max(tried))


# ── cost, and all together ───────────────────────────────────────────────────────────────


def test_a_stage_that_was_not_reached_is_not_counted_as_0_seconds():
    own = spreads([{"reading": 0.2, "total": 0.3}, {"total": 0.1, "prompt_tokens": 40}])
    assert (own["reading"].p50, own["reading"].n) == (0.2, 1)
    assert (own["total"].n, own["total"].counts, own["prompt_tokens"].counts) == (2, False, True)


def test_every_score_has_a_reason_and_only_those_scored_have_a_value():
    for given in (reply("answered", COST), reply("partial", COST), reply("abstained"), reply("clarify", hits=[])):
        scores = score(case(), given, ARTICLES)
        assert list(scores) == [measure.name for measure in MEASURES]
        for own in scores.values():
            assert own.reason
            assert (own.value is None) == (own.state != "scored")


def test_a_perfect_reply_is_perfect_and_the_copied_passage_wins_citations_alone():
    perfect = score(case(), reply("answered", COST), ARTICLES)
    assert {name: own.value for name, own in perfect.items() if own.value not in (None, 1.0)} == {}
    text = ARTICLE.text + " It rained." * 40
    long = {"bridge": Document(id="bridge", title="", text=text)}
    whole = Citation(
        number=1, document_id="bridge", title="", author=None, published=None, source=None,
        quote=text, start=0, end=len(text),
    )  # fmt: skip
    gamed = score(case(), reply("answered", claims=[claim(text, 1)], citations=[whole]), long)
    assert [gamed[name].value for name in ("citation_recall", "citation_precision", "grounded")] == [1, 1, 1]
    assert [gamed[name].value for name in ("gold_quoted", "right")] == [0, 0]


# ── what was taken out of a draft


def test_what_was_taken_out_of_a_draft_is_no_part_of_the_answer_that_is_scored():
    taken = replace(claim("The bridge fell down in May.", label="unsupported"), removed=True)
    kept = reply("answered", COST)
    own, given = case(references=[COST]), replace(kept, claims=[*kept.claims, taken])
    for name in (
        "grounded",
        "grounded_by_words",
        "grounded_retrieved",
        "citation_recall",
        "citation_precision",
        "rouge_l",
    ):
        assert score(own, given, ARTICLES)[name] == score(own, kept, ARTICLES)[name]
    assert score(own, given, ARTICLES)["grounded"].value == 1.0
    nothing = replace(kept, claims=[taken], citations=[])
    assert score(own, nothing, ARTICLES)["grounded"].state == "not applicable"
