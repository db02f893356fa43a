"""check_claim by table: a claim, its evidence, and what they make of each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import check_claim
from assistant.discrepancy import discrepancies, quotations
from assistant.verification import check_claim_lexical

MEMBER = "Senegal, while not a member of the AES, has shown willingness to engage in similar agreements with neighbors."
FORCE = "In 2024, Burkina Faso, Mali, and Niger, operating under the Alliance of Sahel States, announced a joint 5,000-strong force."
PACT = "His meeting with Burkinabe officials culminated in a pact emphasizing intelligence sharing."


@pytest.mark.parametrize(
    ("claim", "evidence", "label", "reason"),
    [
        (FORCE, [FORCE], "supported", "verbatim"),
        ("The pact emphasizes intelligence sharing.", [PACT], "supported", "entailment"),
        ("Senegal is not a member of the AES.", [MEMBER], "supported", "entailment"),
        ("Burkina Faso, Mali and Niger announced a joint force of 5,000 in 2024.", [FORCE], "supported", "entailment"),
        ("Senegal is a member of the AES.", [MEMBER], "contradicted", "negation"),
        ("Sonko met Burkinabe officials.", [PACT.replace("His", "Sonko’s")], "supported", "entailment"),
        ("Officials signed a pact.", [PACT], "unsupported", "entailment"),
        ("Mali left", ["Nobody says that Mali left."], "contradicted", "negation"),
        ("The firm did not deny the claims.", ["The firm denied the claims on Tuesday."], "contradicted", "negation"),
        ("Burkina Faso, Mali and Niger announced a joint force of 6,000 in 2024.", [FORCE], "contradicted", "number"),
        ("Burkina Faso, Mali and Niger announced a joint force in 2023.", [FORCE], "contradicted", "number"),
        ("The president resigned on 3 May 2020.", ["On 5 May 2020 the president resigned."], "contradicted", "number"),
        pytest.param(
            "Burkina Faso, Mali and Chad announced a joint force in 2024.",
            [FORCE],
            "contradicted",
            "name",
            marks=pytest.mark.xfail(strict=True, reason="only unsupported since the checker learnt from minimal pairs"),
        ),
        ("Ousmane Sonko signed the pact.", [PACT], "unsupported", "name"),
        ("The force has 5,000 tanks and nine submarines.", [FORCE], "unsupported", "number"),
        ("Officials said “the pact is signed and sealed”.", [PACT], "unsupported", "quote"),
        ("Senegal is a member.", [], "unsupported", "no evidence"),
        ("", [PACT], "unsupported", "nothing"),
        ("?!", [PACT], "unsupported", "nothing"),
        ("What does the pact emphasize?", [PACT], "unsupported", "asks"),
    ],
)
def test_a_claim_gets_the_verdict_that_its_evidence_gives(claim: str, evidence: list[str], label: str, reason: str):
    verdict = check_claim(claim, evidence)
    assert verdict.label == label, verdict.reasons
    assert any(reason in given for given in verdict.reasons)


def test_a_claim_may_not_be_pieced_together_from_far_apart():
    filler = "Rain fell. Birds sang. Traffic was slow. Shops closed early."
    evidence = [f"The minister visited Ouagadougou. {filler} A trade agreement was rejected in Lomé."]
    assert check_claim("The minister rejected a trade agreement in Ouagadougou.", evidence).label != "supported"


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_gets_a_verdict_with_a_reason(claim: str, evidence: list[str]):
    verdict = check_claim(claim, evidence)
    assert 0 <= verdict.score <= 1
    assert verdict.reasons
    assert (verdict.label == "supported") == (verdict.score >= 0.5)


@pytest.mark.parametrize(
    ("claim", "evidence", "label"),
    [
        ("The pact emphasizes intelligence sharing.", [PACT], "supported"),
        ("Senegal is a member of the AES.", [MEMBER], "contradicted"),
        ("Burkina Faso, Mali and Niger announced a joint force of 6,000 in 2024.", [FORCE], "contradicted"),
        ("Ousmane Sonko signed the pact.", [PACT], "unsupported"),
        ("The force has 5,000 tanks.", [FORCE], "unsupported"),
    ],
)
def test_the_second_opinion_needs_no_model(claim: str, evidence: list[str], label: str):
    assert check_claim_lexical(claim, evidence).label == label


def test_quotation_marks_are_read_in_pairs_and_short_ones_left_out():
    text = 'A car with an "M" on its hood, which does not stand for "Mach 5" but is "the name of his father".'
    assert quotations(text) == ["the name of his father"]
    assert quotations("“We shall not yield”, she said, «nous ne céderons pas», and “no”.") == [
        "We shall not yield",
        "nous ne céderons pas",
    ]


@pytest.mark.parametrize(
    ("claim", "stands"),
    [
        ("He said “it's the people's, not the army's, ” after the talks.", True),
        ("He said “it's the people's, and the army's” after the talks.", False),
    ],
)
def test_how_a_quotation_is_spaced_is_not_what_it_says(claim: str, stands: bool):
    evidence = "`` It 's the people 's , not the army 's , '' he said after the talks ."
    kinds = [found.kind for found in discrepancies(claim, [evidence], [evidence])]
    assert ("quote" not in kinds) is stands
