"""Periods: the days of publication that a question keeps to ("articles from May 2024 about the ferry").

Only a date right behind a word that speaks of publication is one; "in 2023" and "about 2023"
say when something happened.  English, and articles "publiés" or "parus" in French.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from assistant.dates import MONTHS, find_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days of publication, and the question that remains."""

    since: date | None
    """First day; None for all before the last."""
    until: date | None
    """Last day; None for all after the first."""
    words: str
    """The words of the question that name it."""
    question: str
    """The question without them."""

    def __str__(self) -> str:
        if self.since == self.until:
            return f"on {self.since}"
        return " ".join(f"{name} {day}" for name, day in (("since", self.since), ("until", self.until)) if day)


def read_period(question: str) -> Period | None:
    """The days of publication that a question keeps to; None where it says nothing of publication."""
    plain = " ".join(question.split())
    for pattern, instead in _PATTERNS:
        match = pattern.search(plain)
        if match is None or _ASKS_WHETHER.match(plain) or _OTHERS.search(match["between"] or ""):
            continue
        try:
            since, until = _days(match)
        except ValueError:  # 31 February
            continue
        if since and until and since > until:
            continue
        rest = plain[: match.start("cut")] + instead + plain[match.end("cut") :]
        for lead, without in _LEADS:
            rest = lead.sub(without, rest, count=1)
        rest = " ".join(rest.split()).replace(" ?", "?").replace(" ,", ",").strip()
        if _NOTHING_LEFT.match(rest):
            rest = "Which articles do you have?"
        return Period(since=since, until=until, words=match["named"].strip(), question=rest[:1].upper() + rest[1:])
    return None


def _days(match: re.Match[str]) -> tuple[date | None, date | None]:
    """First and last day; raises ValueError for a day that no month has."""
    if match["last"]:
        last = match["last"]
        first = match["first"] if _YEAR.search(match["first"]) else f"{match['first']} {last[-4:]}"
        return _bounds(first)[0], _bounds(last)[1]
    since, until = _bounds(match["time"])
    how = match["how"].casefold()
    if how in _AFTER:
        return until + timedelta(days=1), None
    if how in _SINCE or match["on"]:
        return since, None
    if how in _BEFORE:
        return None, since - timedelta(days=1)
    if how in _UNTIL:
        return None, until
    return since, until


def _bounds(words: str) -> tuple[date, date]:
    """First and last day of a day, month or year."""
    if found := find_date(words):
        return found[0], found[0]
    if re.search(_DAY, words, re.IGNORECASE):
        raise ValueError(words)
    year = int(words[-4:])
    month = re.match(_MONTH, words, re.IGNORECASE)
    if month is None:
        return date(year, 1, 1), date(year, 12, 31)
    number = MONTHS[month[0].casefold()]
    return date(year, number, 1), date(year, number, monthrange(year, number)[1])


# ── tables

_MONTH = rf"(?:{'|'.join(sorted(map(re.escape, MONTHS), key=len, reverse=True))})\b"
_YEAR = re.compile(r"(?:19|20)\d\d")
_DAY = (
    rf"(?:{_YEAR.pattern}-\d\d-\d\d|\d{{1,2}}(?:st|nd|rd|th|er)?\s+(?:of\s+)?{_MONTH}\.?,?\s+{_YEAR.pattern}"
    rf"|{_MONTH}\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+{_YEAR.pattern})"
)
_TIME = rf"(?:{_DAY}|{_MONTH}\.?,?\s+(?:of\s+)?{_YEAR.pattern}|{_YEAR.pattern})(?![\w-])"
_AFTER = ("after", "later than", "après")
_SINCE = ("since", "depuis")
_BEFORE = ("before", "earlier than", "prior to", "avant")
_UNTIL = ("until", "till", "up to", "jusqu'en", "jusqu'à")
_HOW = "|".join((*_AFTER, *_SINCE, *_BEFORE, *_UNTIL))


def _when(how: str) -> str:
    return (
        rf"(?:(?:between|from|entre|de)\s+(?P<first>{_TIME}|{_MONTH})\s+(?:and|to|until|till|through|et|à)\s+(?P<last>{_TIME})"
        rf"|(?P<how>{how}|{_HOW})\s+(?:the\s+(?:year|month)\s+(?:of\s+)?)?(?P<time>{_TIME})(?P<on>\s+on(?:wards?)?\b)?)"
        r"(?=\s*[?.!,;]|\s*$|\s+(?:about|on|regarding|concerning|covering|that|which|who|what|when|where|why|how|say|said|mention\w*|report\w*|"
        r"discuss\w*|describ\w*|tell|talk\w*|speak|deal\w*|is|are|was|were|do|does|did|have|has|had|there|by|and|sur|qui|parlent|disent)\b)"
    )


_ARTICLES = r"\b(?:(?:news(?:paper)?|press)\s+)?(?:articles?|stories|coverage)"
_PUBLISHED = (
    r"(?:(?:that|which|qui)\s+)?(?:(?:was|were|is|are|has\s+been|have\s+been|ont\s+été|a\s+été|sont|est)\s+)?"
    r"(?:published|printed|dated|appear(?:ed|ing)|publiée?s?|parue?s?)"
)
_IN = r"in|on|during|from|of|en|de|le|du"
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        (rf"{_ARTICLES}(?P<between>)(?P<cut>\s+(?:do you have\s+)?(?P<named>{_PUBLISHED}\s+{_when(_IN)}))", ""),
        (rf"{_ARTICLES}(?P<between>)(?P<cut>\s+(?P<named>dated\s+(?P<first>)(?P<last>)(?P<how>)(?P<on>)(?P<time>{_DAY})))", ""),
        (rf"{_ARTICLES}(?P<between>\s+(?:about|on|regarding|covering|sur)\s+[^?.!;]{{2,80}}?)(?P<cut>\s+(?P<named>{_PUBLISHED}\s+{_when(_IN)}))", ""),
        (rf"(?P<named>\b(?:(?:(?:news(?:paper)?|press)\s+)?(?:stories|coverage)|news)(?P<between>)(?P<cut>\s+(?:do you have\s+)?{_when('from')}))", ""),
        (rf"(?P<named>\b(?:(?:news(?:paper)?|press)\s+)?articles?(?P<between>)(?P<cut>\s+(?:do you have\s+)?{_when('from|of|de')}))", ""),
        (rf"(?P<named>^what\s+(?:else\s+|all\s+)?(?:do\s+you\s+have|have\s+you\s+got|is\s+there)(?P<between>)(?P<cut>\s+{_when('from|of')}))", ""),
        (rf"\bwhat\s+(?:was|were|has\s+been|is)\s+(?P<between>)(?P<cut>(?P<named>(?:published|printed|reported)\s+{_when(_IN)}))", "said"),
    )
)  # fmt: skip
"""What names a period, the part of it that is cut out, and what stands there instead."""
_OTHERS = re.compile(
    r"\b(?:books?|reports?|stud(?:y|ies)|papers?|letters?|surveys?|findings|lists?|index|data|figures|statistics|statements?|memoirs?|novels?|"
    r"albums?|songs?|research|polls?|drafts?|decrees?|maps?|plans?|laws?|reviews?|analys[ei]s|interviews?|photos?|pictures|videos?|results|livres?|rapports?|études?)\b",
    re.IGNORECASE,
)
"""What may have been published itself: "articles about the report published in May"."""
_ASKS_WHETHER = re.compile(
    r"^(?:was|were|is|are|has|have)\s+(?:it|they|(?:the|this|that|these|those|your)\s+(?:\w+\s+)?(?:articles?|stories))\b.*"
    r"\b(?:published|printed|dated|from)\b",
    re.IGNORECASE,
)
"""The date is what is asked for."""
_LEADS = (
    (
        re.compile(
            r"^(?:according to|in|from|using|based on)\s+(?:(?:the|all|only|any)\s+)*(?:news\s+)?(?:articles|stories)\s*,\s*",
            re.IGNORECASE,
        ),
        "",
    ),
    (
        re.compile(
            r",?\s+(?:according to|in|based on)\s+(?:(?:the|all|only|any)\s+)*(?:news\s+)?(?:articles|stories)\s*(?=[?.!]*$)",
            re.IGNORECASE,
        ),
        "",
    ),
)
"""What is left of "in articles from 2023, …"."""
_NOTHING_LEFT = re.compile(r"^(?:and\s+)?what\s+(?:was|were|has been|is)\s+said\W*$", re.IGNORECASE)
