"""Conversation: whether a follow-up was understood as a person would have written it out."""

from assistant import Reply
from eval.cases import Case
from eval.scores.score import Documents, Score, not_applicable, scored
from eval.scores.words import token_f1


def rewrite_f1(case: Case, reply: Reply, documents: Documents) -> Score:
    """Token F1 of the question that was searched with the one that a person wrote for it."""
    if not case.rewrite:
        return not_applicable("nobody wrote the question out")
    return scored(token_f1(reply.question, case.rewrite), f"{reply.question!r} against {case.rewrite!r}")


def typed_f1(case: Case, reply: Reply, documents: Documents) -> Score:
    """The same for the words as typed: what doing nothing would score."""
    if not case.rewrite:
        return not_applicable("nobody wrote the question out")
    return scored(token_f1(case.question, case.rewrite), "the question as typed")
