"""Views: what the chat page shows, as HTML made here from escaped text.

No Markdown of an article, a file name or an answer is ever rendered, for it could load an image
from outside and so tell who reads what.  Values go in and HTML comes out; nothing here knows
Gradio, a browser or where the values came from.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from typing import NamedTuple

from assistant.citation import Citation
from assistant.documents import Document
from assistant.notebook import Entry
from assistant.reply import Reply, Status
from assistant.retrieval import Hit
from assistant.shelf import Result, Row
from assistant.verification import Claim, Label


class Mark(NamedTuple):
    """A span of an article that is shown marked."""

    number: int
    """Number of the citation; 0 for a passage that was only retrieved."""
    start: int
    """Offset of its first character in the document's text."""
    end: int
    """Offset behind its last character in the document's text."""


class Shown(NamedTuple):
    """What of a reply's surroundings is shown with it."""

    asked: str = ""
    """The question as typed."""
    titles: Mapping[str, str] = {}
    """Titles of the retrieved articles by id."""
    limits: str = ""
    """The filters that held, in words."""
    conversation: str = ""
    """Where the exchange is kept; empty where it is not, and then nothing can be said of it."""
    place: int = 0
    """Its place in the conversation, from 0."""
    rating: str | None = None
    """What the reader thought of it."""
    comment: str = ""
    """What the reader wrote about it."""


def safe(text: object) -> str:
    """Text as HTML that shows exactly its characters; a parser would make a line feed of a carriage return."""
    return escape(str(text), quote=True).replace("\r", "&#13;")


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 article", "1,200 articles"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def time_html(moment: datetime, *, day: bool = False) -> str:
    """A moment to the minute, or its day alone: in UTC here, and in the reader's own time zone once a browser has it."""
    moment = moment.astimezone(UTC)
    shown = f"{moment:%Y-%m-%d}" if day else f"{moment:%Y-%m-%d %H:%M} UTC"
    return (
        f'<time class="{"day" if day else "minute"}" datetime="{moment.isoformat(timespec="seconds")}">{shown}</time>'
    )


# ---- the page


def header_html(articles: int, place: str | None = None) -> str:
    """Head of the page: what it is, how much it has read, and where questions are sent, if anywhere."""
    leaves = f"questions and the sentences found go to {safe(place)}" if place else "nothing leaves this machine"
    return (
        f'<header class="masthead"><h1>{TITLE}</h1><p>Every answer quotes the articles it stands on. '
        f"<strong>{count(articles, 'article')}</strong> indexed; {leaves}.</p></header>"
    )


def notice_html(sentence: str) -> str:
    """A sentence to the reader that is no answer."""
    return f'<div class="reply">{_status_html("error", "Not done", sentence)}</div>'


def said_html(sentence: str, *, failed: bool = False) -> str:
    """A sentence on what was just done, read out by a screen reader; nothing for no sentence."""
    shown = f'<p class="said{" failed" if failed else ""}">{safe(_sentence(sentence))}</p>' if sentence else ""
    return f'<div role="status">{shown}</div>'


# ---- an answer on its way


def waiting_html(before: int, places: int) -> str:
    """What is said while a question has no turn yet: how many come before it."""
    turn = "yours is next" if before == 0 else f"{before:,} more {'comes' if before == 1 else 'come'} before yours"
    others = f"{count(places, 'question')} {'is' if places == 1 else 'are'} being answered"
    return _underway_html(-1, f"Waiting: {others}, {turn}")


def stage_html(stage: str, draft: str = "") -> str:
    """The way to an answer with the stage that is being done, and the words of a draft that nobody has checked yet."""
    step, words = WITHIN.get(stage, (stage, "" if stage in STAGES else stage))
    return _underway_html(list(STAGES).index(step) if step in STAGES else len(STAGES), words, draft)


def _underway_html(now: int, words: str, draft: str = "") -> str:
    kinds = ["done" if place < now else "now" if place == now else "todo" for place in range(len(STAGES))]
    current = {"now": ' aria-current="step"'}
    steps = "".join(
        f'<li class="{kind}"{current.get(kind, "")}>{safe(name)}</li>'
        for kind, name in zip(kinds, STAGES.values(), strict=True)
    )
    other = f'<p class="stage">{safe(words)}</p>' if words and not draft else ""
    shown = (
        f'<p class="draft-note">Draft, not checked yet</p><div class="draft" dir="auto">{safe(draft)}</div>'
        if draft
        else ""
    )
    return f'<div class="reply underway"><ol class="stages" aria-label="Progress">{steps}</ol>{other}{shown}</div>'


# ---- an answer


def reply_html(reply: Reply, shown: Shown) -> str:
    """One reply: status and reason, answer, what checking found, what is missing, sources, and all that was retrieved."""
    parts = [_status_html(reply.status, STATUS_LABELS[reply.status], reply.reason or "")]
    if shown.limits:
        parts.append(f'<p class="searched">Articles used: {safe(shown.limits)}</p>')
    if shown.asked and reply.status != "clarify" and _plain(shown.asked) != _plain(reply.question):
        parts.append(_searched_html(reply.question, shown))
    parts.append(f'<div class="answer" dir="auto">{answer_html(reply)}</div>')
    parts.append(_notes_html(reply))
    parts.append(_checks_html(reply.claims))
    parts.append(_taken_out_html(reply.claims))
    parts.append(_missing_html(reply))
    if reply.status == "abstained" and reply.hits:
        parts.append(_nearest_html(reply.hits, shown.titles))
    if reply.citations:
        parts.append(f'<h3>Sources</h3><ul class="references">{_references_html(reply.citations)}</ul>')
    if reply.hits:
        parts.append(_hits_html(reply, shown.titles))
    parts.append(_actions_html(reply, shown))
    return f'<div class="reply">{"".join(parts)}</div>'


def _notes_html(reply: Reply) -> str:
    """Whose words the answer is in where they are not the articles', and what became of a draft."""
    notes = [f"written by {reply.written_by} from the quotes below"] if reply.written_by != "sources" else []
    return "".join(f'<p class="note">{safe(_sentence(note))}</p>' for note in (*notes, *reply.notes))


def _searched_html(question: str, shown: Shown) -> str:
    again = _event_button("Search as I typed it", "ask_as_typed", "as-typed", {"question": shown.asked})
    return f'<p class="searched">Searched for: <q dir="auto">{safe(question)}</q> {again}</p>'


def _status_html(kind: str, label: str, reason: str) -> str:
    because = f'<span class="aside">: </span><span class="why">{safe(_sentence(reason))}</span>' if reason else ""
    return f'<p class="status {kind}"><strong>{label}</strong>{because}</p>'


def _sentence(words: str) -> str:
    """Messages and reasons are written to stand behind a colon; here they stand alone."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?", "…")) else ".")


def answer_html(reply: Reply) -> str:
    """The answer's text; of its Markdown only paragraphs, quotes, lists and bold are kept."""
    blocks = []
    for block in re.split(r"\n\s*\n", reply.text.strip()):
        lines = block.splitlines()
        if all(line.startswith(">") for line in lines):
            inner = " ".join(line[1:].strip() for line in lines)
            blocks.append(f"<blockquote>{_inline(inner, reply)}</blockquote>")
        elif all(line.startswith(("- ", "* ")) for line in lines):
            items = "".join(f"<li>{_inline(line[2:], reply)}</li>" for line in lines)
            blocks.append(f"<ul>{items}</ul>")
        else:
            blocks.append(f"<p>{_inline(block, reply)}</p>")
    return "".join(blocks)


def _inline(text: str, reply: Reply) -> str:
    shown = []
    said = ""
    for piece in INLINE.split(text):
        if MARKERS.fullmatch(piece):
            shown.append(_marked_words(said, piece, reply.citations) + _verdict_html(said, reply.claims))
            said = ""
        elif len(piece) > 4 and piece.startswith("**") and piece.endswith("**"):
            shown.append(f"{safe(said)}<strong>{_inline(piece[2:-2], reply)}</strong>")
            said = ""
        else:
            said += piece[1] if len(piece) == 2 and piece[0] == "\\" else piece
    return "".join(shown) + safe(said)


def _marked_words(said: str, markers: str, citations: Sequence[Citation]) -> str:
    """Words and the markers behind them, the first kept on the line of the last word."""
    numbered = {str(citation.number): citation for citation in citations}
    first, *others = (
        _cite_button(numbered[number], citations) if number in numbered else f"[{number}]"
        for number in re.findall(r"\d+", markers)
    )
    end = len(said.rstrip())
    cut = max(said.rfind(" ", 0, end) + 1, end - LONGEST_HELD)
    return f'{safe(said[:cut])}<span class="held">{safe(said[cut:])}{first}</span>{"".join(others)}'


def _verdict_html(said: str, claims: Iterable[Claim]) -> str:
    """A mark for the claim that ends what was just said: a tick where its citations support it, else a word."""
    stand = (claim for claim in claims if not claim.removed and _plain(claim.text))
    claim = next((claim for claim in stand if _plain(said).endswith(_plain(claim.text))), None)
    if not claim:
        return ""
    label = claim.verdict.label
    hint = f' title="{safe(f"{VERDICT_LABELS[label]}. {_reasons(claim)}")}"'
    if label == "supported":
        return f'<span class="verdict"{hint}>✓<span class="aside"> supported</span></span>'
    return f' <span class="doubt {label}"{hint}>{VERDICT_LABELS[label]}</span>'


VERBATIM = "these sentences stand in the articles word for word. Whether they answer your question is yours to judge."
"""What is said of an answer in the articles' own words: checking it says nothing of what was asked."""


def _checks_html(claims: Sequence[Claim]) -> str:
    """What checking found: a line where every sentence is supported, else each one that is not, with the reason."""
    claims = [claim for claim in claims if not claim.removed]
    if not claims:
        return ""
    doubtful = [claim for claim in claims if claim.verdict.label != "supported"]
    if not doubtful:
        verbatim = all(any(reason.startswith("verbatim") for reason in claim.verdict.reasons) for claim in claims)
        found = VERBATIM if verbatim else "every cited sentence is supported by its quotes."
        return f'<div class="checks"><p>Checked: {found}</p></div>'
    items = "".join(
        f'<li dir="auto"><strong>{VERDICT_LABELS[claim.verdict.label]}:</strong> <q>{safe(claim.text)}</q> '
        f"{safe(_reasons(claim))}</li>"
        for claim in doubtful
    )
    held = f"{len(claims) - len(doubtful)} of {count(len(claims), 'sentence')} supported by their quotes"
    return f'<div class="checks"><p>Checked: {held}.</p><ul>{items}</ul></div>'


def _taken_out_html(claims: Sequence[Claim]) -> str:
    """Sentences that a language model drafted and checking took out, with the reason of each."""
    removed = [claim for claim in claims if claim.removed]
    if not removed:
        return ""
    items = "".join(
        f'<li dir="auto"><s>{safe(claim.text)}</s> <strong>{VERDICT_LABELS[claim.verdict.label]}.</strong> '
        f"{safe(_reasons(claim))}</li>"
        for claim in removed
    )
    said = count(len(removed), "sentence")
    return f'<details class="taken-out"><summary>Taken out of the answer ({said})</summary><ul>{items}</ul></details>'


def _reasons(claim: Claim) -> str:
    return _sentence("; ".join(claim.verdict.reasons) or "no reason is given")


def _missing_html(reply: Reply) -> str:
    """What was asked and is not in the articles, but where the answer is to say just that."""
    said = _plain(_bare(reply.text))
    if not reply.missing or (reply.status == "abstained" and all(_plain(item) in said for item in reply.missing)):
        return ""
    items = "".join(f'<li dir="auto">{safe(item)}</li>' for item in reply.missing)
    return f'<div class="missing"><h3>Not in the articles</h3><ul>{items}</ul></div>'


def _nearest_html(hits: Sequence[Hit], titles: Mapping[str, str]) -> str:
    """The articles that came nearest, each opened at its best passage."""
    best: dict[str, Hit] = {}
    for hit in hits:
        best.setdefault(hit.passage.document_id, hit)
    items = "".join(f"<li>{_passage_button(hit, titles)}</li>" for hit in list(best.values())[:NEAREST])
    return f'<div class="nearest"><h3>Nearest articles</h3><ul>{items}</ul></div>'


def _cite_button(citation: Citation, citations: Sequence[Citation]) -> str:
    same = [Mark(c.number, c.start, c.end) for c in citations if c.document_id == citation.document_id]
    label = f"Citation {citation.number}: {citation.title}. Open the article at these words"
    about = " · ".join(
        (*_known(citation.title, citation.author, citation.published, citation.source), *_where(citation))
    )
    return _open_button(
        f"[{citation.number}]",
        label,
        citation.document_id,
        citation.number,
        same,
        "cite",
        {"quote": citation.quote, "about": about},
    )


def _passage_button(hit: Hit, titles: Mapping[str, str]) -> str:
    passage = hit.passage
    title = titles.get(passage.document_id) or passage.document_id
    mark = Mark(0, passage.start, passage.end)
    return _open_button(title, f"Open {title} at passage {hit.rank}", passage.document_id, 0, [mark], "open-passage")


def _open_button(
    text: str,
    label: str,
    document_id: str,
    number: int,
    marks: Iterable[Mark],
    kind: str,
    data: Mapping[str, str] | None = None,
) -> str:
    spans = json.dumps([list(mark) for mark in marks])
    more = "".join(f' data-{name}="{safe(value)}"' for name, value in (data or {}).items())
    return (
        f'<button type="button" class="{kind}" data-document="{safe(document_id)}" data-number="{number}" '
        f'data-marks="{safe(spans)}" aria-controls="source" aria-label="{safe(label)}"{more}>{safe(text)}</button>'
    )


def _event_button(
    text: str, event: str, kind: str, data: Mapping[str, object], label: str = "", pressed: bool | None = None
) -> str:
    """A button whose press reaches the server with what stands in its data, and the fields beside it."""
    more = "".join(f' data-{name}="{safe(value)}"' for name, value in data.items())
    named = f' aria-label="{safe(label)}"' if label else ""
    state = "" if pressed is None else f' aria-pressed="{str(pressed).lower()}"'
    return f'<button type="button" class="{kind}" data-event="{event}"{more}{named}{state}>{safe(text)}</button>'


def _references_html(citations: Sequence[Citation]) -> str:
    """The quotes under the article that they stand in."""
    articles: dict[str, list[Citation]] = {}
    for citation in citations:
        articles.setdefault(citation.document_id, []).append(citation)
    return "".join(_article_html(cited, citations) for cited in articles.values())


def _article_html(cited: Sequence[Citation], citations: Sequence[Citation]) -> str:
    about = _about_html(cited[0].author, cited[0].published, cited[0].source)
    about += "".join(f"<span><bdi>{safe(part)}</bdi></span>" for part in _address(cited[0]))
    quotes = "".join(
        f'<li class="quote">{_cite_button(citation, citations)}<q dir="auto">{safe(citation.quote)}</q>{_page_html(citation)}</li>'
        for citation in cited
    )
    return f'<li><p class="about"><cite dir="auto">{safe(cited[0].title)}</cite>{about}</p><ul>{quotes}</ul></li>'


def _page_html(citation: Citation) -> str:
    return f' <span class="page">page {citation.page}</span>' if citation.page else ""


def _where(citation: Citation) -> list[str]:
    """Address and page, where they are known."""
    return [*_address(citation), *([f"page {citation.page}"] if citation.page else [])]


def _address(citation: Citation) -> list[str]:
    return [citation.url] if citation.url and citation.url != citation.source else []


def _known(title: str, author: str | None, published: object, source: str | None) -> list[str]:
    return [str(part) for part in (title, author, published or "date not given", source) if part]


def _about_html(author: str | None, published: object, source: str | None) -> str:
    return "".join(f"<span><bdi>{safe(part)}</bdi></span>" for part in _known("", author, published, source))


def _hits_html(reply: Reply, titles: Mapping[str, str]) -> str:
    items = []
    for hit in reply.hits:
        cited = '<strong class="cited">cited</strong>' if hit.cited else "not cited"
        scores = f"score {hit.score:.2f} (meaning {hit.dense:.2f}, words {hit.lexical:.1f})"
        items.append(
            f'<li>{_passage_button(hit, titles)} <span class="score">{cited}, {scores}</span>'
            f'<p dir="auto">{safe(hit.passage.text)}</p></li>'
        )
    used = sum(hit.cited for hit in reply.hits)
    said = f"{count(len(items), 'passage')}, {used} cited"
    return f"<details><summary>Everything retrieved ({said})</summary><ol>{''.join(items)}</ol></details>"


def _actions_html(reply: Reply, shown: Shown) -> str:
    """What can be done with an answer: take it along, judge it, make a case of it."""
    words = "Copy with references" if reply.citations else "Copy"
    copy = f'<button type="button" class="action copy" data-copy="{safe(plain_text(reply))}">{words}</button>'
    if not shown.conversation:
        return f'<div class="actions">{copy}</div>'
    own = {"conversation": shown.conversation, "place": shown.place}
    ratings = "".join(
        _event_button(words, "judge", "action", own | {"rating": rating}, pressed=shown.rating == rating)
        for rating, words in RATINGS.items()
    )
    comment = (
        f"<details><summary>{'Your comment' if shown.comment else 'Comment'}</summary>"
        f'<label>What should we know about this answer?<textarea name="comment" rows="3">{safe(shown.comment)}'
        f"</textarea></label>{_event_button('Keep the comment', 'judge', 'action', own)}</details>"
    )
    chosen = {status: " selected" if status == reply.status else "" for status in STATUS_LABELS}
    options = "".join(
        f'<option value="{status}"{chosen[status]}>{label}</option>' for status, label in STATUS_LABELS.items()
    )
    quotes = "\n".join(citation.quote.replace("\n", " ") for citation in reply.citations)
    case = (
        "<details><summary>Make this an eval case</summary>"
        f'<label>A right answer is<select name="status">{options}</select></label>'
        f'<label>and quotes these words, one a line<textarea name="words" rows="4">{safe(quotes)}</textarea></label>'
        f"{_event_button('Add the case', 'make_case', 'action', own)}</details>"
    )
    return f'<div class="actions">{copy}{ratings}{comment}{case}<span class="done" role="status"></span></div>'


def plain_text(reply: Reply) -> str:
    """The answer with its numbers, and its references below it, as plain text."""
    text = _bare(reply.text).replace("**", "")
    if not reply.citations:
        return text
    lines = [
        f"[{c.number}] “{' '.join(c.quote.split())}” — "
        + ", ".join((*_known(c.title, c.author, c.published, c.source), *_where(c)))
        for c in reply.citations
    ]
    return f"{text}\n\nSources\n" + "\n".join(lines)


def _bare(markdown: str) -> str:
    return re.sub(r"\\([\\`*_{}\[\]()#+\-.!<>|~])", r"\1", markdown)


# ---- an article


def source_html(document: Document, marks: Sequence[Mark], number: int) -> str:
    """A whole article with the span of citation `number` marked, and the reply's other spans marked lighter."""
    about = _about_html(document.author, document.published, document.source)
    what = (f"Citation [{number}]" if number else "The retrieved passage") if marks else "The whole article"
    lighter = '<span class="lighter">, others lighter</span>' if len(marks) > 1 else ""
    return (
        f'<article data-shown="{safe(document.id)}"><div class="from">'
        f'<h2 tabindex="-1" dir="auto">{safe(document.title)}</h2><p class="about">{about}</p>'
        f'<p class="ways"><span class="what">{what}{lighter}<span class="of-earlier" hidden> of an earlier answer</span>'
        '<span class="of-none" hidden> of an answer that is no longer shown</span></span>'
        '<button type="button" class="step" data-step="-1" title="Previous citation (p or ←)">‹ Previous</button>'
        '<button type="button" class="step" data-step="1" title="Next citation (n or →)">Next ›</button>'
        '<button type="button" class="newest" title="Opens its first citation" hidden>To the newest answer</button>'
        '<button type="button" class="back">Back to the answer</button>'
        '<button type="button" class="all">All articles</button></p></div>'
        f'<div class="text" dir="auto">{_marked(document.text, marks, number)}</div></article>'
    )


def _marked(text: str, marks: Sequence[Mark], number: int) -> str:
    inside = [Mark(mark.number, max(0, mark.start), min(len(text), mark.end)) for mark in marks]
    here = next((mark for mark in inside if mark.number == number), Mark(number, 0, 0))
    edges = {0, len(text), here.start, here.end}
    edges |= {edge for mark in inside for edge in mark[1:] if not here.start < edge < here.end}
    ordered = sorted(edges)
    shown = []
    for start, end in pairwise(ordered):
        words = safe(text[start:end])
        other = next((mark for mark in inside if mark.start <= start and end <= mark.end), None)
        if here.start <= start and end <= here.end:
            shown.append(f'<mark class="here"{_numbered(here, start)}>{words}</mark>')
        elif other:
            shown.append(
                f'<mark class="other" title="Citation [{other.number}]"{_numbered(other, start)}>{words}</mark>'
            )
        else:
            shown.append(words)
    return "".join(shown)


def _numbered(mark: Mark, start: int) -> str:
    """The number that is shown where a citation's words begin; it is no part of the text, and not copied with it."""
    return f' data-number="{mark.number}"' if mark.number and start == mark.start else ""


def contents_html(documents: Sequence[Document]) -> str:
    """The source panel before anything is opened: how it works, and the articles there are."""
    if not documents:
        return (
            '<article class="contents"><h2 tabindex="-1">No articles yet</h2><p>Nothing can be answered before '
            "something is there to read. Open <strong>Articles</strong> and drop files there, or put them into the "
            "corpus folder and choose <strong>Read the folder again</strong>.</p></article>"
        )
    items = "".join(_listed_html(document) for document in documents[:LISTED])
    more = f"<p>and {len(documents) - LISTED:,} more, under Articles</p>" if len(documents) > LISTED else ""
    return (
        '<article class="contents"><h2 tabindex="-1">Source</h2><p>Choose a number such as [1] in an answer to read '
        f"its article here, with the exact words marked.</p><h3>Articles</h3><ul>{items}</ul>{more}</article>"
    )


def _listed_html(document: Document) -> str:
    name = document.title or document.id
    known = [str(part) for part in (document.author, document.published) if part]
    about = (
        f'<p class="about">{"".join(f"<span><bdi>{safe(part)}</bdi></span>" for part in known)}</p>' if known else ""
    )
    return f"<li>{_open_button(name, f'Open {name}', document.id, 0, [], 'open-passage')}{about}</li>"


# ---- the articles


def articles_html(rows: Sequence[Row], total: int) -> str:
    """The articles as a table, each opened and removed from its row."""
    if not total:
        return '<p class="empty">There are no articles yet. Drop files above, or read the corpus folder again.</p>'
    if not rows:
        return '<p class="empty">No article has all these words in its title, author, date or source.</p>'
    shown = count(len(rows), "article") + (f" of {total:,}" if len(rows) < total else "")
    more = f", the first {ROWS} shown" if len(rows) > ROWS else ""
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Title", "Author", "Date", "Source", "Size", "Indexed"))
    body = "".join(_row_html(row) for row in rows[:ROWS])
    return (
        f'<table class="articles"><caption>{shown}{more}; size in characters</caption><thead><tr>{heads}'
        f'<th scope="col"><span class="aside">Remove</span></th></tr></thead><tbody>{body}</tbody></table>'
    )


def _row_html(row: Row) -> str:
    opens = _open_button(row.title, f"Open {row.title}", row.id, 0, [], "open-passage")
    indexed = time_html(row.indexed, day=True) if row.indexed else "–"
    stays = "" if row.uploaded else " Its file stays in the folder, and comes back when the folder is read again."
    removes = (
        f'<details><summary aria-label="{safe(f"Remove {row.title}")}">Remove</summary>'
        f"<div><p>Take it out of the index?{stays}</p>"
        f"{_event_button('Yes, remove it', 'remove_article', 'action', {'document': row.id})}</div></details>"
    )
    cells = "".join(
        f'<td data-label="{name}" class="{kind}" dir="auto">{safe(value or "–")}</td>'
        for name, kind, value in (
            ("Author", "words", row.author),
            ("Date", "nowrap", row.published),
            ("Source", "address", row.source),
        )
    )
    return (
        f'<tr><th scope="row" dir="auto">{opens}</th>{cells}<td data-label="Size" class="number" title="{count(row.characters, "character")}">{row.characters:,}</td>'
        f'<td data-label="Indexed" class="nowrap">{indexed}</td><td>{removes}</td></tr>'
    )


def results_html(results: Sequence[Result], total: int) -> str:
    """What became of each file, with the count of those still to come."""
    if not total:
        return ""
    done = len({result.name for result in results})
    taken = sum(result.outcome in ("added", "replaced") for result in results)
    unread = len({result.name for result in results if result.outcome == "not read"})
    left = f", {count(unread, 'file')} not read" if unread else ""
    going = f'<progress max="{total}" value="{done}" aria-label="Files read"></progress>' if done < total else ""
    items = "".join(
        f'<li class="{result.outcome.replace(" ", "-")}"><strong>{result.outcome}</strong> '
        f"<bdi>{safe(result.name)}</bdi>{': ' + safe(result.note) if result.note else ''}</li>"
        for result in results
    )
    return (
        f'<div class="results" role="status"><p>{done} of {count(total, "file")} done: '
        f"{count(taken, 'article')} added or replaced{left}.</p>{going}<ul>{items}</ul></div>"
    )


# ---- conversations


def conversations_html(entries: Sequence[Entry], current: str | None) -> str:
    """The conversations of one browser, each opened, renamed, taken along and deleted from its row."""
    if not entries:
        return (
            f'<div class="conversations" data-current="{safe(current or "")}">'
            '<p class="empty">What you ask is kept here, on this machine, for this browser alone.</p></div>'
        )
    items = "".join(_entry_html(entry, entry.id == current) for entry in entries)
    return f'<div class="conversations" data-current="{safe(current or "")}"><ul>{items}</ul></div>'


def _entry_html(entry: Entry, is_open: bool) -> str:
    own = {"conversation": entry.id}
    asked = f"{count(entry.questions, 'question')}, last {time_html(entry.changed)}"
    rename = (
        f'<details><summary aria-label="{safe(f"Rename {entry.title}")}">Rename</summary>'
        f'<label>Name<input name="title" value="{safe(entry.title)}" maxlength="120"></label>'
        f"{_event_button('Keep the name', 'rename_conversation', 'action', own)}</details>"
    )
    exports = "".join(
        _event_button(words, "export", "action", own | {"form": form}, f"{words}: {entry.title}")
        for form, words in (("md", "Export as Markdown"), ("json", "Export as JSON"))
    )
    delete = (
        f'<details><summary aria-label="{safe(f"Delete {entry.title}")}">Delete</summary>'
        f"{_event_button('Yes, delete it', 'delete_conversation', 'action', own)}</details>"
    )
    mark = ' <span class="open-now">open</span>' if is_open else ""
    title = f"“{entry.title}”"
    return (
        f'<li><p class="name">{_event_button(entry.title, "open_conversation", "open-passage", own, f"Open the conversation {title}")}'
        f'{mark}</p><p class="about">{asked}</p><div class="actions">{rename}{exports}{delete}<span class="done" role="status"></span></div></li>'
    )


# ---- an eval report


def report_html(name: str, report: str) -> str:
    """An eval report in a frame of its own, in which nothing runs and nothing is loaded."""
    if not report:
        return (
            '<p class="empty">There is no eval report yet. <code>python -m eval run --suite seeds</code> makes one, where '
            "the assistant was started; the last one is shown here.</p>"
        )
    return f'<p class="about">{safe(name)}</p><iframe sandbox title="Eval report" srcdoc="{safe(report)}"></iframe>'


def limits_text(filters: Mapping[str, str], used: int, total: int) -> str:
    """Filters in words, with how many articles pass them; empty where all do because none is set."""
    if not filters:
        return ""
    words = {"since": "since {}", "until": "until {}", "on": "of {}", "author": "by {}", "source": "from {}"}
    limits = ", ".join(words.get(name, name + " {}").format(value) for name, value in filters.items())
    return f"{limits} ({used:,} of {total:,})"


def _plain(question: str) -> str:
    return " ".join(question.split()).casefold()


# ---- words and tables

TITLE = "Ask the articles"
LISTED = 50
"""Articles named in the source panel before one is opened."""
ROWS = 500
"""Articles in the table; the search finds the others."""
NEAREST = 3
"""Articles named where the answer is in none."""
LONGEST_HELD = 16
"""Characters of a word that are kept on one line with its citation; more could be wider than a phone."""

STATUS_LABELS: dict[Status, str] = {
    "answered": "Answered",
    "partial": "Partly answered",
    "abstained": "Not in the sources",
    "clarify": "Please clarify",
}

VERDICT_LABELS: dict[Label, str] = {
    "supported": "Supported",
    "contradicted": "Contradicted",
    "unsupported": "Not supported",
    "unchecked": "Not checked",
}

STAGES = {
    "understanding": "Question",
    "searching": "Searching",
    "reading": "Reading",
    "composing": "Writing",
    "checking": "Checking",
}
"""Stages in their order, in the words of the page."""

WITHIN = {
    "rewriting": ("understanding", "The language model completes the question from the conversation"),
    "drafting": ("composing", "Waiting for the language model"),
}
"""Stages that only a language model has: the step that they are part of, and what is said of them."""

RATINGS = {"helpful": "Helpful", "not helpful": "Not helpful"}

INLINE = re.compile(r"(\\[\\`*_{}\[\]()#+\-.!<>|~]|\*\*(?:\\.|[^*\\])+\*\*|(?:\[\d{1,4}\])+)")
MARKERS = re.compile(r"(?:\[\d{1,4}\])+")
