"""Draw a run's loss and its figures on the validation part from what it logged.

    python -m training.curve WORK [WORK …] PICTURE.png

Several work folders are one run after the other: steps go on counting.
"""

import json
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt

LOSS = re.compile(r"step (\d+)/\d+ .* loss ([\d.]+)")


def main() -> None:
    *works, picture = map(Path, sys.argv[1:])
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    first, ends = 0, []
    lines: dict[str, list[tuple[int, float]]] = {}
    losses: list[tuple[int, float]] = []
    for work in works:
        last = 0
        for match in LOSS.finditer((work / "train.log").read_text(encoding="utf-8")):
            last = int(match[1])
            losses.append((first + last, float(match[2])))
        for row in map(json.loads, (work / "metrics.jsonl").read_text(encoding="utf-8").splitlines()):
            last = max(last, row["step"])
            for name, value in row.items():
                if name.startswith(("auroc", "balanced", "exact")):
                    lines.setdefault(name, []).append((first + row["step"], value))
        first += last
        ends.append(first)
    left.plot(*zip(*losses, strict=True), linewidth=1)
    left.set(title="Loss (mean of the last 50 steps)", xlabel="step")
    for name, points in sorted(lines.items()):
        right.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name.replace("_", ", "))
    right.set(title="Validation articles", xlabel="step")
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        for end in ends[:-1]:
            axes.axvline(end, color="grey", linestyle=":")
    figure.savefig(picture, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
