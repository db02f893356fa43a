"""Groundedness: whether the claims of a reply follow from the words they stand on, by a checker.

The assistant filters with the same checker, so these figures flatter it: they say that its
filter works, not that people would agree.  The lexical checker gives a second opinion, and
`python -m eval checker` measures both against people's labels.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from assistant import Claim, Reply, Verdict, check_claim
from assistant.verification import check_claim_lexical
from eval.cases import Case
from eval.scores.score import Documents, Score, gives, not_applicable, scored, stated, unscored

Check = Callable[[str, tuple[str, ...]], Verdict]


@lru_cache(maxsize=20_000)
def check(claim: str, evidence: tuple[str, ...]) -> Verdict:
    """`check_claim`, each pair of claim and evidence once."""
    return check_claim(claim, evidence)


@lru_cache(maxsize=20_000)
def check_by_words(claim: str, evidence: tuple[str, ...]) -> Verdict:
    """`check_claim_lexical`, each pair of claim and evidence once."""
    return check_claim_lexical(claim, evidence)


def cited_words(reply: Reply, claim: Claim) -> tuple[str, ...]:
    """The quotes that a claim cites; a number that no citation has gives nothing."""
    by_number = {citation.number: citation.quote for citation in reply.citations}
    return tuple(by_number[number] for number in claim.citations if number in by_number)


def checkable(reply: Reply) -> list[Claim]:
    """The claims on what articles say; those from an article's data (author, date) come marked as unchecked."""
    return [claim for claim in stated(reply) if claim.verdict.label != "unchecked"]


def grounded(case: Case, reply: Reply, documents: Documents) -> Score:
    """Share of the claims that the words they cite support."""
    return _share(reply, lambda claim: check(claim.text, cited_words(reply, claim)))


def grounded_retrieved(case: Case, reply: Reply, documents: Documents) -> Score:
    """Share of the claims that anything retrieved supports, cited or not."""
    passages = tuple(hit.passage.text for hit in reply.hits)

    def verdict(claim: Claim) -> Verdict:
        by_citation = check(claim.text, cited_words(reply, claim))
        return by_citation if by_citation.label == "supported" else check(claim.text, passages)

    return _share(reply, verdict)


def grounded_by_words(case: Case, reply: Reply, documents: Documents) -> Score:
    """Share of the claims that the words they cite support, by the lexical checker."""
    return _share(reply, lambda claim: check_by_words(claim.text, cited_words(reply, claim)))


def _share(reply: Reply, verdict: Callable[[Claim], Verdict]) -> Score:
    if not gives(reply) or not stated(reply):
        return not_applicable("the reply claims nothing")
    claims = checkable(reply)
    if not claims:
        return unscored(f"{len(stated(reply))} claims from the articles' data, which no words of theirs state")
    verdicts = [verdict(claim) for claim in claims]
    held = sum(own.label == "supported" for own in verdicts)
    return scored(held / len(claims), f"{held} of {len(claims)} claims supported{_told(claims, verdicts)}")


def _told(claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> str:
    lacking = [
        f"; {verdict.label}: “{claim.text[:120]}” ({'; '.join(verdict.reasons)})"
        for claim, verdict in zip(claims, verdicts, strict=True)
        if verdict.label != "supported"
    ]
    return "".join(lacking)
