"""Make `assistant/data/term_weights.json`: inverse document frequencies of stems.

    python -m training.term_weights PATH/rc/squad_dev.jsonl.gz [MORE.jsonl.gz …]

Each file holds JSON lines with a `context`; each distinct context is a document.
Weight of a stem found in df of N documents: ln(1 + (N - df + 0.5) / (df + 0.5))
(Robertson and Spärck Jones as in BM25).  Stems of a single document are left out: they
weigh as much as one never seen.
"""

import argparse
import gzip
import json
import math
from collections import Counter
from pathlib import Path

from assistant.terms import stems

TARGET = Path(__file__).parent.parent / "assistant" / "data" / "term_weights.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    contexts: set[str] = set()
    names = parser.parse_args().files
    for name in names:
        with gzip.open(name, "rt", encoding="utf-8") as lines:
            contexts.update(json.loads(line)["context"] for line in lines)
    counts: Counter[str] = Counter()
    for context in contexts:
        counts.update(set(stems(context)))
    total = len(contexts)
    weights = {
        stem: round(math.log(1 + (total - df + 0.5) / (df + 0.5)), 2) for stem, df in sorted(counts.items()) if df > 1
    }
    about = {"documents": total, "sources": [Path(name).name for name in names], "weights": weights}
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(about, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
