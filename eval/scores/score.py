"""A score: one figure of one reply, with its reason; what was not scored is kept apart from 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from assistant import Claim, Document, Reply

State = Literal["scored", "unscored", "not applicable"]
"""`not applicable`: the case does not ask for this. `unscored`: it does, and it could not be measured."""

Documents = Mapping[str, Document]
"""The articles that a case is asked of, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One figure of one reply."""

    value: float | None
    """The figure, mostly 0..1; None where there is none."""
    reason: str
    """Why it is what it is, for a person to read."""
    state: State = "scored"
    """Whether there is a figure, and if not why not."""


def scored(value: float | bool, reason: str) -> Score:
    """A figure."""
    return Score(value=float(value), reason=reason)


def not_applicable(reason: str) -> Score:
    """No figure, for the case does not ask for it."""
    return Score(value=None, reason=reason, state="not applicable")


def unscored(reason: str) -> Score:
    """No figure, though the case asks for one."""
    return Score(value=None, reason=reason, state="unscored")


def stated(reply: Reply) -> list[Claim]:
    """The claims of an answer, without what a language model drafted and was taken out."""
    return [claim for claim in reply.claims if not claim.removed]


def answer_text(reply: Reply) -> str:
    """The words of an answer: its claims without markers; none where nothing was answered."""
    return " ".join(claim.text for claim in stated(reply))


def gives(reply: Reply) -> bool:
    """Whether a reply tells something of the sources."""
    return reply.status in ("answered", "partial")
