"""Orders: sentences of an article that speak to a language model rather than to a reader.

Such sentences are no evidence and are not shown to a model, and so cannot support what it writes.  The table holds
wordings that are known; against all others stands that no claim gets through without support.
"""

import re
import unicodedata

_MODEL = r"\b(?:AI|LLM|chat ?bot|language model|assistant|summari[sz]er|automated reader)s?\b"
_TOLD = r"(?:must|have to|has to|should|shall|are not permitted to|are not allowed to)"
_PATTERNS = (
    # what came before is to be forgotten
    r"\b(?:ignore|disregard|forget|override|bypass)\b[^.!?]{0,30}\b(?:previous|prior|earlier|above|preceding|all|your|these|any)\b"
    r"[^.!?]{0,20}\b(?:instructions?|rules?|prompts?|guidelines?)\b",
    r"^\W*ignore the (?:question|user|reader)\b",
    r"\b(?:ignore[zr]?|oublie[zr]?|ignora|olvida|ignoriere)\b[^.!?]{0,40}\b(?:instructions?|consignes?|règles|reglas|instrucciones|anweisungen)\b",
    # another role
    r"\byou are (?:now )?(?:an? )?(?:AI|DAN|\w*bot|assistant|language model)\b"
    r"|\bfrom now on,? (?:you|answer|say|reply|respond|always|treat|act|behave|pretend)\b",
    r"\b(?:answer|reply to|respond to) (?:every|all|any|each) (?:questions?|requests?|users?|queries|prompts?)\b",
    # what the model was given
    r"\b(?:print|reveal|output|repeat|show|display|leak|give)\b[^.!?]{0,30}\b(?:your|the) (?:system |hidden |initial )?(?:prompt|instructions|rules|api key)",
    r"\b\w*(?:API|LLM|SECRET)_KEY\b",
    # models spoken to, or of what they have to do
    rf"\b(?:notes?|notice|message|instructions?|correction|attention|important|dear|hello|hey)\b[^.!?]{{0,30}}{_MODEL}[^.!?]{{0,12}}[:,]",
    rf"{_MODEL}[^.!?]{{0,60}}\b{_TOLD}\b|\bthat (?:is|are) (?:a )?machines?\b[^.!?]{{0,30}}\b{_TOLD}\b",
    r"\b(?:any|every) (?:AI|LLM|language model)\b[^.!?]{0,60}\b(?:without|who|which|that)\b",
    r"\b(?:every answer you give|in every answer|your (?:last |next |final )?answer)\b",
    # a bare imperative of saying at the start
    r"^\W*(?:please )?(?:say|(?:answer|respond|reply)(?: with| that| only| to every|:)|state that|tell (?:everyone|the (?:reader|user)) that|"
    r"do not (?:cite|mention|answer)|decode|cite as|include this)\b",
    r"\band (?:say|write|answer|respond|reply|tell everyone)(?: that| with| only|\s+[A-Z]{3,})",
    # turns, templates, tags and examples of a prompt
    r"(?:^|[>#.\"]\s*)(?:#\s*)?(?:system|user|assistant|example (?:question|answer)|question|answer)\s*:",
    r"<!--|</?\|?(?:im_start|im_end|system|assistant|user|sources?|article|tool_call)\b|\[/?INST\]|<</?SYS>>|<start_of_turn>",
    r"\"role\"\s*:\s*\"(?:system|assistant)\"",
    r"end of the (?:sentences|sources|data|article)\b[^.!?]{0,10}[.!]?\s*what stood above",
    # words that a reader cannot see
    r"\b(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|color\s*:\s*(?:white|#fff))",
)
_ORDER = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE)
_MIXED = re.compile(r"\b(?=\w*[a-z])(?=\w*[а-яіѕјԁһ])\w{3,}", re.IGNORECASE)
"""A word of Latin and Cyrillic letters: somebody does not want it to be found."""


def gives_orders(sentence: str) -> bool:
    """Whether a sentence is written for a language model, by its wording."""
    seen = "".join(character for character in sentence if unicodedata.category(character) != "Cf")
    return bool(_ORDER.search(seen) or _MIXED.search(seen))
