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

Part = Literal["train", "validation", "test"]
TEST_PERCENT = 15
VALIDATION_PERCENT = 15


def part_of(title: str) -> Part:
    """Where the text of a title belongs: only the test part was never trained, fitted or chosen on."""
    drawn = int(hashlib.sha256(title.encode()).hexdigest(), 16) % 100
    if drawn < TEST_PERCENT:
        return "test"
    return "validation" if drawn < TEST_PERCENT + VALIDATION_PERCENT else "train"
