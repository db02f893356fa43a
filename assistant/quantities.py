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


_SHARES = {"half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4, "fifth": 1 / 5, "sixth": 1 / 6, "tenth": 1 / 10}
_SHARE = re.compile(
    rf"""
      \b(?:(?P<times>an?|one|two|three|four|\d)[ -])?(?P<part>half|halves|third|quarter|fifth|sixth|tenth)s?\b
    | \b(?P<these>{"|".join(SMALL_NUMBERS[1:])}|\d+)\ (?:in|out\ of)\ (?:every\ )?(?P<those>{"|".join(SMALL_NUMBERS[2:])}|\d+)\b
    | \b(?:(?P<twice>twice|doubl\w+)|(?P<thrice>tripl\w+|threefold)|(?P<fold>{"|".join(SMALL_NUMBERS[2:11])}|\d+)\ times)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def _shares(text: str) -> list[float]:
    """What a text says as a part or a multiple: .5 for "half", 2/3 for "two thirds", 1/9 for "one in nine", 2 for "twice"."""
    found = []
    for match in _SHARE.finditer(text):
        if match["part"]:
            part = match["part"].lower().replace("halves", "half")
            found.append(_count(match["times"] or "a") * _SHARES[part])
        elif match["those"]:
            share = _count(match["these"]) / max(1.0, _count(match["those"]))
            if share < 1 and _count(match["those"]) <= 100:  # "71 in 2020" is no share
                found.append(share)
        else:
            found.append(2.0 if match["twice"] else 3.0 if match["thrice"] else _count(match["fold"]))
    return found


def _count(word: str) -> float:
    word = word.lower()
    return float(word) if word.isdigit() else _WORDS.get(word, 1.0)


def worked_out(claimed: Quantity, evidence: Sequence[str]) -> bool:
    """Whether a quantity follows from two that a text of the evidence gives: their sum, their difference, a part of one.

    "800 got a placebo" of "2,400 children; 1,600 received the vaccine"; "11 %" of "one in nine".  That the right two are
    taken is not told.
    """
    for text in evidence:
        given = [item.value for item in quantities(text) if item.unit != "ordinal" and _alike(item, claimed)]
        shares = _shares(text)
        sums = [total for a, b in combinations(given, 2) for total in (a + b, abs(a - b))]
        parts = [value * factor for value in given for share in shares for factor in (share, 1 / share) if share]
        if any(abs(total - claimed.value) <= 1e-6 * max(1.0, claimed.value) for total in sums):
            return True
        if any(abs(part - claimed.value) <= 0.02 * claimed.value for part in parts):
            return True
        if claimed.unit == "%" and any(abs(100 * share - claimed.value) <= 0.6 for share in shares):
            return True
    return False


def _alike(given: Quantity, claimed: Quantity) -> bool:
    """Whether two quantities are of one unit, or one of them has none."""
    return given.unit == claimed.unit or not given.unit or not claimed.unit


def missing(claim: str, evidence: Sequence[str]) -> list[Quantity]:
    """The quantities of a claim that no quantity of the evidence bears out."""
    given = [quantity for text in evidence for quantity in quantities(text)]
    return [claimed for claimed in quantities(claim) if not any(same(claimed, other) for other in given)]
