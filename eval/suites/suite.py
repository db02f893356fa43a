"""A suite: cases with the articles that each is asked of."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assistant import Document
from assistant.documents import content_hash
from assistant.errors import AssistantError
from eval.cases import Case


class SuiteError(AssistantError):
    """A suite that cannot be made from what was given."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Cases and their corpora."""

    name: str
    """Name in results and reports."""
    about: str
    """What it is, in a sentence for the report."""
    cases: Sequence[Case]
    """The questions."""
    corpora: Mapping[str, Sequence[Document]]
    """Articles by the key that `Case.corpus` names."""
    leading: str = "right"
    """The score that says whether a case failed."""
    search_only: bool = False
    """Whether only search is measured: no answer is composed."""

    def fingerprint(self) -> dict[str, str]:
        """SHA-256 of the cases and of the articles, first 16 digits: the same on every machine."""
        cases = json.dumps([case.model_dump() for case in self.cases], ensure_ascii=True, sort_keys=True)
        articles = hashlib.sha256()
        for key in sorted(self.corpora):
            articles.update(key.encode() + b"\0")
            for document in self.corpora[key]:
                articles.update(content_hash(document).encode())
        return {
            "cases": hashlib.sha256(cases.encode()).hexdigest()[:16],
            "articles": articles.hexdigest()[:16],
        }


def limited(suite: Suite, limit: int | None) -> Suite:
    """At most so many cases, spread evenly over the suite, those of one corpus together."""
    cases = list(suite.cases)
    if limit is not None and limit < len(cases):
        cases = [cases[place * len(cases) // limit] for place in range(limit)]
    order: dict[str, int] = {}
    for case in cases:
        order.setdefault(case.corpus, len(order))
    cases.sort(key=lambda case: order[case.corpus])
    kept = {key: suite.corpora[key] for key in order}
    return replace(suite, cases=cases, corpora=kept)
