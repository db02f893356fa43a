"""Sentences: where each sentence of a text starts and ends.

`sentencex` finds the boundaries; this file decides which line ends are boundaries too, joins
what was cut behind an abbreviation, and cuts what is too long to quote.  It knows nothing of
documents: offsets go in and out as characters of the text given.
"""

import re
import unicodedata
from bisect import bisect
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import sentencex

SPLITTER_VERSION: int = 1
"""Raised whenever the same text gives other spans, so that an index made before is made anew."""

MAX_SENTENCE_CHARS = 400
"""Longest span given, the longest quote that a citation takes."""


class Span(NamedTuple):
    """A stretch of text, `text[start:end]`, in characters."""

    start: int
    """Offset of the first character."""
    end: int
    """Offset behind the last character."""


def split_sentences(text: str, max_chars: int = MAX_SENTENCE_CHARS) -> list[Span]:
    """Find the sentences in reading order: trimmed, apart, every non-space character in exactly one.

    A sentence longer than `max_chars` comes as several spans, cut where a reader would pause.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars is {max_chars}, expected at least 1")
    spans: list[Span] = []
    for block in _blocks(text):
        for sentence in _sentences_of_block(text, block):
            spans.extend(cut_span(text, sentence, max_chars))
    return spans


def cut_span(text: str, span: Span, max_chars: int) -> list[Span]:
    """Cut one span into trimmed pieces of at most `max_chars` characters, at pauses where there are any."""
    pieces = []
    rest = trim(text, span)
    while rest.end - rest.start > max_chars:
        cut = _cut_point(text, rest, max_chars)
        pieces.append(trim(text, Span(rest.start, cut)))
        rest = trim(text, Span(cut, rest.end))
    return [*pieces, rest] if rest.start < rest.end else pieces


def trim(text: str, span: Span) -> Span:
    """The span without the white space at its ends; empty at its start where it holds nothing else."""
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return Span(start, end)


def lines(text: str) -> Iterator[Span]:
    """The lines of a text without their line ends, empty ones included."""
    start = 0
    for match in _LINE_END.finditer(text):
        yield Span(start, match.start())
        start = match.end()
    yield Span(start, len(text))


# ---- which line ends are sentence ends


def _blocks(text: str) -> Iterator[Span]:
    """Runs of lines that may hold a sentence across a line end."""
    for paragraph in _paragraphs(text):
        wrapped = _is_hard_wrapped(text, paragraph)
        first = paragraph[0]
        for line, following in pairwise(paragraph):
            if _ends_at(text, line, following, wrapped):
                yield Span(first.start, line.end)
                first = following
        yield Span(first.start, paragraph[-1].end)


def _paragraphs(text: str) -> Iterator[list[Span]]:
    """Lines between blank lines, trimmed."""
    paragraph: list[Span] = []
    for line in lines(text):
        trimmed = trim(text, line)
        if trimmed.start < trimmed.end:
            paragraph.append(trimmed)
        elif paragraph:
            yield paragraph
            paragraph = []
    if paragraph:
        yield paragraph


def _is_hard_wrapped(text: str, paragraph: list[Span]) -> bool:
    """Whether lines were broken to a width: the next line's first word never fitted on the line before."""
    if len(paragraph) < 3:
        return False
    width = max(line.end - line.start for line in paragraph)
    if not WRAP_WIDTHS[0] <= width <= WRAP_WIDTHS[1]:
        return False
    runs_on = 0
    for line, following in pairwise(paragraph):
        word = text[following.start : following.end].split(maxsplit=1)[0]
        if line.end - line.start + 1 + len(word) <= width - 2 or _MARKED_LINE.match(text, following.start):
            return False
        runs_on += not _CLOSED_LINE.search(text[line.start : line.end]) and word[0].islower()
    return runs_on > 0


def _ends_at(text: str, line: Span, following: Span, wrapped: bool) -> bool:
    if _MARKED_LINE.match(text, following.start) or text[line.start] == "#":
        return True
    if wrapped:
        return False
    words = text[line.start : line.end]
    # A short line in front of a lower-case word is an entry of a list, not half a sentence.
    return bool(_CLOSED_LINE.search(words)) or len(words) < WRAP_WIDTHS[0] or not text[following.start].islower()


# ---- sentences of a block


def _sentences_of_block(text: str, block: Span) -> list[Span]:
    words = text[block.start : block.end]
    sentences: list[Span] = []
    for start, end in _library_boundaries(words):
        piece = trim(text, Span(block.start + start, block.start + end))
        if piece.start >= piece.end:
            continue
        if sentences and _belong_together(text, sentences[-1], piece):
            sentences[-1] = Span(sentences[-1].start, piece.end)
        else:
            sentences.append(piece)
    return sentences


def _library_boundaries(words: str) -> list[tuple[int, int]]:
    # sentencex 1.0.32 panics on white space of several bytes behind a capital ("A\u00a0."), cannot take
    # lone surrogates, and reads the apostrophes of "l'Union" or "side's" as quotes that open and close,
    # with no boundary in between: it is shown one harmless character for each of these.
    plain = words if words.isascii() else _UNSAFE.sub(lambda match: " " if match[0].isspace() else "x", words)
    plain = _APOSTROPHE.sub("x", plain)
    found = sentencex.get_sentence_boundaries("en", plain)
    ends = [0, *(boundary["end_index"] for boundary in found)]
    if ends[-1] != len(words):  # never seen; a tail that the library leaves out is still text
        ends.append(len(words))
    starts = list(ends[:-1])
    return _with_missed_ends(words, list(zip(starts, ends[1:], strict=True)))


def _with_missed_ends(words: str, pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Also cut where the library does not: behind "at Apple Inc.", and where it pairs quotes wrongly.

    One stray quotation mark, or the apostrophe of "the owners' tally", hides every boundary up to the next.
    """
    ends = _missed_ends(words)
    cut = []
    for start, end in pieces:
        for missed in (missed for missed in ends[bisect(ends, start) : bisect(ends, end - 1)]):
            cut.append((start, missed))
            start = missed
        cut.append((start, end))
    return cut


def _missed_ends(words: str) -> list[int]:
    """Ends of sentences that stand in no quotation and no parenthesis, whatever the marks before them."""
    found = []
    marks = _MARK.finditer(words)
    mark = next(marks, None)
    quoted, depth, since = False, 0, 0
    for match in _END.finditer(words):
        while mark and mark.start() < match.end("end"):
            if mark[0] in "()":
                depth = max(0, depth + (1 if mark[0] == "(" else -1))
            else:
                quoted = _opens(words, mark.start(), quoted)
            since = mark.end()
            mark = next(marks, None)
        # A mark that nothing closes for so long was a stray one.
        inside = (quoted or depth) and match.end("end") - since <= MAX_SENTENCE_CHARS
        if not inside and _surely_ends(match):
            found.append(match.end("end"))
    return found


def _opens(words: str, at: int, quoted: bool) -> bool:
    """Whether text is quoted behind the quotation mark at `at`."""
    if words[at] != '"':
        return words[at] in "“«"
    space_before = at == 0 or words[at - 1].isspace() or words[at - 1] in "(—–-"
    space_behind = at + 1 == len(words) or words[at + 1].isspace()
    return not quoted if space_before == space_behind else space_before


def _surely_ends(match: re.Match[str]) -> bool:
    left, stop, following = match["left"], match["stop"], match["following"]
    if left.casefold() in CLOSING:
        return following in STARTERS
    if "." in left or len(left) < 3 or left.casefold() in ABBREVIATIONS:
        return False
    if left[0].isupper() and (stop != "." or len(left) < 6):
        return stop == "." and following in STARTERS
    return True


def _belong_together(text: str, left: Span, right: Span) -> bool:
    """Whether the boundary between two neighbours is none."""
    before = text[max(left.start, left.end - NEIGHBOUR_CHARS) : left.end]
    after = text[right.start : min(right.end, right.start + NEIGHBOUR_CHARS)]
    if not any(character.isalnum() for character in after) or not any(character.isalnum() for character in before):
        return True
    if _ENUMERATOR.fullmatch(before) or before.count("«") > before.count("»"):
        return True
    first = _FIRST_WORD.match(after)
    word = first[0] if first else ""
    if left.end == right.start:
        address = _ADDRESS.search(before.split()[-1] + after.split()[0])
        return bool(address) or not (_RUN_ON_LEFT.search(before) and _RUN_ON_RIGHT.match(after))
    if word[:1].islower() and not any(character.isupper() for character in word):
        return bool(_UNFINISHED.search(before) or _SHORTENED.search(before)) or _abbreviation(before) in ABBREVIATIONS
    return _runs_on(before, after, word)


def _runs_on(before: str, after: str, word: str) -> bool:
    """Whether the abbreviation in front of a capital or a number is inside a sentence."""
    abbreviation = _abbreviation(before)
    if abbreviation in BEFORE_NAMES:
        return True
    if abbreviation in BEFORE_NUMBERS:
        return after[:1].isdigit()
    if abbreviation in HOURS:
        return word.rstrip(".") in AFTER_HOURS or after.startswith("(")
    if _INITIAL.search(before):
        return word not in STARTERS and word[:1].isupper()
    if abbreviation in PLACES:
        return word not in STARTERS and after[:1].isalpha()
    return False


def _abbreviation(before: str) -> str:
    match = _LAST_ABBREVIATION.search(before)
    return match[1].casefold().replace(" ", "") if match else ""


# ---- long sentences


def _cut_point(text: str, span: Span, max_chars: int) -> int:
    limit = span.start + max_chars
    # One character more is read, for a cut right behind the last that fits needs the space after it.
    window = text[span.start : limit + 1]
    for pause in _PAUSES:
        ends = [match.end() for match in pause.finditer(window) if match.end() <= max_chars]
        if ends and ends[-1] >= max_chars // 4:
            return span.start + ends[-1]
    spaces = [match.start() for match in _SPACE.finditer(window) if 0 < match.start() <= max_chars]
    if spaces:
        return span.start + spaces[-1]
    cut = limit
    while cut > span.start + 1 and (unicodedata.combining(text[cut]) or text[cut] in _JOINERS or text[cut - 1] == _ZWJ):
        cut -= 1
    return cut if cut > span.start + 1 else limit


# ---- tables

NEIGHBOUR_CHARS = 500
"""How far from a boundary the words that decide on it may stand; more would be slow and tell no more."""

WRAP_WIDTHS = (30, 100)
"""Shortest and longest width, in characters, to which text is taken to be hard-wrapped."""

BEFORE_NAMES = frozenset(
    "adm amb asst atty brig capt cf cmdr col cpl det dr e.g eg fr ft gen gov hon i.e insp jr-elect lt lt.gen lt.col maj"
    " m.me mgr mme mlle mm mr mrs ms messrs mt pr pres prof pvt rep reps rev rt sen sens sgt sr-elect st ste supt v vs"
    " viz".split()
)
"""Abbreviations that always stand in front of something, in lower case without the last stop."""

BEFORE_NUMBERS = frozenset(
    "no nos art cap ch fig figs p pp par sec vol jan feb mar apr jun jul aug sep sept oct nov dec approx ca est".split()
)
"""Abbreviations that run on where a number follows."""

HOURS = frozenset({"a.m", "p.m"})
"""Abbreviations of the hour."""

AFTER_HOURS = frozenset(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday Mon Tue Tues Wed Thu Thurs Fri Sat Sun January February"
    " March April May June July August September October November December Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov"
    " Dec ET EST EDT CT CST CDT MT MST MDT PT PST PDT GMT BST UTC CET CEST WAT EAT CAT SAST IST JST AEST AEDT HKT"
    " Eastern Central Pacific Mountain Greenwich Eastern-time".split()
)
"""Words that carry on behind an hour: a day, a month or a time zone."""

CLOSING = frozenset("inc corp ltd co jr sr etc a.m p.m u.s u.k u.n e.u d.c".split())
"""Abbreviations that may end a sentence, and do where its next word starts one."""

PLACES = frozenset(
    "u.s u.k u.n e.u u.s.a d.c u.a.e n.y l.a n.j n.c s.c n.h r.i n.m u.s.s.r p.r b.c w.va ph.d m.d d-calif".split()
)
"""Abbreviations that a name may follow, and a new sentence as well."""

ABBREVIATIONS = BEFORE_NAMES | BEFORE_NUMBERS | HOURS | PLACES
"""Every abbreviation above."""

STARTERS = frozenset(
    "A About According After Also Although An And Another As At Because Before Both But By Despite During Each"
    " Earlier Even Every Few Five For Four From Furthermore Had Has Have He Her Here His How However I If In"
    " Indeed Instead Is It Its It's Just Last Later Many Meanwhile More Most Moreover My Nearly Neither"
    " Nevertheless Next No Nor Not Now Of On Once One Only Or Other Others Our Over Rather Several She Since So"
    " Some Soon Still Such Ten That The Their Then There These They They're This Those Though Three Through"
    " Throughout Thus To Today Tomorrow Two Under Unlike Until Was We Were What When Where Whether Which While Who"
    " Why With Without Would Yesterday Yet You Your Le La Les Un Une Il Elle Ils Elles Ce Cette Ces Mais Et Dans"
    " En Pour".split()
)
"""Capitalised words that start a sentence rather than go on a name."""

_LINE_END = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_UNSAFE = re.compile(r"[^\S -\x7f]|[\ud800-\udfff]")
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
_SPACE = re.compile(r"\s+")
_ZWJ = "\u200d"
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
"""Characters that belong to the one before them: joiners, variation selectors, skin tones."""
_MARKED_LINE = re.compile(r"#{1,6}\s|[-*+•‣▪◦●·–—]\s|[•‣▪●]|\(?\d{1,2}[.)]\s|>\s|\|")
"""A line that opens with a bullet, a number or the mark of a heading."""
_CLOSED_LINE = re.compile(r"[.!?…:;][\"'”’»)\]]*$")
"""The end of a line behind which no sentence goes on."""
_ENUMERATOR = re.compile(r"(?:[-*+•‣▪◦●·–—]|#{1,6}|\(?(?:\d{1,2}|[a-zA-Z]|[ivxIVX]{1,4})[.)])", re.ASCII)
_FIRST_WORD = re.compile(r"[\"'“‘«(\[]*\s*([^\W\d_][\w'’-]*)")
_UNFINISHED = re.compile(r"(?:\.\.|…|[!?])\s*[\"'”’»)\]]*$|[\"”’»)\]]$")
"""An end that does not end the sentence where a lower-case word follows."""
_SHORTENED = re.compile(r"\b[A-Z][a-z]{0,4}\.$|[^\W\d_]\.[^\W\d_]+\.$")
_ADDRESS = re.compile(r"www\.|[@/\\]|\w\.\w+\.\w+\.\w")
"""A web or mail address, whose stops end no sentence."""
_LAST_ABBREVIATION = re.compile(r"(?:^|[\s(\[\"'“‘«—–-])((?:[^\W\d_]{1,6}\.\s?)*[^\W\d_]{1,6})\.$")
_INITIAL = re.compile(r"(?:^|[\s(\"“‘«.-])[A-Z]\.$")
_RUN_ON_LEFT = re.compile(r"[a-zß-öø-ÿ]{2,}[.!?][\"'”’»)\]]*$|[.!?…][\"'”’»)\]]+$")
_RUN_ON_RIGHT = re.compile(r"[\"'“‘«(\[]*[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:\s|['’]|$)|[\"“«(]")
_END = re.compile(
    r"(?:^|(?<=[\s(\"“«'’/-]))(?P<left>[^\W\d_](?:[^\W\d_]|\.(?=[^\W\d_]))*)(?P<end>(?P<stop>[.!?]))\s+"
    r"(?=[\"“«]?(?P<following>[^\W\d_a-zß-öø-ÿ][\w'’]*))"
)
_MARK = re.compile(r"[\"“”«»()]")
_PAUSES = (
    re.compile(r"[.!?…][\"'”’»)\]]*(?=\s)"),
    re.compile(r"[;:—–](?=\s)|\s--(?=\s)"),
    re.compile(r"[,)](?=\s)|,[\"'”’»](?=\s)"),
)
"""Where a reader pauses, the longest pause first."""
