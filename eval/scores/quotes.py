"""Quotes: the gold words stand in them, and they are the article's own words at their place.

Needs no checker.  A gold word counts only inside a quote that a person would read: at most
400 characters, so that nothing is won by citing the whole article.
"""

from collections.abc import Callable

from assistant import Citation, Reply
from assistant.citation import MAX_QUOTE_CHARS
from eval.cases import Case
from eval.scores.score import Documents, Score, gives, not_applicable, scored


def gold_quoted(case: Case, reply: Reply, documents: Documents) -> Score:
    """1 where all words of a gold alternative stand in the quotes; 0 where an answer was due and none came."""
    if not case.gold:
        return not_applicable("the case names no words to be quoted")
    if not gives(reply):
        if reply.status in case.status:
            return not_applicable(f"{reply.status} is right and needs no quote")
        return scored(0, f"nothing is quoted: {reply.status}")
    short = [citation.quote for citation in reply.citations if len(citation.quote) <= MAX_QUOTE_CHARS]
    found = case.gold_in("\n".join(short))
    if found:
        return scored(1, f"quoted: {' + '.join(found)}")
    longer = len(reply.citations) - len(short)
    apart = f"; {longer} longer than {MAX_QUOTE_CHARS} characters do not count" if longer else ""
    return scored(0, f"no gold alternative stands in the {len(short)} quotes{apart}")


def right(case: Case, reply: Reply, documents: Documents) -> Score:
    """1 where the status is an accepted one and the gold words, where there are any, are quoted."""
    if reply.status not in case.status:
        return scored(0, f"{reply.status}, expected {' or '.join(case.status)}")
    quoted = gold_quoted(case, reply, documents)
    if quoted.value == 0:
        return scored(0, quoted.reason)
    return scored(1, f"{reply.status} is right" + ("" if quoted.value is None else f"; {quoted.reason}"))


def quote_exact(case: Case, reply: Reply, documents: Documents) -> Score:
    """Share of the quotes that stand word for word in the article that they name."""
    return _share(reply, documents, lambda own, text: own.quote in text, "stand word for word in their article")


def span_exact(case: Case, reply: Reply, documents: Documents) -> Score:
    """Share of the citations whose offsets give just their quote."""
    return _share(
        reply, documents, lambda own, text: text[own.start : own.end] == own.quote, "are the text between their offsets"
    )


def _share(reply: Reply, documents: Documents, holds: Callable[[Citation, str], bool], what: str) -> Score:
    """Share of the citations of which something holds in the text of the article that they name."""
    if not reply.citations:
        return not_applicable("nothing is cited")
    wrong = [
        citation
        for citation in reply.citations
        if citation.document_id not in documents or not holds(citation, documents[citation.document_id].text)
    ]
    right = len(reply.citations) - len(wrong)
    told = "".join(f"; not [{citation.number}]" for citation in wrong)
    return scored(right / len(reply.citations), f"{right} of {len(reply.citations)} {what}{told}")
