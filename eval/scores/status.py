"""Status: whether the reply says rightly how far the sources answer.

Needs no checker and no reference answer: only what the case says of the sources.
"""

from assistant import Reply
from eval.cases import Case
from eval.scores.score import Documents, Score, not_applicable, scored


def status_right(case: Case, reply: Reply, documents: Documents) -> Score:
    """1 where the status is an accepted one."""
    expected = " or ".join(case.status)
    return scored(reply.status in case.status, f"{reply.status}, expected {expected}")


def answered(case: Case, reply: Reply, documents: Documents) -> Score:
    """1 where a question that the sources answer was answered."""
    if case.answerable is not True:
        return not_applicable("the sources do not answer this, or more than one status is right")
    return scored(reply.status == "answered", f"the sources answer it; it was {reply.status}")


def refused(case: Case, reply: Reply, documents: Documents) -> Score:
    """1 where a question that the sources do not answer was not answered."""
    if case.answerable is not False:
        return not_applicable("the sources answer this, or more than one status is right")
    return scored(reply.status != "answered", f"the sources do not answer it; it was {reply.status}")


def premise_caught(case: Case, reply: Reply, documents: Documents) -> Score:
    """1 where a question that assumes what is not so got an accepted status: mostly `partial`, with what is so."""
    if case.kind != "false_premise":
        return not_applicable("the question assumes nothing false")
    return scored(reply.status in case.status, f"its premise is false; it was {reply.status}")
