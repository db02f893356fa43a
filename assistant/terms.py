"""Terms: the words of a text as search sees them, stemmed and weighted by how rare they are.

Weights are inverse document frequencies over a general collection (see
`training/term_weights.py`), so that "pact" counts for more than "country" in a corpus of a
single article too.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

TERMS_VERSION = 2
"""Goes up whenever stems change: an index made with other stems is refused."""

WORD = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_]+(?:[.,]\d+)*(?:['’][^\W\d_]+)?", re.UNICODE)

STOPWORDS = frozenset(
    """a about after again against all also although am among an and any are aren't as at be because been before
    being between both but by came can cannot can't could couldn't did didn't do does doesn't doing don't down during
    each either else ever every few for from further get gets give given go goes got had hadn't has hasn't have haven't
    having he he'd he'll he's her here here's hers herself him himself his how however i i'd i'll i'm i've if in into
    is isn't it it's its itself just let let's like many may me might mine more most much must my myself neither no nor
    not now of off often on once one only or other others ought our ours ourselves out over own per please rather s
    same shall she she'd she'll she's should shouldn't since so some something such t tell than that that's the their
    theirs them themselves then there there's these they they'd they'll they're they've this those though through thus
    to together too under until up upon us very via was wasn't we we'd we'll we're we've were weren't what what's when
    when's where where's whether which while who who's whom whose why why's will with within without won't would
    wouldn't yes yet you you'd you'll you're you've your yours yourself
    au aux avec ce ces cet cette dans de des du elle elles en est et eu ete etre il ils je la le les leur leurs lui ma
    mais meme mes mon ne nos notre nous on ou par pas pour qu que quel quelle quelles quels qui sa sans se ses son sont
    sur ta te tes toi ton tu un une vos votre vous c d l j m n y""".split()
)
"""English and French words that carry no topic."""


@dataclass(frozen=True, slots=True)
class Term:
    """One content word where it stands in a text."""

    stem: str
    """What search compares."""
    start: int
    """Offset of the word in the text."""
    end: int
    """Offset behind the word in the text."""


def fold(text: str) -> str:
    """Lower case without accents; the length may change, so never use its offsets."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character)).replace("’", "'")


_CAPITALS = {"US": "U.S.", "UK": "U.K.", "UN": "U.N.", "EU": "E.U.", "AU": "A.U.", "WHO": "W.H.O."}
"""Names that would fold to a pronoun or another stop word, or that are written both ways."""


@cache
def _stemmer() -> Any:
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    stemmer.maxCacheSize = 50_000
    return stemmer


@lru_cache(maxsize=200_000)
def stem(word: str) -> str | None:
    """Stem of one word, None for a stop word."""
    folded = fold(_CAPITALS.get(word, word))
    if folded in STOPWORDS:
        return None
    folded = folded.split("'")[0] if not folded.startswith(("o'", "d'", "l'")) else folded[2:]
    if not folded or folded in STOPWORDS:
        return None
    number = folded.replace(",", "")
    if number.replace(".", "", 1).isdigit():
        return number
    return str(_stemmer().stemWord(folded))


def terms(text: str) -> list[Term]:
    """Content words of a text in order."""
    found = []
    for match in WORD.finditer(text):
        stemmed = stem(match.group())
        if stemmed:
            found.append(Term(stemmed, match.start(), match.end()))
    return found


def stems(text: str) -> list[str]:
    """Stems of the content words of a text in order, repetitions kept."""
    return [term.stem for term in terms(text)]


@cache
def _weights() -> dict[str, float]:
    data = json.loads((files("assistant") / "data" / "term_weights.json").read_text(encoding="utf-8"))
    weights: dict[str, float] = data["weights"]
    return weights


@cache
def _unseen_weight() -> float:
    return max(_weights().values())


def weight(stemmed: str) -> float:
    """How much a stem says about the topic, 0..1: its inverse document frequency over the rarest one's."""
    return _weights().get(stemmed, _unseen_weight()) / _unseen_weight()
