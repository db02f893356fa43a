"""Examples for the checker: claims with evidence that supports them, contradicts them, or does neither.

`make_examples` reads the groundedness sets marked for training and the reader's own examples
(made by `training/reader_data.py`) and returns claims with a part (train, validation) that is
drawn by evidence or article, never by claim.  Where the claims come from:

people     FEVER, FEVER symmetric, WiCE, BEGIN, SummEdits, ExpertQA, HaluEval, and `training/written/claims.jsonl`:
           claims in other words on news sentences, true or wrong in one respect
questions  a question and its answer turned into a sentence; with another name, number or date of
           the passage in the answer's place; and the unanswerable questions with what tempts
sentences  sentences of the passages, shortened or whole
reworded   supported claims of any of these in other words: equivalents of `training/equivalents.txt`, numbers as
           words or figures, the day before or after the month; what follows is made of these too
changed    a supported claim of any of these with one thing changed: a number, a date, a name, two
           names swapped, a negation put in or taken out, an opposite, another verb, another amount in words
mirrored   the same change made in the evidence: with the changed claim supported, with the first one not,
           so that no word of a claim tells its label without the evidence
elsewhere  a supported claim and evidence without the sentence it stands on

Labels are `supported`, `contradicted`, `unsupported`, or `not_supported` where people did not
say which of the last two.  Nothing here reads a set that is for measuring, and of the sets that
are for both only the split that is for training: of WiCE and BEGIN the development set, of
SummEdits the domains named in `training/checker.json`, of ExpertQA the validation split.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from assistant.quantities import SMALL_NUMBERS
from assistant.sentences import split_sentences
from assistant.terms import stems
from training.lines import read_lines, write_lines
from training.reader_data import EVENT_VERBS, NAME, NUMBER, Example
from training.texts import CLAIMS, drawn

Label = Literal["supported", "contradicted", "unsupported", "not_supported"]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A claim, the sentences it is checked against, and whether they support it."""

    claim: str
    evidence: tuple[str, ...]
    label: Label
    kind: str
    """How it was made."""
    source: str
    part: Literal["train", "validation"]
    weight: float = 1.0
    twin: str = ""
    """The true claim of the minimal pair that it belongs to: itself, or one that differs in a few words."""


def write_pairs(pairs: Iterable[Pair], path: Path) -> None:
    write_lines(map(asdict, pairs), path)


def read_pairs(path: Path) -> list[Pair]:
    return [Pair(**{**row, "evidence": tuple(row["evidence"])}) for row in read_lines(path)]


Tempting = Callable[[str, str], str | None]
"""What one would answer a question with from a text that does not answer it."""


def make_pairs(
    groundedness: Path, examples: Sequence[Example], config: dict[str, Any], tempting: Tempting
) -> list[Pair]:
    """All pairs of both parts, in a fixed order for a given seed."""
    rng = random.Random(config["seed"])
    people = list(_people(groundedness, config))
    asked = _questions([e for e in examples if e.part != "test"], config, tempting, rng)
    told = _sentences([e for e in examples if e.part != "test"], config["sentences"], rng)
    supported = [pair for pair in [*people, *asked, *told] if pair.label == "supported"]
    reworded = _reworded(supported, config["reworded"], rng)
    supported += reworded
    changed = _changed(supported, config["changed"], rng)
    mirrored = _mirrored(supported, config["mirrored"], rng)
    elsewhere = _elsewhere(supported, people, config["elsewhere"], rng)
    made = [*people, *asked, *told, *reworded, *changed, *mirrored, *elsewhere]
    weights = config["weights"]
    made = [replace(pair, weight=weights.get(pair.source, 1.0) * weights.get(pair.label, 1.0)) for pair in made]
    copies = config["copies"]
    return [pair for pair in made for _ in range(copies.get(pair.source, 1) if pair.part == "train" else 1)]


# What people wrote


def sentences_of(source: str) -> tuple[str, ...]:
    """The sentences of an evidence text, line by line."""
    found = []
    for line in source.splitlines():
        text = line.strip().lstrip("#").strip()
        found += [text[span.start : span.end].strip() for span in split_sentences(text)]
    return tuple(sentence for sentence in found if sentence)


def _people(folder: Path, config: dict[str, Any]) -> Iterator[Pair]:
    def pairs(rows: Iterable[Row], source: str) -> Iterator[Pair]:
        for row in rows:
            evidence = sentences_of(row["source"])
            if evidence and row["claim"].strip():
                yield Pair(
                    claim=_claim(row["claim"]),
                    evidence=evidence,
                    label=_label(row),
                    kind="people",
                    source=source,
                    part=_part(row["source"], config),
                )

    def read(name: str) -> list[Row]:
        return read_lines(folder / f"{name}.jsonl.gz")

    yield from pairs(read("fever_gold_evidence"), "fever")
    yield from pairs(read("fever_symmetric"), "fever_symmetric")
    yield from pairs((row for row in read("begin") if row["split"] == "dev"), "begin")
    domains = set(config["summedits_domains"])
    yield from pairs((row for row in read("summedits") if row["dataset"] in domains), "summedits")
    yield from pairs((row for row in read("expertqa_claims") if row["split"].endswith("_val")), "expertqa")
    yield from pairs((row for row in read("wice_claims_oracle_chunks") if row["split"] == "dev"), "wice")
    yield from pairs(map(_half_true, read("wice_partial_subclaims_tokens")), "wice_train")
    yield from pairs(map(_answer_claim, read("halueval_qa_seed_synthetic")), "halueval")
    yield from written(CLAIMS, config)


def written(path: Path, config: dict[str, Any]) -> Iterator[Pair]:
    """The claims that come with this package."""
    for row in read_lines(path):
        claims: list[tuple[str, Label, str]] = [(claim, "supported", claim) for claim in row["true"]]
        claims += [(item["claim"], "not_supported", _twin(item["claim"], row["true"])) for item in row["false"]]
        for claim, label, twin in claims:
            yield Pair(
                claim=_claim(claim),
                evidence=tuple(row["evidence"]),
                label=label,
                kind="people",
                source="written",
                part=_part("\n".join(row["evidence"]), config),
                twin=twin,
            )


ALIKE = 0.6
"""Of the words of a false claim and a true one so many are the same, in order, where the two make a minimal pair."""


def _twin(claim: str, true: Sequence[str]) -> str:
    """The true claim that a false one differs from in a few words; none where it was written by itself."""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(claim.lower().split())
    likeness = {}
    for other in true:
        matcher.set_seq1(other.lower().split())
        likeness[other] = matcher.ratio()
    best = max(likeness, key=lambda other: likeness[other])
    return best if likeness[best] >= ALIKE else ""


def _half_true(row: Row) -> Row:
    """A claim of WiCE's training split with the sentences that support a part of it."""
    if row["split"] != "train":
        return {**row, "source": ""}
    lines = row["source"].splitlines()
    places = sorted({place for group in row["supporting_sentences"] for place in group})
    return {**row, "source": "\n".join(lines[place] for place in places if place < len(lines))}


def _answer_claim(row: Row) -> Row:
    match = re.match(r"Question: (.*?) Answer: (.*)", row["claim"], re.DOTALL)
    return {**row, "claim": f"{match[1]} {match[2]}" if match else ""}


def _claim(text: str) -> str:
    text = re.sub(r"\s*\[\d+\]", "", text)
    text = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(text.split()))
    return re.sub(r"\s+('s|n't|'re|'ve|'ll)\b", r"\1", text)


def _label(row: Row) -> Label:
    if row["label"] == "supported":
        return "supported"
    if row.get("raw_label") == "REFUTES":
        return "contradicted"
    return "not_supported"


def _part(source: str, config: dict[str, Any]) -> Literal["train", "validation"]:
    return "validation" if drawn(source) < config["validation_percent"] else "train"


# Questions and answers as sentences

BE = r"(?:is|was|are|were)"
PARTICIPLE = re.compile(
    r"\b(?:\w{3,}ed|born|built|made|held|founded|written|found|won|set|sent|taken|given|known|sold|shot|put|led|shown|"
    r"seen|done|drawn|fought|laid|lost|paid|spent|chosen|broken|spoken|driven|begun|cut|hit|sung|worn|thrown)\b"
)
PAST = (
    r"\w+ed|won|wrote|built|led|made|gave|took|held|sold|bought|sent|met|found|paid|drew|began|ran|became|came|had|"
    r"has|said|saw|spoke|told|thought|went|beat|brought|caught|chose|did not|fell|felt|fought|got|grew|hit|kept|knew|"
    r"left|lost|put|rose|sang|set|shot|stood|taught|threw|wore|plays|played|sings|can|could|will|would|may|might|must|"
    r"is|was|are|were"
)
SUBJECT_ASKED = re.compile(
    rf"^(?:who|what|which|what (?:\w+ ){{1,3}}|which (?:\w+ ){{1,3}}) ?\b((?:{PAST})\b .+?)\s*\?*$", re.IGNORECASE
)
WHEN_WHERE = re.compile(rf"^(when|where) ({BE}) (.+?)\s*\?*$", re.IGNORECASE)
HOW_MANY = re.compile(rf"^how many (.+?\b(?:{PAST})\b.*?)\s*\?*$", re.IGNORECASE)
DID = re.compile(r"\b(?:did|does|do)\b", re.IGNORECASE)
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
DATE = re.compile(
    rf"\b(?:(?:\d{{1,2}} )?(?:{'|'.join(MONTHS)})(?: \d{{1,2}})?(?:,? \d{{4}})?|(?:1[0-9]|20)\d\d|{'|'.join(DAYS)})\b"
)


def statement(question: str, answer: str) -> str | None:
    """The sentence that a question and its answer make together; None where no rule of ours makes one."""
    question, answer = " ".join(question.split()), " ".join(answer.split()).strip(" .,;")
    if not answer or DID.search(question.split(",")[0]):
        return None
    if match := WHEN_WHERE.match(question):
        word, be, rest = match.groups()
        found = PARTICIPLE.search(rest)
        if found is None or found.start() == 0:
            return None
        return _finished(
            f"{rest[: found.start()].strip()} {be.lower()} {rest[found.start() :]} {_placed(word, answer)}"
        )
    if (match := HOW_MANY.match(question)) and re.fullmatch(r"[\d.,]+|[a-z]+", answer):
        return _finished(f"{answer} {match[1]}")
    if match := SUBJECT_ASKED.match(question):
        return _finished(f"{answer} {match[1]}")
    return None


def _placed(word: str, answer: str) -> str:
    if re.match(
        r"(?:in|on|at|from|by|since|during|before|after|near|under|around|between|until)\b", answer, re.IGNORECASE
    ):
        return answer[0].lower() + answer[1:]
    if word.lower() == "where":
        return f"in {answer}"
    return f"on {answer}" if re.search(r"\d{1,2}\b(?!\d)|day\b", answer) and not answer.isdigit() else f"in {answer}"


def _finished(text: str) -> str:
    return text[0].upper() + text[1:].rstrip(" .?") + "."


def _questions(
    examples: Sequence[Example], config: dict[str, Any], tempting: Tempting, rng: random.Random
) -> list[Pair]:
    counts = config["questions"]
    made: dict[str, list[Pair]] = defaultdict(list)
    order = list(dict.fromkeys(examples))
    rng.shuffle(order)
    for example in order:
        kind = "wrong answer" if example.spans else f"no answer, {example.kind}"
        full = len(made[kind]) >= 1.2 * counts.get(kind, counts["other"])
        sentences = _around(example, rng)
        if not sentences:
            continue
        given = example.context[slice(*example.spans[0])] if example.spans else None
        evidence = tuple(sentences)
        if given is not None:
            _add(made, example, given, evidence, "supported", "answered", rng)
        if full:
            continue
        wrong = _wrong_answer(example.question, " ".join(sentences), given, tempting, rng)
        if wrong:
            _add(made, example, wrong, evidence, "not_supported" if given else "unsupported", kind, rng)
    chosen = []
    for kind, pairs in made.items():
        train = [pair for pair in pairs if pair.part == "train"]
        chosen += train[: counts.get(kind, counts["other"])]
        chosen += [pair for pair in pairs if pair.part == "validation"][: max(60, counts.get(kind, 0) // 20)]
    return chosen


def _add(
    made: dict[str, list[Pair]],
    example: Example,
    answer: str,
    evidence: tuple[str, ...],
    label: Label,
    kind: str,
    rng: random.Random,
) -> None:
    text = statement(example.question, answer)
    if text is None or rng.random() < 0.15:
        if len(answer.split()) > 12:
            return
        question = example.question.strip().rstrip("?").strip()
        text = f"{question[0].upper()}{question[1:]}? {answer[0].upper()}{answer[1:].rstrip('.')}."
        kind = f"{kind}, as asked"
    part = "train" if example.part == "train" else "validation"
    made[kind].append(Pair(claim=text, evidence=evidence, label=label, kind=kind, source=example.source, part=part))


def _wrong_answer(question: str, text: str, given: str | None, tempting: Tempting, rng: random.Random) -> str | None:
    """Of a question that the text does not answer what tempts most, otherwise another of the right one's form."""
    if given is None and rng.random() < 0.75:
        return tempting(question, text)
    found = [item for item in _candidates(question, text) if given is None or _like(item, given)]
    found = [item for item in found if not _same(item, given)]
    return rng.choice(found) if found else None


def _around(example: Example, rng: random.Random) -> list[str]:
    """One to five sentences of the passage, with the one that holds the answer."""
    spans = split_sentences(example.context)
    if not spans:
        return []
    place = rng.randrange(len(spans))
    if example.spans:
        start, end = example.spans[0]
        place = next((i for i, span in enumerate(spans) if span.start <= start and end <= span.end), -1)
        if place < 0:
            return []
    elif len(spans) > 4:  # keep what is nearest to the question
        words = set(stems(example.question))
        place = max(
            range(len(spans)),
            key=lambda i: len(words & set(stems(example.context[spans[i].start : spans[i].end]))),
        )
    first = max(0, place - rng.choice((0, 1, 1, 2)))
    last = min(len(spans), place + 1 + rng.choice((0, 0, 1, 2)))
    return [example.context[span.start : span.end] for span in spans[first:last]]


def _candidates(question: str, text: str) -> list[str]:
    """Names, numbers or dates of a text that a question of this form could be answered with."""
    word = question.lower().split()[0]
    if word == "who" or re.match(r"what (?:person|company|group|team|country|city)|which", question, re.IGNORECASE):
        pattern = NAME
    elif word == "when" or re.match(r"(?:what|which) (?:year|date|day|month)", question, re.IGNORECASE):
        pattern = DATE
    elif re.match(r"how (?:many|much|long|old|far|tall)|what (?:percent|number)", question, re.IGNORECASE):
        pattern = NUMBER
    elif word == "where":
        pattern = NAME
    else:
        return []
    asked = question.lower()
    found = {m[0] for m in pattern.finditer(text) if m[0].lower() not in asked and len(m[0]) > 1}
    return sorted(found - set(MONTHS + DAYS) if pattern is NAME else found)


def _same(text: str, answer: str | None) -> bool:
    return answer is not None and (text.lower() in answer.lower() or answer.lower() in text.lower())


def _like(text: str, answer: str | None) -> bool:
    """Whether a wrong answer is of the right one's form."""
    return (
        answer is not None
        and bool(re.search(r"\d", text)) == bool(re.search(r"\d", answer))
        and len(answer.split()) <= 6
    )


# Sentences of the passages


def _sentences(examples: Sequence[Example], most: int, rng: random.Random) -> list[Pair]:
    contexts = sorted({(e.context, e.part) for e in examples if e.source in ("squad_dev", "qamr", "afriqa_en")})
    rng.shuffle(contexts)
    made = []
    for context, part in contexts:
        spans = split_sentences(context)
        texts = [context[span.start : span.end] for span in spans]
        good = [i for i, text in enumerate(texts) if 6 <= len(text.split()) <= 40 and text[-1:] in ".!"]
        denied = [i for i in good if re.search(r"\b(?:not|never|no|n't)\b", texts[i])]
        for place in rng.sample(good, min(2, len(good))) + denied[:1]:
            first = max(0, place - rng.choice((0, 0, 1, 2)))
            evidence = tuple(texts[first : place + 1 + rng.choice((0, 0, 1, 2))])
            text = shortened(texts[place], rng)
            made.append(
                Pair(
                    claim=text,
                    evidence=evidence,
                    label="supported",
                    kind="sentence",
                    source="sentences",
                    part="train" if part == "train" else "validation",
                )
            )
    train = [pair for pair in made if pair.part == "train"][:most]
    return train + [pair for pair in made if pair.part != "train"][: most // 20]


def shortened(text: str, rng: random.Random) -> str:
    """The sentence without what may be left out: brackets, an apposition, an opening phrase, a list's end."""
    if rng.random() < 0.7:
        text = re.sub(r"\s*\([^()]*\)", "", text)
    if rng.random() < 0.6:
        text = re.sub(r", (?:who|which|where) [^,]{5,80},", "", text, count=1)
    if rng.random() < 0.5 and (match := re.match(r"(?:In|On|At|After|During|By|Since|For) [^,]{3,40}, (\w)", text)):
        text = match[1].upper() + text[match.end() :]
    if rng.random() < 0.3 and (match := re.search(r"[,;] (?:and|but|while|which|although|as) [^,;]{8,}$", text)):
        text = text[: match.start()] + "."
    return text


# Supported claims in other words

WORDS = SMALL_NUMBERS[1:13]
FIGURES = {word: str(value) for value, word in enumerate(WORDS, start=1)}
FIGURE = re.compile(r"\b([a-z]+ )([2-9]|1[0-2])(?= (?!million|billion)[a-z])")
"""A count between words: "the 5 men", and not a date, a score or a price."""
DAY_MONTH = re.compile(rf"\b(\d{{1,2}}) ({'|'.join(MONTHS)})\b")
MONTH_DAY = re.compile(rf"\b({'|'.join(MONTHS)}) (\d{{1,2}})\b(?!\d| \d)")
_EQUIVALENTS = Path(__file__).with_name("equivalents.txt")
_BEFORE_NUMBER = rf"(?=[$€£]?\d|(?:{'|'.join(WORDS)}|hundred|thousand|million|half)\b)"


@cache
def equivalents() -> tuple[dict[str, list[str]], re.Pattern[str]]:
    """What each word or phrase may be exchanged for, and a pattern of them all, the longest first."""
    others: dict[str, list[str]] = defaultdict(list)
    for line in _EQUIVALENTS.read_text(encoding="utf-8").splitlines():
        group = [part.strip() for part in line.split("|")] if not line.startswith("# ") else []
        for one in group:
            others[one] += [other for other in group if other != one]
    patterns = (
        re.escape(one.removesuffix(" #")) + (rf"\s{_BEFORE_NUMBER}" if one.endswith(" #") else r"(?!\w)")
        for one in sorted(others, key=len, reverse=True)
    )
    return others, re.compile(rf"(?<![\w-])(?:{'|'.join(patterns)})")


def reworded(text: str, rng: random.Random, *, most: int = 3) -> str:
    """The sentence with some words exchanged for equivalents, numbers for words, and dates turned round."""
    others, pattern = equivalents()
    found = list(pattern.finditer(text))
    for match in sorted(rng.sample(found, min(len(found), most)), key=lambda match: -match.start()):
        before_number = match[0].endswith(" ")
        other = rng.choice(others[f"{match[0]}#" if before_number else match[0]])
        text = _put(text, match, other.removesuffix("#") if before_number else other)
    if rng.random() < 0.7:
        text = DAY_MONTH.sub(r"\2 \1", text) if DAY_MONTH.search(text) else MONTH_DAY.sub(r"\2 \1", text)
    if rng.random() < 0.5:
        text = FIGURE.sub(lambda match: match[1] + WORDS[int(match[2]) - 1], text)
    elif rng.random() < 0.5:
        text = re.sub(rf"\b(?:{'|'.join(WORDS[1:])})\b", lambda match: FIGURES[match[0]], text)
    return text


def _reworded(supported: Sequence[Pair], most: int, rng: random.Random) -> list[Pair]:
    order = [pair for pair in supported if "as asked" not in pair.kind]
    rng.shuffle(order)
    made = []
    for pair in order:
        claim = reworded(pair.claim, rng)
        if claim != pair.claim:
            made.append(replace(pair, claim=claim, kind="reworded"))
    train = [pair for pair in made if pair.part == "train"][:most]
    return train + [pair for pair in made if pair.part != "train"][: most // 20]


# Supported claims with one thing changed

OPPOSITES = """increase/decrease increased/decreased increases/decreases increasing/decreasing rose/fell rise/fall
rising/falling higher/lower highest/lowest more/fewer more/less most/least before/after first/last first/second
won/lost win/lose accepted/rejected approved/rejected supports/opposes supported/opposed largest/smallest
larger/smaller biggest/smallest include/exclude including/excluding includes/excludes early/late earlier/later
older/younger oldest/youngest male/female man/woman men/women son/daughter father/mother brother/sister
husband/wife north/south northern/southern east/west eastern/western always/never all/none both/neither best/worst
better/worse strong/weak stronger/weaker open/closed opened/closed opening/closing began/ended begins/ends
started/ended start/end joined/left entered/left success/failure successful/unsuccessful succeeded/failed
allowed/banned legal/illegal major/minor majority/minority many/few often/rarely public/private positive/negative
above/below inside/outside over/under up/down gained/lost born/died gave/received bought/sold arrived/departed
confirmed/denied agreed/refused alive/dead buy/sell guilty/innocent likely/unlikely possible/impossible
rich/poor same/different short/long shorter/longer true/false upper/lower war/peace winner/loser hot/cold
maximum/minimum improved/worsened strengthened/weakened expanded/shrank lifted/imposed""".split()
OPPOSITE: dict[str, list[str]] = defaultdict(list)
for _pair in OPPOSITES:
    _one, _other = _pair.split("/")
    OPPOSITE[_one].append(_other)
    OPPOSITE[_other].append(_one)
OPPOSED = re.compile(rf"\b(?:{'|'.join(sorted(OPPOSITE, key=len, reverse=True))})\b")
WEAKENED = [
    (re.compile(r"\b(?:may|might|could) be\b"), "is"),
    (re.compile(r"\b(?:may|might|could) have\b"), "has"),
    (
        re.compile(r"\b(?:plans|planned|hopes|hoped|wants|wanted|intends|intended|aims|aimed|tried|sought) to (\w+)\b"),
        r"did \1",
    ),
    (re.compile(r"\b(?:is|are|was|were) (?:expected|likely|due|planned|scheduled|set) to (\w+)\b"), r"did \1"),
    (re.compile(r"\bfailed to (\w+)\b"), r"managed to \1"),
    (re.compile(r"\b(?:only|nearly|almost|at least|at most|up to|more than|less than|fewer than) (\d)"), r"exactly \1"),
    (re.compile(r"\bmore than (\d)"), r"fewer than \1"),
    (re.compile(r"\b(?:some|many|several|most) (\w+s)\b"), r"all \1"),
    (re.compile(r"\b(?:partly|partially|mainly|mostly|usually|often|sometimes)\b"), "always"),
]
AUXILIARY = re.compile(r"\b(is|was|are|were|has|have|had|will|would|can|could|did|does|do|must|should)\b(?! not\b|n't)")
NEGATED = re.compile(r"\b(is|was|are|were|has|have|had|will|would|can|could|did|does|do|must|should) (?:not|never) ")
THIRD = re.compile(r"\b([a-z]{3,}ed)\b")


def _changed(supported: Sequence[Pair], counts: dict[str, int], rng: random.Random) -> list[Pair]:
    order = [pair for pair in supported if "as asked" not in pair.kind]
    rng.shuffle(order)
    makers = {
        "number": _number,
        "date": _date,
        "name": _name,
        "role": _role,
        "negation": _negation,
        "opposite": _opposite,
        "weakened": _weakened,
        "verb": _verb,
        "amount": _amount,
    }
    left = dict(counts)
    held = {kind: max(40, count // 20) for kind, count in counts.items()}
    made = []
    for pair in order:
        kinds = [kind for kind in makers if (left if pair.part == "train" else held)[kind] > 0]
        rng.shuffle(kinds)
        taken = 0
        for kind in kinds:
            found = makers[kind](pair, rng)
            if found is None or found[0] == pair.claim:
                continue
            text, label = found
            made.append(replace(pair, claim=text, label=label, kind=f"changed, {kind}"))
            (left if pair.part == "train" else held)[kind] -= 1
            taken += 1
            if taken == 2:
                break
    return made


def _mirrored(supported: Sequence[Pair], counts: dict[str, int], rng: random.Random) -> list[Pair]:
    """Change the evidence, and the claim with it or not."""
    order = [pair for pair in supported if "as asked" not in pair.kind]
    rng.shuffle(order)
    left, held = dict(counts), {kind: max(30, count // 20) for kind, count in counts.items()}
    makers = {
        "number": lambda pair: _mirrored_words(pair, NUMBER, _other_number, rng),
        "date": lambda pair: _mirrored_words(pair, DATE_WORD, _other_date, rng),
        "name": lambda pair: _mirrored_name(pair, rng),
        "role": lambda pair: _mirrored_role(pair, rng),
        "opposite": lambda pair: _mirrored_words(pair, OPPOSED, _opposite_of, rng),
        "negation": lambda pair: _mirrored_negation(pair, rng),
    }
    made = []
    for pair in order:
        room = left if pair.part == "train" else held
        kinds = [kind for kind in makers if room[kind] > 0]
        rng.shuffle(kinds)
        for kind in kinds:
            found = makers[kind](pair)
            if found is None:
                continue
            claim, evidence = found
            against: Label = "contradicted" if kind in ("negation", "opposite", "number") else "not_supported"
            made.append(replace(pair, claim=claim, evidence=evidence, kind=f"mirrored, {kind}"))
            made.append(replace(pair, evidence=evidence, label=against, kind=f"mirrored, {kind}"))
            room[kind] -= 1
            break
    return made


Mirrored = tuple[str, tuple[str, ...]]
"""A changed claim and its changed evidence."""
DATE_WORD = re.compile(rf"\b(?:{'|'.join(MONTHS)}|{'|'.join(DAYS)}|(?:1[5-9]|20)\d\d)\b")


def _mirrored_words(
    pair: Pair, pattern: re.Pattern[str], other: Callable[[str, random.Random], str], rng: random.Random
) -> Mirrored | None:
    """Replace a word that claim and evidence share by another, everywhere."""
    whole = " ".join(pair.evidence)
    found = sorted({m[0] for m in pattern.finditer(pair.claim)})
    found = [word for word in found if re.search(rf"(?<![\w.,]){re.escape(word)}(?!\w)", whole)]
    if not found:
        return None
    word = rng.choice(found)
    return _everywhere(pair, word, other(word, rng))


def _everywhere(pair: Pair, word: str, new: str) -> Mirrored | None:
    pattern = re.compile(rf"(?<![\w.,]){re.escape(word)}(?!\w)")
    if not new or new == word or pattern.sub("", pair.claim).count(new) or new in " ".join(pair.evidence):
        return None
    return pattern.sub(new, pair.claim), tuple(pattern.sub(new, text) for text in pair.evidence)


def _other_number(word: str, rng: random.Random) -> str:
    digits = list(word)
    places = [i for i, digit in enumerate(digits) if digit.isdigit()]
    for place in rng.sample(places, min(len(places), rng.choice((1, 1, 2)))):
        digits[place] = rng.choice([d for d in "123456789" if d != digits[place]])
    return "".join(digits)


def _other_date(word: str, rng: random.Random) -> str:
    if word.isdigit():
        return str(int(word) + rng.choice((-12, -5, -3, -2, -1, 1, 2, 3, 4, 9)))
    return rng.choice([name for name in (MONTHS if word in MONTHS else DAYS) if name != word])


def _opposite_of(word: str, rng: random.Random) -> str:
    return rng.choice(OPPOSITE[word])


NEW_NAMES = (
    "Amina Diallo|Kofi Mensah|Chen Wei|Maria Santos|Ivan Petrov|Fatou Ndiaye|James Carter|Nadia Haddad|Peter Okello|Lena "
    "Fischer|Ravi Kumar|Grace Banda|Omar Farouk|Julia Novak|Samuel Tesfaye|Horizon Group|Lakeside University|Northgate|"
    "Kessavo|Port Almira|Bellaroche|Mont Sarel|Karuna|Tavena Bank|Delmar County|Velora"
).split("|")


def _mirrored_name(pair: Pair, rng: random.Random) -> Mirrored | None:
    whole = " ".join(pair.evidence)
    found = sorted({m[0] for m in _names_in(pair.claim) if m[0] in whole})
    if not found:
        return None
    name = rng.choice(found)
    new = rng.choice(NEW_NAMES)
    return _everywhere(pair, name, new if len(name.split()) > 1 else new.split()[-1])


def _mirrored_role(pair: Pair, rng: random.Random) -> Mirrored | None:
    """Swap two names in claim and evidence: the same words, and everything the other way round."""
    whole = " ".join(pair.evidence)
    found = [m for m in dict.fromkeys(m[0] for m in _names_in(pair.claim)) if m in whole]
    if len(found) < 2 or _role(pair, rng) is None:
        return None
    first, second = rng.sample(found, 2)
    if first in second or second in first:
        return None

    def swapped(text: str) -> str:
        return text.replace(first, "\x00").replace(second, first).replace("\x00", second)

    return swapped(pair.claim), tuple(swapped(text) for text in pair.evidence)


def _mirrored_negation(pair: Pair, rng: random.Random) -> Mirrored | None:
    """Negate the sentence of the evidence that the claim is taken from, or that shares most of its words."""
    words = set(stems(pair.claim))
    best = max(range(len(pair.evidence)), key=lambda i: len(words & set(stems(pair.evidence[i]))))
    shared = len(words & set(stems(pair.evidence[best])))
    if shared < 0.7 * len(words) or len(pair.evidence[best].split()) > 30:
        return None
    claim = _negation(pair, rng)
    told = _negation(replace(pair, claim=pair.evidence[best]), rng)
    if claim is None or told is None:
        return None
    if bool(NEGATED.search(pair.claim)) != bool(NEGATED.search(pair.evidence[best])):
        return None
    evidence = (*pair.evidence[:best], told[0], *pair.evidence[best + 1 :])
    return claim[0], evidence


def _put(text: str, match: re.Match[str], new: str) -> str:
    return text[: match.start()] + new + text[match.end() :]


def _number(pair: Pair, rng: random.Random) -> tuple[str, Label] | None:
    found = [m for m in NUMBER.finditer(pair.claim) if not re.fullmatch(r"(?:1[5-9]|20)\d\d", m[0])]
    if not found:
        return None
    chosen = rng.choice(found)
    there = {m[0] for text in pair.evidence for m in NUMBER.finditer(text)} - {m[0] for m in found}
    pool = [number for number in sorted(there) if len(number) <= 7]
    if pool and rng.random() < 0.5:
        return _put(pair.claim, chosen, rng.choice(pool)), "not_supported"
    digits = list(chosen[0])
    places = [i for i, digit in enumerate(digits) if digit.isdigit()]
    place = rng.choice(places)
    digits[place] = rng.choice([d for d in "123456789" if d != digits[place]])
    new = "".join(digits)
    return (_put(pair.claim, chosen, new), "contradicted") if new not in there else None


def _date(pair: Pair, rng: random.Random) -> tuple[str, Label] | None:
    found = list(re.finditer(rf"\b(?:{'|'.join(MONTHS)}|{'|'.join(DAYS)}|(?:1[5-9]|20)\d\d)\b", pair.claim))
    found = [
        m for m in found if m[0] != "May" or re.search(r"\d|in $", pair.claim[max(0, m.start() - 3) : m.end() + 3])
    ]
    if not found:
        return None
    chosen = rng.choice(found)
    if chosen[0].isdigit():
        there = {m for text in pair.evidence for m in re.findall(r"\b(?:1[5-9]|20)\d\d\b", text)} - {chosen[0]}
        new = (
            rng.choice(sorted(there))
            if there and rng.random() < 0.6
            else str(int(chosen[0]) + rng.choice((-10, -3, -2, -1, 1, 2, 3, 7)))
        )
    else:
        new = rng.choice([name for name in (MONTHS if chosen[0] in MONTHS else DAYS) if name != chosen[0]])
    return _put(pair.claim, chosen, new), "contradicted" if not chosen[0].isdigit() else "not_supported"


_NAMES = re.compile(r"\b[A-Z][\w'’-]+(?: (?:of |the |de |al-)?[A-Z][\w'’-]+)*")
_NOT_NAMES = frozenset(
    "The A An In On At It He She They This That These Those There His Her Its Their After Before During When While If "
    "As For From With By But And Or However Although Since Most Many Some All Both Each One Two".split()
)


def _names_in(text: str) -> list[re.Match[str]]:
    return [m for m in _NAMES.finditer(text) if m[0].split()[0] not in _NOT_NAMES and m[0] not in MONTHS + DAYS]


def _name(pair: Pair, rng: random.Random) -> tuple[str, Label] | None:
    found = _names_in(pair.claim)
    if not found:
        return None
    chosen = rng.choice(found)
    lower = pair.claim.lower()
    pool = sorted({m[0] for text in pair.evidence for m in _names_in(text) if m[0].lower() not in lower})
    pool = [name for name in pool if not set(name.split()) & set(chosen[0].split())]
    if not pool:
        return None
    return _put(pair.claim, chosen, rng.choice(pool)), "not_supported"


def _role(pair: Pair, rng: random.Random) -> tuple[str, Label] | None:
    found = _names_in(pair.claim)
    if len(found) < 2:
        return None
    first, second = rng.choice(list(pairwise(found)))
    between = pair.claim[first.end() : second.start()]
    if not re.search(r"\b[a-z]{3,}\b", between) or re.fullmatch(r"[\s,]*(?:and|or|,)?[\s,]*", between):
        return None
    if re.match(r"[ ,]*(?:and|or|,)", between) or first[0] == second[0]:
        return None
    swapped = pair.claim[: first.start()] + second[0] + between + first[0] + pair.claim[second.end() :]
    return swapped, "not_supported"


def _negation(pair: Pair, rng: random.Random) -> tuple[str, Label] | None:
    if match := NEGATED.search(pair.claim):
        return _put(pair.claim, match, f"{match[1]} "), "contradicted"
    if match := AUXILIARY.search(pair.claim):
        return _put(
            pair.claim,
            match,
            f"{match[1]} {'never' if match[1] in ('has', 'had', 'have') and rng.random() < 0.4 else 'not'}",
        ), "contradicted"
    return None


def _opposite(pair: Pair, rng: random.Random) -> tuple[str, Label] | None:
    found = [m for m in re.finditer(r"\b[a-z]+\b", pair.claim) if m[0] in OPPOSITE]
    if not found:
        return None
    chosen = rng.choice(found)
    return _put(pair.claim, chosen, rng.choice(OPPOSITE[chosen[0]])), "contradicted"


def _weakened(pair: Pair, rng: random.Random) -> tuple[str, Label] | None:
    fits = [(pattern, new) for pattern, new in WEAKENED if pattern.search(pair.claim)]
    if not fits:
        return None
    pattern, new = rng.choice(fits)
    return pattern.sub(new, pair.claim, count=1), "not_supported"


AMOUNTS = [
    group.split()
    for group in (
        "two three four five six seven eight nine ten eleven twelve",
        "second third fourth fifth sixth seventh eighth ninth tenth",
        "dozens hundreds thousands millions",
        "hundred thousand million billion",
        "minutes hours days weeks months years decades",
        "minute hour day week month year decade",
        "doubled tripled halved",
        "twice thrice",
        "kilometres metres miles",
        "kilometers meters miles feet",
        "morning afternoon evening",
        "spring summer autumn winter",
        "daily weekly monthly yearly",
        "half third quarter fifth",
    )
]
AMOUNT: dict[str, list[str]] = {word: group for group in reversed(AMOUNTS) for word in group}


def _amount(pair: Pair, rng: random.Random) -> tuple[str, Label] | None:
    found = [m for m in re.finditer(r"\b[a-z]+\b", pair.claim) if m[0] in AMOUNT]
    if not found:
        return None
    chosen = rng.choice(found)
    there = set(re.findall(r"[a-z]+", " ".join(pair.evidence).lower()))
    others = [word for word in AMOUNT[chosen[0]] if word != chosen[0]]
    near = [word for word in others if word in there]
    return _put(pair.claim, chosen, rng.choice(near if near and rng.random() < 0.5 else others)), "not_supported"


def _verb(pair: Pair, rng: random.Random) -> tuple[str, Label] | None:
    found = [m for m in THIRD.finditer(pair.claim) if m.start()]
    if not found:
        return None
    chosen = rng.choice(found)
    there = set(stems(" ".join(pair.evidence) + " " + pair.claim))
    pool = [verb for verb in EVENT_VERBS if not set(stems(verb)) & there]
    return _put(pair.claim, chosen, rng.choice(pool)), "not_supported"


# Supported claims without what they stand on


def _elsewhere(supported: Sequence[Pair], people: Sequence[Pair], most: int, rng: random.Random) -> list[Pair]:
    """The evidence without its best sentence, or that of the claim most like it."""
    made: list[Pair] = []
    by_word: dict[str, list[int]] = defaultdict(list)
    pool = [pair for pair in people if pair.source in ("fever", "fever_symmetric", "begin")]
    for place, pair in enumerate(pool):
        for word in set(stems(" ".join(pair.evidence))):
            by_word[word].append(place)
    order = list(supported)
    rng.shuffle(order)
    for pair in order:
        words = set(stems(pair.claim))
        if not words:
            continue
        if len(pair.evidence) > 1:
            best = max(range(len(pair.evidence)), key=lambda i: len(words & set(stems(pair.evidence[i]))))
            rest = (*pair.evidence[:best], *pair.evidence[best + 1 :])
            if len(words & set(stems(" ".join(rest)))) > 0.7 * len(words):
                continue
            made.append(replace(pair, evidence=rest, label="unsupported", kind="elsewhere"))
        elif pair.source.startswith("fever"):
            rare = sorted((word for word in words if 1 < len(by_word[word]) < 400), key=lambda word: len(by_word[word]))
            near = {place for word in rare[:3] for place in by_word[word]}
            others = [pool[place] for place in sorted(near) if pool[place].evidence != pair.evidence]
            others = [other for other in others if other.part == pair.part]
            if others:
                best_other = max(
                    rng.sample(others, min(30, len(others))),
                    key=lambda o: len(words & set(stems(" ".join(o.evidence)))),
                )
                if len(words & set(stems(" ".join(best_other.evidence)))) <= 0.75 * len(words):
                    made.append(replace(pair, evidence=best_other.evidence, label="unsupported", kind="elsewhere"))
    train = [pair for pair in made if pair.part == "train"][:most]
    return train + [pair for pair in made if pair.part != "train"][: most // 20]
