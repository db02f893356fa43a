"""Examples for the reader: questions with passages that answer them, and with passages that look as if they did.

`make_examples` reads the sets listed in `training/reader.json` from a folder of JSON lines
and returns examples with a part (train, validation, test) that is drawn by article, never
by question.  How the unanswerable ones are made:

unanswerable  SQuAD2's, written by people against the same paragraph
retrieved     another paragraph that search ranks high for the question and that lacks the answer
removed       the question's own passage without the sentences that hold the answer
withheld      the question's own passage, which still tells the event, without the phrase that answers
entity        the question with a name or number of another passage of the same article
verb          the question with another verb, which the passage does not use
argument      who, when, where or why of a verb whose sentence does not say (QA-SRL names all that it says)
elsewhere     a question on one sentence asked of other sentences of the same article
neighbours    a question asked of the sentences that are nearest to the one that answers it
unrelated     a question that names nobody, asked of a text about something else
predicate, other   with `withheld`, what the texts written for this (`training/written/`) do not tell:
              by whom, when, where or why; another deed of the same people; the same of another thing or year

A second draw makes other negatives of the same articles.  SQuAD's question-and-sentence pairs
come without the answer's place; an earlier reader marks it.  Nothing reads the sets that are
for measuring.
"""

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import Stemmer
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from training.lines import read_lines, write_lines
from training.texts import ARTICLES, BACKGROUND, Part, drawn, part_of

Row = dict[str, Any]
Embed = Callable[[Sequence[str]], NDArray[np.float32]]
Mark = Callable[[str, str], tuple[int, int] | None]
"""Question and sentence to where the answer stands in it, or `None` where that is not sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question, a passage and where the answer stands in it."""

    question: str
    context: str
    spans: tuple[tuple[int, int], ...]
    """Character spans of the answers; none where the passage does not answer."""
    kind: str
    """`answer`, or how the unanswerable example was made."""
    source: str
    part: Part
    weight: float = 1.0


def write_examples(examples: Iterable[Example], path: Path) -> None:
    write_lines(map(asdict, examples), path)


def read_examples(path: Path) -> list[Example]:
    return [Example(**{**row, "spans": tuple(tuple(span) for span in row["spans"])}) for row in read_lines(path)]


def make_examples(data: Path, config: dict[str, Any], embed: Embed, mark: Mark, draw: int = 1) -> list[Example]:
    """All examples of all parts, each list in a fixed order for a given seed and draw; the parts are the same for all draws."""
    rng = random.Random(config["seed"])
    rows = read_sets(data)
    titles = _squad_titles(rows, config["split"], rng)
    rng = rng if draw == 1 else random.Random(f"{config['seed']} {draw}")
    part = {name: [_part_of(row, titles, config["split"]) for row in rows[name]] for name in rows}
    sentences = _articles(rows)
    positives = _positives(rows, part, sentences, config, rng)
    negatives = config["negatives"]
    pairs = _from_pairs(data, config["pairs"], embed, mark, rng)
    made = [
        *positives,
        *pairs,
        *_squad_unanswerable(rows, part, config),
        *_retrieved(positives, rows, negatives, embed, rng),
        *_removed(positives, negatives["removed"], rng),
        *_withheld([*positives, *pairs], negatives["withheld"], rng),
        *_entity(positives, rows, negatives["entity"], rng),
        *_verb(positives, negatives, embed, rng),
        *_argument(rows, part, sentences, negatives["argument"], rng),
        *_elsewhere(rows, part, sentences, negatives["elsewhere"], rng),
        *written(ARTICLES, "written", config["written"]),
        *written(BACKGROUND, "background", config["background"]),
    ]
    held_out = {example.context for example in made if example.part != "train"}
    return [example for example in made if _kept(example, held_out)]


def _kept(example: Example, held_out: set[str]) -> bool:
    """Leave out passages of another part, and most questions that QA-SRL's sentences could not fill."""
    if example.part == "train" and example.context in held_out:
        return False
    if example.source != "qasrl" or not re.search(r"\bsome(?:one|thing|where)\b", example.question):
        return True
    return example.kind == "answer" and drawn(example.question + example.context, 3) == 0


# Reading and splitting


def read_sets(data: Path) -> dict[str, list[Row]]:
    def read(name: str) -> list[Row]:
        found = read_lines(data / f"{name}.jsonl.gz")
        return [row for row in found if row.get("start_exact", True) and len(row["question"].split()) > 1]

    sets = {
        name: read(name)
        for name in (
            "squad_dev",
            "squad_v2_unanswerable_dev",
            "nq_oracle",
            "qed_dev",
            "afriqa_en",
            "policyqa",
            "covidqa_windows",
        )
    }
    sets["qamr"] = read("qamr_dev") + read("qamr_test")
    sets["qasrl"] = read("qasrl_gs")
    asked = {row["question"].lower() for row in sets["nq_oracle"]}
    sets["qed_dev"] = [row for row in sets["qed_dev"] if row["question"].lower() not in asked]
    return sets


def _title(row: Row) -> str:
    """The article: for single sentences the document of `Wiki1k:wikinews:1823406:3:4`."""
    title = str(row.get("title") or hashlib.sha256(row["context"].encode()).hexdigest()[:16])
    pieces = title.split(":")
    return ":".join(pieces[1:3]) if pieces[0] == "Wiki1k" else title.replace("_", " ").lower()


def _squad_titles(rows: dict[str, list[Row]], split: dict[str, int], rng: random.Random) -> dict[str, Part]:
    with_unanswerable = sorted({_title(row) for row in rows["squad_v2_unanswerable_dev"]})
    without = sorted({_title(row) for row in rows["squad_dev"]} - set(with_unanswerable))
    rng.shuffle(with_unanswerable)
    rng.shuffle(without)
    test = with_unanswerable[: split["squad_test"] - 2] + without[:2]
    validation = with_unanswerable[len(test) - 2 :][: split["squad_validation"]]
    parts: dict[str, Part] = dict.fromkeys(with_unanswerable + without, "train")
    return {**parts, **dict.fromkeys(test, "test"), **dict.fromkeys(validation, "validation")}


def _part_of(row: Row, titles: dict[str, Part], split: dict[str, int]) -> Part:
    """By article over all sets, so that one found in two sets lands in one part."""
    title = _title(row)
    if title in titles:
        return titles[title]
    place = drawn(title)
    if place < split["test_percent"]:
        return "test"
    return "validation" if place < split["test_percent"] + split["validation_percent"] else "train"


def _spans(row: Row) -> tuple[tuple[int, int], ...]:
    return tuple(sorted({(a["start"], a["start"] + len(a["text"])) for a in row["answers"]}))


def _sample(items: Sequence[Any], most: int, rng: random.Random) -> list[Any]:
    return rng.sample(list(items), min(most, len(items)))


def _drawn(examples: Sequence[Example], most: int, rng: random.Random) -> tuple[list[Example], list[Example]]:
    """At most so many examples for training, and an eighth of that for the other parts."""
    train = _sample([e for e in examples if e.part == "train"], most, rng)
    return train, _sample([e for e in examples if e.part != "train"], most // 8, rng)


# Answerable


def _positives(
    rows: dict[str, list[Row]],
    part: dict[str, list[Part]],
    sentences: dict[str, list[str]],
    config: dict[str, Any],
    rng: random.Random,
) -> list[Example]:
    made: list[Example] = []
    for name, source in config["sources"].items():
        if name == "squad_v2_unanswerable_dev":
            continue
        pairs = list(zip(rows[name], part[name], strict=True))
        if name == "qasrl":
            pairs = [(row, p) for row, p in zip(_filled(rows[name]), part[name], strict=True)]
        for row, where in _sample(pairs, source.get("most", len(pairs)), rng):
            spans = _spans(row)
            if not spans:
                continue
            context, shift = row["context"], 0
            if name in ("qamr", "qasrl") and rng.random() < 0.5:
                context, shift = _joined(row, sentences, rng)
            example = Example(
                question=row["question"],
                context=context,
                spans=tuple((start + shift, end + shift) for start, end in spans),
                kind="answer",
                source=name,
                part=where,
                weight=source["weight"],
            )
            made += [example] * (source["copies"] if where == "train" else 1)
    return made


def _squad_unanswerable(
    rows: dict[str, list[Row]], part: dict[str, list[Part]], config: dict[str, Any]
) -> list[Example]:
    name = "squad_v2_unanswerable_dev"
    source = config["sources"][name]
    made = []
    for row, where in zip(rows[name], part[name], strict=True):
        example = _negative(row["question"], row["context"], "unanswerable", "squad_dev", where, source["weight"])
        made += [example] * (source["copies"] if where == "train" else 1)
    return made


def _negative(question: str, context: str, kind: str, source: str, part: Part, weight: float = 1.0) -> Example:
    return Example(question=question, context=context, spans=(), kind=kind, source=source, part=part, weight=weight)


def _articles(rows: dict[str, list[Row]]) -> dict[str, list[str]]:
    """Sentences of each article of QAMR and QA-SRL, in reading order."""
    found: dict[str, dict[tuple[int, int], str]] = defaultdict(dict)
    for row in rows["qamr"] + rows["qasrl"]:
        pieces = row["title"].split(":")
        if len(pieces) >= 5 and pieces[3].isdigit() and pieces[4].isdigit():
            found[_title(row)][int(pieces[3]), int(pieces[4])] = row["context"]
    return {title: [text for _, text in sorted(places.items())] for title, places in found.items()}


def _joined(row: Row, sentences: dict[str, list[str]], rng: random.Random) -> tuple[str, int]:
    """The row's sentence between others of its article, and how far it moved."""
    around = sentences.get(_title(row), [])
    if row["context"] not in around:
        return row["context"], 0
    place = around.index(row["context"])
    before = around[max(0, place - rng.randint(0, 3)) : place]
    after = around[place + 1 : place + 1 + rng.randint(0, 3)]
    head = "".join(text + " " for text in before)
    return head + " ".join([row["context"], *after]), len(head)


# Texts written for training


def written(path: Path, source: str, config: dict[str, Any]) -> list[Example]:
    """Questions on the texts that come with this package, those without an answer included.

    Of the answered ones some are asked of the text without its answer, some that name somebody or something of the
    text most like it, and some that name nothing of a text about something else.
    """
    rng = random.Random(config["seed"])
    made = _as_written(path, source, config["copies"])
    answered = [example for example in dict.fromkeys(made) if example.spans]
    return [
        *made,
        *_removed(answered, {source: config["removed"]}, rng),
        *_of_another(answered, config["retrieved"], "retrieved", rng),
        *_of_another(answered, config["unrelated"], "unrelated", rng),
    ]


NEAREST_TEXTS = 6
"""Texts most like a question's own that a question with names is asked of."""
FAR_TEXTS = slice(15, 60)
"""Places of texts that are about something else, though not always of another field, in the same order."""


def _of_another(
    answered: Sequence[Example], most: int, kind: Literal["retrieved", "unrelated"], rng: random.Random
) -> list[Example]:
    """Answered questions asked of another text, which answers neither those with names nor, far off, those without."""
    made = []
    for part in ("train", "validation", "test"):
        within = [example for example in answered if example.part == part]
        found = [example for example in within if bool(_named(example.question)) == (kind == "retrieved")]
        contexts = sorted({example.context for example in within})
        if not found:
            continue
        tfidf = TfidfVectorizer(sublinear_tf=True, stop_words="english", dtype=np.float32)
        lexical = tfidf.fit_transform(contexts)
        words = {text: set(re.findall(r"\w+", text)) for text in contexts}
        for example in _sample(found, most // (1 if part == "train" else 16), rng):
            names = _named(example.question)
            scores = (lexical @ tfidf.transform([f"{example.question} {example.context[:300]}"]).T).toarray()[:, 0]
            ranked = [contexts[place] for place in np.argsort(-scores)]
            others = [text for text in ranked if text != example.context and not names & words[text]]
            others = others[:NEAREST_TEXTS] if kind == "retrieved" else others[FAR_TEXTS]
            if others:
                made.append(replace(example, context=rng.choice(others), spans=(), kind=kind))
    return made


def _named(question: str) -> set[str]:
    """The capitalised words of a question behind its first."""
    return set(re.findall(r"(?<=\s)[A-Z]\w{2,}", question))


def _as_written(path: Path, source: str, copies: int) -> list[Example]:
    made = []
    for row in read_lines(path):
        part = part_of(row["title"])
        for asked in row["questions"]:
            example = Example(
                question=asked["q"],
                context=row["text"],
                spans=_written_span(row["text"], asked),
                kind="answer" if asked["a"] else asked["kind"],
                source=source,
                part=part,
            )
            made += [example] * (copies if part == "train" else 1)
    return made


def _written_span(text: str, asked: Row) -> tuple[tuple[int, int], ...]:
    """Where the answer stands in the sentence that is named with it."""
    if not asked["a"]:
        return ()
    start = text.index(asked["sentence"]) + asked["sentence"].index(asked["a"])
    return ((start, start + len(asked["a"])),)


# QA-SRL: its questions say "someone" and "something"; the sentence's own words are put in their place

AUXILIARIES = frozenset(
    "am is are was were be been being do does did has have had having will would can could may might must shall "
    "should not n't".split()
)
EMPTY = frozenset("someone something somewhere do doing".split())
PREPOSITIONS = frozenset(
    "about above across after against along among around as at away back before behind by down during for from in "
    "into of off on onto out over through to toward towards under up upon with within without like than".split()
)
SUBJECT = re.compile(r"^(?:who|what) (?!did|does|do\b)")
OBJECT = re.compile(
    r"^(?:who|what) (?:did|does|do|has|have|had|will|would|can|could|may|might|should) (?:someone|something)\b"
)
PASSIVE = re.compile(
    r"^(?:who|what) (?:was|were|is|are|(?:has|have|had) been|(?:might|will|would|can|could) be)(?: being)? (\w+)"
)

_stemmer = Stemmer.Stemmer("english")


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return str(_stemmer.stemWord(word.lower()))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:n't)?", text.lower())


def _verb_of(question: str) -> str:
    """The verb of a QA-SRL question: its one word that is neither scaffold nor preposition."""
    rest = [w for w in _words(question)[1:] if w not in AUXILIARIES | EMPTY | PREPOSITIONS]
    return rest[0] if rest and rest[0] not in ("much", "many", "long", "often") else (rest[1] if len(rest) > 1 else "")


def _arguments(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """QA-SRL's questions by sentence and stem of the verb."""
    verbs: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        verb = _verb_of(row["question"])
        if verb:
            verbs[row["context"], _stem(verb)].append(row)
    return verbs


def _filler(group: Sequence[Row], pattern: re.Pattern[str]) -> str:
    for row in group:
        question = row["question"].lower()
        if pattern.match(question) and not (pattern is SUBJECT and PASSIVE.match(question)):
            texts = [a["text"] for a in row["answers"] if 1 <= len(a["text"].split()) <= 8]
            texts = [t for t in texts if t.split()[0].lower() not in PREPOSITIONS]
            if texts:
                return str(max(texts, key=len))
    return ""


def _lower_first(text: str) -> str:
    first = text.split()[0]
    return text[0].lower() + text[1:] if first in ("The", "A", "An", "This", "These", "His", "Her", "Its") else text


def _filled(rows: Sequence[Row]) -> list[Row]:
    """The questions with the sentence's own subject and object, where the sentence gives them."""
    verbs = _arguments(rows)
    made = []
    for row in rows:
        verb = _verb_of(row["question"])
        group = verbs.get((row["context"], _stem(verb)), []) if verb else []
        made.append({**row, "question": _fill(row["question"], group)})
    return made


def _fill(question: str, group: Sequence[Row]) -> str:
    lower = question.lower()
    subject, thing = _filler(group, SUBJECT), _filler(group, OBJECT) or _filler(group, PASSIVE)
    passive = bool(re.search(r"\b(?:was|were|is|are|be|been|being)\b", lower))
    if passive:
        if subject:
            question = re.sub(r"\bby someone\b", f"by {_lower_first(subject)}", question)
        if thing and not PASSIVE.match(lower):
            question = re.sub(r"\b(?:someone|something)\b(?! by)", _escape(thing), question, count=1)
        return question
    asks_subject = bool(SUBJECT.match(lower)) and not OBJECT.match(lower)
    if asks_subject and thing:
        return re.sub(r"\b(?:someone|something)\b", _escape(thing), question, count=1)
    if not asks_subject and subject:
        question = re.sub(r"\b(?:someone|something)\b", _escape(subject), question, count=1)
        if thing and not OBJECT.match(lower):
            question = re.sub(r"\b(?:someone|something)\b", _escape(thing), question, count=1)
    return question


def _escape(text: str) -> str:
    return _lower_first(text).replace("\\", "\\\\")


ABSENT = {
    "Who": re.compile(r"\bby\b", re.IGNORECASE),
    "When": re.compile(
        r"\d|day\b|month|year|week|today|yesterday|\b(?:when|after|before|during|since|until|as|while|ago|now|"
        r"current\w*|recent\w*|january|february|march|april|may|june|july|august|september|october|november|december)\b",
        re.IGNORECASE,
    ),
    "Where": re.compile(r"\b(?:in|at|on|from|to|near|across|within|where)\b", re.IGNORECASE),
    "Why": re.compile(r"\b(?:because|for|to|due|over|after|since|as|so|why|in order)\b", re.IGNORECASE),
}


def _argument(
    rows: dict[str, list[Row]],
    part: dict[str, list[Part]],
    sentences: dict[str, list[str]],
    most: int,
    rng: random.Random,
) -> list[Example]:
    """Ask for what the sentence leaves out: "Who signed the pact?" where a pact "was signed"."""
    where = {row["context"]: p for row, p in zip(rows["qasrl"], part["qasrl"], strict=True)}
    made = []
    for (context, _), group in sorted(_arguments(rows["qasrl"]).items()):
        thing = _filler(group, PASSIVE)
        passive = next((m for row in group if (m := PASSIVE.match(row["question"].lower()))), None)
        if not thing or passive is None or len(thing.split()) < 2 or not passive[1].endswith(("ed", "en", "wn", "id")):
            continue
        asked = {row["question"].split()[0] for row in group}
        agent = any(SUBJECT.match(q) and not PASSIVE.match(q) for q in (row["question"].lower() for row in group))
        agent = agent or any(row["question"].split()[:2] == ["Who", "might"] for row in group)
        around = context[max(0, context.lower().find(passive[1])) :]
        questions = []
        if not agent and not ABSENT["Who"].search(around) and passive[1].endswith("ed"):
            questions.append(f"Who {passive[1]} {_lower_first(thing)}?")
            questions.append(f"Who was {_lower_first(thing)} {passive[1]} by?")
        plural = "were" if thing.split()[-1].endswith("s") else "was"
        for word in ("When", "Where", "Why"):
            if word not in asked and not ABSENT[word].search(context):
                questions.append(f"{word} {plural} {_lower_first(thing)} {passive[1]}?")
        told = _among(group[0], passive[1], sentences, rng)
        for question in questions:
            made.append(_negative(question, told, "argument", "qasrl", where[context], 0.8))
    return _sample(made, most, rng)


def _among(row: Row, verb: str, sentences: dict[str, list[str]], rng: random.Random) -> str:
    """The row's sentence among others of its article, which name people and days but not the verb."""
    context, _ = _joined(row, sentences, rng)
    others = context.replace(row["context"], " ")
    return str(row["context"]) if _stem(verb) in {_stem(word) for word in _words(others)} else context


def _elsewhere(
    rows: dict[str, list[Row]],
    part: dict[str, list[Part]],
    sentences: dict[str, list[str]],
    most: int,
    rng: random.Random,
) -> list[Example]:
    pairs = [(row, p, "qamr") for row, p in zip(rows["qamr"], part["qamr"], strict=True)]
    pairs += [(row, p, "qasrl") for row, p in zip(_filled(rows["qasrl"]), part["qasrl"], strict=True)]
    pairs = [pair for pair in pairs if not re.search(r"\bsome(?:one|thing)\b", pair[0]["question"])]
    made: list[Example] = []
    for row, where, source in _sample(pairs, len(pairs), rng):
        others = [text for text in sentences.get(_title(row), []) if text != row["context"] and not _holds(row, text)]
        names = {w for w in re.findall(r"[A-Z]\w{2,}", row["question"][1:])}
        shared = [text for text in others if any(name in text for name in names)]
        pool = shared or (others if rng.random() < 0.3 else [])
        if not pool:
            continue
        place = others.index(rng.choice(pool))
        context = " ".join(others[max(0, place - rng.randint(0, 2)) : place + 1 + rng.randint(0, 2)])
        made.append(_negative(row["question"], context, "elsewhere", source, where, 0.8))
        if len(made) == most:
            break
    return made


# The same question elsewhere


def _holds(row: Row, context: str) -> bool:
    lower = context.lower()
    return any(answer["text"].lower() in lower for answer in row["answers"])


def _answers(example: Example) -> list[str]:
    return [example.context[start:end].lower() for start, end in example.spans]


def _distinct(positives: Sequence[Example], source: str) -> list[Example]:
    return list(dict.fromkeys(example for example in positives if example.source == source))


def _retrieved(
    positives: Sequence[Example], rows: dict[str, list[Row]], config: dict[str, Any], embed: Embed, rng: random.Random
) -> list[Example]:
    """Half dense, half TF-IDF cosine, as the assistant's own search mixes the two."""
    names = list(config["retrieved"])
    contexts = sorted({row["context"] for name in names for row in rows[name]})
    examples = []
    for name in names:
        found = _distinct(positives, name)
        train = [example for example in found if example.part == "train"]
        examples += _sample(train, config["retrieved"][name], rng)
        examples += [example for example in found if example.part != "train"]
    tfidf = TfidfVectorizer(sublinear_tf=True, stop_words="english", dtype=np.float32)
    lexical = tfidf.fit_transform(contexts)
    asked = tfidf.transform([example.question for example in examples])
    dense = embed(contexts)
    questions = embed([example.question for example in examples])
    made = []
    for first in range(0, len(examples), 512):
        scores = questions[first : first + 512] @ dense.T + (asked[first : first + 512] @ lexical.T).toarray()
        for example, line in zip(examples[first : first + 512], scores, strict=True):
            answers = _answers(example)
            nearest = np.argpartition(-line, 40)[:40]
            ranked = [contexts[i] for i in nearest[np.argsort(-line[nearest])]]
            wrong = [c for c in ranked if c != example.context and not any(a in c.lower() for a in answers)]
            wrong = wrong[: config["retrieved_ranks"] if example.part == "train" else 1]
            if wrong:
                chosen = rng.choice(wrong)
                made.append(replace(example, context=chosen, spans=(), kind="retrieved"))
    return made


SENTENCE_END = re.compile(r"(?<=[.!?])[\"”)]?\s+(?=[A-Z\"“(\d])")


def _removed(positives: Sequence[Example], counts: dict[str, int], rng: random.Random) -> list[Example]:
    made: list[Example] = []
    for name, most in counts.items():
        found = []
        for example in _distinct(positives, name):
            answers = _answers(example)
            kept = [s for s in SENTENCE_END.split(example.context) if not any(a in s.lower() for a in answers)]
            context = " ".join(kept)
            if len(context) >= 120 and not any(a in context.lower() for a in answers):
                found.append(replace(example, context=context, spans=(), kind="removed"))
        train, held_out = _drawn(found, most, rng)
        made += train + held_out
    return made


PHRASES = {
    "who": frozenset("by with to from".split()),
    "when": frozenset("in on since during from until by".split()),
    "where": frozenset("in at on near from to".split()),
}
WITHHELD = re.compile(r"(?P<comma>,)?\s+(?P<word>by|with|to|from|in|on|since|during|until|at|near)\s+(?:the |an? )?$")
FOLLOWS = re.compile(
    r"\s*(?:[.,;:)]|$)|\s+(?:and|or|but|to|in|on|at|by|for|from|with|after|before|when|while|as|because|during|until|"
    r"since|under|into|through|following|against|which|who|that|where|is|was|were|has|had|will)\b"
)
ASKS = {
    "who": re.compile(r"\bwho(?:m)?\b", re.IGNORECASE),
    "when": re.compile(r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade)\b", re.IGNORECASE),
    "where": re.compile(
        r"\bwhere\b|\b(?:what|which) (?:city|country|state|town|place|county|region|continent)\b", re.IGNORECASE
    ),
}


def _withheld(positives: Sequence[Example], counts: dict[str, int], rng: random.Random) -> list[Example]:
    """The event told and the detail left out ("was signed by X in May" asked for who), something of its sort nearby."""
    made: list[Example] = []
    for name, most in counts.items():
        found = []
        for example in _distinct(positives, name):
            context = _without_phrase(example)
            if context:
                found.append(
                    replace(example, context=context, spans=(), kind="withheld", weight=min(1.0, example.weight + 0.2))
                )
        train, held_out = _drawn(found, most, rng)
        made += train * 2 + held_out
    return made


def _without_phrase(example: Example) -> str:
    asked = next((kind for kind, pattern in ASKS.items() if pattern.search(example.question)), "")
    answers = _answers(example)
    for start, end in example.spans if asked else ():
        cut = _phrase(example.context, start, end, asked)
        if cut is None:
            continue
        mark = "\x00"
        left = example.context[: cut[0]] + mark + example.context[cut[1] :]
        kept = [s for s in SENTENCE_END.split(left) if mark in s or not any(a in s.lower() for a in answers)]
        context = " ".join(kept).replace(mark, "")
        if any(a in context.lower() for a in answers) or len(context) < 100:
            continue
        tempting = NUMBER if asked == "when" else NAME
        named = set(_words(example.question))
        if any(named.isdisjoint(_words(m[0])) for m in tempting.finditer(context)):
            return context
    return ""


def _phrase(text: str, start: int, end: int, asked: str) -> tuple[int, int] | None:
    """Where the phrase around an answer begins and ends that a sentence can do without."""
    before, after = text[:start], text[end:]
    if end - start > 60:
        return None
    found = WITHHELD.search(before)
    if found and found["word"] in PHRASES[asked] and FOLLOWS.match(after):
        closes = 1 if found["comma"] and after.startswith(",") else 0
        return found.start(), end + closes
    if before.endswith(", ") and after.startswith(","):
        return start - 2, end + 1
    if before.endswith(" (") and after.startswith(")"):
        return start - 2, end + 1
    return None


# The question changed

NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][\w'’-]+(?: (?:of |the |de |al-)?[A-Z][\w'’-]+)*")
NUMBER = re.compile(r"\b\d[\d,.]*\d\b|\b\d\b")


def _entity(
    positives: Sequence[Example], rows: dict[str, list[Row]], counts: dict[str, int], rng: random.Random
) -> list[Example]:
    """Put a name or number of another passage of the same article into the question."""
    title_of = {row["context"]: _title(row) for name in counts for row in rows[name]}
    passages: dict[str, set[str]] = defaultdict(set)
    for context, title in title_of.items():
        passages[title].add(context)
    made: list[Example] = []
    for name, most in counts.items():
        whole = sorted({row["context"] for row in rows[name]})
        found = []
        for example in _sample(_distinct(positives, name), 10**6, rng):
            others = sorted(passages[title_of.get(example.context, "")] - {example.context})
            others = _sample(others, 8, rng) or _sample(whole, 8, rng)
            changed = _swap(example, others, rng)
            if changed:
                found.append(replace(example, question=changed, spans=(), kind="entity", weight=0.8))
        made += [e for e in found if e.part == "train"][:most]
        made += [e for e in found if e.part != "train"][: most // 8]
    return made


def _swap(example: Example, others: Sequence[str], rng: random.Random) -> str:
    question, context = example.question, example.context
    for pattern in (NUMBER, NAME) if rng.random() < 0.5 else (NAME, NUMBER):
        here = [m for m in pattern.finditer(question) if m.start() and m[0] in context and len(m[0]) > 2]
        if not here:
            continue
        mention = rng.choice(here)
        pool = {m[0] for text in others for m in pattern.finditer(text)}
        words = len(mention[0].split())
        lower = context.lower() + question.lower()
        fits = [p for p in sorted(pool) if p.lower() not in lower and abs(len(p.split()) - words) <= 1 and len(p) > 2]
        if pattern is NUMBER:
            fits = [p for p in fits if len(p) == len(mention[0])]
        if fits:
            return question[: mention.start()] + rng.choice(fits) + question[mention.end() :]
    return ""


WHO_DID = re.compile(
    r"^(Who|What|Which [\w ]{1,30}?|Where|When) (\w+ed|won|wrote|built|led|made|gave|took|held|sold|bought|sent|met|found|paid|drew|began|ran) (?!by\b)\w"
)
DID = re.compile(r"\b(?:was|were|is|are|been|be|being|[A-Z]\w+|it|he|she|they|the \w+) (\w{3,}ed)\b")
EVENT_VERBS = (
    "announced signed unveiled proposed rejected funded approved criticised hosted drafted cancelled brokered welcomed "
    "ratified opposed attended organised reported investigated launched negotiated led built designed discovered "
    "invented owned destroyed published translated married defeated founded appointed arrested accused killed "
    "sponsored suspended directed recorded inspired replaced protested witnessed denied mentioned"
).split()


def _verb(positives: Sequence[Example], config: dict[str, Any], embed: Embed, rng: random.Random) -> list[Example]:
    """Another verb in the question, neither in the passage nor near in meaning to the one that stood there."""
    low, high = config["verb_similarity"]
    chosen = []
    pool: set[str] = set(EVENT_VERBS)
    for name in config["verb"]:
        for example in _sample(_distinct(positives, name), 10**6, rng):
            match = WHO_DID.match(example.question)
            span = match.span(2) if match else None
            if span is None and (match := DID.search(example.question)):
                span = match.span(1)
            if span and (word := example.question[slice(*span)]).islower():
                chosen.append((example, span))
                pool.add(word)
    verbs = sorted(pool)
    vectors = dict(zip(verbs, embed([f"someone {verb} something" for verb in verbs]), strict=True))
    counts = {(name, train): 0 for name in config["verb"] for train in (True, False)}
    made = []
    for example, (start, end) in chosen:
        key = example.source, example.part == "train"
        if counts[key] >= config["verb"][example.source] // (1 if key[1] else 8):
            continue
        here = {_stem(word) for word in _words(example.context + " " + example.question)}
        old = vectors[example.question[start:end]]
        candidates = rng.sample(EVENT_VERBS, 12) + rng.sample(verbs, 12)
        fits = [v for v in candidates if _stem(v) not in here and low <= float(vectors[v] @ old) <= high]
        if fits:
            question = example.question[:start] + fits[0] + example.question[end:]
            made.append(replace(example, question=question, spans=(), kind="verb", weight=0.8))
            counts[key] += 1
    return made


# Questions with a sentence, and no more


def _from_pairs(data: Path, config: dict[str, Any], embed: Embed, mark: Mark, rng: random.Random) -> list[Example]:
    """SQuAD's questions with the sentence that answers, among the sentences nearest to it, or with those alone.

    All of them are for training: no article of SQuAD's training part is in its development part.
    """
    rows = [row for row in read_lines(data.parent / "pairs" / f"{config['name']}.jsonl.gz") if row["positive"].strip()]
    sentences = sorted({row["positive"] for row in rows})
    place_of = {sentence: place for place, sentence in enumerate(sentences)}
    vectors = embed(sentences)
    made: list[Example] = []
    wrong = 0
    for row in _sample(rows, config["most"], rng):
        question, sentence = row["question"], row["positive"]
        span = mark(question, sentence)
        if span is None:
            continue
        answer = sentence[slice(*span)].lower()
        order = np.argsort(-(vectors @ vectors[place_of[sentence]]))[1:9]
        near = [sentences[i] for i in order if answer not in sentences[i].lower()]
        before, after = near[: rng.randint(0, 2)], near[2 : 2 + rng.randint(0, 2)]
        shift = sum(len(text) + 1 for text in before)
        made.append(
            Example(
                question=question,
                context=" ".join([*before, sentence, *after]),
                spans=((span[0] + shift, span[1] + shift),),
                kind="answer",
                source="squad_pairs",
                part="train",
                weight=config["weight"],
            )
        )
        if near and wrong < config["negatives"]:
            wrong += 1
            context = " ".join(_sample(near[:4], rng.randint(1, 4), rng))
            made.append(_negative(question, context, "neighbours", "squad_pairs", "train", config["weight"]))
    return made
