"""Who did what to whom, by the order of words and the voice of a verb."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import check_claim
from assistant.roles import deeds, exchanged

DISMISSED = "Prime Minister Tesfaye dismissed General Dawit after the general had accused him of cowardice."
SUED = "The bank sued its former director, Olga Reiss, who it says passed secrets to a competitor."
FILM = "Night Bus is a horror film directed by Ana Roa, with Leo Paz in the main part."
LENT = "Sweden has lent the satellite station to Kenya."


@pytest.mark.parametrize(
    ("claim", "evidence", "other_way_round"),
    [
        ("General Dawit was dismissed by Prime Minister Tesfaye.", DISMISSED, False),
        ("Prime Minister Tesfaye was dismissed by General Dawit.", DISMISSED, True),
        ("General Dawit dismissed Prime Minister Tesfaye.", DISMISSED, True),
        ("It was General Dawit who dismissed Tesfaye.", DISMISSED, True),
        ("It was Tesfaye who dismissed the general.", DISMISSED, False),
        ("Olga Reiss is being sued by the bank.", SUED, False),
        ("Olga Reiss is suing the bank.", SUED, True),
        ("The bank has been sued by Olga Reiss.", SUED, True),
        ("Ana Roa directed Night Bus.", FILM, False),
        ("Night Bus directed Ana Roa.", FILM, True),
        ("Kenya has lent the station to Sweden.", LENT, False),  # who got it is not told by order alone
        ("General Dawit was dismissed.", DISMISSED, False),
        ("Tesfaye and Dawit met.", DISMISSED, False),
        ("He dismissed him.", DISMISSED, False),
        ("", DISMISSED, False),
    ],
)
def test_what_is_exchanged_is_told_from_what_is_turned_round(claim: str, evidence: str, other_way_round: bool):
    assert (exchanged(claim, [evidence]) is not None) is other_way_round


def test_a_deed_told_both_ways_is_not_held_against_a_claim():
    both = ["Mali accused Chad of lying.", "Chad had accused Mali before."]
    assert exchanged("Chad accused Mali.", both) is None


def test_forms_of_an_irregular_verb_are_one():
    (active,), (passive,) = deeds("The rebels took the town."), deeds("The town was taken by the rebels.")
    assert (active.verb, active.doer, active.object) == (passive.verb, passive.doer, passive.object)


def test_a_claim_with_exchanged_roles_is_contradicted_whatever_the_checker_says():
    verdict = check_claim("Prime Minister Tesfaye was dismissed by General Dawit.", [DISMISSED])
    assert verdict.label == "contradicted"
    assert any(reason.startswith("role: ") and "dismissed" in reason for reason in verdict.reasons)


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=3))
def test_any_text_can_be_read(claim: str, sentences: list[str]):
    assert exchanged(claim, [claim, *sentences]) is None  # what is told as it is claimed is never held against it
