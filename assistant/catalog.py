"""The catalogue: questions about the articles themselves, answered from their data.

Who wrote it, when was it published, which articles mention somebody, what there is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.documents import Document, author_span, content_spans, published_span
from assistant.quantities import SMALL_NUMBERS
from assistant.sentences import Span, split_sentences
from assistant.terms import STOPWORDS, WORD, fold, stems

Topic = Literal["author", "published", "source", "title", "count", "list", "summary", "mention", "by", "authors"]
"""What is asked of the articles: `mention` which of them name somebody, `by` which are by somebody, `authors` who
wrote those that name somebody."""
Order = Literal["newest", "oldest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question about the articles themselves."""

    topic: Topic
    """What is asked of them."""
    what: str | None = None
    """Whom or what they are to mention, who wrote them, or what the one that is meant is about."""
    order: Order | None = None
    """By publication, where those are asked for that came out last or first."""
    most: int | None = None
    """How many of these; None for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the catalogue says of one article."""

    document: Document
    """The article."""
    text: str
    """A sentence for a person."""
    span: Span | None = None
    """Where the article's text holds it."""
    value: str | None = None
    """The bare value, where there is one."""
    quoted: bool = False
    """Whether `text` is the words at `span`."""


def read_query(question: str) -> Query | None:
    """What a question asks of the catalogue, or None if it asks of the articles' contents.

    It is of the catalogue when, the words that ask and the words for an article left aside, none remain.
    """
    plain = " ".join(question.replace("’", "'").split()).strip(" ?.!")
    for naming, pattern in _NAMING:
        match = pattern.match(plain)
        if match and not (naming == "mention" and _CLAUSE.search(match["what"])):
            return Query(topic=naming, what=match["what"].strip(" '\"“”,"))
    if _WHOLE.match(plain):
        return Query(topic="list")
    order, most, plain = _ordered(plain)
    about = _ABOUT.search(plain)
    asking = f"{plain[: about.start()]} {about['verb'] or ''}" if about else plain
    topic = _topic({fold(match.group()).removesuffix("'s") for match in WORD.finditer(asking)})
    if topic is None or (topic == "summary" and (about or _REPORTS.search(plain))):
        return None  # what it says of something, or what some report said, is in its contents
    what = about["what"].strip(" '\"“”,") if about else None
    return Query(topic=topic, what=what, order=order, most=most)


def _ordered(plain: str) -> tuple[Order | None, int | None, str]:
    """Which end of the articles by date is asked for, how many of them, and the question without the number."""
    match = _ORDERED.search(plain)
    if not match:
        return None, None, plain
    word = match["end"].lower()
    order: Order = "oldest" if word in ("oldest", "earliest") else "newest"
    said = match["number"] or match["before"]
    number = (int(said) if said.isdigit() else SMALL_NUMBERS.index(said.lower())) if said else None
    if number is None and not match["noun"].lower().endswith("s") and match["noun"].lower() != "stories":
        number = 1
    return order, number, f"{plain[: match.start()]}{order} {match['noun']}{plain[match.end() :]}"


def by_date(documents: Sequence[Document], order: Order) -> list[Document]:
    """Those that have a date, the newest or the oldest first."""
    dated = [(document.published, document) for document in documents if document.published]
    return [document for _, document in sorted(dated, key=lambda pair: pair[0], reverse=order == "newest")]


def _topic(said: set[str]) -> Topic | None:
    """The topic whose cues are all there, with no word left over that is none of its own."""
    article = bool(said & _ARTICLES) or (bool(said & _IT) and bool(said & _WRITTEN))
    for cues in _TOPICS:
        rest = said - STOPWORDS - _ARTICLES - _POLITE - cues.own
        if not rest and all(said & group for group in cues.needed) and (article or said & cues.alone):
            return cues.topic
    return None


def author_of(document: Document) -> Entry | None:
    """Who wrote an article, None where it does not say."""
    if document.author is None:
        return None
    return Entry(
        document=document,
        text=f"{name(document)} was written by {document.author}.",
        span=author_span(document),
        value=document.author,
    )


def published_of(document: Document) -> Entry | None:
    """When an article was published, None where it does not say."""
    if document.published is None:
        return None
    day = document.published.isoformat()
    return Entry(
        document=document, text=f"{name(document)} was published on {day}.", span=published_span(document), value=day
    )


def source_of(document: Document) -> Entry | None:
    """Where an article comes from; None where only the file is known that it was read from."""
    if document.source is None or document.source == document.path:
        return None
    return Entry(document=document, text=f"{name(document)} comes from {document.source}.", value=document.source)


def title_of(document: Document) -> Entry:
    """What an article is called."""
    place = document.text.find(document.title)
    span = Span(place, place + len(document.title)) if document.title and place >= 0 else None
    return Entry(document=document, text=f"The article is titled {name(document)}.", span=span, value=document.title)


def summary_of(document: Document) -> list[Entry]:
    """The first two sentences of an article's content: in news, the lead tells what it is about."""
    found = []
    for start, end in content_spans(document):
        for first, last in split_sentences(document.text[start:end]):
            span = Span(start + first, start + last)
            words = document.text[span.start : span.end]
            if len(stems(words)) > 1:
                found.append(Entry(document=document, text=" ".join(words.split()), span=span, quoted=True))
            if len(found) == 2:
                return found
    return found


def listing(document: Document) -> Entry:
    """One article of a list: its name with what is known of it."""
    about = [
        document.author and f"by {document.author}",
        document.published and document.published.isoformat(),
        document.source,
    ]
    data = ", ".join(str(part) for part in about if part)
    return Entry(document=document, text=name(document) + (f" ({data})" if data else ""), span=_opening(document))


def mentioning(documents: Sequence[Document], what: str) -> list[Entry]:
    """For each document that mentions `what`, the sentence that holds most of its words."""
    wanted = set(stems(what))
    found = []
    for document in documents:
        spans = [
            Span(start + first, start + last)
            for start, end in content_spans(document)
            for first, last in split_sentences(document.text[start:end])
        ]
        best = max(
            spans, key=lambda span: len(wanted.intersection(stems(document.text[span[0] : span[1]]))), default=None
        )
        found.append(Entry(document=document, text=name(document), span=best))
    return found


def tells_of_writing(document: Document) -> bool:
    """Whether an article speaks of something that was written: a book, a letter."""
    return bool(_WRITES.search(document.text))


def written_by(documents: Sequence[Document], who: str) -> list[Entry]:
    """The articles whose author's name holds all words of `who`."""
    wanted = set(fold(who).split())
    return [
        Entry(document=document, text=name(document), span=author_span(document))
        for document in documents
        if document.author and wanted and wanted.issubset(fold(document.author).split())
    ]


def name(document: Document) -> str:
    """How an article is called in a sentence."""
    return f"“{document.title}”" if document.title else document.id


def _opening(document: Document) -> Span | None:
    for start, end in content_spans(document):
        for first, last in split_sentences(document.text[start:end]):
            return Span(start + first, start + last)
    return None


# ── tables


@dataclass(frozen=True, slots=True)
class _Cues:
    """How a topic is asked for."""

    topic: Topic
    needed: tuple[frozenset[str], ...]
    """Of each group one word must be there."""
    own: frozenset[str]
    """Words that go with it, those of `needed` included."""
    alone: frozenset[str]
    """Words that need no word for an article beside them ("Who is the author?")."""


def _cues(topic: Topic, *needed: str, also: str = "", alone: str = "") -> _Cues:
    groups = tuple(frozenset(group.split()) for group in needed)
    return _Cues(topic, groups, frozenset().union(*groups, also.split()), frozenset(alone.split()))


_WRITES = re.compile(r"\b(?:wrote|written|writes|books?|novels?|authors?)\b", re.IGNORECASE)
_ARTICLES = frozenset(
    "article articles story stories piece pieces text texts document documents report reports post posts news sources"
    " texte textes papier l'article d'article d'articles".split()
)
_IT = frozenset("it this that il elle l'a".split())
_WRITTEN = frozenset("wrote written write published publish posted ecrit publie publiee paru".split())
_POLITE = frozenset(
    "please tell show give list name know want like thanks latest newest recent oldest earliest last first second above s'il plait dis moi"
    " dites cet cette un une est a ecrit du there".split()
)
_AUTHORS = "author authors writer journalist reporter byline auteur autrice l'auteur l'autrice"
_WRITING = f"{_AUTHORS} wrote written write writes penned authored reported ecrit signe l'a"
_PUBLISHING = (
    "published publish publication posted released issued appear appeared appears printed run ran come came from written"
    " dated date paru parue publie publiee parution ecrit"
)
_OUTLET = (
    "newspaper newspapers website websites site outlet magazine paper journal media publisher agency source url link"
    " file publication"
)
_HELD = (
    "use your have hold know search read see indexed index available corpus total got cover avez as tu vous y t il sont"
)
_TOPICS = (
    _cues("author", f"who whom whose qui {_AUTHORS}", _WRITING, also="name named responsible", alone=_AUTHORS),
    _cues(
        "published",
        "when date day year month old recent quand dated",
        f"{_PUBLISHING} old recent",
        also="exact exactly time t il ete quelle jour",
    ),
    _cues("published", "date dated", also="publication"),
    _cues("source", f"{_OUTLET} where", f"{_PUBLISHING} source url link publisher", alone="source url publisher"),
    _cues("title", "title headline called titre titled entitled s'appelle", also="name", alone="headline title titre"),
    _cues("count", "many combien number", also=_HELD),
    _cues(
        "summary",
        "about say says gist summary summarise summarize sum summaries overview points resume parle dit",
        also="main key short brief up de quoi",
        alone="gist summary summarise summarize overview resume",
    ),
    _cues(
        "list", "what which list show quels quelles all", also=f"{_HELD} ask topics subjects sources find disponibles"
    ),
)
"""In the order in which they are tried."""
_ARTICLE = (
    r"(?:(?:the|this|that|these|those|each|your|an?|any|all|some|other|latest|newest|news)\s+)*"
    r"(?:articles?|stor(?:y|ies)|pieces?|texts?|documents?|reports?|posts?|news)"
)
_ABOUT = re.compile(
    r"\s(?:about|on|regarding|covering|titled|entitled|called|sur) (?P<what>.+?)"
    r"(?: (?P<verb>(?:was |is )?(?:published|written|released|posted|from|say)))?$",
    re.IGNORECASE,
)
_NUMBER = rf"\d{{1,3}}|{'|'.join(SMALL_NUMBERS[1:11])}"
_ORDERED = re.compile(
    rf"\b(?:(?P<before>{_NUMBER})\s+)?(?P<end>latest|newest|most recent|last|oldest|earliest)\s+"
    rf"(?:(?P<number>{_NUMBER})\s+)?(?P<noun>articles?|stor(?:y|ies)|pieces?|texts?|documents?|news)\b",
    re.IGNORECASE,
)
_NAMING_PATTERNS: tuple[tuple[Topic, str], ...] = (
    (
        "mention",
        rf"^(?:which|what) (?:of (?:the|your) )?{_ARTICLE}(?: that| which)? (?:do you have )?(?:mentions?|talks? about|discuss(?:es)?|"
        r"covers?|refers? to|names?|(?:is|are|were|was)? ?(?:about|on)|deals? with|contains?|say anything about) (?P<what>.+)$",
    ),
    (
        "mention",
        rf"^(?:do you have|have you(?: got)?|is there|are there|got|show me|find|list)(?: me)? (?:any(?:thing)? |all |some )?(?:other )?"
        rf"(?:{_ARTICLE})?(?: that| which)?(?: ?(?:about|on|mention(?:s|ing)?|covering|regarding)) (?P<what>.+)$",
    ),
    (
        "mention",
        rf"^(?:is|are|was) (?P<what>.+?) mentioned(?: (?:in|by|anywhere)(?: (?:any|one))?(?: of)?(?: (?:{_ARTICLE}|it|there))?)?$",
    ),
    ("mention", rf"^do(?:es)? (?:any(?: of)? )?{_ARTICLE} mention (?P<what>.+)$"),
    (
        "mention",
        r"^(?:quels? (?:sont les )?articles?|quels textes) (?:parlent? (?:de|du|des)|mentionnent?|citent?|évoquent?) (?P<what>.+)$",
    ),
    (
        "by",
        rf"^(?:(?:which|what|list|show me|find|give me)\s+)?(?:the |all |any )?{_ARTICLE}(?: (?:that )?(?:is|are|was|were))?"
        r"(?: do you have)? (?:written )?by (?P<what>[^,]+)$",
    ),
    (
        "by",
        rf"^(?:show me |tell me |list )?(?:what|which) (?:(?:else|all|of) )?(?:{_ARTICLE} )?(?:has|have|did|does) (?P<what>[\w' .-]+?) "
        r"(?:written|write|published|publish|authored)$",
    ),
    (
        "authors",
        r"^(?:tell me )?(?:who|which (?:author|journalist|reporter)s?) (?:wrote|has written|have written|writes|reported|"
        r"has reported|have reported) (?:about|on) (?P<what>.+)$",
    ),
    ("by", r"^(?:show me |tell me |list )what (?P<what>[\w' .-]+?) (?:has written|have written|wrote|has published)$"),
)
_NAMING = tuple((topic, re.compile(pattern, re.IGNORECASE)) for topic, pattern in _NAMING_PATTERNS)
_CLAUSE = re.compile(r"\b(?:who|where|when|why|how)\b.*\b(?:is|are|was|were|did|does|do|has|have)\b", re.IGNORECASE)
"""What is asked about is itself a question ("show me on a map where Segou is"): the contents answer it."""
_REPORTS = re.compile(r"\b(?:reports?|documents?|posts?)\b", re.IGNORECASE)
_WHOLE = re.compile(
    r"^what(?: all| else)? (?:do you (?:have|know(?: about)?|hold|contain|cover)|is in (?:the|your) (?:corpus|index|folder|collection|database|archive)|"
    r"(?:sources|topics|subjects) (?:do you have|are there|can i ask about)|can i ask(?: you)?(?: about)?)$",
    re.IGNORECASE,
)
