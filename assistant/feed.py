"""Feeds: the entries of RSS and Atom files that hold the words of an article."""

import hashlib
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, tostring

from assistant.dates import read_date
from assistant.decoding import decode
from assistant.extract import Extract, Flaw, UnreadableError, address, one_line
from assistant.markup import parse_xml, plain_text


def read_feed(data: bytes) -> Iterator[Extract | Flaw]:
    """The articles of a feed; raises UnreadableError for XML that is no feed, and for a feed without articles."""
    declared = _DECLARED.match(data[:200])
    root = parse_xml(_DECLARATION.sub("", decode(data, declared[1].decode("ascii") if declared else None), count=1))
    kind = _name(root)
    if kind not in ("rss", "RDF", "feed"):
        raise UnreadableError(f"XML that is no RSS or Atom feed: its root is {kind!r}")
    top = root if kind == "feed" else next((child for child in root if _name(child) == "channel"), root)
    outlet = one_line(_text(top, "title"))
    entries = [element for element in root.iter() if _name(element) in ("item", "entry")]
    keys: set[str] = set()
    for number, entry in enumerate(entries, 1):
        extract = _article(entry, outlet)
        if not extract.text:
            yield Flaw(part=f"entry {number}", reason="no text, only what leads to it: save the page that it links to")
        elif extract.key in keys:
            yield Flaw(part=f"entry {number}", reason="an entry of this id stands before it in the feed")
        else:
            keys.add(extract.key)
            yield extract
    if not keys:
        raise UnreadableError(f"a feed with {len(entries)} entries, and no text of an article in them")


def _article(entry: Element, outlet: str) -> Extract:
    link = address(_link(entry))
    title = one_line(plain_text(_text(entry, "title")))
    known = _text(entry, "guid") or _text(entry, "id") or link or title
    day = next((found for name in _DAYS if (found := read_date(_text(entry, name)))), None)
    return Extract(
        text=_body(entry),
        title=title,
        author=_author(entry),
        published=day,
        source=outlet or None,
        url=link,
        key=hashlib.sha256(known.strip().encode("utf-8")).hexdigest()[:12],
    )


def _body(entry: Element) -> str:
    """The longest of what an entry gives as its words: `description` may be the whole article or a line of it."""
    bodies = []
    for child in entry:
        if _name(child) in _BODIES:
            # Atom's xhtml is markup in the feed itself; everything else is markup written as text.
            inside = "".join(tostring(part, encoding="unicode") for part in child)
            bodies.append(plain_text(inside if len(child) else child.text or ""))
    return max(bodies, key=len, default="")


def _author(entry: Element) -> str | None:
    names = []
    for child in entry:
        if _name(child) in ("author", "creator"):
            written = _text(child, "name") or (child.text or "")
            # RSS 2.0 wants "mail@example.org (Jane Doe)" here.
            named = _MAIL.fullmatch(written.strip())
            names.append(one_line(named[1] if named else written))
    return " and ".join(dict.fromkeys(name for name in names if name)) or None


def _link(entry: Element) -> str:
    links = [child for child in entry if _name(child) == "link"]
    for child in links:
        if child.get("href") and child.get("rel", "alternate") == "alternate":
            return child.get("href") or ""
    return next((child.text for child in links if child.text), "") or ""


def _text(element: Element, name: str) -> str:
    return next((child.text or "" for child in element if _name(child) == name), "")


def _name(element: Element) -> str:
    """A tag's name without its namespace, which differs between versions of the same format."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


_BODIES = frozenset({"encoded", "content", "description", "summary"})
_DAYS = ("pubDate", "published", "date", "issued", "updated")
_MAIL = re.compile(r"\S+@\S+\s*\((.+)\)")
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9_.:-]{2,40})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
