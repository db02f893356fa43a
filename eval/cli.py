"""The command line of the evals: run, report, compare, gate, checker, list.

What a user can mend is printed here, in one place, without a traceback; models are loaded by
the commands that need them.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError

if TYPE_CHECKING:
    from rich.progress import Progress

    from eval.comparison import Comparison

EXIT = """exit status:
  0    done; of `gate`: every bound was kept
  1    of `gate`: a bound was not kept
  2    an option, a file or a run that cannot be used
  130  stopped with Ctrl-C; the same command with --out goes on

docs/evaluation.md says what each number means and how it can mislead.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line with the process's arguments, and exit."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        sys.exit(given.command(given))
    except AssistantError as error:
        print(f"error: {_printable(str(error))}", file=sys.stderr)
        sys.exit(max(2, error.exit_code))
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m eval", description="Measure the assistant, and read what was measured.", epilog=EXIT,
        formatter_class=plain,
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    own = commands.add_parser("run", help="put cases to the assistant and write the report")
    own.add_argument(
        "--suite", action="append", metavar="NAME[=VALUE]", help="see `list`; may be given again; default seeds"
    )
    own.add_argument("--articles", type=Path, metavar="PATH", help="the articles, where a suite needs or takes them")
    own.add_argument("--systems", metavar="NAME,…", help="see `list`; by default the assistant and the baselines")
    own.add_argument("--limit", type=_positive, metavar="N", help="at most so many cases a suite, spread evenly")
    own.add_argument("--out", type=Path, metavar="DIR", help="folder of the run; one that was interrupted goes on")
    own.add_argument(
        "--llm", metavar="MODULE:NAME", help="makes the language model of citation-engine: see docs/evaluation.md"
    )
    own.set_defaults(command=_run)

    own = commands.add_parser("report", help="write the report of a run anew")
    own.add_argument("run", type=Path, metavar="RUN")
    own.set_defaults(command=_report)

    own = commands.add_parser("compare", help="compare two runs, or two systems of one, question by question")
    own.add_argument("a", type=Path, metavar="RUN_A")
    own.add_argument("b", type=Path, metavar="RUN_B")
    own.add_argument(
        "--systems", metavar="A,B", default="assistant", help="what is compared; default assistant with assistant"
    )
    own.add_argument("--suite", metavar="NAME", help="only this one")
    own.add_argument(
        "--by", metavar="SCORE", default="right", help="score by which wins and losses are listed; default right"
    )
    own.add_argument("--json", action="store_true", help="print JSON for a program")
    own.set_defaults(command=_compare)

    own = commands.add_parser("gate", help="hold a run against bounds; exit status 1 where one is not kept")
    own.add_argument("run", type=Path, metavar="RUN")
    own.add_argument(
        "--min", nargs="+", action="extend", default=[], metavar="SCORE=VALUE", help="the mean must be at least this"
    )
    own.add_argument(
        "--max", nargs="+", action="extend", default=[], metavar="SCORE=VALUE", help="the mean must be at most this"
    )
    own.add_argument("--system", default="assistant", metavar="NAME", help="default assistant")
    own.add_argument("--suite", metavar="NAME", help="only this one")
    own.add_argument(
        "--careful", action="store_true", help="hold the end of the interval against the bound, not the mean"
    )
    own.set_defaults(command=_gate)

    own = commands.add_parser("checker", help="measure the checkers against people's labels")
    own.add_argument("data", type=Path, nargs="+", metavar="DATA", help="pairs as JSON lines: see docs/evaluation.md")
    own.add_argument("--limit", type=_positive, metavar="N", help="at most so many pairs of each set and part")
    own.add_argument("--out", type=Path, metavar="FILE", help="write the figures down; reports quote eval/checker.json")
    own.set_defaults(command=_checker)

    own = commands.add_parser("list", help="suites, systems and scores")
    own.set_defaults(command=_list)
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value}, expected at least 1")
    return value


# ── commands ─────────────────────────────────────────────────────────────────────────────


def _run(given: argparse.Namespace) -> int:
    from assistant import Settings
    from eval.report.writing import write_report
    from eval.results import read_run
    from eval.running import run
    from eval.suites.catalog import make_suites
    from eval.suites.suite import limited
    from eval.systems import choose

    wanted = given.suite or ["seeds"]
    systems = choose(given.systems.split(",") if given.systems else None, given.llm)
    suites = [limited(own, given.limit) for name in wanted for own in make_suites(name, given.articles)]
    folder = given.out or Path("runs") / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}-{wanted[0].partition('=')[0]}"
    with _progress() as bar:
        tasks: dict[str, Any] = {}

        def step(name: str, of: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=of)
            bar.advance(tasks[name])

        run(suites, systems, Settings(), folder, step)
    made = read_run(folder)
    page = write_report(made)
    _print_summary(made)
    print(f"\nreport: {page}")
    return 0


def _report(given: argparse.Namespace) -> int:
    from eval.report.writing import write_report
    from eval.results import read_run

    print(write_report(read_run(given.run)))
    return 0


def _compare(given: argparse.Namespace) -> int:
    from eval.comparison import compare
    from eval.results import RunError, read_run
    from eval.scoring import BY_NAME

    names = given.systems.split(",")
    if len(names) > 2:
        raise RunError(f"--systems {given.systems}: expected one name, or two parted by a comma")
    if given.by not in BY_NAME:
        raise RunError(f"there is no score {given.by!r}; there are {', '.join(BY_NAME)}")
    comparison = compare(
        read_run(given.a), read_run(given.b), system_a=names[0], system_b=names[-1], suite=given.suite, leading=given.by
    )
    if given.json:
        print(json.dumps(_comparison_values(comparison, given.by), ensure_ascii=False, indent=1))
    else:
        _print_comparison(comparison, given.by)
    return 0


def _gate(given: argparse.Namespace) -> int:
    from eval.gate import gate, read_bound
    from eval.results import read_run

    bounds = [read_bound(text, least=True) for text in given.min]
    bounds += [read_bound(text, least=False) for text in given.max]
    outcomes = gate(read_run(given.run), bounds, system=given.system, suite=given.suite, careful=given.careful)
    for outcome in outcomes:
        print(f"{'ok  ' if outcome.kept else 'FAIL'} {outcome.told}")
    return 0 if all(outcome.kept for outcome in outcomes) else 1


def _checker(given: argparse.Namespace) -> int:
    from eval.checker import fingerprint, judge, read_pairs, sample, write_judgements

    pairs = sample([pair for path in given.data for pair in read_pairs(path)], given.limit)
    with _progress() as bar:
        task = bar.add_task("pairs", total=len(pairs))
        judgements = judge(pairs, lambda: bar.advance(task))
    print(f"{'set':<26} {'checker':<8} {'n':>6} {'bal. acc.':>22} {'at best':>8} {'AUROC':>6} {'ECE':>6}")
    for own in judgements:
        accuracy = "–" if own.low is None else f"{own.balanced_accuracy:.3f} [{own.low:.3f}, {own.high:.3f}]"
        best, auroc = ("–" if value is None else f"{value:.3f}" for value in (own.at_best, own.auroc))
        print(
            f"{own.dataset:<26} {own.checker:<8} {own.n:>6} {accuracy:>22} {best:>8} {auroc:>6} "
            f"{own.calibration_error:>6.3f}"
        )
    if given.out:
        sampled = (
            f"at most {given.limit} pairs of each set and part, drawn with a fixed seed" if given.limit else "all pairs"
        )
        about = {
            "measured": f"{datetime.now(UTC):%Y-%m-%d}",
            "note": sampled,
            "fingerprint": fingerprint(),
            "files": [path.name for path in given.data],
        }
        write_judgements(given.out, judgements, about)
    return 0


def _list(given: argparse.Namespace) -> int:
    from eval.scoring import MEASURES
    from eval.suites.catalog import KINDS
    from eval.systems import ENGINE, SYSTEMS

    print("suites: python -m eval run --suite NAME[=VALUE]")
    for kind in KINDS:
        print(f"  {kind.name + ('=' + kind.given if kind.given else ''):<58} {kind.about}")
    print("\nsystems: --systems NAME,…")
    for system in SYSTEMS:
        print(f"  {system.name:<20} {system.about}")
    print(f"  {ENGINE:<20} LlamaIndex's CitationQueryEngine over the same index; needs --llm MODULE:NAME")
    print("\nscores: gate --min NAME=VALUE")
    for measure in MEASURES:
        print(f"  {measure.name:<20} {measure.meaning}")
    return 0


# ── printing ─────────────────────────────────────────────────────────────────────────────


def _print_summary(run: Any) -> None:
    from eval.scoring import MEASURES
    from eval.summary import summarise

    summaries = summarise(run.records)
    for suite in dict.fromkeys(own.suite for own in summaries):
        there = [own for own in summaries if own.suite == suite]
        print(f"\n{suite}, {there[0].cases} cases: mean [95 % interval]")
        for measure in MEASURES:
            rows = [(own.system, estimate) for own in there if (estimate := own.value(measure.name))]
            for place, (system, estimate) in enumerate(rows):
                print(f"  {measure.title if not place else '':<30} {system:<18} {estimate}")


def _print_comparison(own: "Comparison", by: str) -> None:
    print(
        f"A  {own.name_a}\nB  {own.name_b}\n{own.shared} cases of both"
        + (f", {own.apart} of one only" if own.apart else "")
    )
    for note in own.notes:
        print(f"note: {note}")
    print(f"\n{'':<20} {'A':>6} {'B':>6}  {'B − A [95 % interval]':<34} wins/losses/ties   sign test")
    for one in own.differences:
        told = f"{one.difference.value:+.3f} [{one.difference.low:+.3f}, {one.difference.high:+.3f}], n = {one.difference.n}"
        counts = f"{one.wins}/{one.losses}/{one.ties}"
        print(f"{one.measure:<20} {one.before:>6.3f} {one.after:>6.3f}  {told:<34} {counts:<18} p = {one.p:.3f}")
    for name, pairs in (("B wins", own.wins), ("B loses", own.losses)):
        print(f"\n{name} by {by}: {len(pairs)}")
        for a, b in pairs:
            print(f"  {a.case.id}: {_printable(a.case.question)}")
            for side, record in (("A", a), ("B", b)):
                text = " ".join(str(record.reply["text"]).split())
                print(f"    {side} {record.reply['status']}: {_printable(text[:240])}")


def _comparison_values(own: "Comparison", by: str) -> dict[str, Any]:
    listed = {
        name: [
            {"case": a.case.id, "question": a.case.question, "a": a.reply["text"], "b": b.reply["text"]}
            for a, b in pairs
        ]
        for name, pairs in (("wins", own.wins), ("losses", own.losses))
    }
    return {
        "a": own.name_a,
        "b": own.name_b,
        "shared": own.shared,
        "apart": own.apart,
        "notes": own.notes,
        "differences": [asdict(one) for one in own.differences],
        "by": by,
        **listed,
    }


def _printable(text: str) -> str:
    """Without what could move a terminal's cursor: questions and answers are untrusted."""
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


@contextmanager
def _progress() -> "Iterator[Progress]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield bar
