"""Questions: what kind of answer is asked for, about whom, and in which words.

Surface rules over the words, no model.  English and French.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from assistant.terms import WORD, fold, stem, stems, terms, weight

Kind = Literal[
    "yesno", "who", "when", "where", "count", "money", "duration", "measure", "why", "how", "definition", "list", "what"
]
"""What sort of answer is asked for: `count` a number, `money` an amount, `duration` a span of
time, `measure` a length, height, weight or speed, `definition` who or what somebody or something is, `list` a summary or several things."""

SPECIFIC: frozenset[Kind] = frozenset({"who", "when", "where", "count", "money", "duration", "measure"})
"""Kinds whose answer is a name, a time, a place or a number, and can be looked for as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One content word of a question."""

    stem: str
    """Its stem, English where the question is French and the word known."""
    text: str
    """The word as typed."""
    weight: float
    """How much it says about the topic, 0..1."""
    name: bool
    """Whether it is (part of) a proper name or a number and must be found as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question as typed, the standalone question it stands for, and what that asks."""

    typed: str
    """The user's words."""
    text: str
    """The standalone question that is searched."""
    kind: Kind
    """What sort of answer is asked for."""
    words: tuple[Asked, ...]
    """Its content words, each stem once."""
    about: str = ""
    """Words of the conversation that are searched with it and not asked for."""
    read: str = ""
    """The text that the reader is asked: the question, or its words in English where it is in French."""
    query: str = ""
    """The text that is embedded: the same with what it is about."""
    french: bool = False
    """Whether it is in French."""
    latest: bool = False
    """Whether it asks for the newest state of things."""

    @property
    def stems(self) -> list[str]:
        return [word.stem for word in self.words]

    @property
    def fragment(self) -> bool:
        """Whether it only names a subject ("the pact", "Tell me about Sonko")."""
        return bool(self.words) and len(self.text.split()) <= 8 and not _ASKING.search(strip_lead(self.text))

    @property
    def action(self) -> str | None:
        """Stem of the verb that the question hangs on ("signed" in "Who signed the pact?"), where it can be told."""
        text = strip_lead(self.text)
        known = {word.stem for word in self.words if not word.name}
        for pattern in _ACTIONS:
            for match in pattern.finditer(text):
                found = stems(match.group(1))
                if found and found[0] in known:
                    return found[0]
        return None

    @property
    def searched(self) -> list[str]:
        """Stems that lexical search looks for: the question's own, and those of what it is about."""
        return list(dict.fromkeys([*self.stems, *(item for item in stems(self.about) if item not in LIGHT)]))

    @property
    def names(self) -> list[Asked]:
        return [word for word in self.words if word.name]


_AUXILIARIES = (
    r"is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should|shall|may|might|must|"
    r"isn't|aren't|wasn't|weren't|don't|doesn't|didn't|hasn't|haven't|hadn't|can't|couldn't|won't|wouldn't|shouldn't"
)
_AUXILIARY = rf"(?:{_AUXILIARIES})"
_LEAD = re.compile(
    r"^\s*(?:(?:ok(?:ay)?|so|and|but|well|now|also|then|hmm+|please|hey|hi|hello|another thing|one more thing|"
    r"by the way|according to [^,?]{2,60}|in (?:the|this) article|(?:can|could|would) you (?:please )?(?:tell me|say|explain|"
    r"list|summari[sz]e|describe)|(?:please )?(?:tell me|do you know|explain|remind me)(?: about)?|i(?:'d| would) like to know|"
    r"i want to know|what i want to know is|et|alors|selon [^,?]{2,60}|dis-moi|dites-moi)\b\s*[,:;–—-]*\s*)+",
    re.IGNORECASE,
)
_ENGLISH_KINDS: tuple[tuple[str, Kind], ...] = (
    (
        r"\bhow (?:much (?:money|does|do|did|will|would|is|was|has)|expensive)\b.*\b(?:cost|pay|paid|spend|spent|worth|price|"
        r"budget|fund\w*|money|dollars?|euros?|earn\w*|salary|raise\w*)\b|\bwhat (?:is|was|will be|would be) the "
        r"(?:\w+ )?(?:cost|price|budget|salary|fee|amount)\b|\bhow expensive\b",
        "money",
    ),
    (
        r"\bhow (?:far|tall|deep|fast|heavy|wide)\b|\bhow long (?:is|was|are|were|will be) (?:the|their|its|this|that) (?:[\w-]+ ){0,2}?"
        r"(?:border|road|river|wall|bridge|pipeline|coast|coastline|tunnel|fence|railway|track|line|route|queue|canal|trench|ship)\b",
        "measure",
    ),
    (r"\b(?:how long|(?:for )?how many (?:years|months|weeks|days|hours|minutes))\b", "duration"),
    (r"\bhow (?:many|much|large|big|strong|high|old|often)\b", "count"),
    (
        r"\bwhat (?:(?:is|was|are|were) the )?(?:\w+ )?(?:number|size|percentage|share|proportion|strength|figure|population|length)\b",
        "count",
    ),
    (
        r"\bhow come\b|\bwhy\b|\bfor what reasons?\b|\bwhat (?:is|was|were|are) the reasons?\b|\bwhat (?:caused|led to|prompted|motivated)\b",
        "why",
    ),
    (
        r"\bwhen\b|\b(?:what|which) (?:exact |precise )?(?:date|year|day|month|time|century|decade)\b|\bsince when\b",
        "when",
    ),
    (
        # What something comes from or is used for is mostly no place: "Where does the money come from?"
        r"\bwhere (?:do|does|did) .{2,60}\b(?:(?:come|stem|derive) from|originate|get (?:its|their|his|her|the) )|"
        r"\bwhere (?:is|are|was|were) .{2,60}\bused(?: (?:in|for|to)\b|\W*$)",
        "what",
    ),
    (
        r"\bwhere\b|\b(?:what|which) (?:city|town|place|location|capital|venue|village|region|province)\b|"
        r"\bwhat(?: i|')s the (?:capital|location|venue)\b",
        "where",
    ),
    (
        r"\bwho(?:se|m)?\b|\b(?:what|which) (?:[\w-]+ ){0,2}?(?:person|people|man|woman|minister|president|leader|leaders|official|officials|"
        r"author|journalist|officer|general|politician|player|company|organi[sz]ation|agency|group|party|team|bank|countr(?:y|ies)|states?|"
        r"nations?|governments?|trio)\b|\bwhat (?:is|was) the names?\b|\bname the\b|\bwhat(?: i|')s (?:his|her|its|the) names?\b",
        "who",
    ),
    (
        r"\bsummar\w+|\boverview\b|\bmain points?\b|\bwhat (?:does|do|did) .{2,80}\b(?:cover|contain|include|involve|entail)s?\b|"
        r"\bwhat (?:does|do|did) (?:the |this )?(?:\w+ )?(?:article|report|text|story|study|document)s? say\b|"
        r"\bwhat (?:is|was) .{2,60} about\b|\bkey points?\b|\bgive me the gist\b|\bdescribe\b|\blist\b|^what happened\b",
        "list",
    ),
    (r"\bhow\b", "how"),
    (r"\bwhat\b|\bwhich\b", "what"),
)
_FRENCH_KINDS: tuple[tuple[str, Kind], ...] = (
    (r"^résum|\bde quoi (?:parle|s'agit)|\bquels sont les (?:principaux )?points\b", "list"),
    (
        r"\bcombien de temps\b|\bcombien d(?:e |')(?:années|ans|mois|jours|heures|semaines)\b|\bquelle (?:est la )?durée\b",
        "duration",
    ),
    (
        r"\bcombien\b.*\b(?:coût\w*|prix|argent|budget)\b|\bquel (?:est|était) le (?:prix|coût|montant|salaire|budget)\b",
        "money",
    ),
    (
        r"\bcombien\b|\bquel âge\b|\bquelle quantité\b|\bquel(?:le)? (?:(?:est|était) (?:la |le ))?"
        r"(?:nombre|taille|superficie|population|longueur|hauteur|distance|proportion|taux|pourcentage)\b",
        "count",
    ),
    (
        r"\bpourquoi\b|\bpour quelles? raisons?\b|\bquelles? (?:est|sont) (?:la|les) (?:causes?|raisons?)\b|"
        r"\bqu'est-ce qui a (?:provoqué|causé|entraîné|déclenché)",
        "why",
    ),
    (r"\bquand\b|\bquelle (?:est la )?(?:date|année|heure)\b|\bquel (?:est le )?(?:jour|mois|siècle)\b", "when"),
    (
        r"\boù\b|^ou est\b|\b(?:dans|de|vers|en) quel(?:le)?s? (?:pays|ville|région|province|état|département|continent|lieu|endroit)\b|"
        r"\bquelle (?:est la )?(?:ville|capitale)\b|\bquel (?:est le )?(?:lieu|endroit)\b",
        "where",
    ),
    (
        r"^qui est (?!le\b|la\b|l'|les\b)[\w'.\- ]+$|^qu'est-ce qu(?:e |')|^c'est quoi\b|\bque (?:signifie|veut dire)\b",
        "definition",
    ),
    (
        r"^(?:\w+ )?qui\b|\bcomment s'appel\w+|\bcomment se nomme\b|\bl(?:e|a|es)?quel(?:le)?s? des\b|\bquel(?:le)?s? (?:(?:est|sont|a été|était) "
        r"(?:le |la |les |l'))?(?:nom|pays|président|ministre|dirigeants?|états?|joueu\w+|équipe|parti|entreprise|chef|roi|reine)\b",
        "who",
    ),
    (r"\bcomment\b", "how"),
    (r"\bqu(?:oi|e|'|el|elle|els|elles)\b", "what"),
    (r"\bqui\b", "who"),
)
_FRENCH_WH = re.compile(r"\b(?:qui|que|quoi|quel\w*|comment|combien|où|quand|pourquoi)\b|\bqu'", re.IGNORECASE)
_FRENCH_INVERSION = re.compile(r"\b\w+-(?:t-)?(?:il|elle|ils|elles|on)\b", re.IGNORECASE)
_FRENCH_PREFIX = re.compile(r"^(?:l|d|s|n|j|c|m|t|qu|jusqu|lorsqu|puisqu)['’](?=\w)", re.IGNORECASE)
_FRENCH_ENDINGS = (
    ("s", ""),
    ("x", ""),
    ("es", ""),
    ("e", ""),
    *((end, "er") for end in ("é", "ée", "és", "ées", "ent", "ait", "aient", "ant", "era", "eront", "èrent")),
)


def _compiled(kinds: tuple[tuple[str, Kind], ...]) -> tuple[tuple[re.Pattern[str], Kind], ...]:
    return tuple((re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in kinds)


_ENGLISH = _compiled(_ENGLISH_KINDS)
_FRENCH = _compiled(_FRENCH_KINDS)
_FRENCH_WORDS = frozenset(
    "qui que quoi quel quelle quels quelles quand ou pourquoi comment combien est-ce le la les des du une et dans sur avec pour "
    "par au aux est sont fait il elle signifie veut dire compte a ont".split()
)
_ASKING = re.compile(
    rf"\b(?:who|whom|whose|what|which|when|where|why|how|{_AUXILIARIES}|qui|que|quoi|quel\w*|quand|où|pourquoi|comment|combien)s?\b|[a-z]-(?:t-)?(?:il|elle)",
    re.IGNORECASE,
)
_ACTIONS = (
    re.compile(r"^who(?:\s+(?:also|first|actually|really|else))*\s+([a-z]{3,})", re.IGNORECASE),
    re.compile(
        r"\b(?:did|does|do|will|would|has|have|had|can|could)\s+(?:the\s+)?(?:[A-ZÀ-Þ][\w’'.-]*[\s,]+|and\s+|of\s+|the\s+)+([a-z]{3,})"
    ),
    re.compile(r"\b([a-z]{3,}ed)\b"),
)
_ENGLISH_WORDS = frozenset("the is are was were what who where when why how which did does of in and to do".split())
_DEFINITION = re.compile(
    r"^(?:who|what)(?:'s|’s| is| are| was| were) (?:an? |the )?[\w'’.\- ]{2,60}\??$|\bstands? for\b|^what does .{2,60} mean\b|"
    r"^qui est [\w'’.\- ]+\??$|^qu'est-ce que ",
    re.IGNORECASE,
)
_ROLE_OF = re.compile(r"\b(?:of|'s|’s|du|de la|de l')\b|'s |’s ", re.IGNORECASE)
_LATEST = re.compile(
    r"\b(?:latest|newest|most recent(?:ly)?|recent(?:ly)?|current(?:ly)?|last|dernier\w*|récent\w*)\b", re.IGNORECASE
)
LIGHT = frozenset(
    stem(word) or word
    for word in """article articles author tell say said says according mention mentions mentioned name names call calls called
    many much way ways kind kinds sort thing things reason reasons people person number someone somebody happen happens
    happened happening happens next true make makes made put take took use used latest recent recently current currently newest last
    summarise summarize summary describe explain list happening year date day time place deal exactly exact detail
    details already even come comes rest part parts stand stands belong both two cover covers large big strong size
    high tall old far long wide details know question answer read heard hear text story report reports today
    actually really ever truly mr mrs ms dr mme""".split()
)
"""Words that ask rather than name a topic."""


def parse_question(typed: str, standalone: str | None = None, about: str = "") -> Question:
    """Read what a question asks, in the words typed or those it stands for; `about` is searched with it."""
    text = " ".join((standalone or typed).split())
    french = is_french(text)
    kind = _kind(text, french)
    words = _words(text, french)
    read = _in_english(text, kind) if french else text
    return Question(
        typed=typed,
        text=text,
        kind=kind,
        words=words,
        about=about,
        read=read,
        query=f"{read} {about}".strip(),
        french=french,
        latest=bool(_LATEST.search(text)),
    )


def strip_lead(text: str) -> str:
    """The question without a lead-in such as "And", "Tell me" or "According to the statement,"."""
    return _LEAD.sub("", text)


def is_french(text: str) -> bool:
    """Whether a question is in French, by its function words."""
    words = [fold(match.group()) for match in re.finditer(r"[\w'’-]+", text)]
    french = sum(
        word in _FRENCH_WORDS
        or word.startswith(("l'", "d'", "qu'", "s'", "n'", "c'"))
        or bool(_FRENCH_INVERSION.search(word))
        for word in words
    )
    french += sum(word in ("combien", "que", "quoi", "pourquoi") or word.startswith("qu'") for word in words)
    english = sum(word in _ENGLISH_WORDS for word in words)
    accents = bool(re.search(r"[àâçéèêëîïôûùœ]", text, re.IGNORECASE))
    return french > english and (french >= 2 or accents)


def _kind(text: str, french: bool) -> Kind:
    core = re.sub(r"^(who|what|where|when|why|how)s\b", r"\1 is", strip_lead(text), flags=re.IGNORECASE)
    if french:
        plain = core.replace("’", "'").strip(" ?.!")
        if re.match(r"est-ce qu", plain, re.IGNORECASE) or (
            _FRENCH_INVERSION.search(plain) and not _FRENCH_WH.search(plain)
        ):
            return "yesno"
        return next((kind for pattern, kind in _FRENCH if pattern.search(plain)), "what")
    # a wh-word that opens a clause after a comma counts too: "They aren't neighbours, so what ties them?"
    last = re.split(
        r"[,;:]\s+(?:so |and |but |then )?(?=(?:who|what|when|where|why|how|which|is|are|do|does|did)\b)", core
    )[-1]
    for part in (core, last):
        if re.match(rf"{_AUXILIARY}\b", part, re.IGNORECASE):
            return "yesno"
    asking = _WHILE.sub("", last)
    anywhere: Kind = next((kind for pattern, kind in _ENGLISH if pattern.search(asking)), "what")
    found = _by_opening(last) or anywhere
    if found in ("who", "what") and _DEFINITION.search(last) and not _ROLE_OF.search(last):
        return "definition"
    return found


_WHILE = re.compile(r"(?<=\w )when (?:it|he|she|they|we|you|the|a|an|his|her|its|their)\b.*", re.IGNORECASE)
"""A clause that tells of when, and asks nothing: "the price when it came out"."""


def _by_opening(text: str) -> Kind | None:
    """Kind by the question word that a text opens with: "What did he say when he left?" asks no time."""
    opening = re.sub(r"^(?:on|at|in|by|for|to|from|since|until|with|of|under|about)\s+", "", text, flags=re.IGNORECASE)
    if not re.match(r"(?:who|whom|whose|what|which|when|where|why|how)\b", opening, re.IGNORECASE):
        return None
    found = next((kind for pattern, kind in _ENGLISH if pattern.match(opening)), None)
    if found in ("what", "how") and any(kind == "list" and pattern.search(text) for pattern, kind in _ENGLISH):
        return "list"
    return found


def _words(text: str, french: bool) -> tuple[Asked, ...]:
    spans: dict[str, Asked] = {}
    opening = True
    capitals = sum(match.group()[0].isupper() for match in WORD.finditer(text))
    shouting = capitals > 3 and text.upper() == text
    for match in WORD.finditer(text):
        word = _FRENCH_PREFIX.sub("", match.group()) if french else match.group()
        english = _english(word) if french else None
        stemmed = stem(word) if english is None else next((term.stem for term in terms(english)), None)
        first, opening = opening, False
        if stemmed is None or stemmed in LIGHT or stemmed in spans or word in ("Miss", "MISS"):
            continue
        capital = word[0].isupper() and not shouting and (not first or word.isupper() or weight(stemmed) > 0.6)
        name = word[0].isdigit() or (capital and (english is None or english[0].isupper()))
        spans[stemmed] = Asked(stem=stemmed, text=re.sub(r"['’]s$", "", word), weight=weight(stemmed), name=name)
    return tuple(spans.values())


def _in_english(text: str, kind: Kind) -> str:
    """A French question word by word in English: enough for a sentence embedding."""
    words = [_OPENING.get(kind, "")]
    for match in WORD.finditer(text):
        word = _FRENCH_PREFIX.sub("", match.group())
        english = _english(word)
        if english is not None:
            words.append(english)
        elif stem(word) is not None:
            words.append(word)
    return " ".join(word for word in words if word) + "?"


_OPENING: dict[Kind, str] = {
    "who": "who is",
    "when": "when",
    "where": "where",
    "count": "how many",
    "money": "how much money",
    "duration": "how long",
    "why": "why",
    "how": "how",
    "what": "what",
    "yesno": "is",
    "definition": "what is",
    "list": "what",
}


def _english(word: str) -> str | None:
    """A French word in English, by the table or as an inflection of one in it; None where it is not known."""
    table, folded = _english_words(), fold(word)
    if folded in table:
        return table[folded]
    if word[0].isupper() or len(folded) < 5:
        return None
    for ending, base in _FRENCH_ENDINGS:
        bare = folded.removesuffix(fold(ending))
        if bare != folded and bare + base in table:
            return table[bare + base]
    return None


@cache
def _english_words() -> dict[str, str]:
    """French words, folded, with their English counterparts; empty for words without a topic."""
    lines = (files("assistant") / "data" / "french.tsv").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {fold(french): english for french, english in pairs}
