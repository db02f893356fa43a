"""Results: a run on disk, as lines that are only ever added.

A run is a folder.  `results.jsonl` begins with a header (what was run: versions, settings,
fingerprints) and holds one record a case and system; it has no times and no dates, so that the
same run twice gives the same bytes.  `timings.jsonl` holds the seconds.  A run that was
interrupted goes on where it stopped; one made by other versions is not continued.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant import Reply
from assistant.errors import AssistantError
from eval.cases import Case
from eval.scores.score import Documents, Score

FORM = 1
"""Version of the form of these files."""
RESULTS, TIMINGS = "results.jsonl", "timings.jsonl"
AROUND = 160
"""Characters kept on either side of a quote, to be read in its context."""
DIGITS = 6
"""Digits kept of a figure: what differs behind them is the processor's order of adding up."""


class RunError(AssistantError):
    """A run that cannot be read, continued or compared."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How one system fared with one case."""

    suite: str
    """Name of the suite."""
    system: str
    """Name of the system."""
    case: Case
    """The case."""
    reply: dict[str, Any]
    """The reply as plain values, quotes with their context."""
    scores: dict[str, Score]
    """Every score by name."""
    seconds: dict[str, float]
    """Seconds by stage; from the file of timings."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.suite, self.case.id, self.system

    def value(self, measure: str) -> float | None:
        """A score's figure; None where there is none."""
        score = self.scores.get(measure)
        return score.value if score else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it was read."""

    folder: Path
    """Where it stands."""
    header: dict[str, Any]
    """What was run."""
    began: str
    """When it was begun, ISO 8601."""
    records: Sequence[Record]
    """In the order of the suites' cases, the systems of a case together."""

    @property
    def expected(self) -> int:
        """Records of a finished run."""
        return int(self.header["records"])


def plain_reply(reply: Reply, documents: Documents, *, passages: bool) -> dict[str, Any]:
    """A reply as plain values without its timings; citations with the words before and behind them.

    `passages` says whether the words of what was retrieved are kept.
    """
    kept: dict[str, Any] = _rounded(reply.to_dict())
    kept.pop("timings")
    for citation in kept["citations"]:
        document = documents.get(citation["document_id"])
        text = document.text if document else ""
        citation["before"] = text[max(0, citation["start"] - AROUND) : citation["start"]]
        citation["after"] = text[citation["end"] : citation["end"] + AROUND]
    hits = []
    for hit in kept["hits"]:
        passage = hit["passage"]
        own = {name: passage[name] for name in ("document_id", "start", "end")}
        own |= {"title": documents[own["document_id"]].title if own["document_id"] in documents else ""}
        own |= {name: hit[name] for name in ("rank", "score", "dense", "lexical", "cited")}
        hits.append(own | ({"text": passage["text"]} if passages else {}))
    kept["hits"] = hits
    return kept


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value


class Writer:
    """Adds records to a run; raises RunError where the folder holds another run."""

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self._results, self._timings = folder / RESULTS, folder / TIMINGS
        folder.mkdir(parents=True, exist_ok=True)
        head = {"form": FORM, **header}
        if self._results.exists():
            # what was being written when the run was stopped
            _cut_last_line(self._results)
            _cut_last_line(self._timings)
        if self._results.exists() and self._results.stat().st_size:
            _check_same(folder, next(_lines(self._results)), head)
        else:
            self._results.write_text(_line(head), encoding="utf-8", newline="\n")
            began = datetime.now(UTC).isoformat(timespec="seconds")
            self._timings.write_text(_line({"began": began}), encoding="utf-8", newline="\n")
        self.done = {_key(row) for row in _lines(self._results) if "case" in row}

    def add(self, record: Record) -> None:
        """Add one record; it is on disk when this returns."""
        name = {"suite": record.suite, "case": record.case.id, "system": record.system}
        # times first: a record without them would be one that is never measured
        with self._timings.open("a", encoding="utf-8", newline="\n") as out:
            out.write(_line({**name, "seconds": _rounded(record.seconds)}))
        scores = {measure: _rounded(asdict(score)) for measure, score in record.scores.items()}
        asked = record.case.model_dump(exclude_defaults=True, exclude={"id"})
        with self._results.open("a", encoding="utf-8", newline="\n") as out:
            out.write(_line({**name, "asked": asked, "reply": record.reply, "scores": scores}))


def read_run(folder: Path) -> Run:
    """A run from its folder, finished or not; raises RunError where there is none."""
    path = folder / RESULTS
    if not path.is_file():
        raise RunError(f"{folder} holds no {RESULTS}; make a run with: python -m eval run --out {folder}")
    rows = list(_lines(path))
    if not rows or rows[0].get("form") != FORM:
        found = rows[0].get("form") if rows else "nothing"
        raise RunError(f"{path} has form {found!r}, expected {FORM}; make the run anew")
    times = list(_lines(folder / TIMINGS))
    seconds = {_key(row): row["seconds"] for row in times if "case" in row}
    records = [_record(row, seconds.get(_key(row), {})) for row in rows[1:]]
    return Run(folder=folder, header=rows[0], began=str(times[0].get("began", "")) if times else "", records=records)


def _record(row: dict[str, Any], seconds: dict[str, float]) -> Record:
    return Record(
        suite=row["suite"],
        system=row["system"],
        case=Case.model_validate({"id": row["case"], **row["asked"]}),
        reply=row["reply"],
        scores={name: Score(**score) for name, score in row["scores"].items()},
        seconds=seconds,
    )


def _check_same(folder: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    # as JSON gives it back: tuples are lists there
    expected = json.loads(_line(expected))
    differing = [name for name in expected if found.get(name) != expected[name]]
    if differing:
        name = differing[0]
        raise RunError(
            f"{folder} holds a run of another {name} ({_short(found.get(name))}, now {_short(expected[name])}), which "
            "cannot be continued: name another folder with --out"
        )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["suite"], row["case"], row["system"]


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n"):
                return  # half a line: the run was stopped while it was written
            try:
                yield json.loads(line)
            except ValueError as error:
                raise RunError(f"{path}, line {number}: no JSON ({error}); make the run anew") from None


def _cut_last_line(path: Path) -> None:
    """Take away what stands behind the last line's end."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        path.write_bytes(whole)
