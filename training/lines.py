"""Files of JSON lines, gzipped or not: one object a line."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def read_lines(path: Path) -> list[dict[str, Any]]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_lines(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """Write them all, or leave the file as it was."""
    unfinished = path.with_suffix(".new")
    with gzip.open(unfinished, "wt", encoding="utf-8") as lines:
        for row in rows:
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    unfinished.replace(path)
