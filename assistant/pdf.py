"""PDFs: the text of their pages in reading order, and where each page begins.

A PDF knows no paragraphs, only lines at places; lines are joined into paragraphs here, words
that were hyphenated at a line's end are made whole, and what stands at the head or foot of
every page is left out, for it would cut sentences in two.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from assistant.dates import read_date
from assistant.extract import Extract, Flaw, UnreadableError, needs, one_line, unheard

MAX_PAGES = 2_000
"""A longer file is no article."""
MAX_CHARS = 20_000_000
"""Nor is one with more text."""
EDGE_LINES = 2
"""Lines at the head and foot of a page among which running titles and page numbers are looked for."""
RUNNING_SHARE = 0.5
"""A line at the edge of at least this share of the pages (and of three) is a running title."""
FULL_LINE = 0.8
"""A line shorter than this share of the width ended because its paragraph did."""


def read_pdf(data: bytes) -> Iterator[Extract | Flaw]:
    """The text of a PDF; raises UnreadableError where it is encrypted, damaged, a scan or too long."""
    try:
        import pypdf
    except ImportError:
        raise needs("pypdf", ".pdf") from None
    with unheard("pypdf"):
        try:
            reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
            if reader.is_encrypted and not reader.decrypt(""):
                raise UnreadableError("encrypted with a password: save it without one")
            count = len(reader.pages)
        except UnreadableError:
            raise
        except pypdf.errors.DependencyError:
            raise needs("cryptography", ".pdf (encrypted)") from None
        except Exception as error:  # whatever pypdf meets in a damaged file; it is told, not hidden
            raise UnreadableError(f"not a PDF, or a damaged one ({type(error).__name__}: {error})") from None
        if count > MAX_PAGES:
            raise UnreadableError(f"{count:,} pages, expected an article of at most {MAX_PAGES:,}: split it")
        pages: list[str] = []
        flaws: list[Flaw] = []
        size = 0
        for number in range(count):
            try:
                pages.append(reader.pages[number].extract_text())
            except Exception as error:
                pages.append("")
                flaws.append(Flaw(part=f"page {number + 1}", reason=f"damaged ({type(error).__name__}: {error})"))
            size += len(pages[-1])
            if size > MAX_CHARS:  # a small file can hold much text, packed
                raise UnreadableError(f"over {MAX_CHARS:,} characters, expected an article: split it")
        facts = _properties(reader)
    text, starts = join_pages(pages)
    if not text and flaws:
        raise UnreadableError(f"none of its pages has text that can be read; {flaws[0].part} is {flaws[0].reason}")
    if not text:
        raise UnreadableError("no text: its pages are pictures (a scan); make it searchable with OCR first")
    yield from flaws
    yield Extract(text=text, pages=starts, of_file=True, **facts)


def join_pages(pages: list[str]) -> tuple[str, tuple[int, ...]]:
    """The text of pages given as lines, joined into paragraphs, and the offset at which each page begins."""
    kept = _without_running_lines([[line.strip() for line in page.splitlines()] for page in pages])
    known = Counter(word for page in kept for line in page for word in _WORD.findall(line.casefold()))
    text = above = ""
    starts: list[int] = []
    for lines in kept:
        width = _width(lines)
        begun = False
        for line, blank_before in _with_blanks(lines):
            if not text:
                gap = ""
            elif begun:
                gap = "\n\n" if blank_before or _ends_paragraph(above, line, width) else " "
            else:
                gap = "\n\n" if _SENTENCE_END.search(above) or not line[0].islower() else " "
            if gap == " " and _HYPHEN.search(text[-2:]) and line[0].islower():
                text, gap = _unhyphenated(text, line, known), ""
                starts = [min(start, len(text)) for start in starts]  # pages without words before this one
            text += gap
            if not begun:
                starts.append(len(text))
                begun = True
            text += line
            above = line
        if not begun:
            starts.append(len(text))
    return text, tuple(starts)


def _with_blanks(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Each line that holds something, with whether a blank one stands before it."""
    for before, line in pairwise(["", *lines]):
        if line:
            yield line, not before


def _without_running_lines(pages: list[list[str]]) -> list[list[str]]:
    """The pages without page numbers, and without titles that come back at the edge of page after page."""
    edges = [_edges(lines) for lines in pages]
    seen = Counter(
        mark for lines, places in zip(pages, edges, strict=True) for mark in {_mark(lines[i]) for i in places}
    )
    running = {mark for mark, count in seen.items() if count >= max(3, RUNNING_SHARE * len(pages))}
    kept = []
    for lines, places in zip(pages, edges, strict=True):
        gone = {
            i for i in places if _mark(lines[i]) in running or (len(pages) > 1 and _PAGE_NUMBER.fullmatch(lines[i]))
        }
        kept.append([line for i, line in enumerate(lines) if i not in gone])
    return kept


def _edges(lines: list[str]) -> set[int]:
    filled = [i for i, line in enumerate(lines) if line]
    return {*filled[:EDGE_LINES], *filled[-EDGE_LINES:]} if len(filled) > 2 * EDGE_LINES else set()


def _mark(line: str) -> str:
    return re.sub(r"\d+", "#", line.casefold())


def _width(lines: list[str]) -> int:
    lengths = sorted(len(line) for line in lines if line)
    return lengths[int(0.9 * (len(lengths) - 1))] if lengths else 0


def _ends_paragraph(above: str, line: str, width: int) -> bool:
    """Whether a line ended before the next word would have had to go on a line of its own."""
    word = line.split(maxsplit=1)[0]
    if len(above) + 1 + len(word) > FULL_LINE * width:
        return False
    return bool(_SENTENCE_END.search(above)) or not line[0].islower()


def _unhyphenated(text: str, line: str, known: Counter[str]) -> str:
    """The text without the hyphen at its end, unless the document writes the word with one elsewhere."""
    before, after = _LAST_WORD.search(text[-60:]), _FIRST_WORD.match(line)
    if before and after:
        with_hyphen = f"{before[0]}-{after[0]}".casefold()
        if known[with_hyphen] and not known[with_hyphen.replace("-", "")]:
            return text
    return text[:-1]


def _properties(reader: Any) -> dict[str, Any]:
    """Title, author and day of a PDF's properties, as far as they say something."""
    try:
        facts = reader.metadata or {}
        title, author = one_line(str(facts.get("/Title") or "")), one_line(str(facts.get("/Author") or ""))
        made = _MADE.match(str(facts.get("/CreationDate") or ""))
    except Exception:  # damaged properties are none
        return {}
    day = read_date(f"{made[1]}-{made[2]}-{made[3]}") if made else None
    return {"title": "" if _NO_TITLE.search(title) else title, "author": author or None, "published": day}


_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_HYPHEN = re.compile(r"[^\W\d_][-\u00ad\u2010]$")
_LAST_WORD = re.compile(r"[^\W\d_]+(?=[-\u00ad\u2010]$)")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*$")
_PAGE_NUMBER = re.compile(
    r"[-–—|\s]*(?:(?:page|p\.)\s*)?\d{1,4}(?:\s*(?:/|of|sur|de)\s*\d{1,4})?[-–—|\s]*", re.IGNORECASE
)
_MADE = re.compile(r"(?:D:)?(\d{4})(\d\d)(\d\d)")
_NO_TITLE = re.compile(
    r"^(?:microsoft \w+ - .*|untitled.*|.*\.(?:docx?|indd|qxd|rtf|odt|pdf|tex|p65|ai)|document\d*|\W*)$", re.IGNORECASE
)
