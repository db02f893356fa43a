"""Header: what an article says of itself, and which part of its text is the article.

Title, byline, date and source are read from the lines in front of the prose only, never from
the prose.  Every offset is one into the text given; this file knows no documents.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from assistant.dates import find_date
from assistant.sentences import Span, lines, split_sentences, trim


class Header(NamedTuple):
    """What the lines in front of an article's prose say of it."""

    title: str
    """Its headline; empty where there is none."""
    author: str | None
    published: date | None
    source: str | None
    author_span: Span | None
    """Where the author is named."""
    published_span: Span | None
    """Where the day of publication is given."""
    content: list[Span]
    """The text without front matter, header lines and links at the end; all of it where nothing would be left."""


class _Found:
    """What the header has said so far; the first to say something wins."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.title: str = ""
        self.author: str | None = None
        self.published: date | None = None
        self.source: str | None = None
        self.author_span: Span | None = None
        self.published_span: Span | None = None

    def set_author(self, span: Span) -> None:
        span = trim(self.text, span)
        if self.author is None and span.start < span.end:
            self.author, self.author_span = " ".join(self.text[span.start : span.end].split()), span

    def set_published(self, day: date, span: Span | None) -> None:
        if self.published is None:
            self.published, self.published_span = day, span

    def set_source(self, name: str) -> None:
        self.source = self.source or " ".join(name.split()) or None


def read_header(text: str, given_title: str) -> Header:
    """What the head of a text says of it; a headline is part of the head where it is the title given, or none is."""
    found = _Found(text)
    all_lines = [trim(text, line) for line in lines(text)]
    left_out = set(range(_front_matter(text, all_lines, found)))
    filled = [number for number, line in enumerate(all_lines) if line.start < line.end and number not in left_out]
    left_out |= _header_lines(text, all_lines, filled, found, given_title)
    left_out |= _closing_links(text, all_lines, [number for number in filled if number not in left_out])
    content = list(_runs(all_lines, left_out))
    everything = trim(text, Span(0, len(text)))
    if not content and everything.start < everything.end:
        content = [everything]
    return Header(
        found.title, found.author, found.published, found.source, found.author_span, found.published_span, content
    )


def _runs(all_lines: list[Span], left_out: set[int]) -> Iterator[Span]:
    """The stretches of text between the lines left out."""
    run: Span | None = None
    for number, line in enumerate(all_lines):
        if number in left_out:
            if run:
                yield run
            run = None
        elif line.start < line.end:
            run = Span(run.start if run else line.start, line.end)
    if run:
        yield run


def _front_matter(text: str, all_lines: list[Span], found: _Found) -> int:
    """Read YAML front matter; returns the number of lines it takes, 0 where there is none."""
    words = [text[line.start : line.end] for line in all_lines[:FRONT_MATTER_LINES]]
    if words[0] != "---":
        return 0
    end = next((number for number, line in enumerate(words[1:], 1) if line in ("---", "...")), 0)
    if end == 0 or not any(_KEY_LINE.match(line) for line in words[1:end]):
        return 0
    fields = _yaml_fields("\n".join(text[line.start : line.end] for line in _untrimmed(text, end)[1:]))
    for number in range(1, end):
        match = _KEY_LINE.match(text, all_lines[number].start, all_lines[number].end)
        if match:
            _take_field(match, all_lines[number].end, fields.get(match["key"].casefold()), found)
    return end + 1


def _untrimmed(text: str, count: int) -> list[Span]:
    return [line for _, line in zip(range(count), lines(text), strict=False)]


def _yaml_fields(source: str) -> dict[str, Any]:
    """The fields of front matter; none where it is no valid YAML, and its lines are read as they are."""
    import yaml

    try:
        fields = yaml.safe_load(source)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return {str(key).casefold(): value for key, value in fields.items()} if isinstance(fields, dict) else {}


def _take_field(match: re.Match[str], end: int, value: object, found: _Found) -> None:
    """Take one `Key: value` line; `value` is what YAML made of it, where it was front matter."""
    text = found.text
    meaning = HEADER_KEYS.get(match["key"].casefold())
    span = _unquoted(text, trim(text, Span(match.end(), end)))
    written = text[span.start : span.end]
    if isinstance(value, list):
        value = " and ".join(str(item) for item in value)
    if meaning == "title":
        found.title = found.title or " ".join((value if isinstance(value, str) else written).split())
    elif meaning == "author":
        if isinstance(value, str) and value != written:
            start = text.find(value, match.start())
            inside = match.start() <= start < end
            found.author = found.author or " ".join(value.split()) or None
            found.author_span = found.author_span or (Span(start, start + len(value)) if inside and value else None)
        else:
            prefix = _BY.match(written)
            found.set_author(Span(span.start + (prefix.end() if prefix else 0), span.end))
    elif meaning == "published":
        day = find_date(written)
        if day:
            found.set_published(day[0], Span(span.start + day[1].start, span.start + day[1].end))
    elif meaning == "source":
        found.set_source(value if isinstance(value, str) else written)


def _unquoted(text: str, span: Span) -> Span:
    quoted = span.end - span.start >= 2 and text[span.start] in "\"'" and text[span.start] == text[span.end - 1]
    return Span(span.start + 1, span.end - 1) if quoted else span


def _header_lines(text: str, all_lines: list[Span], filled: list[int], found: _Found, given_title: str) -> set[int]:
    """The lines in front of the article's prose that say something of it, which `found` takes."""
    given = " ".join(given_title.split()).casefold()
    taken: set[int] = set()
    headline_seen = bool(found.title)
    prose_seen = False
    for position, number in enumerate(filled[:HEADER_LINES]):
        line = all_lines[number]
        words = text[line.start : line.end]
        followers = [all_lines[other] for other in filled[position + 1 :]]
        # Behind prose a bare date or name may be a heading; right behind a header line it is none.
        bare_counts = not prose_seen or filled[position - 1] in taken
        if _is_meta_line(text, line, followers, (bool(taken), bare_counts), found):
            taken.add(number)
        elif not headline_seen and _is_headline(text, all_lines, number, followers):
            found.title = " ".join(words.lstrip("#").split()).removesuffix(" #").strip()
            headline_seen = True
            # A first line that is not the title given may say what nothing else does: it stays content.
            if given in ("", found.title.casefold()):
                taken.add(number)
        elif len(words) > LONG_LINE or (_STOP.search(words) and len(words) > LONG_LINE // 2):
            break
        else:
            headline_seen = True
            prose_seen = prose_seen or bool(_STOP.search(words))
    return taken


def _is_meta_line(text: str, line: Span, followers: list[Span], place: tuple[bool, bool], found: _Found) -> bool:
    """Whether a line is nothing but a field, a byline, a date or a source; `found` takes what it says.

    `place` says whether header lines stand above it, and whether a bare name or date counts there.
    """
    in_header, bare_counts = place
    words = text[line.start : line.end]
    field = _KEY_LINE.match(words)
    if field and field["key"].casefold() in HEADER_KEYS and len(words) <= MAX_FIELD_CHARS:
        match = _KEY_LINE.match(text, line.start, line.end)
        if match and _field_fits(field["key"].casefold(), words[field.end() :]):
            _take_field(match, line.end, None, found)
            return True
    if len(words) > MAX_TITLE_CHARS or not followers:
        return False
    day = find_date(words)
    bare = words[: day[1].start] + words[day[1].end :] if day else words
    if day and bare_counts and not _DATE_REST.sub("", bare).strip(_PUNCTUATION):
        found.set_published(day[0], Span(line.start + day[1].start, line.start + day[1].end))
        return True
    role = _ROLE.fullmatch(words)
    if role and (in_header or role["outlet"] or role["desk"]):
        found.set_source(role["outlet"] or "")
        return True
    dateline = _DATELINE.fullmatch(words.strip(_PUNCTUATION))
    if dateline:
        found.set_source(dateline["agency"])
        return True
    if _MAIL.fullmatch(words.strip(_PUNCTUATION)):
        return True
    if _is_source(words) or (in_header and found.author and _looks_like_source(text, line, followers)):
        found.set_source(words.strip(_PUNCTUATION))
        return True
    return _take_byline(text, line, followers, day, bare_counts, found)


def _field_fits(key: str, value: str) -> bool:
    """Whether a line that opens with a field's name gives its value, not prose ("Source: he would not say.")."""
    meaning, value = HEADER_KEYS[key], value.strip()
    if meaning == "published":
        return find_date(value) is not None
    if meaning == "author":
        return 0 < len(value) <= MAX_TITLE_CHARS
    if key in ADDRESS_KEYS:
        return bool(_ADDRESS.fullmatch(value))
    return bool(value)


def _take_byline(
    text: str, line: Span, followers: list[Span], day: tuple[date, Span] | None, bare_counts: bool, found: _Found
) -> bool:
    words = text[line.start : line.end]
    match = _BY.match(words)
    start = match.end() if match else 0
    said = words[start : day[1].start if day else len(words)].rstrip(_PUNCTUATION)
    names, desk = _names_and_desk(said, 1 if match else 2)
    if not names or (desk and not _is_desk(desk, match is not None)):
        return False
    sure = match is not None or _is_source(desk)
    if not sure and not (bare_counts and _is_author_line(text, names, followers)):
        return False
    for part in re.split(r"\s*[|,]\s*", desk) if not _is_source(desk) else [desk]:
        role = _ROLE.fullmatch(part)
        outlet = (role["outlet"] or "") if role else part
        if outlet and "@" not in outlet and outlet[0].isupper() and " by " not in outlet:
            found.set_source(outlet)
    begin = line.start + words.index(names, start)
    found.set_author(Span(begin, begin + len(names)))
    if day:
        found.set_published(day[0], Span(line.start + day[1].start, line.start + day[1].end))
    return True


def _names_and_desk(said: str, fewest: int) -> tuple[str, str]:
    """The people of a byline, and what stands behind them; no people where it is no byline."""
    if _are_names(said, fewest):
        return said, ""
    for separator in _BYLINE_SEPARATOR.finditer(said):
        names, desk = said[: separator.start()].rstrip(), said[separator.end() :].strip()
        following = _BYLINE_SEPARATOR.split(desk, maxsplit=1)[0]
        # "Kim Roe, Lee Poe | USA TODAY": the comma stands between two names.
        if _are_names(names, fewest) and not (separator[0].strip() == "," and _are_names(following, 2)):
            return names, desk
    return "", ""


def _is_desk(words: str, explicit: bool) -> bool:
    """Whether what stands behind a byline's names is where they work, or how to reach them."""
    if _is_source(words) or _ROLE.fullmatch(words) or _PAPER.search(words) or _MAIL.search(words):
        return True
    tokens = words.split()
    return explicit and len(tokens) <= 6 and not _STOP.search(words) and not tokens[0][0].islower()


def _is_author_line(text: str, names: str, followers: list[Span]) -> bool:
    """Whether a bare name is the writer's: a headline's words come back in the article, the writer's name does not."""
    paragraphs = [text[follower.start : follower.end] for follower in followers]
    body = "\n".join(paragraph for paragraph in paragraphs if not _CONTACT.search(paragraph))
    if len(body) < 2 * len(names):
        return False
    known = {_stem(word) for word in _WORD.findall(body)}
    return all(_stem(_WORD.findall(name)[-1]) not in known for name in _NAME_SEPARATOR.split(names))


def _stem(word: str) -> str:
    plain = unicodedata.normalize("NFC", word).casefold().replace("’", "'")
    return plain.removesuffix("'s").rstrip("s'") or plain


def _are_names(words: str, fewest: int) -> bool:
    """Whether the words are names of people: "Beth Ann Nichols", "J. de la Cruz and Aïcha N’Diaye"."""
    people = _NAME_SEPARATOR.split(words)
    return 0 < len(people) <= MAX_AUTHORS and all(_is_name(person, fewest) for person in people)


def _is_name(words: str, fewest: int) -> bool:
    tokens = words.split()
    if not fewest <= len(tokens) <= 5 or any(token.casefold().strip(".") in NO_NAMES for token in tokens):
        return False
    proper = [token for token in tokens if token.casefold() not in PARTICLES]
    if not 1 <= len(proper) <= 4 or tokens[-1].casefold() in PARTICLES:
        return False
    if fewest > 1 and all(token.isupper() for token in proper) and len(proper) < 2:
        return False
    return all(_NAME_TOKEN.fullmatch(token) for token in proper) and len(proper[-1].rstrip(".")) > 1


def _is_source(words: str) -> bool:
    plain = words.strip(_PUNCTUATION + "()").casefold()
    plain = plain.removeprefix("the ")
    return plain in SOURCES or any(plain.startswith(f"{name} ") and plain[len(name) + 1 :] in DESKS for name in SOURCES)


def _looks_like_source(text: str, line: Span, followers: list[Span]) -> bool:
    """Whether a short line of capitalised words between byline and first paragraph names the publisher."""
    words = text[line.start : line.end]
    tokens = words.split()
    if len(tokens) > 6 or len(words) > 40 or _STOP.search(words) or "@" in words or find_date(words):
        return False
    small = PARTICLES | {"and", "&", "for", "|"}
    capitals = any(token[0].isupper() for token in tokens) and words[0] not in "\"'“‘"
    capitals = capitals and all(not token[0].islower() or token.casefold() in small for token in tokens)
    return (capitals or "|" in tokens) and followers[0].end - followers[0].start > LONG_LINE // 2


def _is_headline(text: str, all_lines: list[Span], number: int, followers: list[Span]) -> bool:
    line = all_lines[number]
    words = text[line.start : line.end]
    if _MARKDOWN_TITLE.match(words):
        return bool(followers)
    if (
        not followers
        or not 3 <= len(words) <= MAX_TITLE_CHARS
        or words[0] in "-*+•>|#("
        or _NO_HEADLINE_END.search(words)
    ):
        return False
    first = next((word for word in words.split() if word[0].isalpha()), "")
    # One word in front of an article is the name of a section.
    if " " not in words or not any(character.isupper() or not character.islower() for character in first):
        return False
    blank_behind = all_lines[number + 1].start == all_lines[number + 1].end
    if not blank_behind and followers[0].end - followers[0].start <= len(words):
        return False
    # The first line of hard-wrapped prose ends inside a sentence; a headline does not.
    opening = trim(text, Span(line.start, min(len(text), line.end + 2000)))
    sentences = split_sentences(text[opening.start : opening.end])
    return any(opening.start + sentence.end == line.end for sentence in sentences)


def opening_words(text: str, content: list[Span]) -> str:
    """A title made of the first words of the content; empty where there is none."""
    if not content:
        return ""
    first = next(line for line in lines(text[content[0].start : content[0].end]) if line.start < line.end)
    words = " ".join(text[content[0].start + first.start : content[0].start + first.end].split()).lstrip("# ") or "…"
    if len(words) <= MAX_OPENING_CHARS:
        return words
    cut = words[: MAX_OPENING_CHARS - 1]
    if words[len(cut)] != " " and " " in cut:
        cut = cut.rsplit(" ", 1)[0]
    return cut.rstrip(" ,;:—–-") + "…"


def _closing_links(text: str, all_lines: list[Span], filled: list[int]) -> set[int]:
    """The lines at the end that only point to other articles, and the heading above them."""
    links: set[int] = set()
    for position in range(len(filled) - 1, -1, -1):
        line = all_lines[filled[position]]
        words = text[line.start : line.end]
        if len(words) <= MAX_LINK_CHARS and _LINKS_HEADING.match(words):
            links = set(filled[position:])
        elif len(filled) - position > MAX_LINKS or len(words) > MAX_LINK_CHARS or _FULL_STOP.search(words):
            break
    return links


# ---- tables

MAX_TITLE_CHARS = 120
"""Longest first line that is taken for a headline."""
MAX_OPENING_CHARS = 80
"""Longest title made of the opening words."""
FRONT_MATTER_LINES = 60
"""Most lines of front matter."""
HEADER_LINES = 10
"""Lines, blank ones not counted, among which a header's are looked for."""
LONG_LINE = 160
"""A line above this many characters is prose, and ends the header."""
MAX_FIELD_CHARS = 300
"""Longest `Key: value` line."""
MAX_LINK_CHARS = 150
"""Longest line that is taken for the title of another article."""
MAX_LINKS = 30
"""Most lines that close an article with links."""
MAX_AUTHORS = 6
"""Most names in a byline."""

HEADER_KEYS = {
    "title": "title",
    "headline": "title",
    "titre": "title",
    "by": "author",
    "byline": "author",
    "author": "author",
    "authors": "author",
    "written by": "author",
    "auteur": "author",
    "par": "author",
    "date": "published",
    "published": "published",
    "published on": "published",
    "publication date": "published",
    "date published": "published",
    "pubdate": "published",
    "publié le": "published",
    "publié": "published",
    "updated": "",
    "last updated": "",
    "modified": "",
    "mis à jour": "",
    "mis à jour le": "",
    "source": "source",
    "publisher": "source",
    "publication": "source",
    "url": "source",
    "link": "source",
    "lien": "source",
}
"""What a header line's key says; an empty meaning is left out and not kept."""
ADDRESS_KEYS = frozenset({"url", "link", "lien"})
"""Keys whose value is an address."""

SOURCES = frozenset(
    {
        "ap", "afp", "ap news", "al jazeera", "all africa", "allafrica", "associated press", "agence france-presse",
        "axios", "bbc", "bbc news", "bbc sport", "bbc africa", "bloomberg", "business insider", "cbs", "cbs news",
        "cnbc", "cnet", "cnn", "cnn business", "cnn sport", "cnn travel", "dw", "deutsche welle", "espn",
        "financial times", "forbes", "fox news", "france 24", "golfweek", "guardian", "huffpost", "jeune afrique",
        "le monde", "los angeles times", "msnbc", "nbc", "nbc news", "abc news", "new york times", "newsweek", "npr",
        "people", "politico", "premium times", "punch", "quartz", "rfi", "reuters", "rt", "sky news", "tass", "time",
        "telegraph", "times", "upi", "usa today", "usatoday", "usa today network", "usa today sports", "vanguard",
        "voa",
        "voice of america", "vox", "wall street journal", "washington post", "xinhua", "yahoo news", "ynet",
        "the conversation", "conversation", "anadolu", "anadolu agency", "africa news", "africanews", "apa news",
    }
)  # fmt: skip
"""Agencies and papers that stand alone on a line, in lower case without "the"."""

DESKS = frozenset({"news", "sports", "sport", "business", "staff", "network", "wire", "africa", "online", "opinion"})
"""Words that may follow the name of an agency."""

PARTICLES = frozenset(
    "al bin bint da de del della den der di dos du el et la le les of ould ould-ahmed san te ten ter van von y ibn ben"
    " abu ag e'".split()
)
"""Small words inside a name."""

NO_NAMES = frozenset(
    "a about advertisement afp africa african after all america american an analysis and ap are as at bank bbc"
    " breaking briefing bulletin business by change chronicle climate cnn column comment commentary contact"
    " contents contributing correction correspondent council court crisis cup daily day desk dispatch east editor"
    " editorial election elections enquirer event exclusive explainer fact facts feature final finals for from"
    " full gallery gazette government guest guide health herald high highlights home house how image in"
    " international interview is it journal key latest league letter letters life list live local magazine market"
    " markets media ministry money morning most music national new news newsletter no north not obituary observer"
    " of office on opinion or our party photo photos picture pictures podcast police politics president press"
    " prime profile quiz quote read register related report reporter reporters reports republic results reuters"
    " review road score security sentinel share society south special sport sports staff state states story street"
    " summary supreme team tech technology tennessean than the this times times-union to today top transcript"
    " travel trending tribune tv union united update updates us via video videos war was watch weather week"
    " weekend weekly west what when where who why wire with women world world’s writer you your".split()
)
"""Words that are in headlines and section names, and in no writer's name."""

_PUNCTUATION = " \t\u00a0.,;:|·•/–—-*_"
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_STOP = re.compile(r"[.!?…][\"'”’»)\]]*$")
_FULL_STOP = re.compile(r"(?<!\.)\.[\"'”’»)\]]*$")
_NO_HEADLINE_END = re.compile(r"(?:(?<!\.\.)(?<![A-Z]\.[A-Z])\.[\"'”’»)\]]*|[:;,–—-])$")
_MARKDOWN_TITLE = re.compile(r"#{1,2}\s+\S")
_KEY_LINE = re.compile(r"\**(?P<key>[^\W\d_][^\W_]*(?: [^\W\d_]+)?)\**\s?:\**\s*", re.IGNORECASE)
_BY = re.compile(r"(?:(?:(?:written|story|text|words|compiled|reported)\s+)?by|par)\b\s*:?\s*", re.IGNORECASE)
_BYLINE_SEPARATOR = re.compile(r"\s*(?:\||,(?!\s*(?:Jr|Sr)\b)|\s[-–—·•/]\s|\s+(?:for|pour)\s+|\s+at\s+)\s*(?=\S)")
_NAME_SEPARATOR = re.compile(r"\s*(?:,\s*(?:and|et)\s+|\s+(?:and|et|with|&)\s+|,)\s*")
_NAME_TOKEN = re.compile(
    r"(?:[^\W\d_a-zß-öø-ÿ](?:[^\W\d_]|['’.-](?=[^\W\d_]))*|[dDlLoO]['’][^\W\d_]+)(?<!['’-])\.?(?:,)?"
)
_ROLE = re.compile(
    r"special (?:to|for) (?:the )?(?P<outlet>[\w .&'’-]{2,60})"
    r"|(?P<desk>(?:the )?(?:[\w&'’]+ ){0,6}(?:editors|staff reports?|wire reports?|news ?desk|editorial board))"
    r"|(?:[\w&'’-]+ ){0,3}(?:contributor|columnist|writer|reporter|correspondent|editor|analyst)",
    re.IGNORECASE,
)
"""A line that says who wrote without a name, or what the writer is."""
_DATELINE = re.compile(
    r"(?!By )(?:[A-Z][\w.'’-]*,? ){1,5}(?<!, )\(?(?P<agency>CNN(?: Business)?|AP|AFP|Reuters|CNBC|BBC)\)?"
)
_MAIL = re.compile(r"\S+@\S+\.\w+|@\w+")
_ADDRESS = re.compile(r"https?://\S+|[\w-]+(?:\.[\w-]+)+(?:/\S*)?")
_PAPER = re.compile(
    r"^The [A-Z(]"
    r"|\b(?:Times|Tribune|Herald|Gazette|Post|Journal|Chronicle|Register|Courier|Press|News|Dispatch|Enquirer)\b"
)
_CONTACT = re.compile(r"@|\b(?:follow|contact|reach|e-?mail|twitter|reported by|reporting by|suivez)\b", re.IGNORECASE)
_LINKS_HEADING = re.compile(
    r"[#*_>\s-]*(?:(?:(?:you (?:may|might) also like|recommended(?: for you| stories| reading)?"
    r"|(?:read|see|watch|listen) also|also (?:read|see)|read more|more reading|further reading"
    r"|related|related (?:\w+ )?(?:stories|story|articles?|news|content|coverage|links?|posts?|topics?|reading|video)"
    r"|(?:à )?lire aussi|à lire|lire également|sur le même sujet"
    r"|voir aussi|à voir aussi)\**\s*(?::.*|\**)|more (?:from|on|stories)\b[^.]*))$",
    re.IGNORECASE,
)
_DATE_REST = re.compile(
    r"\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b\.?"
    r"|\b(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\b"
    r"|\d{1,2}(?:[:.h]\d{2}){0,2}\s*(?:[ap]\.?m\b\.?)?|T\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?|[+-]\d\d:?\d\d"
    r"|\b(?:published|updated|posted|last|first|created|modified|date|on|at|the|le|à|a|publié|mis|jour|gmt|utc"
    r"|[ecmp][sd]?t|bst|cet|cest|wat|eat|sast|ist|[ap]m|h)\b",
    re.IGNORECASE,
)
