"""Roles: who did what to whom, as far as the order of words and the voice of a verb tell.

No parser is asked: a verb that claim and evidence share is found by its form, and the words on its
two sides are its doer and its object, or the other way round where it is passive.  What cannot be
told that way is left alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistant.terms import stem, stems


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A verb of a text, with who does it and to whom or what it is done."""

    verb: str
    """What makes its forms one: "sue" and "sued" are, "took" and "taken"."""
    word: str
    """As it stands in the text."""
    doer: frozenset[str]
    """Stems of its doer."""
    object: frozenset[str]
    """Stems of what it is done to."""


_IRREGULAR = {
    form: forms.split("/")[0]
    for forms in """beat/beaten bite/bit/bitten bring/brought buy/bought catch/caught choose/chose/chosen draw/drew/drawn
    drive/drove/driven feed/fed fight/fought find/found forgive/forgave/forgiven give/gave/given hold/held 
    keep/kept lead/led leave/left lend/lent lose/lost make/made meet/met overthrow/overthrew/overthrown
    overtake/overtook/overtaken pay/paid  ride/rode/ridden see/saw/seen seek/sought sell/sold
    send/sent shoot/shot show/showed/shown steal/stole/stolen strike/struck/stricken take/took/taken teach/taught
    tell/told throw/threw/thrown understand/understood win/won write/wrote/written hit""".split()
    for form in forms.split("/")
}
_BE = r"(?:am|is|are|was|were|be|been|being|gets?|got)"
_FORMS = "|".join(sorted(_IRREGULAR, key=len, reverse=True))
_DONE = rf"(?P<verb>[a-z]{{2,}}ed|{_FORMS})"
_PASSIVE = re.compile(
    rf"^(?P<object>.*?)\s(?:{_BE}\s+)?(?:\w+ly\s+|also\s+|first\s+|later\s+|then\s+)?{_DONE}\b(?P<between>.*?)\bby\s+(?P<doer>.*)$"
)
_ACTIVE = re.compile(
    rf"^(?P<doer>.*?)\s(?:(?:has|have|had|did|also|later|then|first|publicly|again|never|not)\s+)*{_DONE}\s+(?P<object>.*)$"
)
_DOING = re.compile(rf"^(?P<doer>.*?)\s{_BE}\s+(?:\w+ly\s+|also\s+)?(?P<verb>[a-z]{{2,}}ing)\s+(?P<object>.*)$")
_IS_DONE = re.compile(rf"\b{_BE}\s+(?:\w+ly\s+)?$")
_CUT = re.compile(
    r"[;:()—–]|\s-\s|,\s+(?:who|which|and|but|while|though|although|whose|where|when|the)\b|"
    r"\b(?:after|before|because|while|when|which|who|whom|where|that|as|if|but|although|though|since|until|so)\b"
)
_STOP = re.compile(
    r"\b(?:in|on|at|for|from|with|over|during|near|under|to|into|about|of having|between|against|through|and|or)\s|,(?!\s+[A-Z])|[;.]"
)
_CLEFT = re.compile(r"^It (?:is|was) (.{3,60}?) (?:who|that|which) ")
"""It was the nurse who reported the surgeon."""


def deeds(sentence: str) -> list[Deed]:
    """The verbs of a sentence whose doer and object its words tell, at most one of a clause."""
    found = [deed for clause in _clauses(sentence) for deed in _deeds(clause)]
    return [deed for deed in found if deed.doer and deed.object]


def _clauses(sentence: str) -> list[str]:
    sentence = _CLEFT.sub(r"\1 ", sentence)
    return [part.strip() for part in _CUT.split(sentence) if part and part.strip()]


def _deeds(clause: str) -> Iterator[Deed]:
    words = " " + clause.strip(" .")
    passive = _PASSIVE.match(words)
    if passive:
        doer = _STOP.split(passive["doer"], maxsplit=1)[0]
        yield _deed(passive["verb"], doer, _last_part(passive["object"]))
        return
    doing = _DOING.match(words)
    active = doing or _ACTIVE.match(words)
    if active and (doing or not _IS_DONE.search(words[: active.start("verb")])):
        done_to = _STOP.split(active["object"], maxsplit=1)[0]
        yield _deed(active["verb"], _last_part(active["doer"]), done_to)


def _deed(word: str, doer: str, done_to: str) -> Deed:
    return Deed(verb=_lemma(word), word=word, doer=frozenset(stems(doer)), object=frozenset(stems(done_to)))


def _lemma(word: str) -> str:
    return _IRREGULAR.get(word) or (stem(word) or word).rstrip("e")


def _last_part(text: str) -> str:
    """The words before a verb without what a comma parts from them, but for an apposition between two."""
    return text if re.search(r",\s+[^,]+,\s*$", text) else re.split(r",\s+(?=[a-z])", text)[-1]


def exchanged(claim: str, sentences: Sequence[str]) -> tuple[Deed, Deed] | None:
    """A deed of the claim whose doer and object are each other's in the evidence, with the evidence's.

    None where the evidence tells that deed as the claim does, or tells none that could be compared.
    """
    told = [deed for sentence in sentences for deed in deeds(sentence)]
    for said in deeds(claim):
        same = [deed for deed in told if deed.verb == said.verb]
        if any(said.doer & deed.doer for deed in same):
            continue
        for deed in same:
            if said.doer & deed.object and said.object & deed.doer:
                return said, deed
    return None
