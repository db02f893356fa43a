"""Conversation: what was said so far, and the standalone question that a follow-up stands for.

Rules only.  A question that stands alone is left as it is; one that refers back ("its
president", "and Senegal?", "why?") is completed from the last turns.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assistant.errors import QuestionError
from assistant.question import LIGHT, is_french, strip_lead
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
    """The question to answer."""
    about: str = ""
    """Words of the turns before that are searched with it and not asked for themselves."""
    unclear: str | None = None
    """The word that refers to nothing said so far ("he"), if any."""

    @property
    def searched(self) -> str:
        """The question with what it is about, for a person to read."""
        return f"{self.text} (about: {self.about})" if self.about else self.text

    def refers_back(self, typed: str) -> bool:
        """Whether the question, as it was typed, needed words of the turns before."""
        return not typed.endswith(self.searched)


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
    r"\b(?i:the|this|that|an?)\s+((?:[\w][\w’'-]*\s+){0,3}?[a-z][\w’'-]*)(?=\s+(?:is|was|are|were|will|has|had|have|of|in|at|on|by|for|with|between|about|be|been|"
    r"\w+(?:ed|ing)|come|cover|say|do|take)\b|\s*[?.,;!\[(]|\s*$)"
)
_MARKER = re.compile(r"\[\d+\]|\*\*")
_LOCATED = re.compile(r"\b(?:in|at|to|from|near|into|outside)\s+(?:the\s+)?$", re.IGNORECASE)
_POSSESSIVE = re.compile(r"\bof\b|['’]s\b")
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
_YES_NO = re.compile(r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b", re.IGNORECASE)
_THE_TWO = re.compile(
    r"\b(?:the two|both|these two|those two)(?: (?:men|women|leaders|countries|sides|nations|presidents|parties|governments|states|teams|companies))?\b(?! of\b)",
    re.IGNORECASE,
)
_FRENCH_PRONOUN = re.compile(
    r"\b(?:l['’](?:a|ont|avait)\b|lui\b|leur\b|cela\b|ça\b|celui-ci\b|celle-ci\b|il\b|elle\b|ils\b|elles\b)|-(?:t-)?(?:il|elle|ils|elles)\b",
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
        opened = strip_lead(resolved)
        return Standalone(text=opened[:1].upper() + opened[1:], about=_topic(resolved, last))
    if not names(core) and (_refers_to_time_or_place(text) or _thin(core) or _refers_back_in_french(core)):
        return Standalone(text=text, about=last.rstrip(" ?.!"))
    return Standalone(text=text)


def _topic(resolved: str, last: str) -> str:
    """The names of the last question, where the completed question has none of its own to be found by."""
    return "" if names(resolved) else ", ".join(dict.fromkeys(names(last)))


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


_ASKS = re.compile(r"\b(?:who|what|when|where|why|how)\b", re.IGNORECASE)
"""Where a question begins, or a second one: "who is sonko and how is she …" has told whom it means."""


_WHOSE_OWN = re.compile(r"^(?:who|which (?:man|woman|person))\s+\w+\s+(?:his|her)\b", re.IGNORECASE)
"""Who did something with what is his own: "Who lost his life?" asks of nobody that was named before."""


def _dangling(core: str) -> str | None:
    """A personal pronoun that nothing in the question itself explains."""
    match = re.search(r"\b(?:he|she|him|his|her|hers)\b", core, re.IGNORECASE)
    before = core[: match.start()] if match else ""
    *first, _ = _ASKS.split(before)
    explained = names(before) or stems(" ".join(first)) or _WHOSE_OWN.match(core)
    if match and not explained and len(stems(before)) < 2 and len(stems(core)) <= 3:
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
    if (
        rest is not None
        and not wh
        and not _PRONOUN.search(body)
        and len(body.split()) <= 6
        and not _refers_back_in_french(body)
    ):
        replaced = _replace_name(last_core, body)  # "and Senegal?"
        return replaced or f"{last_core.rstrip(' ?.!')}, {body}?"
    return None


def _replace_name(sentence: str, new: str) -> str | None:
    """The sentence with its last name replaced, or the subject's of a yes/no question ("Is Mali a member of …?")."""
    places = []
    for match in _NAME.finditer(sentence):
        for name in names(match.group())[:1]:
            places.append((match.start() + match.group().find(name), name))
    places = [(start, name) for start, name in places if start > 0]
    if not places or not (names(new) or names(f"x {new.title()}")):
        return None
    start, name = places[0] if _YES_NO.match(sentence) else places[-1]
    return sentence[:start].removesuffix("the ") + new + sentence[start + len(name) :]


def _refers_back_in_french(core: str) -> bool:
    return is_french(core) and bool(_FRENCH_PRONOUN.search(core))


def _replace_pronouns(text: str, turns: Sequence[Turn], is_person: Callable[[str], bool]) -> str:
    choice = _FORMER_LATTER.search(text)
    two = None if names(text) else _THE_TWO.search(text)
    pair = _last_pair(turns, is_person) if choice or two else None
    if choice and pair:
        picked = pair[0] if choice.group(1).lower() in ("former", "first one") else pair[1]
        return text[: choice.start()] + picked + text[choice.end() :]
    if two and pair:
        return f"{text[: two.start()]}{pair[0]} and {pair[1]}{text[two.end() :]}"
    for match in _PRONOUN.finditer(text):
        word = match.group().lower()
        before = text[: match.start()]
        if (names(before) and word not in ("it", "its")) or _cleft(text, match):
            continue  # explained in the question itself
        antecedent = _antecedent(word, text, turns, is_person)
        if not antecedent or (
            word == "it" and _thin(text) and not antecedent.startswith("the ") and not _who_or_what(turns)
        ):
            continue  # "How much was it?" asks of what was said, not of the last name in it
        follows = re.match(r"\s+(?:same\s+)?([a-zà-ÿ]{3,})", text[match.end() :])
        if word in ("this", "that", "these", "those") and follows and _DETERMINER.match(text[match.start() :]):
            return f"{text.rstrip(' ?.!')} ({antecedent})?"
        suffix = {**_SINGULAR_THING, **_MALE_FEMALE, **_PLURAL}.get(word, "")
        if word == "her" and not follows:
            suffix = ""
        if suffix:
            suffix = "'" if antecedent.endswith("s") else "'s"
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
    """What a pronoun stands for: the most salient person, pair or thing of the last turns."""
    own = {name.lower() for name in names(text)}
    opening = _THING.match(turns[-1].text) if turns and turns[-1].role == "assistant" else None
    if opening and word in _SINGULAR_THING and opening.group().lower().startswith("a"):
        return f"the {opening.group(1).strip()}"  # "A pact on …": what the answer has just introduced
    same = None
    for turn in _by_salience(turns):
        if turn.role == "assistant" and same:
            same = None
            continue  # "Who paid for it?" before "How long is it?": of what was meant then, not of what was answered
        plain = _MARKER.sub("", turn.text)
        pair = _pair(plain)
        if pair and word in _PLURAL and word not in ("these", "those"):
            return f"{pair[0]} and {pair[1]}"
        named = [name for name in names(plain) if name.lower() not in own]
        people = [name for name in named if is_person(name) or _titled(plain, name)]
        if word in _MALE_FEMALE:
            if people:
                return people[-1]
            continue
        things = [] if word in _PLURAL else [name for name in named if name not in people and name not in (pair or ())]
        nouns = [] if word == "its" and _OF_A_STATE.search(text) else _nouns(plain, plural=word in _PLURAL)
        found = _thing(plain, things, nouns, asked=turn.role == "user", state=bool(_OF_A_STATE.search(text)))
        if found:
            return found
        same = turn.role == "user" and word in ("it", "its") and re.search(r"\bits?\b", plain, re.IGNORECASE)
    if word not in _MALE_FEMALE:
        return None
    full = ([n for n in names(turn.text) if " " in n and n.lower() not in own] for turn in _by_salience(turns))
    return next((found[-1] for found in full if found), None)


def _nouns(plain: str, *, plural: bool) -> list[re.Match[str]]:
    """Noun phrases with an article, in order: what "it" or "they" may stand for."""
    found = [match for match in _THING.finditer(plain) if stems(match.group(1))]
    found = [match for match in found if match.group(1).lower() not in ("time", "way", "end")]
    if plural:
        return [match for match in found if match.group(1).endswith("s") and not match.group(1).endswith("ss")]
    return found


def _thing(
    plain: str, things: Sequence[str], nouns: Sequence[re.Match[str]], *, asked: bool, state: bool
) -> str | None:
    """The thing a turn is about; a place where something happened ("in Dakar") is not, unless a state is meant."""
    about = [name for name in things if state or not _LOCATED.search(plain[: plain.find(name)])]
    about = [f"the {name}" if re.search(rf"\b[Tt]he {re.escape(name)}", plain) else name for name in about]
    called = [f"the {_without_verb(plain, match) if asked else match.group(1).strip()}" for match in nouns]
    if not called or (asked and about and _POSSESSIVE.search(plain)):
        return about[-1] if about else called[-1] if called else None
    if asked:
        place = plain.find(about[-1].removeprefix("the ")) if about else -1
        return about[-1] if place >= nouns[-1].end(1) else called[-1]
    introduced = [name for name, match in zip(called, nouns, strict=True) if match.group().lower().startswith("a")]
    return introduced[-1] if introduced else about[-1] if about else called[-1]


def _without_verb(question: str, match: re.Match[str]) -> str:
    """A noun phrase of a question without the verb that ends the question: "did the harbour bridge | cost"."""
    phrase = match.group(1).strip()
    ends = not question[match.end() :].strip(" ?.!")
    asks = _ASKED_BY_DO.search(question[: match.start()])
    return phrase.rsplit(None, 1)[0] if ends and asks and " " in phrase else phrase


_ASKED_BY_DO = re.compile(r"\b(?:did|does|do|will|would|can|could|should)\s+$", re.IGNORECASE)


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
        before, after = text[: match.start()].rstrip(), _TITLE.sub("", text[match.end() :].lstrip())
        left, right = names(before), names(after)
        if left and right and before.endswith(left[-1]) and after.startswith((right[0], f"the {right[0]}")):
            return left[-1], right[0]
    return None


def _last_pair(turns: Sequence[Turn], is_person: Callable[[str], bool]) -> tuple[str, str] | None:
    """The last two that were named together: joined by "and", or the only two people of a turn."""
    for turn in _by_salience(turns):
        people = list(dict.fromkeys(name for name in names(turn.text) if is_person(name)))
        pair = _pair(turn.text) or ((people[0], people[1]) if len(people) == 2 else None)
        if pair:
            return pair
    return None


def _who_or_what(turns: Sequence[Turn]) -> bool:
    """Whether the last question was just who or what somebody or something is."""
    last = next((turn.text for turn in reversed(turns) if turn.role == "user"), "")
    return bool(re.match(r"^(?:who|what)(?:'s|’s| is| are| was| were)\b", strip_lead(last), re.IGNORECASE))


def _refers_to_time_or_place(text: str) -> bool:
    return bool(_PLACE_TIME.search(text))


def _thin(core: str) -> bool:
    """Whether a question has next to no topic of its own, and is not about what a word means."""
    own = {item for item in stems(core) if item not in LIGHT}
    defines = bool(own) and bool(re.match(r"^(?:who|what)(?:'s|’s| is| are| was| were)\b", core, re.IGNORECASE))
    return len(own) <= 1 and len(core.split()) <= 6 and not defines
