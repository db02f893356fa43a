"""The catalogue: questions about the articles themselves, answered from their data.

Who wrote it, when was it published, which articles mention somebody, what there is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.documents import Document, author_span, content_spans, published_span
from assistant.sentences import Span, split_sentences
from assistant.terms import fold, stems

Topic = Literal["author", "published", "source", "title", "count", "list", "mention"]

_ARTICLE = r"(?:(?:the|this|that|these|those|each|your|an?|latest|newest|news|first|second|last|above)\s+)*(?:articles?|stor(?:y|ies)|pieces?|texts?|documents?|reports?|posts?|news)"
_IT = rf"(?:{_ARTICLE}|it|this|that)"
_ENTRIES: tuple[tuple[Topic, str], ...] = (
    (
        "mention",
        rf"^(?:which|what) (?:of (?:the|your) )?{_ARTICLE}(?: that)? (?:do you have )?(?:mentions?|talks? about|discuss(?:es)?|covers?|refers? to|names?|(?:is|are|were|was)? ?(?:about|on)|deals? with|contains?|say anything about) (?P<what>.+)$",
    ),
    (
        "mention",
        rf"^(?:do you have|have you(?: got)?|is there|are there|got|show me|find|list)(?: me)? (?:any(?:thing)? |all |some )?(?:other )?(?:{_ARTICLE})?(?: that| which)?(?: ?(?:about|on|mention(?:s|ing)?|covering|regarding)) (?P<what>.+)$",
    ),
    (
        "mention",
        rf"^(?:is|are|was) (?P<what>.+?) mentioned (?:in|by|anywhere)(?: (?:any|one))?(?: of)? ?(?:{_ARTICLE}|it|there)?$",
    ),
    ("mention", rf"^do(?:es)? (?:any(?: of)? )?{_ARTICLE} mention (?P<what>.+)$"),
    (
        "mention",
        r"^(?:quels? (?:sont les )?articles?|quels textes) (?:parlent? (?:de|du|des)|mentionnent?|citent?|évoquent?) (?P<what>.+)$",
    ),
    (
        "author",
        rf"^(?:who|by whom)(?: is| was|'s)? (?:wrote|has written|written|authored|penned|published|the (?:author|writer|journalist|reporter)s?(?: (?:of|behind|for))?|responsible for writing)\s*{_IT}?(?: (?:written|by|here))?$",
    ),
    ("author", rf"^who (?:is|are|was|were) (?:the )?(?:author|writer|journalist|reporter)s?(?: (?:of|behind) {_IT})?$"),
    (
        "author",
        rf"^(?:what(?: is|'s) the (?:name of the )?(?:author|writer|journalist|byline)(?:'s name)?)(?: (?:of|on|behind) {_IT})?$",
    ),
    (
        "author",
        rf"^by whom (?:is|was) {_IT} written$|^whose (?:article|byline|story|piece) is (?:it|this|that)$|^(?:the )?author(?: of {_IT})?$",
    ),
    (
        "author",
        r"^qui (?:a écrit|est l['’]auteur(?:e)? de|signe|est l['’]auteur(?:e)?)(?: (?:cet|l['’]|cette|le|ce|du|de l['’]|un)\s?(?:article|texte|papier|histoire)| d[eu] .{0,12}(?:article|texte))?$",
    ),
    (
        "published",
        rf"^(?:when|(?:on )?(?:what|which) (?:date|day|year|month)) (?:is|was|were|did|has) {_IT} (?:been )?(?:published|written|posted|released|come out|appear|issued|dated|from)$",
    ),
    (
        "published",
        rf"^what(?: is|'s) the (?:publication |publishing )?date(?: of publication)?(?: (?:of|on) {_IT})?$|^how (?:old|recent) is {_ARTICLE}$|^(?:is|was) {_ARTICLE} dated$",
    ),
    (
        "published",
        r"^(?:quand|à quelle date) (?:l['’]article|cet article|ce texte|le texte|l['’]article)? ?(?:a-t-il été|est-il|a été|est) (?:publié|paru|écrit)(?: (?:l['’]|cet )article)?$|^quelle est la date de (?:publication|parution).*$",
    ),
    (
        "source",
        rf"^(?:where|in (?:what|which) (?:newspaper|outlet|publication|journal|magazine|media|paper|website|site)) (?:is|was|were|did|has) {_IT} (?:been )?(?:published|posted|come from|from|appear|released)$",
    ),
    (
        "source",
        rf"^(?:who|which (?:newspaper|outlet|publication|agency|site|media)) (?:published|released|ran|posted) {_ARTICLE}$|^what(?: is|'s) the (?:source|publisher|outlet|url|link|file)(?: (?:of|for) {_IT})?$",
    ),
    (
        "title",
        rf"^what(?: is|'s) (?:the )?(?:title|headline|name) of {_ARTICLE}$|^what is {_ARTICLE} called$|^(?:the )?(?:title|headline) of {_ARTICLE}$|^quel est le titre.*$",
    ),
    (
        "count",
        rf"^how many {_ARTICLE} (?:do you (?:have|know|hold)|are (?:there|indexed|in .+)|have you(?: got)?|is there)(?: .{{0,20}})?$|^combien d['’]articles.*$",
    ),
    (
        "list",
        rf"^(?:what|which) {_ARTICLE} (?:do you have|are (?:there|available|indexed|in .+)|have you(?: got)?|can you (?:read|see|search)|do you (?:know|hold))(?: .{{0,20}})?$",
    ),
    (
        "list",
        r"^what(?: all)? (?:do you (?:have|know(?: about)?|hold|contain|cover)|is in (?:the|your) (?:corpus|index|folder|collection|database|archive)|(?:sources|topics|subjects) (?:do you have|are there|can i ask about)|can i ask(?: you)?(?: about)?)$",
    ),
    (
        "list",
        rf"^(?:list|show|name|give me|show me|tell me)(?: me)?(?: all| a list of)*(?: of)?(?: the| your)? ?{_ARTICLE}(?: you have)?$|^quels (?:sont (?:les|vos) )?articles?(?: (?:avez-vous|as-tu|y a-t-il|sont disponibles))?.{{0,12}}$",
    ),
)
_PATTERNS = tuple((topic, re.compile(pattern, re.IGNORECASE)) for topic, pattern in _ENTRIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question about the articles themselves."""

    topic: Topic
    """What is asked of them."""
    what: str | None = None
    """Whom or what they are to mention, for the topic `mention`."""


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


def read_query(question: str) -> Query | None:
    """What a question asks of the catalogue, or None if it asks of the articles' contents."""
    plain = " ".join(question.replace("’", "'").split()).strip(" ?.!")
    for topic, pattern in _PATTERNS:
        match = pattern.match(plain)
        if match:
            what = match.groupdict().get("what")
            return Query(topic=topic, what=what.strip(" '\"“”") if what else None)
    return None


def author_of(document: Document) -> Entry | None:
    if document.author is None:
        return None
    return Entry(
        document=document,
        text=f"{name(document)} was written by {document.author}.",
        span=author_span(document),
        value=document.author,
    )


def published_of(document: Document) -> Entry | None:
    if document.published is None:
        return None
    day = document.published.isoformat()
    return Entry(
        document=document, text=f"{name(document)} was published on {day}.", span=published_span(document), value=day
    )


def source_of(document: Document) -> Entry | None:
    if document.source is None:
        return None
    return Entry(document=document, text=f"{name(document)} comes from {document.source}.", value=document.source)


def title_of(document: Document) -> Entry:
    place = document.text.find(document.title)
    span = Span(place, place + len(document.title)) if document.title and place >= 0 else None
    return Entry(document=document, text=f"The article is titled {name(document)}.", span=span, value=document.title)


def listing(document: Document) -> Entry:
    about = [
        document.author and f"by {document.author}",
        document.published and document.published.isoformat(),
        document.source,
    ]
    data = ", ".join(str(part) for part in about if part)
    return Entry(document=document, text=name(document) + (f" ({data})" if data else ""), span=_opening(document))


def mentioning(documents: Sequence[Document], what: str) -> list[Entry]:
    """The articles whose text, title or author holds all words of `what`, with the first sentence that does."""
    wanted = list(dict.fromkeys(stems(what))) or [fold(what)]
    found = []
    for document in documents:
        held = set(stems(f"{document.title}\n{document.author or ''}\n{document.text}"))
        if not held.issuperset(wanted):
            continue
        spans = [
            Span(start + first, start + last)
            for start, end in content_spans(document)
            for first, last in split_sentences(document.text[start:end])
        ]
        best = max(
            spans, key=lambda span: len(set(wanted).intersection(stems(document.text[span[0] : span[1]]))), default=None
        )
        found.append(Entry(document=document, text=name(document), span=best))
    return found


def name(document: Document) -> str:
    """How an article is called in a sentence."""
    return f"“{document.title}”" if document.title else document.id


def _opening(document: Document) -> Span | None:
    for start, end in content_spans(document):
        for first, last in split_sentences(document.text[start:end]):
            return Span(start + first, start + last)
    return None
