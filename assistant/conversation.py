"""Conversation: what was said so far, and the standalone question that a follow-up stands for.

Rules only.  A question that stands alone is left as it is; one that refers back ("its
president", "and Senegal?", "why?") is completed from the last turns.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assistant.errors import QuestionError
from assistant.question import strip_lead
from assistant.terms import WORD, stems

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing that was said."""

    role: Role
    """Who said it."""
    text: str
    """Its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standalone:
    """What a question of a conversation stands for."""

    text: str
    """The question to search."""
    unclear: str | None = None
    """The word that refers to nothing said so far ("he"), if any."""


def read_history(history: Sequence[Any] | None, most: int) -> list[Turn]:
    """The last turns from (role, text) pairs or dicts with role and content.

    System and tool messages, and turns without text, are left out.  Raises QuestionError for any other form.
    """
    turns = []
    for item in [] if history is None else history:
        role, text = _read_turn(item)
        if role not in ("user", "assistant", "system", "tool", "developer"):
            raise QuestionError(f"a turn of the history has role {role!r}; expected 'user' or 'assistant'")
        if role in ("user", "assistant") and text.strip():
            turns.append(Turn(role=role, text=text))
    return turns[-most:] if most else []


def _read_turn(item: Any) -> tuple[Any, str]:
    form = "expected (role, text) pairs or dicts with 'role' and 'content'"
    if isinstance(item, Turn):
        return item.role, item.text
    if isinstance(item, Mapping):
        role, text = item.get("role"), item.get("content", item.get("text"))
    elif isinstance(item, (list, tuple)) and len(item) == 2:
        role, text = item
    else:
        raise QuestionError(f"a turn of the history is {item!r:.80}; {form}")
    if isinstance(text, list):  # content parts, as chat pages and APIs send them
        text = " ".join(part.get("text", "") for part in text if isinstance(part, Mapping))
    if not isinstance(text, str):
        raise QuestionError(f"a turn of the history holds {type(text).__name__} instead of text; {form}")
    return role, text


# ── small talk ───────────────────────────────────────────────────────────────────────────

_SMALL_TALK = re.compile(
    r"^[\W_]*(?:(?:hi|hello|hey|hiya|yo|greetings|good (?:morning|afternoon|evening|day|night)|bonjour|salut|bonsoir|coucou|"
    r"how are you(?: doing)?(?: today)?|how'?s it going|what'?s up|sup|ça va|comment (?:ça va|allez[- ]vous|vas[- ]tu)|"
    r"thanks?(?: you)?(?: (?:very|so) much| a lot)?|thx|cheers|merci(?: beaucoup)?|great|cool|nice|perfect|awesome|wow|super|"
    r"ok(?:ay)?|k|yes|no|yeah|yep|nope|sure|right|got it|i see|fine|good|bye|goodbye|au revoir|see you|lol|haha+|hmm+|please|test(?:ing)?|"
    r"help|help me|can you help(?: me)?|who are you|what are you|what can you do|what do you do|there|everyone|all|friend|assistant|again|that'?s (?:all|great|it|good)|"
    r"for (?:that|your help|the help|now)|i have a question|can i ask (?:you )?(?:a question|something))\b[\W_]*)+$",
    re.IGNORECASE,
)


def is_small_talk(text: str) -> bool:
    """Whether it is a greeting, thanks or the like, or holds no word at all."""
    return not WORD.search(text) or bool(_SMALL_TALK.match(text))


# ── follow-ups ───────────────────────────────────────────────────────────────────────────

_NAME = re.compile(
    r"\b(?:the )?(?:[A-ZÀ-ÖØ-Þ][\w’'-]*|[A-Z]\.)(?:(?:[ -]| of | of the | de | du | des | la | al-| bin | van | von )(?:[A-ZÀ-ÖØ-Þ][\w’'-]*|[A-Z]\.))*"
)
_TITLE = re.compile(
    r"^(?:the )?(?:(?:prime|foreign|interior|defen[cs]e|finance|health|vice|former|late|acting|deputy|captain|general|colonel|major|"
    r"president|minister|mr|mrs|ms|dr|sir|dame|lord|lady|professor|prof|sen|senator|rep|gov|governor|chancellor|king|queen|prince|princess|"
    r"pope|chief|judge|justice|mayor|ambassador|secretary|director|commissioner|sheikh|imam|bishop|coach)\b\.?\s*)+",
    re.IGNORECASE,
)
_PERSON_BEFORE = re.compile(
    r"(?:president|minister|captain|general|mr\.?|mrs\.?|ms\.?|dr\.?|senator|governor|by|leader|chief|judge|coach|king|queen)\s+$",
    re.IGNORECASE,
)
_NOT_NAMES = frozenset(
    "who what when where why how which is are was were do does did has have had can could will would should may might and but so the a an in on "
    "at of for from by to it its he she they his her their this that these those yes no not according if tell give name list i you we ok okay also "
    "another after before during while though although however since as with without under over both there here two three".split()
)
_THING = re.compile(
    r"\b(?:the|this|that|an?)\s+((?:[\w][\w’'-]*\s+){0,3}?[a-z][\w’'-]*)(?=\s+(?:is|was|are|were|will|has|had|have|of|in|at|on|by|for|with|between|about|be|been|"
    r"(?:\w+ed)\b|come|cover|say|do|take)|\s*[?.,;!\[(]|\s*$)"
)
_SINGULAR_THING = {"it": "", "its": "'s", "this": "", "that": ""}
_MALE_FEMALE = {"he": "", "she": "", "him": "", "his": "'s", "her": "'s", "hers": "'s"}
_PLURAL = {"they": "", "them": "", "their": "'", "theirs": "'", "these": "", "those": "", "both": ""}
_PRONOUN = re.compile(
    r"\b(?:he|she|it|they|him|his|her|hers|its|them|their|theirs|this|that|these|those)\b(?!['’]s (?:true|possible|clear))(?!\s+(?:true|possible|clear|said|raining) that)",
    re.IGNORECASE,
)
_OF_A_STATE = re.compile(
    r"\bits (?:\w+ )?(?:president|prime minister|capital|population|currency|government|leader|army|people|king|queen|economy|flag|border)",
    re.IGNORECASE,
)
_DETERMINER = re.compile(r"\b(?:this|that|these|those)\s+(?:same\s+)?[a-zà-ÿ]{3,}", re.IGNORECASE)
_PLACE_TIME = re.compile(
    r"\b(?:there|then|at (?:the|that) time|at that (?:point|moment)|at the same time|over there|back then|on that (?:day|occasion|visit))\b\s*(?:[?.!,]|$)",
    re.IGNORECASE,
)
_FORMER_LATTER = re.compile(r"\bthe (former|latter|first one|second one)\b", re.IGNORECASE)
_SUBJECT_CHANGE = re.compile(
    r"^\s*(?:(?:ok(?:ay)?|so|now|well|right|thanks?)\W+)*(?:another (?:thing|question|topic|subject)|(?:new|different) (?:question|topic|subject)|(?:on|about) (?:another|a different) (?:subject|topic|matter)|"
    r"changing (?:the )?(?:subject|topic)|something else|unrelated|(?:let'?s )?change (?:the )?(?:subject|topic))\b\W*",
    re.IGNORECASE,
)
_ALSO = re.compile(
    r"^\s*(?:and|et|but|what about|how about|and what about|what of|same for|same question for|et pour|et)\b[\s,:]*(?:(?:of|for|in|about|by|with|pour|de|en|au|à|le|la|l')\s+)?",
    re.IGNORECASE,
)
_WH = re.compile(
    r"^(?:(?:at|by|in|for|to|from|since|until|with)\s+)?(?:who|whom|whose|when|where|why|how(?:\s+(?:many|much|long|large|big|old|far|often|come))?|what|which)\b",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"^\s*(?:are you (?:really |quite |absolutely )?(?:sure|certain)|really|is that (?:true|right|correct|so)|i (?:read|heard|thought)|that(?:'s| is) (?:not right|wrong)|êtes-vous sûr|vraiment|says who|how do you know(?: that)?|how so|source)\b",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"^\s*(?:tell me more|more|more details?|go on|continue|elaborate|can you elaborate|explain|anything else|what else|and\s*\?*|give me more details?)\W*$",
    re.IGNORECASE,
)


def stand_alone(
    question: str, turns: Sequence[Turn], is_person: Callable[[str], bool] = lambda name: False
) -> Standalone:
    """Complete a question that refers back from the turns before it; `is_person` tells who is one in the articles."""
    text = " ".join(question.split())
    changed = _SUBJECT_CHANGE.sub("", text)
    if changed != text and len(stems(changed)) > 1:
        return Standalone(text=changed)
    asked = [turn.text for turn in turns if turn.role == "user" and not is_small_talk(turn.text)]
    core = strip_lead(text)
    if not asked:
        return Standalone(text=text, unclear=_dangling(core))
    last = _resolved_last(asked)
    if _DOUBT.match(core) or _MORE.match(text):
        return Standalone(text=last)
    elliptic = _complete_ellipsis(text, core, last)
    if elliptic:
        return Standalone(text=elliptic)
    said = [turn for turn in turns if not is_small_talk(turn.text)]
    resolved = _replace_pronouns(text, said, is_person)
    if resolved != text:
        return Standalone(text=resolved)
    if _refers_to_time_or_place(text) or (_thin(core) and not names(core)):
        return Standalone(text=f"{text.rstrip(' ?.!')}, regarding: {last}")
    return Standalone(text=text)


def names(text: str) -> list[str]:
    """Proper names of a text in order, sentence openers and titles cut away."""
    found = []
    for match in _NAME.finditer(text):
        words = match.group().split()
        while words and words[0].lower() in _NOT_NAMES:
            words = words[1:]
        name = _TITLE.sub("", " ".join(words)).removesuffix("'s").removesuffix("’s").strip(" .")
        if name and name.lower() not in _NOT_NAMES and (len(name) > 1):
            found.append(name)
    return found


def _resolved_last(asked: Sequence[str]) -> str:
    """The last thing the user asked, completed once from the one before it where it leans on that."""
    last = " ".join(asked[-1].split())
    if len(asked) > 1:
        completed = _complete_ellipsis(last, strip_lead(last), " ".join(asked[-2].split()))
        if completed:
            return completed
        if _PRONOUN.search(last):
            return _replace_pronouns(last, [Turn(role="user", text=asked[-2])], lambda name: False)
    return last


def _dangling(core: str) -> str | None:
    """A personal pronoun that nothing in the question itself explains."""
    match = re.search(r"\b(?:he|she|him|his|her|hers)\b", core, re.IGNORECASE)
    if match and not names(core[: match.start()]) and len(stems(core)) <= 3:
        return match.group().lower()
    bare = re.match(
        r"^(?:who|what|where|when|why|how)\s+(?:is|was|are|were|did|does)\s+(it|they|this|that|them|there)\s*\W*$",
        core,
        re.IGNORECASE,
    )
    if bare:
        return bare.group(1).lower()
    return None


def _complete_ellipsis(text: str, core: str, last: str) -> str | None:
    rest = _ALSO.sub("", text) if _ALSO.match(text) else None
    body = (rest if rest is not None else core).strip(" ?.!")
    if not body:
        return None
    last_core = strip_lead(last)
    wh = _WH.match(body)
    if wh and len(stems(body)) == 0 and not _PRONOUN.search(body):  # "and when?", "why?"
        last_wh = _WH.match(last_core)
        if last_wh:
            return f"{body[0].upper()}{body[1:]} {last_core[last_wh.end() :].lstrip()}"
        return f"{body[0].upper()}{body[1:]}: {last_core}"
    if rest is not None and not wh and not _PRONOUN.search(body) and len(body.split()) <= 6:  # "and Senegal?"
        replaced = _replace_last_name(last_core, body)
        return replaced or f"{last_core.rstrip(' ?.!')}, {body}?"
    return None


def _replace_last_name(sentence: str, new: str) -> str | None:
    spans = [match for match in _NAME.finditer(sentence) if names(match.group()) and match.start() > 0]
    if not spans or not (names(new) or names(f"x {new.title()}")):
        return None
    old = spans[-1]
    name = names(old.group())[0]
    start = old.start() + old.group().find(name)
    return sentence[:start] + new + sentence[start + len(name) :]


def _replace_pronouns(text: str, turns: Sequence[Turn], is_person: Callable[[str], bool]) -> str:
    choice = _FORMER_LATTER.search(text)
    if choice:
        pair = _last_pair(turns)
        if pair:
            picked = pair[0] if choice.group(1).lower() in ("former", "first one") else pair[1]
            return text[: choice.start()] + picked + text[choice.end() :]
    for match in _PRONOUN.finditer(text):
        word = match.group().lower()
        before = text[: match.start()]
        if (names(before) and word not in ("it", "its")) or _cleft(text, match):
            continue  # explained in the question itself
        antecedent = _antecedent(word, text, turns, is_person)
        if not antecedent:
            continue
        follows = re.match(r"\s+(?:same\s+)?([a-zà-ÿ]{3,})", text[match.end() :])
        if word in ("this", "that", "these", "those") and follows and _DETERMINER.match(text[match.start() :]):
            return f"{text.rstrip(' ?.!')} ({antecedent})?"
        suffix = {**_SINGULAR_THING, **_MALE_FEMALE, **_PLURAL}.get(word, "")
        if word == "her" and not follows:
            suffix = ""
        if suffix:
            suffix = "'" if antecedent.endswith("s") and " and " in antecedent else "'s"
        return text[: match.start()] + antecedent + suffix + text[match.end() :]
    return text


def _cleft(text: str, match: re.Match[str]) -> bool:
    """Whether a this/that is a conjunction or relative pronoun rather than a reference."""
    word = match.group().lower()
    if word == "that":
        return bool(
            re.match(
                r"\s+(?:the|a|an|is|are|was|were|has|have|had|will|would|can|could|may|[a-z]+s|[a-z]+ed)\b",
                text[match.end() :],
            )
        ) or bool(
            re.search(
                r"\b(?:say|said|says|true|think|believe|claim\w*|report\w*|mean|so|such)\s*$",
                text[: match.start()],
                re.IGNORECASE,
            )
        )
    return word == "it" and bool(
        re.match(r"\s+(?:true|possible|clear|necessary|important|right|correct)\b", text[match.end() :])
    )


def _antecedent(word: str, text: str, turns: Sequence[Turn], is_person: Callable[[str], bool]) -> str | None:
    own = {name.lower() for name in names(text)}
    for turn in _by_salience(turns):
        plain = re.sub(r"\[\d+\]", "", turn.text)
        if word in _PLURAL and word not in ("these", "those"):
            pair = _pair(plain)
            if pair:
                return f"{pair[0]} and {pair[1]}"
        candidates = [name for name in names(plain) if name.lower() not in own]
        people = [name for name in candidates if is_person(name) or _titled(plain, name)]
        if word in _MALE_FEMALE:
            if people:
                return people[-1]
            continue
        things = [name for name in candidates if name not in people]
        nouns = [match.group(1).strip() for match in _THING.finditer(plain)]
        nouns = [noun for noun in nouns if stems(noun) and noun.lower() not in ("time", "way", "end")]
        if word in _PLURAL:
            nouns = [noun for noun in nouns if noun.endswith("s") and not noun.endswith("ss")]
            things = []
        if word == "its" and _OF_A_STATE.search(text):
            nouns = []
        if word not in _MALE_FEMALE:
            if turn.role == "user" and nouns and not (things and re.search(r"\bof\b|['’]s\b", plain)):
                return (
                    f"the {nouns[-1]}"
                    if not things
                    else things[-1]
                    if plain.find(things[-1]) > plain.find(nouns[-1])
                    else f"the {nouns[-1]}"
                )
            if things:
                return things[-1]
            if nouns:
                return f"the {nouns[-1]}"
    if word in _MALE_FEMALE:
        for turn in _by_salience(turns):
            candidates = [name for name in names(turn.text) if " " in name and name.lower() not in own]
            if candidates:
                return candidates[-1]
    return None


def _by_salience(turns: Sequence[Turn]) -> list[Turn]:
    """Turns in the order in which they are likely meant: the last question, its answer, then further back."""
    ordered: list[Turn] = []
    recent = list(turns[-6:])
    while recent:
        if len(recent) >= 2 and recent[-1].role == "assistant" and recent[-2].role == "user":
            answer, asked = recent.pop(), recent.pop()
            ordered += [asked, answer]
        else:
            ordered.append(recent.pop())
    return ordered


def _titled(text: str, name: str) -> bool:
    place = text.find(name)
    return place > 0 and bool(_PERSON_BEFORE.search(text[:place]))


def _pair(text: str) -> tuple[str, str] | None:
    for match in re.finditer(r"\band\b|[&–-]", text):
        left, right = names(text[: match.start()]), names(text[match.end() :])
        if (
            left
            and right
            and text[: match.start()].rstrip().endswith(left[-1])
            and text[match.end() :].lstrip().startswith((right[0], f"the {right[0]}"))
        ):
            return left[-1], right[0]
    return None


def _last_pair(turns: Sequence[Turn]) -> tuple[str, str] | None:
    return next((pair for turn in _by_salience(turns) if (pair := _pair(turn.text))), None)


def _refers_to_time_or_place(text: str) -> bool:
    return bool(_PLACE_TIME.search(text))


def _thin(core: str) -> bool:
    """Whether a question has next to no topic of its own."""
    return len(set(stems(core))) <= 1 and len(core.split()) <= 5
