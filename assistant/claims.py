"""Claims: what a language model drafted, sentence by sentence, held against the articles.

Each sentence is checked against the sentences it cites.  If others among those that the model
was shown support it, its citation is mended; if none do, it does not reach the reader as part
of the answer.  Nothing here asks a model.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from assistant.answering import OTHERWISE, Check, Draft, Line, Quoted
from assistant.drafting import Source
from assistant.kinds import new_candidates
from assistant.matching import MET, synonymy
from assistant.question import SPECIFIC, Question
from assistant.reader import Reader
from assistant.sentences import split_sentences
from assistant.settings import Caution
from assistant.terms import stems, weight
from assistant.verification import Verdict

STATED_FROM: dict[Caution, float] = {"cautious": 0.9, "balanced": 0.8, "eager": 0.6}
"""Probability of support from which a sentence that a model wrote may be stated: of those told .5 to .8, about half were
not supported when drafts of three small models for open questions were read (docs/measurements.md)."""
MOST_CLAIMS = 8
"""Sentences of a draft that are read; a model that writes more has lost the thread."""
LEAST_WORDS = 2
"""Content words of a claim; of a single one nothing is stated that words could support."""
MOST_CITED = 4
"""Sentences that one claim may stand on."""
NEAR = 400
"""Characters before and behind a sentence in which what it is about is mostly named."""
CUT_FROM = 600
"""Characters of a draft from which one that ends without a full stop may have run out of tokens inside a sentence."""
MOST_TRIED = 6
"""Places looked at for a claim that its own citation does not support."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """One sentence of a draft."""

    text: str
    """Its words without marks."""
    marks: tuple[int, ...] = ()
    """The numbers it cites, as the model wrote them, each once."""
    cut: bool = False
    """Whether the draft broke off inside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A draft after checking."""

    kept: list[Line] = field(default_factory=list)
    """What the articles support, in the draft's order."""
    removed: list[Line] = field(default_factory=list)
    """What they do not, with verdicts and without quotes."""


# ── reading a draft ──────────────────────────────────────────────────────────────────────

_NUMBERS = r"\d{1,3}(?:\s*(?:[,;&–—-]|and|et|to)\s*(?:(?:sources?|sentences?)\s*)?#?\d{1,3})*"
_WORD = r"(?:sources?|sentences?|citations?|refs?|references?|articles?|passages?|s|#|\^)"
_MARK = re.compile(
    rf"\\?\[+\s*(?:{_WORD}\s*[:#.]?\s*)?(?P<square>{_NUMBERS})\s*\\?\]+(?!\()"
    rf"|【\s*(?:{_WORD}\s*[:#.]?\s*)?(?P<heavy>{_NUMBERS})[^】]{{0,20}}】"
    rf"|\(\s*(?:see\s+|voir\s+)?{_WORD}\s*[:#.]?\s*(?P<worded>{_NUMBERS})\s*\)"
    rf"|\((?P<round>{_NUMBERS})\)(?=\s*(?:[.,;!?]|$))"
    r"|(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹]+)",
    re.IGNORECASE,
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_NUMBERED = re.compile(rf"(?:sources?|sentences?)\s*#?(?P<numbers>{_NUMBERS})\s*[:.)–-]\s+", re.IGNORECASE)
"""A mark at the head of a sentence: "Sentence 5: The bridge …"."""
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)?|<img\b[^>]*>?", re.IGNORECASE)
_LINK = re.compile(r"\[([^\]\d][^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"</?[a-z!][^>]{0,200}>", re.IGNORECASE)
_LINE_MARK = re.compile(r"^\s*(?:(?:#{1,6}|[-*•]|\d{1,2}[.)]|>)\s+)+", re.MULTILINE)
_EMPHASIS = re.compile(r"(\*\*|__|\*(?=\S)|(?<=\S)\*|`)")
_OPENING = re.compile(
    r"^(?:(?:the )?answer(?: to (?:this|the|your) question)?(?: is)?:|based on (?:the )?(?:sources?|sentences?|articles?)(?: provided| above)?,"
    r"|according to (?:the )?(?:sources?|sentences?|articles?)(?: provided| above)?,)\s*",
    re.IGNORECASE,
)
_YES_NO = re.compile(r"^(?:yes|no|oui|non)\b\s*[,.:;!–—-]*\s*", re.IGNORECASE)
_LIST_OF_SOURCES = re.compile(r"(?:sources?|references?|citations?)\W*", re.IGNORECASE)
_STATES = re.compile(r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|est|sont|a|ont)\b|\b[a-zà-ÿ]{4,}")
"""A verb, or a word that may be one: bare names and years ("Field's Market in West Hills, California.") state nothing."""
_UNFINISHED = re.compile(
    r"\b(?:the|an?|of|in|on|at|to|by|for|from|with|as|that|which|who|and|or|but|is|are|was|were|has|have|had|be|its|their|his|her)$",
    re.IGNORECASE,
)
_ENDS = re.compile(r"[.!?…][\"'”’»)\]]*$")


def read_draft(text: str) -> list[Drafted]:
    """The sentences of a draft with the numbers they cite, in whatever form the model wrote them.

    A mark belongs to the sentence in which or behind which it stands; one that opens a line to what
    follows.  Images, links' addresses, tags, headings and bullets are taken out.
    """
    plain = _EMPHASIS.sub("", _LINE_MARK.sub("", _TAG.sub(" ", _LINK.sub(r"\1", _IMAGE.sub(" ", text)))))
    words, marks = _without_marks(plain)
    spans = split_sentences(words, max_chars=10_000)
    cited: list[list[int]] = [[] for _ in spans]
    for at, numbers, opens in marks:
        behind = [place for place, span in enumerate(spans) if span.start < at]
        ahead = [place for place, span in enumerate(spans) if span.start >= at]
        owner = ahead[:1] if opens and ahead else behind[-1:] or ahead[:1]
        for place in owner:
            cited[place].extend(numbers)
    found = []
    for (start, end), own in zip(spans, cited, strict=True):
        written = " ".join(words[start:end].split())
        if numbered := _NUMBERED.match(written):
            own.extend(_numbers(numbered["numbers"]))
            written = written[numbered.end() :]
        said = re.sub(r"\s+([.,;:!?])", r"\1", _OPENING.sub("", written))
        if any(character.isalnum() for character in said) and not _LIST_OF_SOURCES.fullmatch(said):
            last = end == spans[-1].end and not _ENDS.search(said)
            cut = last and (len(words) >= CUT_FROM or bool(_UNFINISHED.search(said)))
            found.append(Drafted(text=said[:1].upper() + said[1:], marks=tuple(dict.fromkeys(own)), cut=cut))
    return found


def _without_marks(text: str) -> tuple[str, list[tuple[int, list[int], bool]]]:
    """The text without marks, and of each mark its place there, its numbers, and whether it opens a line."""
    words, marks, read = "", [], 0
    for match in _MARK.finditer(text):
        numbers = _numbers(next(group for group in match.groups() if group))
        words += text[read : match.start()]
        opens = not words or words.endswith("\n")
        if not opens:
            words = words.rstrip(" ")
        marks.append((len(words), numbers, opens))
        read = match.end()
        if opens:
            read += len(text[read:]) - len(text[read:].lstrip(" :-–"))
    return words + text[read:], marks


def _numbers(written: str) -> list[int]:
    written = written.translate(_RAISED)
    found: list[int] = []
    for first, last in re.findall(r"(\d+)(?:\s*(?:[–—-]|to)\s*(?=\d)(\d+))?", written):
        end = int(last or first)
        found.extend(range(int(first), end + 1) if int(first) <= end <= int(first) + 20 else [int(first)])
    return found


# ── checking ─────────────────────────────────────────────────────────────────────────────


def check_draft(
    drafted: Sequence[Drafted],
    sources: Sequence[Source],
    question: Question,
    check: Check,
    *,
    sure: bool,
    caution: Caution = "balanced",
) -> Checked:
    """Hold each sentence against its sources, mend what can be mended, and part what is supported from what is not.

    A claim may not take the question's own words for granted ("Who signed the pact?" "Sonko signed the pact"): they
    must stand in what it cites, or near it where the reader finds an answer, which `sure` tells.
    """
    kept: dict[str, Line] = {}
    removed: dict[str, Line] = {}
    for item in drafted[:MOST_CLAIMS]:
        said = _YES_NO.sub("", item.text)
        said = said[:1].upper() + said[1:]
        key = " ".join(said.casefold().split()).strip(" .")
        if not key or key in removed or any(key in other for other in kept):
            continue  # a bare yes or no, which the short answer says, or a repetition
        line = _check(item, said, sources, question, check, sure, STATED_FROM[caution])
        (kept if line.quotes else removed)[key] = line
    return Checked(kept=list(kept.values()), removed=list(removed.values()))


def _check(
    item: Drafted,
    said: str,
    sources: Sequence[Source],
    question: Question,
    check: Check,
    sure: bool,
    least: float,
) -> Line:
    if item.cut:
        return _removed(said, Verdict(label="unsupported", score=0.0, reasons=["the draft broke off in it"]))
    if len(set(stems(said))) < LEAST_WORDS or said.endswith(":") or not _STATES.search(said):
        return _removed(said, Verdict(label="unsupported", score=0.0, reasons=["it says too little to be checked"]))
    by_number = {source.number: source for source in sources}
    cited = [by_number[number] for number in item.marks if number in by_number][:MOST_CITED]
    first: Verdict | None = None
    for place, group in enumerate(_groups(said, cited, sources)):
        verdict = check(said, [source.text for source in group])
        if verdict.label == "supported":
            verdict = _borrows(said, group, question, verdict, sure)
        if verdict.label == "supported" and verdict.score < least:
            doubt = f"not sure enough to be stated: {verdict.score:.0%}, expected {least:.0%}"
            verdict = Verdict(label="unsupported", score=verdict.score, reasons=[doubt, *verdict.reasons])
        if verdict.label == "supported":
            mended = not (cited and place == 0)
            quotes = tuple(Quoted(document=source.document, span=source.span) for source in group)
            return Line(text=said, quotes=quotes, verdict=verdict, mended=mended)
        first = first or verdict
    return _removed(said, first or Verdict(label="unsupported", score=0.0, reasons=["it cites nothing that was found"]))


def _removed(said: str, verdict: Verdict) -> Line:
    return Line(text=said, quotes=(), verdict=verdict)


def _groups(said: str, cited: Sequence[Source], sources: Sequence[Source]) -> Iterator[tuple[Source, ...]]:
    """What a claim could stand on: first what it cites, then the sentences nearest to it, alone and with the one before."""
    tried = set()
    if cited:
        tried.add(tuple(cited))
        yield tuple(cited)
    words = frozenset(stems(said))
    ranked = sorted(sources, key=lambda source: -_shared(words, source))
    near = [source for source in ranked[: MOST_TRIED // 2] if _shared(words, source) > 0]
    before = {(source.document.id, source.number): source for source in sources}
    for source in near:
        if (source,) not in tried:
            yield (source,)
    for source in near:
        previous = before.get((source.document.id, source.number - 1))
        if previous:
            yield (previous, source)


def _shared(words: frozenset[str], source: Source) -> float:
    return sum(weight(word) for word in words.intersection(stems(source.text)))


def _borrows(said: str, group: Sequence[Source], question: Question, verdict: Verdict, sure: bool) -> Verdict:
    """The verdict, or that a claim takes a word from the question that nothing it cites says.

    Where an answer is known the word may stand near what is cited ("the pact" in the next sentence).
    """
    held = {stemmed for source in group for stemmed in stems(_around(source) if sure else source.text)}
    own = set(stems(said))
    asked = [word for word in question.words if not word.name and word.stem in own and word.stem not in held]
    unmet = [word.text for word in asked if max((synonymy(word.stem, other) for other in held), default=0.0) < MET]
    if not unmet:
        return verdict
    reason = f"words: “{', '.join(unmet)}” stands in the question and not in what is cited"
    return Verdict(label="unsupported", score=min(verdict.score, 0.1), reasons=[reason])


def _around(source: Source) -> str:
    """A sentence with what stands near it and the title of its article."""
    text, (start, end) = source.document.text, source.span
    return f"{source.document.title} {text[max(0, start - NEAR) : end + NEAR]}"


# ── whether what is left answers ─────────────────────────────────────────────────────────


def says_short(short: str | None, lines: Sequence[Line]) -> bool:
    """Whether the claims hold the words of a short answer."""
    wanted = set(stems(short or ""))
    return bool(wanted) and wanted <= {stemmed for line in lines for stemmed in stems(line.text)}


AGREES_FROM = 0.5
"""Share of the short answer's words from which a text gives the same answer ("Lake Havasu City", without "Arizona")."""


def agrees(short: str, lines: Sequence[Line]) -> bool:
    """Whether one of the claims holds half the words of a short answer, or more."""
    wanted = set(stems(short))
    return any(len(wanted.intersection(stems(line.text))) >= AGREES_FROM * len(wanted) for line in lines)


def settle(question: Question, own: Draft, checked: Checked, name: str, reader: Reader) -> Draft:
    """The answer in the model's words where what is left of them gives what was asked, else `own`, the articles'.

    Status, what is missing and what stands before the claims are those of `own`: they follow from what the reader
    finds in the articles and from the verdicts, never from what a draft says of itself.
    """
    why = _falls_short(question, own, checked, reader)
    if why:
        note = f"{why}; the answer is in the articles' own words"
        return replace(own, removed=checked.removed, notes=[note])
    short = own.short if question.kind == "yesno" or says_short(own.short, checked.kept) else None
    return replace(
        own, lines=checked.kept, removed=checked.removed, short=short, written_by=name, notes=_notes(checked, name)
    )


GIVES_FROM = 0.3
"""The reader's probability from which a checked text counts as giving what was asked; low, for the words are checked."""


def _falls_short(question: Question, own: Draft, checked: Checked, reader: Reader) -> str | None:
    """Why the articles' own words are better than what is left of a draft; None where they are not."""
    if not checked.kept:
        return "nothing that the language model drafted is supported by the articles"
    cited = {(quote.document.id, quote.span) for line in checked.kept for quote in line.quotes}
    needed = [{(quote.document.id, quote.span) for quote in line.quotes} for line in own.lines]
    if own.lead == OTHERWISE or question.kind == "yesno":
        meets = bool(cited.intersection(*needed[-1:]) if needed else cited)
        return None if meets else "the language model's draft leaves out the sentence that decides it"
    if own.status == "partial":
        return None
    if own.lead and not {place[0] for spans in needed for place in spans} <= {place[0] for place in cited}:
        return "the language model's draft leaves out that the sources differ"
    if question.kind in ("list", "why", "how") or question.fragment or says_short(own.short, checked.kept):
        return None
    if own.short and question.kind in SPECIFIC and not agrees(own.short, checked.kept):
        return f"the language model's draft does not give what was asked, “{own.short}”"
    text = " ".join(line.text for line in checked.kept)
    named = question.kind not in SPECIFIC or any(new_candidates(question, line.text) for line in checked.kept)
    given = named and reader.read(question.read, [text])[0].answerable >= GIVES_FROM
    return None if given else "the language model's draft does not give what was asked"


def _notes(checked: Checked, name: str) -> list[str]:
    notes = []
    if checked.removed:
        notes.append(
            f"{_sentences(len(checked.removed))} of the draft of {name} taken out: the articles do not support it"
        )
    mended = sum(line.mended for line in checked.kept)
    if mended:
        notes.append(f"the citation of {_sentences(mended)} mended: other words than those cited support it")
    return notes


def _sentences(number: int) -> str:
    return "one sentence" if number == 1 else f"{number} sentences"
