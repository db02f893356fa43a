"""Answering: a draft made of the articles' own sentences, shortest sufficient first.

Given the question, its evidence and the judgement of it, decide how far the question is
answered, choose the sentences and name what is missing.  Knows nothing of numbers and
markers: the pipeline gives those.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from assistant import catalog
from assistant.discrepancy import discrepancies
from assistant.documents import Document
from assistant.evidence import Evidence, Judgement
from assistant.index import Index
from assistant.kinds import asks_age, candidates, define, new_candidates, office_asked_of, office_holder
from assistant.matching import MET, meets, synonymy
from assistant.polarity import clauses, denied_about, denies, denies_somewhere
from assistant.question import SPECIFIC, Asked, Question, strip_lead
from assistant.reply import Status
from assistant.sentences import Span
from assistant.settings import Caution
from assistant.statement import statement_of
from assistant.terms import stems
from assistant.verification import Verdict, check_claim

ANSWERED_FROM: dict[Caution, float] = {"cautious": 0.6, "balanced": 0.45, "eager": 0.3}
"""Probability of an answer from which a question counts as answered; see docs/measurements.md for the curve."""
TOPICAL_FROM: dict[Caution, float] = {"cautious": 0.45, "balanced": 0.35, "eager": 0.3}
"""How surely the subject must be in the sources for `partial` rather than `abstained`."""
_LONG_AGO = date.min
MOST_READ = 12
"""Sentences looked through for one that denies what the question assumes."""
SAME = 0.9
"""From this match on a sentence has the word itself, and what it denies is what was asked."""
OTHERWISE = "The articles say otherwise than the question assumes:"
"""What stands before sentences that deny the question's premise."""
MOST_SENTENCES = 3
"""An answer that needs more than three sentences is a text to be read, not an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """Words of a document that become a claim of the answer."""

    document: Document
    """The document."""
    span: Span
    """Where they stand in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One claim of a draft."""

    text: str
    """The claim, as it will be shown."""
    quotes: tuple[Quoted, ...]
    """The words it stands on."""
    from_data: bool = False
    """Whether it says what is known of an article, not what its words say."""
    verdict: Verdict | None = None
    """Whether its quotes support it, where that was checked already."""
    mended: bool = False
    """Whether it stands on other words than those its writer cited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an answerer proposes."""

    status: Status
    """How far the question is answered."""
    lines: list[Line] = field(default_factory=list)
    """The claims in reading order."""
    lead: str | None = None
    """A sentence of ours before the claims (what is missing, that sources differ)."""
    reason: str | None = None
    """Why it is not `answered`, or what a reader should know."""
    short: str | None = None
    """The short answer, if the question asks for one."""
    missing: list[str] = field(default_factory=list)
    """What was asked and is not in the sources."""
    removed: list[Line] = field(default_factory=list)
    """Claims that were drafted and that nothing supports: they are no part of the answer."""
    written_by: str = "sources"
    """Whose words it is in: the articles' own, or a language model's, by its name."""
    notes: list[str] = field(default_factory=list)
    """What became of a language model's draft, for a person to read."""


# ── from the articles' contents ──────────────────────────────────────────────────────────


Check = Callable[[str, Sequence[str]], Verdict]
"""`check_claim` with a checker."""


def compose(
    index: Index,
    question: Question,
    evidence: Sequence[Evidence],
    judgement: Judgement,
    caution: Caution,
    check: Check = check_claim,
) -> Draft:
    """The answer with no language model: chosen sentences, or what the sources lack."""
    if not evidence or judgement.topical < TOPICAL_FROM[caution] or _subject_missing(question, evidence):
        return _abstain(question)
    if question.latest:
        evidence = _newest_first(index, evidence)
    if question.kind == "yesno":
        return _yes_or_no(index, question, evidence, caution, check)
    if question.kind == "definition" and (defined := _definition(question, evidence)):
        item, words = defined
        return Draft(status="answered", lines=_lines(index, [item]), short=words)
    sure = judgement.answerable >= ANSWERED_FROM[caution]
    if question.fragment and (about := _about_subject(index, question, evidence, sure)):
        return about
    best = evidence[0]
    denial = _denial(question, evidence, judgement, sure, check)
    if denial:
        return _partial(index, question, [denial], "the sources say otherwise than the question assumes", premise=True)
    lacking = _lacking(index, question, evidence)
    if lacking or not sure:
        return _partial(index, question, _about(question, evidence), lacking or _nothing_says(question, best))
    chosen = _choose(question, best, evidence)
    other = _disagreement(index, question, best, evidence)
    if other:
        lead = _sources_differ(index, question, best, other)
        return Draft(status="answered", lines=_lines(index, [*chosen, other]), lead=lead, reason="the sources differ")
    return Draft(status="answered", lines=_lines(index, chosen), short=_short(index, question, best))


MOST_SHORT_CHARS = 90
"""A longer short answer is none."""
MOST_EXACT_CHARS = 40
"""Of longer words marked as a name, time, place or number, only that is the short answer."""
ENOUGH_FROM = 0.5
"""The reader's probability from which one sentence is enough for what asks one thing."""
MARKED_FROM = 0.2
"""The reader's probability from which its words are shown as the short answer."""


def _short(index: Index, question: Question, best: Evidence) -> str | None:
    """The short answer, where the question asks for one: the words that the reader marked, or what of them is asked for."""
    if question.kind in ("why", "how", "list") or question.fragment:
        return None
    holder = office_holder(question, best.text)
    if holder:
        return holder.text
    marked = best.answer if best.read >= MARKED_FROM else None
    text = index.document(best.document_id).text
    words = " ".join(text[marked.start : marked.end].split()).strip(' ,;:.“”"') if marked else ""
    if question.kind not in SPECIFIC:
        whole = 0 < len(words) <= MOST_SHORT_CHARS and not _BROKEN.search(words) and not _turned(words, best.text)
        return words if whole else None
    if marked is None:
        return None
    start, end = marked.start - best.start, marked.end - best.start
    offered = new_candidates(question, best.text)
    if len(words) > MOST_EXACT_CHARS:  # "a visit to Burkina Faso’s capital, Ouagadougou"
        within = [item for item in offered if start <= item.start and item.end <= end]
        return within[-1].text if within else None
    if question.kind in ("money", "duration", "measure"):  # "312 million" of "312 million kroner"
        return next((item.text for item in offered if item.start <= start and end <= item.end), words or None)
    return words or None


_BROKEN = re.compile(
    r"^(?:of|and|or|but|that|which|who|is|are|was|were|has|have|had|been)\b|\b(?:the|an?|of|in|on|at|to|by|for|with|and|or|its|his|her|their)$",
    re.IGNORECASE,
)
"""Words that begin or end inside a phrase."""


def _turned(words: str, sentence: str) -> bool:
    """Whether words alone say the opposite of their sentence: "commented", of "has not commented on the letter"."""
    return any(words in clause and denies(clause) and not denies(words) for clause in clauses(sentence))


def _definition(question: Question, evidence: Sequence[Evidence]) -> tuple[Evidence, str] | None:
    """The best sentence that says who or what somebody or something is, with the words that do."""
    for item in evidence[:MOST_READ]:
        said = define(question, item.text)
        if said:
            return item, said.text
    return None


def _abstain(question: Question) -> Draft:
    what = _asked_for(question)
    return Draft(
        status="abstained",
        lead=f"{_not_said(question)}.",
        reason="nothing in the sources is about it",
        missing=[what],
    )


def _subject_missing(question: Question, evidence: Sequence[Evidence]) -> bool:
    """Whether most of the proper names asked about (by weight) are nowhere in the hits."""
    names = question.names
    if not names:
        rare = [word for word in question.words if word.weight > 0.75]
        met = [word for word in rare if _met_anywhere(word, evidence)]
        return bool(rare) and not met and all(item.cosine < 0.35 for item in evidence[:5])
    found = sum(word.weight for word in names if _met_anywhere(word, evidence))
    return found < 0.5 * sum(word.weight for word in names)


def _met_anywhere(word: Asked, evidence: Sequence[Evidence]) -> bool:
    return any(item.matched_around[word.stem] >= MET for item in evidence)


def _newest_first(index: Index, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Sentences nearly as good as the best, those of the newest article first; the rest behind."""
    near = [
        item
        for item in evidence
        if item.score >= 0.6 * evidence[0].score and item.cover_around >= 0.8 * evidence[0].cover_around
    ]
    rest = [item for item in evidence if item not in near]
    dated = sorted(near, key=lambda item: index.document(item.document_id).published or _LONG_AGO, reverse=True)
    return dated + rest


def _denial(
    question: Question, evidence: Sequence[Evidence], judgement: Judgement, sure: bool, check: Check
) -> Evidence | None:
    """A sentence that denies what the question takes for granted, unless another one surely answers it."""
    best = evidence[0]
    told = question.kind in SPECIFIC and best.typed and best.read >= MARKED_FROM
    if not (sure and (told or judgement.answerable >= SURE_ANYWAY)):
        refuting = _refuted(question, evidence, check)
        if refuting:
            return refuting
    denying = _premise_denial(question, evidence)
    return denying if not sure or denying == best else None


def _premise_denial(question: Question, evidence: Sequence[Evidence]) -> Evidence | None:
    """A sentence that denies what the question takes for granted."""
    if question.kind in ("definition", "list") or question.french:
        return None
    weighed = [word for word in question.words if not word.name]
    asks_negated = denies(strip_lead(question.text))
    for item in evidence[:MOST_READ]:
        met = {word.stem for word in weighed if item.matched[word.stem] >= SAME}
        names_met = question.names and all(item.matched[word.stem] >= MET for word in question.names)
        if not met or not names_met:
            continue
        if sum(word.weight for word in weighed if word.stem in met) < 0.5 * sum(word.weight for word in weighed):
            continue
        held = _held_for(item, met)
        if denied_about(item.text, held, [word.stem for word in question.names]) != asks_negated:
            return item
    return None


_ASSUMES = re.compile(
    r"^(?:why|how|when|where)\s+(?=(?:did|does|do|is|are|was|were|has|have|had|will|would|can|could|should)\s)",
    re.IGNORECASE,
)
SURE_ANYWAY = 0.75
"""Probability of an answer from which no other sentence is looked for that refutes what the question assumes."""
REFUTED_FROM = 0.15
"""Probability of support at or below which a sentence that denies something refutes what a question assumes."""


def _refuted(question: Question, evidence: Sequence[Evidence], check: Check) -> Evidence | None:
    """A sentence that denies something and, by the checker, contradicts what "Why did X join?" takes for granted."""
    text = strip_lead(question.text)
    assumed = _ASSUMES.match(text)
    said = statement_of(text[assumed.end() :]) if assumed and not question.french else None
    if said is None or not question.names:
        return None
    for item in evidence[:MOST_READ]:
        if not denies_somewhere(item.text) or any(item.matched[word.stem] < MET for word in question.names):
            continue
        verdict = check(said, [item.text])
        if verdict.label == "contradicted" and verdict.score <= REFUTED_FROM:
            return item
    return None


def _held_for(item: Evidence, met: set[str]) -> set[str]:
    """The sentence's own stems that meet the given stems of the question."""
    own = set(stems(item.text))
    return {word for word in own if word in met or any(synonymy(asked, word) for asked in met)}


def _lacking(index: Index, question: Question, evidence: Sequence[Evidence]) -> str | None:
    """What the best sentence or its article fails to give whatever the reader says; None where nothing is sure to lack."""
    best = evidence[0]
    far = [word for word in question.names if best.matched_around[word.stem] < MET]
    absent = _absent(index, far, [best.document_id])
    if absent:
        nowhere = _absent(index, absent, list(dict.fromkeys(item.document_id for item in evidence)))
        if nowhere:
            return f"no article found mentions {_joined(nowhere)}"
        return f"no article found mentions {_joined(question.names)} together"
    if question.kind in SPECIFIC and not best.typed:
        return f"no {'age' if asks_age(question) else _NOUN[question.kind]} is given"
    return None


def _absent(index: Index, words: Sequence[Asked], document_ids: Sequence[str]) -> list[Asked]:
    """The words that none of the documents holds."""
    left = list(words)
    for document_id in document_ids if words else ():
        left = [word for word in left if not meets(word, index.words(document_id))]
    return left


def _joined(words: Sequence[Asked]) -> str:
    *most, last = [word.text for word in words]
    return f"{', '.join(most)} and {last}" if most else last


def _nothing_says(question: Question, best: Evidence) -> str:
    """Why a question that is not surely answered is not, by what its best sentence lacks most."""
    action = question.action
    if action and best.matched_around.get(action, 1.0) < MET:
        return f"nothing is said of “{next(word.text for word in question.words if word.stem == action)}”"
    return "no sentence was found that says it"


_NOUN = {
    "who": "name",
    "when": "date or time",
    "where": "place",
    "count": "number",
    "money": "amount of money",
    "duration": "length of time",
    "measure": "measurement",
}


def _about(question: Question, evidence: Sequence[Evidence]) -> list[Evidence]:
    """What the sources do say about the subject: the sentences that hold most of the question's words."""
    ranked = sorted(evidence[:16], key=lambda item: -_nearness(question, item))
    first = _nearness(question, ranked[0])
    return [ranked[0], *[item for item in ranked[1:2] if _nearness(question, item) >= 0.85 * first]]


def _about_subject(index: Index, question: Question, evidence: Sequence[Evidence], sure: bool) -> Draft | None:
    """What the articles say of a subject that is only named; None where no sentence holds it and the reader is sure.

    Nothing is asked that could be missing but the subject itself.
    """
    ranked = sorted(evidence, key=lambda item: -_nearness(question, item))
    shown = [item for item in ranked[:MOST_SENTENCES] if all(item.matched[word.stem] >= MET for word in question.words)]
    if shown:
        return Draft(status="answered", lines=_lines(index, shown))
    return None if sure else _partial(index, question, _about(question, evidence), "no sentence holds all the words")


def _nearness(question: Question, item: Evidence) -> float:
    """How much of the question a sentence is about: the words it surely meets, and its closeness in meaning."""
    total = sum(word.weight for word in question.words) or 1.0
    met = sum(word.weight for word in question.words if item.matched[word.stem] >= MET) / total
    around = sum(word.weight for word in question.words if item.matched_around[word.stem] >= MET) / total
    return met + 0.3 * around + 0.8 * item.cosine


def _partial(
    index: Index, question: Question, shown: Sequence[Evidence], reason: str, *, premise: bool = False
) -> Draft:
    what = _asked_for(question)
    lead = f"{_not_said(question)}; they do say this:"
    if premise:
        lead = OTHERWISE
    return Draft(status="partial", lines=_lines(index, shown), lead=lead, reason=reason, missing=[what])


def _choose(question: Question, best: Evidence, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The best sentence with one that goes on about it, and for open questions those near it that add to it."""
    if question.kind in SPECIFIC or (question.kind == "definition" and best.cover > 0.9):
        return [best, *_going_on(question, best, evidence)]
    if question.kind in ("what", "definition") and best.read >= ENOUGH_FROM:
        return [best, *_going_on(question, best, evidence)]
    chosen = [best]
    for item in evidence:
        if len(chosen) == MOST_SENTENCES:
            break
        if item is best or item.score < 0.5 * best.score or item.cosine < best.cosine - 0.15:
            continue
        chosen.append(item)
    return chosen


def _going_on(question: Question, best: Evidence, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The next sentence, where it tells the deed asked about of whom the best one names ("He promised …")."""
    deed = question.action
    if deed is None or best.matched.get(deed, 1.0) >= MET:
        return []
    return [
        item
        for item in evidence
        if item.document_id == best.document_id
        and item.before == (best.start, best.end)
        and _leans(item.text)
        and item.matched[deed] >= MET
    ][:1]


# ── yes or no ────────────────────────────────────────────────────────────────────────────

_NOT_YET = re.compile(
    r"\b(?:expected|set|due|scheduled|planned|likely|hopes?|plans?|aims?|intends?)\s+to\b|\bwill (?:be|become|begin|start)\b|\bsoon\b",
    re.IGNORECASE,
)
_NOW = re.compile(r"\b(?:already|currently|now|yet|up and running|today)\b", re.IGNORECASE)
DECIDED_FROM: dict[Caution, float] = {"cautious": 0.92, "balanced": 0.8, "eager": 0.7}
"""Share of a yes/no question's words, by weight, that a sentence must hold to decide it."""


def _yes_or_no(index: Index, question: Question, evidence: Sequence[Evidence], caution: Caution, check: Check) -> Draft:
    """Yes or no by what checking the question's statement says, or by the words of the nearest sentence."""
    ranked = sorted(evidence[:8], key=lambda item: -(item.cover + 0.3 * item.cover_around + 0.5 * item.cosine))
    said = statement_of(strip_lead(question.text))
    decided = (
        _by_office(question, evidence)
        or _checked(index, question, said, ranked[:MOST_CHECKED], caution, check)
        or _by_words(question, said, ranked[0], caution)
    )
    if decided is None:
        unmet = [word.text for word in question.words if ranked[0].matched_around[word.stem] < MET]
        reason = f"nothing is said of “{', '.join(unmet)}”" if unmet else "the sources do not decide it"
        return _partial(index, question, _about(question, evidence), reason)
    item, yes = decided
    if yes and _NOW.search(question.text) and _NOT_YET.search(item.text):
        yes = False
    return Draft(status="answered", lines=_lines(index, [item]), short=_yes_word(question, yes))


def _by_office(question: Question, evidence: Sequence[Evidence]) -> tuple[Evidence, bool] | None:
    """Whether somebody holds an office, by a sentence that says who does."""
    asked = office_asked_of(strip_lead(question.text))
    if asked is None:
        return None
    name, who = asked
    for item in evidence[:MOST_READ]:
        holder = office_holder(who, item.text)
        if holder:
            own = stems(holder.text)
            return item, bool(own) and own[-1:] == stems(name)[-1:]
    return None


MOST_CHECKED = 4
"""Sentences against which the statement of a yes/no question is checked."""
RARE_FROM = 0.6
"""Weight from which a word of a question that names nobody has to be met by the sentence that decides it."""
YES_FROM: dict[Caution, float] = {"cautious": 0.75, "balanced": 0.6, "eager": 0.5}
"""Probability of support from which the answer is yes; it is no where a contradiction is as sure."""


def _checked(
    index: Index, question: Question, said: str | None, ranked: Sequence[Evidence], caution: Caution, check: Check
) -> tuple[Evidence, bool] | None:
    """The sentence that supports or contradicts the question's statement most surely, and which of the two."""
    if said is None or question.french:
        return None
    found = []
    for item in ranked:
        if not _bears_on(question, item):
            continue
        text = index.document(item.document_id).text
        before = [text[item.before.start : item.before.end]] if item.before and _leans(item.text) else []
        found.append((item, check(said, [*before, item.text])))
    best = max(found, key=lambda pair: pair[1].score, default=None)
    if best and best[1].label == "supported" and best[1].score >= YES_FROM[caution]:
        return best[0], True
    opposed = [
        (item, verdict)
        for item, verdict in found
        if verdict.label == "contradicted" and 1 - verdict.score >= YES_FROM[caution] and _opposes(question, item, said)
    ]
    if opposed:
        return min(opposed, key=lambda pair: pair[1].score)[0], False
    return None


def _bears_on(question: Question, item: Evidence) -> bool:
    """Whether a sentence names who is asked about (or names nobody and follows one that does) and holds half of the rest, by weight."""
    anchors = question.names or [word for word in question.words if word.weight >= RARE_FROM]
    leans = _leans(item.text) or not candidates("who", item.text)
    named = item.matched_around if leans else item.matched
    others = [word for word in question.words if word not in anchors]
    # Silver is near to bronze in meaning, and who asks after the one is not told of the other.
    met = sum(word.weight for word in others if item.matched[word.stem] >= SAME)
    return all(named[word.stem] >= MET for word in anchors) and met >= 0.5 * sum(word.weight for word in others)


def _opposes(question: Question, item: Evidence, said: str) -> bool:
    """Whether a sentence denies what is asked, or an exact check fails: the checker alone is not believed for a "no"."""
    return _denied(question, item) != denies(said) or _fails(said, item)


def _denied(question: Question, item: Evidence) -> bool:
    """Whether a sentence denies what it holds of the question."""
    met = {word.stem for word in question.words if not word.name and item.matched[word.stem] >= MET}
    named = [word.stem for word in question.names]
    return denied_about(item.text, _held_for(item, met or set(question.stems)), named)


def _fails(said: str, item: Evidence) -> bool:
    """Whether an exact check finds that a sentence says the opposite of a statement."""
    return any(found.opposed for found in discrepancies(said, [item.text], [item.text]))


def _by_words(question: Question, said: str | None, best: Evidence, caution: Caution) -> tuple[Evidence, bool] | None:
    """What a sentence decides that holds nearly all the question's words."""
    others = [word for word in question.words if not word.name]
    own = sum(word.weight * best.matched[word.stem] for word in others) / (sum(word.weight for word in others) or 1.0)
    cover = max(best.cover, 0.9 * best.cover_around)
    if not _bears_on(question, best) or cover < DECIDED_FROM[caution] or (others and own < 0.6):
        return None
    yes = _denied(question, best) == denies(strip_lead(question.text))
    return None if yes and said and _fails(said, best) else (best, yes)


def _yes_word(question: Question, yes: bool) -> str:
    if question.french:
        return "Oui" if yes else "Non"
    return "Yes" if yes else "No"


# ── sources that differ ──────────────────────────────────────────────────────────────────


def _disagreement(index: Index, question: Question, best: Evidence, evidence: Sequence[Evidence]) -> Evidence | None:
    """A sentence of another article that answers the same question with another number, time, name or place."""
    mine = _short(index, question, best)
    if question.kind not in SPECIFIC or question.latest or mine is None:
        return None
    offered = {_value(mine), *(_value(candidate.text) for candidate in candidates(question.kind, best.text))}
    for item in evidence[:8]:
        near = item.score >= 0.7 * best.score and item.read >= 0.5 and item.cover >= 0.85 * best.cover
        if item.document_id == best.document_id or not item.typed or not near:
            continue
        theirs = _short(index, question, item)
        held = {_value(candidate.text) for candidate in candidates(question.kind, item.text)}
        if theirs and _value(theirs) not in offered and _value(mine) not in held:
            return item
    return None


def _value(text: str) -> str:
    return " ".join(stems(text)) or text.casefold()


def _sources_differ(index: Index, question: Question, best: Evidence, other: Evidence) -> str:
    def called(item: Evidence) -> str:
        document = index.document(item.document_id)
        return f"{catalog.name(document)} ({document.published.isoformat() if document.published else 'undated'})"

    if question.names:
        return f"The sources differ: {called(best)} and {called(other)} do not say the same."
    return f"{called(best)} and {called(other)} answer this differently; they may not tell of the same thing."


# ── lines ────────────────────────────────────────────────────────────────────────────────

_LEANS = re.compile(
    r"^(?:[“\"«'‘(]\s*)?(?:(?:and|but|so|yet|also|however|meanwhile|instead|then|still|in addition|moreover|furthermore|nevertheless|for (?:his|her|its|their) part)[,\s]+)*"
    r"(?:he|she|it|they|his|her|its|their|him|them|this|these|those|that|such|both (?:sides|parties|countries|men|women|leaders|nations|governments)|the (?:former|latter|two|pair|duo|trio)|here|there|il|elle|ils|elles|ce|cette|ces|cet|son|sa|ses|leur|leurs)\b",
    re.IGNORECASE,
)


def _leans(text: str) -> bool:
    """Whether a sentence hangs on the one before it ("He said …", "This pact …")."""
    match = _LEANS.match(text)
    if match:
        word = match.group().split()[-1].lower()
        return not (
            word in ("there", "it", "that")
            and re.match(r"\s+(?:is|was|are|were|has been)\s+(?:a|an|no|the)\b", text[match.end() :])
        )
    return False


def _lines(index: Index, chosen: Sequence[Evidence]) -> list[Line]:
    """The sentences in reading order, each with the one before it where it hangs on that."""
    spans: dict[tuple[str, Span], None] = {}
    for item in chosen:
        if item.before and _leans(item.text):
            spans[(item.document_id, item.before)] = None
        spans[(item.document_id, Span(item.start, item.end))] = None
    order: dict[str, int] = {}
    for item in chosen:
        order.setdefault(item.document_id, len(order))
    lines = []
    for document_id, span in sorted(spans, key=lambda key: (order[key[0]], key[1])):
        document = index.document(document_id)
        quote = Quoted(document=document, span=span)
        lines.append(Line(text=" ".join(document.text[span.start : span.end].split()), quotes=(quote,)))
    return lines


# ── what was asked ───────────────────────────────────────────────────────────────────────

_COPULA = frozenset("is are was were has have had does did will would can could may might be been".split())
_SUBJECT_WH = re.compile(
    rf"^(?:who|which \w+|what)\s+(?!(?:{'|'.join(_COPULA)}|do|am|shall|should|must)\b)", re.IGNORECASE
)
_WH_PHRASE = (
    r"(?i:(?:(?:on|at|in|for|to|by|from|since|until|with|of)\s+)?(?:who|whom|whose|what|which|when|where|why|how)"
    r"(?:\s+(?!(?:is|are|was|were|did|does|do|will|would|can|could|has|have|had)\b)[\w’'-]+){0,4}?)"
)
_SUBJECT = (
    r"(?:(?:(?:the|an?|this|that|its|his|her|their)\s+)?[A-ZÀ-Þ][\w’'-]*(?:[–\s-]+(?:of|and|the|[A-ZÀ-Þ][\w’'-]*))*"
    r"(?:\s+(?:pact|deal|force|army|alliance|government|agreement|law|plan|bank|party))?"
    r"|(?:the|an?|this|that|its|his|her|their)\s+(?:[\w’'-]+\s+){0,1}?[\w’'-]+|it|he|she|they)"
)
_INVERTED = re.compile(
    rf"^(?P<wh>{_WH_PHRASE})\s+(?P<aux>(?i:is|are|was|were|will|would|can|could|has|have|had|should|may|might))\s+"
    rf"(?P<subject>{_SUBJECT})\s+(?P<rest>(?:not |now |ever |first |still )?(?:be|been|being|going|set|due|\w+ed|\w+ing|made|held|built|born|"
    r"found|sent|won|lost|paid|sold|told|taken|given|known|seen|shot|killed)"
    # A noun behind it would make it an adjective: "the first | known case was reported".
    r"(?=$|\s+(?:in|on|at|by|for|with|to|from|under|over|into|of|as|after|before|during|since|until|against|between|about|"
    r"near|through|a|an|the|its|his|her|their|\w+ed|made|held|built|born|up|out|down|off|again|last|this|together|there|here)\b).*)$"
)


def _asked_for(question: Question) -> str:
    """What was asked, as the end of "The articles do not say …"; quoted where turning it round could garble it."""
    text = strip_lead(question.text).strip(" ?.!")
    if question.kind != "yesno" and not question.french:
        inverted = _INVERTED.match(text)
        if inverted:
            wh = inverted["wh"][0].lower() + inverted["wh"][1:]
            return f"{wh} {inverted['subject']} {inverted['aux'].lower()} {inverted['rest']}"
        if _SUBJECT_WH.match(text) and not re.search(r"\b(?:do|does|did|is|are|was|were|has|have|had|will)\b", text):
            return text[0].lower() + text[1:]
    return f"“{question.text.strip()}”"


def _not_said(question: Question) -> str:
    """The sentence that tells what is missing, without its full stop."""
    what = _asked_for(question)
    return f"The articles do not answer {what}" if what.startswith("“") else f"The articles do not say {what}"


# ── from the catalogue ───────────────────────────────────────────────────────────────────

MOST_LISTED = 20
"""Articles named one by one in a list."""


def compose_catalog(
    query: catalog.Query, documents: Sequence[Document], subject: Sequence[Document], mentions: Sequence[Document]
) -> Draft:
    """Answer a question about the articles themselves.

    It is of all `documents`, of the `subject` that "it" stands for, or of those that `mentions` somebody.
    """
    if query.topic == "count":
        there = "There is" if len(documents) == 1 else "There are"
        return Draft(
            status="answered",
            lead=f"{there} {_count(len(documents)).lower()}:",
            short=str(len(documents)),
            lines=_entries([catalog.listing(d) for d in documents]),
        )
    if query.order and not subject:
        return Draft(
            status="partial",
            lead="No article says when it was published.",
            reason="none has a publication date",
            missing=[f"which article is the {query.order}"],
            lines=_entries([catalog.listing(d) for d in documents]),
        )
    if query.order and query.topic == "list":
        return Draft(
            status="answered",
            lead=_ordered_lead(query.order, len(subject), sum(d.published is None for d in documents)),
            short=subject[0].title or None if len(subject) == 1 else None,
            lines=_entries([catalog.listing(d) for d in subject]),
        )
    if query.topic == "list":
        return Draft(
            status="answered", lead=_count_lead(len(documents)), lines=_entries([catalog.listing(d) for d in documents])
        )
    if query.topic == "mention":
        return _mention(query.what or "", mentions)
    if query.topic == "by":
        return _written_by(query.what or "", documents)
    if not subject:
        return Draft(
            status="clarify",
            lead="Which article do you mean? Name its title or what it is about.",
            reason="there are several articles",
        )
    if query.topic == "summary":
        return Draft(
            status="answered", lines=_entries([e for document in subject[:1] for e in catalog.summary_of(document)])
        )
    find = {
        "author": catalog.author_of,
        "published": catalog.published_of,
        "source": catalog.source_of,
        "title": catalog.title_of,
    }[query.topic]
    found = [entry for document in subject if (entry := find(document))]
    if not found:
        noun = {"author": "author", "published": "publication date", "source": "source", "title": "title"}[query.topic]
        named = ", ".join(catalog.name(document) for document in subject[:3])
        opening = [entry for document in subject[:1] if (entry := catalog.listing(document))]
        return Draft(
            status="partial",
            lead=f"No {noun} is given in {named}.",
            reason=f"the article states no {noun}",
            missing=[f"the {noun} of the article"],
            lines=_entries(opening),
        )
    values = {entry.value for entry in found}
    return Draft(status="answered", lines=_entries(found), short=values.pop() if len(values) == 1 else None)


def _mention(what: str, documents: Sequence[Document]) -> Draft:
    found = catalog.mentioning(documents[:MOST_LISTED], what)
    if not documents:
        return Draft(
            status="abstained",
            lead=f"No article mentions {what}.",
            reason="the words occur in no article",
            short="No",
            missing=[f"articles that mention {what}"],
        )
    return Draft(
        status="answered",
        lead=f"{_count(len(documents))} {'mentions' if len(documents) == 1 else 'mention'} {what}:",
        lines=[*_entries(found), *_more(len(documents))],
    )


def _written_by(who: str, documents: Sequence[Document]) -> Draft:
    found = catalog.written_by(documents, who)
    if not found:
        return Draft(
            status="abstained",
            lead=f"No article names {who} as its author.",
            reason="no byline has this name",
            missing=[f"articles by {who}"],
        )
    author = found[0].document.author or who
    lead = f"{_count(len(found))} {'is' if len(found) == 1 else 'are'} by {author}:"
    return Draft(status="answered", lead=lead, lines=_entries(found))


def _count_lead(number: int) -> str:
    return f"{_count(number)} can be searched:"


def _ordered_lead(order: catalog.Order, number: int, undated: int) -> str:
    named = f"The {order} article" if number == 1 else f"The {number} {order} articles, the {order} first"
    left = (
        f" ({_count(undated).lower()} without a date {'is' if undated == 1 else 'are'} left aside)" if undated else ""
    )
    return f"{named}{left}:"


def _count(number: int) -> str:
    return "One article" if number == 1 else f"{number} articles"


def _entries(entries: Sequence[catalog.Entry]) -> list[Line]:
    lines = []
    for entry in entries[:MOST_LISTED]:
        quotes = (Quoted(document=entry.document, span=entry.span),) if entry.span else ()
        lines.append(Line(text=entry.text, quotes=quotes, from_data=not entry.quoted))
    return [*lines, *_more(len(entries))]


def _more(number: int) -> list[Line]:
    return [Line(text=f"… and {number - MOST_LISTED} more.", quotes=(), from_data=True)] if number > MOST_LISTED else []
