"""Citations: recall and precision as ALCE defines them (Gao et al. 2023, arXiv 2305.14627, section 3).

Recall: a claim counts where all it cites, taken together, supports it.  Precision: a citation
counts where its claim does, and where it is needed: it supports the claim alone, or the others
without it do not.  Both are won by copying a passage, which is why a system that does just that
is run beside.  A reply without claims is not scored, where ALCE's script gives an honest
"I don't know" 0.
"""

from assistant import Claim, Reply
from eval.cases import Case
from eval.scores.groundedness import check, checkable
from eval.scores.score import Documents, Score, gives, not_applicable, scored, stated, unscored


def citation_recall(case: Case, reply: Reply, documents: Documents) -> Score:
    """Share of the claims that what they cite supports as a whole; a claim without citation counts 0."""
    if not gives(reply) or not stated(reply):
        return not_applicable("the reply claims nothing")
    claims = checkable(reply)
    if not claims:
        return unscored("only claims from the articles' data")
    held = [claim for claim in claims if _supports(reply, claim, claim.citations)]
    return scored(len(held) / len(claims), f"{len(held)} of {len(claims)} claims supported by what they cite")


def citation_precision(case: Case, reply: Reply, documents: Documents) -> Score:
    """Share of the citations that their claims need."""
    if not gives(reply) or not stated(reply):
        return not_applicable("the reply claims nothing")
    given = [(claim, number) for claim in checkable(reply) for number in claim.citations]
    if not given:
        return not_applicable("nothing is cited")
    needless = [number for claim, number in given if not needed(reply, claim, number)]
    told = f"; not needed: {', '.join(f'[{number}]' for number in needless)}" if needless else ""
    return scored(1 - len(needless) / len(given), f"{len(given) - len(needless)} of {len(given)} needed{told}")


def needed(reply: Reply, claim: Claim, number: int) -> bool:
    """Whether a claim needs a citation, as ALCE asks."""
    if not _supports(reply, claim, claim.citations):
        return False
    others = [other for other in claim.citations if other != number]
    return _supports(reply, claim, [number]) or not _supports(reply, claim, others)


def _supports(reply: Reply, claim: Claim, numbers: list[int]) -> bool:
    by_number = {citation.number: citation.quote for citation in reply.citations}
    words = tuple(by_number[number] for number in numbers if number in by_number)
    return bool(words) and check(claim.text, words).label == "supported"
