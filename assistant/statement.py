"""Statements: a yes/no question as the sentence whose truth it asks for.

"Is Senegal a member of the AES?" asks whether "Senegal is a member of the AES."  By rule,
English only; the emphatic form ("Senegal did join") spares the verb its endings.
"""

import re

_ASKED = re.compile(
    r"^(?P<aux>is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must)(?:n['’]t)?\s+"
    r"(?P<rest>.+?)\s*\?*$",
    re.IGNORECASE,
)
_PRONOUNS = frozenset("it he she they we you i there this that these those".split())
_DETERMINERS = frozenset("the a an its his her their our my your this that these those some any all no".split())
_ENDS = frozenset(
    "a an the in on at by for with to from under over into about against between during after before since until as "
    "not already still ever really now yet also currently always never only soon just actually both been being be "
    "have had getting going expected able part one its his her their any".split()
)
_INSIDE = re.compile(r"^(?:of|the|de|du|des|la|le|and|&|for|al|el|bin)$")


def statement_of(question: str) -> str | None:
    """The statement of a yes/no question; None where the question does not begin like one."""
    match = _ASKED.match(" ".join(question.split()))
    if match is None:
        return None
    words = match["rest"].split()
    size = _subject(words, be=match["aux"].lower() in ("is", "are", "was", "were"))
    if size >= len(words):
        return None
    subject = " ".join(words[:size])
    text = f"{subject[0].upper()}{subject[1:]} {match['aux'].lower()} {' '.join(words[size:])}"
    return text.rstrip(" .?!") + "."


def _subject(words: list[str], *, be: bool) -> int:
    """How many words the subject takes."""
    first = words[0].lower().strip(",'’")
    if first in _PRONOUNS and (len(words) < 2 or first not in _DETERMINERS or words[1].lower() in _ENDS):
        return 1
    size = 1 if first in _DETERMINERS else 0
    named = size
    while named < len(words) and (
        words[named][:1].isupper()
        or (
            named > size
            and _INSIDE.match(words[named])
            and any(word[:1].isupper() for word in words[named + 1 : named + 3])
        )
    ):
        named += 1
        if words[named - 1].endswith(("’s", "'s")):
            break
    if named > size and not words[named - 1].endswith(("’s", "'s")):
        # "the AES force": a noun may follow the name, where more than a verb is left
        noun = (
            size == 1 and named + 1 < len(words) and words[named].lower() not in _ENDS and _is_end(words, named + 1, be)
        )
        return named + 1 if noun else named
    size = max(named, size + 1)
    while size < len(words) - 1 and not _is_end(words, size, be):
        size += 1
    return size


def _is_end(words: list[str], place: int, be: bool) -> bool:
    """Whether the subject is over before this word."""
    word = words[place].lower().strip(",")
    if word in _ENDS or (len(word) > 4 and word.endswith(("ed", "ing"))):
        return True
    if be:
        return False
    following = words[place + 1] if place + 1 < len(words) else ""
    return not following or following.lower() in _ENDS or following[:1].isupper() or following.lower() in _DETERMINERS
