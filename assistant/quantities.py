"""Quantities: the numbers of a text with their values and units, however they are written.

"5,000", "five thousand" and "5 thousand" are one number; "5 %" and "5 points" are not.  For
comparing what a claim says with what its evidence says.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

Unit = Literal["", "%", "points", "$", "€", "£", "ordinal"]
Bound = Literal["", "about", "over", "under"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number as a text gives it."""

    value: float
    """With its scale: 3,500,000 for "3.5 million"."""
    unit: Unit
    """Percent, percentage points, a currency or a place in an order; empty for anything counted."""
    bound: Bound
    """How it is hedged: "about", "more than", "fewer than"; empty where it is given plainly."""
    spelled: bool
    """Whether it is written in words ("three"): such a number may be counted from what is listed."""
    text: str
    """Its words."""


SMALL_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS: dict[str, float] = {
    **{word: float(value) for value, word in enumerate(SMALL_NUMBERS)},
    **{word: float(value * 10) for value, word in enumerate(_TENS, 2)},
    "dozen": 12.0,
}
_SCALES: dict[str, float] = {
    "hundred": 1e2,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
    "k": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "bn": 1e9,
    "tn": 1e12,
}
_ORDINALS = {
    word: float(value)
    for value, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), 1
    )
}
_SPELLED = rf"(?:{'|'.join([*_TENS])})(?:[- ](?:{'|'.join(SMALL_NUMBERS[1:10])}))?|{'|'.join(SMALL_NUMBERS)}|dozen"
_NUMBER = re.compile(
    rf"""
    (?P<currency>(?:US|CA|AU)?\$|€|£)?\s?
    (?: (?P<digits>\d{{1,3}}(?:[,\u00a0\u202f]\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<nth>st|nd|rd|th)?
      | \b(?P<words>{_SPELLED})\b | \b(?P<ordinal>{"|".join(_ORDINALS)})\b )
    (?:[ -]?(?P<scale>(?:hundred|thousand|million|billion|trillion)(?:[ ](?:thousand|million|billion))?|bn|mn|tn|[km])\b)?
    \s?(?P<unit>%|per\ ?cent\b(?:age\ points?)?|percentage\ points?\b|points?\b|dollars?\b|cents?\b|euros?\b|pounds\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BOUNDS: list[tuple[Bound, re.Pattern[str]]] = [
    (
        "about",
        re.compile(
            r"\b(?:about|around|roughly|approximately|some|nearly|almost|close to|an estimated|circa)\W*$",
            re.IGNORECASE,
        ),
    ),
    ("over", re.compile(r"\b(?:over|more than|at least|above|exceeding|upwards of|greater than)\W*$", re.IGNORECASE)),
    ("under", re.compile(r"\b(?:under|less than|fewer than|at most|below|up to|no more than)\W*$", re.IGNORECASE)),
]


_MEASURES = frozenset("km kg cm mm ft am pm mph kph mw gw kw lb oz ha hz ml".split())


def quantities(text: str) -> list[Quantity]:
    """The numbers of a text in their order; "one" alone counts for none, for it is mostly a pronoun."""
    found = []
    for match in _NUMBER.finditer(text):
        before = text[max(0, match.start() - 24) : match.start()]
        if match["digits"] and _in_a_word(text, match):
            continue
        scale = 1.0
        for word in (match["scale"] or "").lower().split():
            scale *= _SCALES[word]
        if match["words"] and match["words"].lower() == "one" and scale == 1 and not match["unit"]:
            continue
        found.append(
            Quantity(
                value=_value(match) * scale * (0.01 if (match["unit"] or "").lower().startswith("cent") else 1),
                unit=_unit(match),
                bound=next((bound for bound, pattern in _BOUNDS if pattern.search(before)), ""),
                spelled=not match["digits"],
                text=match.group().strip(),
            )
        )
    return found


def _in_a_word(text: str, match: re.Match[str]) -> bool:
    """Whether the digits are part of a name ("G20") or of a word ("1990s" aside, which is a year's decade)."""
    start, end = match.span("digits")
    if re.search(r"[^\W\d_]$|[A-Z]-$", text[:start]):
        return True
    rest = re.match(r"[^\W\d_]{2,}", text[end:])
    if rest is None or match["scale"] or match["unit"] or match["nth"]:
        return False
    return rest[0].lower() not in _MEASURES


def _value(match: re.Match[str]) -> float:
    if match["digits"]:
        return float(re.sub(r"[,\u00a0\u202f]", "", match["digits"]))
    if match["ordinal"]:
        return _ORDINALS[match["ordinal"].lower()]
    return sum(_WORDS[word] for word in re.split(r"[- ]", match["words"].lower()))


def _unit(match: re.Match[str]) -> Unit:
    if match["nth"] or match["ordinal"]:
        return "ordinal"
    unit = (match["unit"] or "").lower()
    if "point" in unit:
        return "points"
    if unit.startswith(("%", "per")):
        return "%"
    currency = match["currency"] or ""
    if "$" in currency or unit.startswith(("dollar", "cent")):
        return "$"
    if currency == "€" or unit.startswith("euro"):
        return "€"
    return "£" if currency == "£" or unit.startswith("pound") else ""


def same(claimed: Quantity, given: Quantity) -> bool:
    """Whether what a text gives bears out what is claimed: the same unit, and the value within its hedge."""
    if claimed.unit != given.unit and (claimed.unit and given.unit):
        return (
            "ordinal" in (claimed.unit, given.unit) and _day(claimed) and _day(given) and claimed.value == given.value
        )
    low, high = {"": (1, 1), "about": (0.93, 1.07), "over": (0.999, 1.25), "under": (0.75, 1.001)}[claimed.bound]
    return low * claimed.value <= given.value <= high * claimed.value


def _day(quantity: Quantity) -> bool:
    return quantity.value <= 31


_PARTS = {"half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4, "fifth": 1 / 5, "sixth": 1 / 6, "tenth": 1 / 10}
_SMALL = rf"(?:{'|'.join(SMALL_NUMBERS[1:])}|(?<![\d.,])\d{{1,2}})"
_SHARE = re.compile(
    rf"""
      \b(?:(?P<some>an?|one|two|three|four)[ -])(?P<part>half|halve|third|quarter|fifth|sixth|tenth)s?\b
    | \b(?P<half>half)\ (?:of|as|the|its|their|his|her)\b
    | \b(?P<these>{_SMALL})\ (?:in|out\ of)\ (?:every\ )?(?P<those>{_SMALL})\b(?![.,]?\d)
    | \b(?:(?P<twice>twice|double)|(?P<thrice>triple)|(?P<fold>{_SMALL})\ times)\ (?:as|the|more|higher|larger|what)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MONTH_BESIDE = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DATES = re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th)?\ {_MONTH_BESIDE}\b|\b{_MONTH_BESIDE}\ \d{{1,2}}\b(?!\d)")
_YEARS_LONG = re.compile(rf"\b(?P<count>{_SMALL})(?:[ -]years?)\b", re.IGNORECASE)


def _shares(text: str) -> list[tuple[str, float]]:
    """What a text says as a part or a multiple, with its words: 1/2 for "half of", 2/3, 1/9 for "one in nine", 2."""
    found = []
    for match in _SHARE.finditer(text):
        if match["part"]:
            value = _count(match["some"]) * _PARTS[match["part"].lower().replace("halve", "half")]
        elif match["half"]:
            value = 0.5
        elif match["those"]:
            value = _count(match["these"]) / max(1.0, _count(match["those"]))
        else:
            value = 2.0 if match["twice"] else 3.0 if match["thrice"] else _count(match["fold"])
        if value and (value < 1 or not match["those"]):
            found.append((match.group(), value))
    return found


def _count(word: str) -> float:
    word = word.lower()
    return float(word) if word.isdigit() else _WORDS.get(word, 1.0)


def _year(quantity: Quantity) -> bool:
    return not quantity.unit and bool(re.fullmatch(r"(?:19|20)\d\d", quantity.text))


def worked_out(claimed: Quantity, text: str) -> str | None:
    """How a quantity may follow from two that a text gives, as their sum, their difference or a part of one; else None.

    "2,400 − 1,600" for the 800 of "2,400 children; 1,600 received the vaccine".  All three are of one unit; a year
    follows from a year and a number of years, and no day of a month counts.  That the right two are taken, and the
    right way round, is not told.
    """
    if claimed.unit == "ordinal":
        return None
    given = [item for item in quantities(_DATES.sub(" ", text)) if item.unit == claimed.unit]
    if _year(claimed):
        spans = [(match["count"], _count(match["count"])) for match in _YEARS_LONG.finditer(text)]
        for item in filter(_year, given):
            for words, years in spans:
                if abs(item.value - claimed.value) == years:
                    return f"{item.text} {'+' if claimed.value > item.value else '−'} {words}"
        return None
    counted = [item for item in given if not _year(item)]
    slack = {"about": 0.05, "": 1e-6, "over": 1e-6, "under": 1e-6}[claimed.bound] * max(1.0, claimed.value)
    for one, other in combinations(counted, 2):
        high, low = sorted((one, other), key=lambda item: -item.value)
        for sign, value in (("+", high.value + low.value), ("−", high.value - low.value)):
            if abs(value - claimed.value) <= slack:
                return f"{high.text} {sign} {low.text}"
    for words, share in _shares(text):
        if claimed.unit == "%" and abs(100 * share - claimed.value) <= 0.6:
            return words
        if any(abs(item.value * factor - claimed.value) <= slack for item in counted for factor in (share, 1 / share)):
            return words
    return None


def missing(claim: str, evidence: Sequence[str]) -> list[Quantity]:
    """The quantities of a claim that no quantity of the evidence bears out."""
    given = [quantity for text in evidence for quantity in quantities(text)]
    return [claimed for claimed in quantities(claim) if not any(same(claimed, other) for other in given)]
