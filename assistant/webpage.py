"""Web pages: the article of an HTML page, and what its tags say of it.

What is shown on a page is mostly not its article; trafilatura finds the part that is.  Scripts
and styles are never text.
"""

import re
from collections.abc import Iterator

from assistant.dates import read_date
from assistant.decoding import decode
from assistant.extract import Extract, Flaw, UnreadableError, address, needs, one_line, unheard
from assistant.markup import plain_text


def read_webpage(data: bytes) -> Iterator[Extract | Flaw]:
    """The article of an HTML page; raises UnreadableError where there is no text in it."""
    try:
        import trafilatura
    except ImportError:
        raise needs("trafilatura", ".html") from None
    declared = _DECLARED.search(data[:2_000])
    page = decode(data, declared[1].decode("ascii") if declared else None)
    with unheard("trafilatura"), unheard("htmldate"):
        try:
            found = trafilatura.bare_extraction(
                page,
                include_comments=False,
                include_tables=True,
                with_metadata=True,
                # Only a day that the page gives as its date: the last resort, any date in its text, is a guess.
                date_extraction_params={"original_date": True, "extensive_search": False},
            )
        except (ValueError, TypeError, AttributeError, RecursionError) as error:  # out of lxml, for broken pages
            raise UnreadableError(f"the page cannot be taken apart ({type(error).__name__})") from None
    facts = {} if found is None else found.as_dict() if hasattr(found, "as_dict") else dict(found)
    text = "\n\n".join(line.strip() for line in (facts.get("text") or "").split("\n") if line.strip())
    text = text or plain_text(page)
    if not text:
        raise UnreadableError("the page has no text; what it shows may be made by its scripts: save it as shown")
    yield Extract(
        text=text,
        title=one_line(facts.get("title")),
        author=one_line((facts.get("author") or "").replace("; ", " and ")) or None,
        published=read_date(facts.get("date") or ""),
        source=one_line(facts.get("sitename")) or None,
        url=address(facts.get("url")),
    )


_DECLARED = re.compile(
    rb"""(?:charset\s*=\s*|<\?xml[^>]*encoding\s*=\s*)["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE
)
