"""Prompts: instructions for language models, read from `prompts/*.md` and filled with values.

A prompt is a file with front matter (version, purpose, declared variables) and a text with
`{{variable}}` in it.  Nothing here knows what a prompt is for; no prompt is written in code.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from assistant.errors import SettingsError

FOLDERS = (Path(__file__).parent / "prompts", Path(__file__).parents[1] / "prompts")
"""Where prompts stand: in an installed package, and in a checkout."""
KEYS = {"version", "purpose", "variables"}
"""What front matter declares, all of it and nothing else."""
_FRONT = re.compile(r"---\n(?P<front>.*?)\n---\n+(?P<text>.*)", re.DOTALL)
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """An instruction with places for values."""

    name: str
    """Name of its file, without the suffix."""
    version: int
    """Goes up with each change of meaning."""
    purpose: str
    """What it is for, in a sentence."""
    variables: tuple[str, ...]
    """The values it needs, each of which stands in its text."""
    text: str
    """The instruction."""
    fingerprint: str
    """First 12 hexadecimal digits of the SHA-256 of its file: what tells one wording from another."""

    def render(self, values: Mapping[str, str]) -> str:
        """The text with its values; raises ValueError for one that is missing or not declared.

        A value is put in as it is: what looks like a variable inside it stays as it stands.
        """
        if set(values) != set(self.variables):
            raise ValueError(
                f"prompt {self.name!r} was given {sorted(values)}; expected exactly {sorted(self.variables)}"
            )
        return _VARIABLE.sub(lambda match: values[match[1]], self.text)


@cache
def load_prompt(name: str) -> Prompt:
    """Read `prompts/NAME.md`; raises SettingsError where it is missing or its front matter is not as it must be."""
    file = next((folder / f"{name}.md" for folder in FOLDERS if (folder / f"{name}.md").is_file()), None)
    if file is None:
        raise SettingsError(f"the prompt {name!r} is missing; expected {FOLDERS[-1] / name}.md; install again")
    return read_prompt(name, file.read_text(encoding="utf-8"))


def read_prompt(name: str, content: str) -> Prompt:
    """The prompt that a file's content is; raises SettingsError as `load_prompt` does."""
    match = _FRONT.fullmatch(content.replace("\r\n", "\n"))
    if not match:
        raise SettingsError(f"prompt {name!r} has no front matter; expected --- version, purpose, variables --- text")
    try:
        front = yaml.safe_load(match["front"])
    except yaml.YAMLError as error:
        raise SettingsError(f"the front matter of prompt {name!r} is not YAML: {error}") from None
    if not isinstance(front, dict) or set(front) != KEYS:
        raise SettingsError(f"the front matter of prompt {name!r} has {front!r:.80}; expected exactly {sorted(KEYS)}")
    text = match["text"].strip()
    variables = tuple(front["variables"] or ())
    used = set(_VARIABLE.findall(text))
    if used != set(variables):
        raise SettingsError(
            f"prompt {name!r} declares {sorted(variables)} and uses {sorted(used)}; they must be the same"
        )
    return Prompt(
        name=name,
        version=int(front["version"]),
        purpose=str(front["purpose"]),
        variables=variables,
        text=text,
        fingerprint=hashlib.sha256(content.replace("\r\n", "\n").encode()).hexdigest()[:12],
    )
