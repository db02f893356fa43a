"""Writing: a run's report in its folder, as a page, as Markdown and as JSON."""

import json
from pathlib import Path

from eval.report import markdown, page, plain
from eval.report.content import gather
from eval.results import Run, RunError


def write_report(run: Run) -> Path:
    """Write report.html, report.md, scores.json and times.json beside the results; the path of the page.

    Raises RunError for a run without a record.
    """
    if not run.records:
        raise RunError(f"{run.folder} holds no record yet; run the same command again to go on")
    content = gather(run)
    path = run.folder / "report.html"
    _write(path, page.render(content))
    _write(run.folder / "report.md", markdown.render(content))
    _write(run.folder / "scores.json", json.dumps(plain.scores(content), ensure_ascii=False, indent=1) + "\n")
    _write(run.folder / "times.json", json.dumps(plain.times(content), ensure_ascii=False, indent=1) + "\n")
    return path


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
