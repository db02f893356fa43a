"""Rewriting: a follow-up made to stand alone by a language model, and held to what was said.

A model is asked only where the rules of `conversation.py` see that a question refers back, and
is believed only where its question names nothing that was not said.  It knows no articles.
"""

import re
from collections.abc import Sequence
from contextlib import closing

from assistant.conversation import Turn, names
from assistant.drafting import harmless
from assistant.language_model import ANSWER_TOKENS, TOKEN_CHARS, Allowance, LanguageModel, Message
from assistant.prompt import load_prompt
from assistant.question import LIGHT, parse_question
from assistant.terms import stem, stems

PROMPTS = ("follow_up", "conversation")
"""The prompts of a rewriting."""
HISTORY_TOKENS = 800
"""Most tokens of a conversation that are shown; older turns are left out whole."""
MOST_CHARS = 300
"""A longer question is none."""
TURN_CHARS = 600
"""An answer longer than this is shown as its first sentences; a question is shown whole or not at all."""
_MARKS = re.compile(r"\[\d{1,4}\]|\*\*|\\(?=[^\w\s])")
_LABEL = re.compile(r"^\s*(?:(?:rewritten|standalone|the|last)\s+)*question(?:,[^:]{0,40})?\s*:\s*", re.IGNORECASE)


def rewrite(model: LanguageModel, allowance: Allowance, question: str, turns: Sequence[Turn]) -> str:
    """The model's version of a follow-up, first line only; raises LanguageModelError where there is none."""
    text = ""
    with closing(model.stream(request(question, turns, model.context), allowance)) as stream:
        for text in stream:
            if "\n" in text.strip() or len(text) > 2 * MOST_CHARS:
                break
    line = (text.strip().splitlines() or [""])[0]
    return _LABEL.sub("", line).strip(" \"“”'*")


def request(question: str, turns: Sequence[Turn], context: int) -> list[Message]:
    """The messages that ask for a rewriting, with as many of the last turns as there is room for."""
    room = min(HISTORY_TOKENS, context - ANSWER_TOKENS - 300) * TOKEN_CHARS - len(question)
    shown: list[str] = []
    for turn in reversed(turns):
        who = "User" if turn.role == "user" else "Assistant"
        line = f"{who}: {harmless(_shortened(turn))}"
        room -= len(line)
        if room < 0:
            break
        shown.insert(0, line)
    asked = {"conversation": "\n".join(shown), "question": harmless(question)}
    return [
        Message(role="system", text=load_prompt("follow_up").render({})),
        Message(role="user", text=load_prompt("conversation").render(asked)),
    ]


def _shortened(turn: Turn) -> str:
    text = " ".join(_MARKS.sub("", turn.text).split())
    if turn.role == "user" or len(text) <= TURN_CHARS:
        return text
    end = text.rfind(". ", 0, TURN_CHARS)
    return text[: end + 1] if end > 0 else text[:TURN_CHARS].rsplit(" ", 1)[0]


def drift(rewritten: str, question: str, turns: Sequence[Turn]) -> str | None:
    """What is wrong with a rewriting, behind "it"; None where it may be searched."""
    if not rewritten or len(rewritten) > MOST_CHARS:
        return "is no question"
    said = " ".join([question, *(turn.text for turn in turns)])
    held = set(stems(said))
    own = [word for word in stems(rewritten) if word not in held]
    added = [word for word in own if word[0].isdigit()]
    capitals = [name for name in names(f"x {rewritten}") if any(word not in held for word in stems(name))]
    if added or capitals:
        return f"names {', '.join([*added, *capitals])}, which was not said"
    if len([word for word in own if word not in LIGHT]) > 1:
        return "asks for what was not said"
    kept = {word for word in stems(question) if word not in LIGHT and stem(word)}
    lost = kept.difference(stems(rewritten))
    if kept and len(lost) > len(kept) / 2:
        return "leaves out what was asked"
    if "?" not in rewritten and parse_question(rewritten).fragment:
        return "is no question"
    return None
