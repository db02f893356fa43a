"""Kinds of answers: the names, numbers, times and places that a sentence offers.

Given a question, the candidates of the kind it asks for, and who holds an office or what something is.
"""

import re
from dataclasses import dataclass

from assistant.question import Kind, Question, parse_question
from assistant.terms import stem, stems

_MONTH = (
    r"(?:jan(?:uary|\.)?|feb(?:ruary|\.)?|mar(?:ch|\.)?|apr(?:il|\.)?|may|june?|july?|aug(?:ust|\.)?|sept?(?:ember|\.)?|oct(?:ober|\.)?|nov(?:ember|\.)?|dec(?:ember|\.)?|"
    r"janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre)"
)
_NUMBER_WORD = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|"
    r"seventy|eighty|ninety|a hundred|a thousand|a million|a dozen|half|a third|a quarter|hundreds|thousands|dozens|millions|billions|twice)"
)
_SCALE = r"(?:\s*(?:hundred|thousand|million|billion|trillion|m|bn|k|dozen)\b)?"
_NUMERAL = rf"(?<![\w.])(?:\d[\d,]*(?:\.\d+)?{_SCALE}(?:\s*(?:%|per ?cent|percent))?|{_NUMBER_WORD}(?:[- ]{_NUMBER_WORD})*{_SCALE}(?:\s*per ?cent)?)(?![\w])"
_TIME = re.compile(
    rf"\b(?:(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?(?:{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:,?\s+\d{{4}})?|"
    rf"{_MONTH}\s+\d{{4}})|(?:early|mid|late)?[- ]?(?:1[0-9]|20)\d\d(?:s|[-–](?:\d\d|\d{{4}}))?|(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday|today|tomorrow|tonight|"
    rf"(?:last|next|this)\s+(?:week|month|year|spring|summer|autumn|fall|winter|night|{_MONTH}|(?:mon|tues|wednes|thurs|fri|satur|sun)day)|"
    rf"\d+(?:st|nd|rd|th)\s+century|(?:the\s+)?(?:\d+|{_NUMBER_WORD})\s+(?:years?|months?|weeks?|days?|hours?|minutes?|decades?|centuries)\s+(?:ago|earlier|later|before|after)|\d{{1,2}}(?::\d\d)?\s*(?:[ap]\.m\.|[ap]m)|in {_MONTH}|{_MONTH})(?![\w])",
    re.IGNORECASE,
)
_CURRENCY = (
    "naira|shillings?|rand|yen|yuan|renminbi|rupees?|kron(?:e|er|or|a|as)|króna|krónur|roubles?|rubles?|hryvnias?|zloty(?:s|ch)?|"
    "forints?|leu|lei|leva?|liras?|lire|shekels?|dirhams?|dinars?|riyals?|rials?|pesos?|reals|reais|bolivars?|soles|cedis?|"
    "kwachas?|birr|dalasis?|ariary|ouguiyas?|pula|meticais|won|baht|ringgit|rupiah|dong|takas?|afghanis?|tenge|bitcoins?"
)
_MONEY = re.compile(
    rf"(?:(?:US|A|C|AU|CA|NZ)?[$£€¥₦]|(?<!\w)(?:USD|EUR|GBP|CFA|Rs\.?|KSh|(?-i:R))\s?)\s?\d[\d,]*(?:\.\d+)?{_SCALE}|(?:\d[\d,]*(?:\.\d+)?|{_NUMBER_WORD}){_SCALE}\s*(?:US\s*)?(?:dollars?|euros?|pounds?|francs?|CFA|{_CURRENCY}|cents|pence)\b",
    re.IGNORECASE,
)
_DURATION = re.compile(
    rf"(?:\d[\d,.]*|{_NUMBER_WORD}|several|a few|an?)[-\s]+(?:year|month|week|day|hour|minute|second|decade|centur(?:y|ie))s?\b(?!\s+(?:ago|earlier|old))",
    re.IGNORECASE,
)
_MEASURE = re.compile(
    rf"(?:\d[\d,.]*|{_NUMBER_WORD}){_SCALE}[-\s]*(?:k?m|cm|mm|kilomet(?:er|re)s?|met(?:er|re)s?|miles?|feet|foot|ft|inch(?:es)?|yards?|"
    r"kg|kilograms?|kilos?|grams?|tons?|tonnes?|pounds?|lbs?|mph|km/h|kph|knots|hectares?|acres?|lit(?:er|re)s?|degrees?)\b",
    re.IGNORECASE,
)
_COUNT = re.compile(_NUMERAL, re.IGNORECASE)
_ASKS_AGE = re.compile(r"\bhow old\b|\bwhat age\b|\bthe age of\b|\bquel âge\b", re.IGNORECASE)
_AGE = re.compile(
    rf"(?<=,\s)\d{{1,3}}(?=[,.])|(?<=\()\d{{1,3}}(?=\))|\b(?:aged?|age of|turn(?:s|ed))\s+(?:of\s+)?(?:\d{{1,3}}|{_NUMBER_WORD})\b|"
    rf"\b(?:\d{{1,3}}|{_NUMBER_WORD}(?:[- ]{_NUMBER_WORD})?)[-\s]+years?(?:[-\s]+of[-\s]+age|[-\s]+old)\b",
    re.IGNORECASE,
)
_PROPER = re.compile(
    r"(?<![\w])(?:(?:[A-ZÀ-ÖØ-Þ][\w’'-]*[\w]|[A-Z]\.?)(?:(?:\s+|\s+(?:of|of the|de|du|la|al|bin|van|von|and the|for|&)\s+)(?=[A-ZÀ-ÖØ-Þ])(?:[A-ZÀ-ÖØ-Þ][\w’'-]*[\w]|[A-Z]\.?))*)"
)
_ADJECTIVE = re.compile(r"(?:an|ese|ish|ian|abe|ench|utch|eek|aeli|aqi|ani)$")
_DEFINING = (
    r"(?P<what>(?:[A-Z][\w’'-]+\s+(?:(?:of|the|and|for|de|des|du|on|in)\s+)*){2,})\(NAME\)",
    r"(?P<what>(?:[A-Z][\w’'-]+\s+){1,4})NAME\b",
    r"NAME,\s+(?P<what>(?:(?:a|an|the|its|his|her|one)\s+|(?:former |current |acting )?(?:[Pp]resident|[Cc]hief|[Hh]ead|[Mm]inister|[Dd]irector|[Ll]eader|[Ff]ounder|[Cc]hair\w*|[Ss]pokes\w+|[Pp]rofessor|[Ss]ecretary))[^,;.]{2,90})",
    r"NAME\s+(?:is|was|are|were)\s+(?P<what>(?:a|an|the|one)\s+[^,;.]{2,90})",
    r"NAME\s+\((?P<what>[^)]{3,80})\)",
)
_PLACE_BEFORE = re.compile(
    r"(?:\b(?:in|at|from|to|near|outside|across|around|into|visit(?:ed|ing)?|of|capital,|city of|town of)\s+(?:the\s+|central\s+|northern\s+|southern\s+|eastern\s+|western\s+|capital,?\s+|nearby\s+)*|capital,\s+)$",
    re.IGNORECASE,
)
_OPENERS = frozenset(
    "the a an this these those that it its his her their he she they in on at of for from by to as but and or if when while though although however since during after before both "
    "such there here what who where why how according despite with without under over most many some all no not we you i our my your one two three four five six seven eight nine ten "
    "yes also then now still yet once meanwhile instead because until among between each every another other several few more less first second third last next mr mrs ms dr "
    "january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Words of a sentence that could be the short answer."""

    text: str
    """The words."""
    start: int
    """Offset in the sentence."""
    end: int
    """Offset behind them in the sentence."""


def candidates(kind: Kind, sentence: str) -> list[Candidate]:
    """All names, numbers, times or places of a sentence that an answer of this kind could be."""
    if kind == "who":
        return _names(sentence)
    if kind == "where":
        return [name for name in _names(sentence) if _PLACE_BEFORE.search(sentence[: name.start])]
    pattern = {"when": _TIME, "money": _MONEY, "duration": _DURATION, "measure": _MEASURE, "count": _COUNT}.get(kind)
    if pattern is None:
        return []
    found = [Candidate(text=m.group().strip(), start=m.start(), end=m.end()) for m in pattern.finditer(sentence)]
    if kind == "count":
        times = [m.span() for m in _TIME.finditer(sentence)]
        found = [c for c in found if not any(start <= c.start < end for start, end in times)]
    return found


def has_answer_of(question: Question, sentence: str) -> bool:
    """Whether a sentence offers something of the kind asked for that the question does not name itself."""
    if question.kind == "definition":
        return define(question, sentence) is not None
    return bool(new_candidates(question, sentence))


def new_candidates(question: Question, sentence: str) -> list[Candidate]:
    """The candidates of the kind asked for that the question does not name itself, in reading order."""
    if _held_by_another(question, sentence):
        return []
    offered = candidates(question.kind, sentence)
    if question.kind == "when":
        offered = [item for item in offered if _answers_when(question, item, sentence)]
    if asks_age(question):
        ages = [match.span() for match in _AGE.finditer(sentence)]
        offered = [item for item in offered if any(start <= item.start < end for start, end in ages)]
    if question.kind == "count" and _ASKS_SHARE.search(question.text):
        offered = [item for item in offered if _SHARE.match(sentence, item.start)]
    return [found for found in offered if _new(question, found, sentence)]


_ASKS_SHARE = re.compile(r"\b(?:percentage|per ?cent)\b", re.IGNORECASE)
_SHARE = re.compile(
    rf"[\d.,]+\s*(?:%|per ?cent|percentage)|(?:\d+|{_NUMBER_WORD})\s+(?:in|out of|of every)\s|{_NUMBER_WORD}(?:[- ]{_NUMBER_WORD})*\s+per ?cent",
    re.IGNORECASE,
)
"""A number that tells a share: 63.4 percent, nine in ten."""
_PRECISE = (
    (re.compile(r"\b(?:what|which|exact|precise) (?:date|day)\b", re.IGNORECASE), re.compile(r"\d|day\b|\btomorrow|night\b", re.IGNORECASE)),
    (re.compile(r"\b(?:what|which) month\b", re.IGNORECASE), re.compile(_MONTH, re.IGNORECASE)),
    (re.compile(r"\b(?:what|which) year\b", re.IGNORECASE), re.compile(r"(?:1\d|20)\d\d|\byear\b", re.IGNORECASE)),
    (re.compile(r"\b(?:what|which) time\b", re.IGNORECASE), re.compile(r"\d(?::\d\d|\s*[ap]\.?m\b)", re.IGNORECASE)),
)  # fmt: skip
"""How exactly a question asks for a time, and what a time has to hold to be so exact."""
_YEAR_ALONE = re.compile(r"(?:early|mid|late)?[- ]?(?:1[0-9]|20)\d\ds?", re.IGNORECASE)
_TO_COME = re.compile(
    r"\bwhen\s+(?:will|shall|would)\b|\bwhen\s+(?:is|are)\b.*\b(?:going|supposed|expected|set|due|planned|scheduled|likely)\s+to\b",
    re.IGNORECASE,
)
_AHEAD = re.compile(
    r"\b(?:will|shall|would|expected|plan(?:s|ned)?|set to|due|scheduled|likely|hopes?|aims?|intends?|wants?|promise[sd]?|by|from|until|before|"
    r"next|tomorrow|soon|later|upcoming|coming|target|deadline|to (?:be|begin|start|open|take|go|come|run|end|return|launch))\b|[’']ll\b",
    re.IGNORECASE,
)


def _answers_when(question: Question, candidate: Candidate, sentence: str) -> bool:
    """Whether a time is as exact as the question asks, and stands where something to come is told if that is asked."""
    for asked, held in _PRECISE:
        if asked.search(question.text) and not held.search(candidate.text):
            return False
        if asked.search(question.text) and "year" not in asked.pattern and _YEAR_ALONE.fullmatch(candidate.text):
            return False
    return not _TO_COME.search(question.text) or _AHEAD.search(sentence) is not None


def asks_age(question: Question) -> bool:
    """Whether the number asked for is somebody's age."""
    return question.kind == "count" and _ASKS_AGE.search(question.text) is not None


def define(question: Question, sentence: str) -> Candidate | None:
    """What a sentence says that somebody or something is: a title before the name, an apposition, an acronym's words."""
    name = " ".join(word.text for word in question.words)
    if not name:
        return None
    called = re.escape(name).replace(r"\ ", r"\s+(?:of\s+|the\s+|and\s+)*")
    for pattern in _DEFINING:
        match = re.search(pattern.replace("NAME", called), sentence, re.IGNORECASE if name.islower() else 0)
        if match:
            start, end = match.span("what")
            bare = sentence[start:end].rstrip(" ,")
            if all(word.casefold() in _OPENERS for word in bare.split()):
                continue
            return Candidate(text=bare, start=start, end=start + len(bare))
    return None


def _names(sentence: str) -> list[Candidate]:
    found = []
    for match in _PROPER.finditer(sentence):
        start, text = match.start(), match.group()
        words = text.split()
        while words and words[0].casefold().strip(".") in _OPENERS:
            start += len(words[0]) + 1
            words = words[1:]
        text = sentence[start : match.end()]
        trimmed = re.sub(r"['’]s?$", "", text)
        if trimmed and stem(words[0] if words else "") is not None and not trimmed.isdigit():
            if _ADJECTIVE.search(trimmed) and re.match(r"\s+[a-z]", sentence[start + len(trimmed) :]):
                continue  # "West African nations" names nobody
            found.append(Candidate(text=trimmed, start=start, end=start + len(trimmed)))
    return found


def _new(question: Question, candidate: Candidate, sentence: str) -> bool:
    """Whether a candidate is something that the question does not name itself."""
    asked = set(question.stems)
    own = stems(candidate.text) or [candidate.text.casefold()]
    if question.kind == "who":
        names = {word.stem for word in question.names}
        if own[-1] in names or (len(own) <= 2 and any(_of_one_people(own[0], name) for name in names)):
            return False  # "Prime Minister Sonko" is no news to who asks whom Sonko met, nor is his country
        if any(f"{candidate.text} ({word.text})" in sentence for word in question.names):
            return False  # the words that an acronym of the question stands for
    return not all(stemmed in asked for stemmed in own)


def office_holder(question: Question, sentence: str) -> Candidate | None:
    """Who a sentence says holds the office asked for: "NAME, President of OWNER" or "OWNER's President NAME"."""
    office = _OFFICE.search(question.text)
    if question.kind != "who" or office is None:
        return None
    own = set(stems(office.group()))
    asked = [word.stem for word in question.words if word.stem not in own]
    for pattern in _HOLDING:
        for match in re.finditer(pattern.replace("OFFICE", f"(?i:{re.escape(office.group())})"), sentence):
            owner = stems(match["owner"])
            if any(_of_one_people(mine, other) for mine in asked for other in owner):
                name = re.sub(r"['’]s?$", "", match["name"])
                return Candidate(text=name, start=match.start("name"), end=match.start("name") + len(name))
    return None


def office_asked_of(text: str) -> tuple[str, Question] | None:
    """Of "Is NAME the president of OWNER?" the name, and the question who holds that office."""
    match = _IS_HOLDER.match(text)
    if match is None or _OFFICE.search(match["role"]) is None:
        return None
    return match["name"], parse_question(f"Who is {match['role']}?")


def _held_by_another(question: Question, sentence: str) -> bool:
    """Whether a sentence gives the office asked for ("Burkina Faso's prime minister") to another country's holder."""
    office = _OFFICE.search(question.text)
    own = set(stems(office.group())) if office else set()
    asked = [word.stem for word in question.words if word.stem not in own]
    if question.kind != "who" or not office or not asked:
        return False
    held = re.compile(_HELD.replace("OFFICE", re.escape(office.group())), re.IGNORECASE)
    owners = [owner for match in held.finditer(sentence) for owner in match.groups() if owner and owner[0].isupper()]
    found = [stemmed for owner in owners for stemmed in stems(owner)]
    return bool(found) and not any(_of_one_people(mine, other) for mine in asked for other in found)


def _of_one_people(left: str, right: str) -> bool:
    """Whether two stems are a country and its people's name, roughly: "senegales" and "seneg"."""
    left, right = _IRREGULAR.get(left, left), _IRREGULAR.get(right, right)
    return left[:4] == right[:4]


_OFFICE = re.compile(
    r"\b(?:prime minister|(?:foreign|interior|defen[cs]e|finance|health|education|justice) minister|(?:vice[- ])?president|chancellor|king|queen|"
    r"governor|mayor|speaker|ambassador|army chief|head of state|minister)\b",
    re.IGNORECASE,
)
_IS_HOLDER = re.compile(
    r"^is\s+(?P<name>(?-i:[A-ZÀ-Þ])[\w’'.-]*(?:\s+(?![\w-]+['’]s\b)(?-i:[A-ZÀ-Þ])[\w’'.-]*){0,3})\s+(?:(?:still|currently|now|really)\s+)?"
    r"(?P<role>(?:(?:the|(?-i:[A-ZÀ-Þ]))[\w’' -]*)?\b[\w’' -]+?)\s*\??$",
    re.IGNORECASE,
)
_HELD = (
    r"(?:([A-Z][\w’-]+)(?:['’]s)?\s+)?OFFICE\b(?:\s+of\s+(?:the\s+)?(?:Republic\s+of\s+|State\s+of\s+)?([A-Z][\w-]+))?"
)
_NAME = r"(?P<name>(?:[A-ZÀ-Þ][\w’'-]*[\w]|[A-Z]\.)(?:\s+(?:bin|al|de|van|von|[A-ZÀ-Þ][\w’'-]*[\w]|[A-Z]\.))*)"
_OWNER = r"(?P<owner>[A-ZÀ-Þ][\w-]+(?:\s+[A-ZÀ-Þ][\w-]+)?)"
_HOLDING = (
    rf"{_NAME},\s+(?:the\s+|current\s+|acting\s+)?OFFICE\s+of\s+(?:the\s+)?(?:Republic\s+of\s+|State\s+of\s+)?{_OWNER}",
    rf"{_OWNER}(?:['’]s)?\s+(?:\w+\s+)?OFFICE,?\s+{_NAME}",
    rf"OFFICE\s+{_NAME}\s+of\s+{_OWNER}",
)
_IRREGULAR = {
    "french": "franc", "dutch": "netherland", "british": "britain", "uk": "britain", "spanish": "spain", "danish": "denmark",
    "turkish": "turkey", "greek": "greec", "ivorian": "ivori", "american": "u.s", "polish": "poland", "welsh": "wale",
    "swiss": "switzerland", "irish": "ireland", "burkinab": "burkina", "malian": "mali", "malagasi": "madagascar",
}  # fmt: skip
"""Peoples whose name does not begin as their country's does."""
