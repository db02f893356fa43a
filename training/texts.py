"""The texts written for training, and which of them are kept aside.

A text's part goes by its title alone, so that it stays in it whatever is added.
"""

import hashlib
from pathlib import Path
from typing import Literal

ARTICLES = Path(__file__).parent / "written" / "articles.jsonl"
"""News, one article a line: title, text, and questions with their answer and its sentence, or none."""
BACKGROUND = ARTICLES.with_name("background.jsonl")
"""Passages as of an encyclopaedia, in the same form, with questions as they are typed into a search box."""
CLAIMS = ARTICLES.with_name("claims.jsonl")
"""News sentences, one evidence a line, with claims that are true in other words or wrong in one respect."""

Part = Literal["train", "validation", "test"]
TEST_PERCENT = 15
VALIDATION_PERCENT = 15


def drawn(text: str, of: int = 100) -> int:
    """A number below `of` that a text always draws, whatever stands beside it."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % of


def part_of(title: str) -> Part:
    """Where the text of a title belongs: only the test part was never trained, fitted or chosen on."""
    place = drawn(title)
    if place < TEST_PERCENT:
        return "test"
    return "validation" if place < TEST_PERCENT + VALIDATION_PERCENT else "train"
