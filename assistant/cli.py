"""The command line: index, ask, chat, status, doctor.

It knows nothing of how an answer comes about.  What a user can mend is printed here, in one
place, without a traceback.  Models and servers are imported inside the command that needs
them, so that `assistant --help` is instant.  What comes from an article or a file name is
untrusted: it is stripped of control sequences before it reaches the terminal.
"""

import json
import math
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from assistant.doctor import DISTRIBUTION, examine, port_is_free
from assistant.errors import AssistantError, IndexStateError, QuestionError, SettingsError
from assistant.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from assistant.corpus import Unread
    from assistant.embedding import Embedder
    from assistant.pipeline import Assistant
    from assistant.reply import Reply

EXIT_CODES = """\b
Exit status:
  0    done; an honest "not in the articles" is an answer too
  1    `doctor` found a problem, or something else went wrong
  2    a question, filter, option or setting that cannot be used
  3    articles that cannot be read, or none at all
  4    no index, or one that cannot be used as it is
  5    model weights that are missing or not the expected ones
  6    indexed, but for files that could not be read: each is named
  130  stopped with Ctrl-C

Settings are read from ASSISTANT_… variables and from .env; .env.example lists them.
"""

UNREAD_EXIT_CODE = 6
"""Exit status of `index` where the rest was indexed."""

HOW_TO_ASK = 'the question is empty; ask one like this: assistant ask "Where was the pact announced?"'


class _Commands(TyperGroup):
    """The one place where errors become messages and exit statuses."""

    def invoke(self, ctx: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            # A terminal that cannot show a character must not end the program.
            with suppress(AttributeError, ValueError):
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except AssistantError as error:
            print(f"error: {clean(str(error))}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            print("\nstopped", file=sys.stderr)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # The reader (`| head`) has enough; what Python flushes at its end goes nowhere, without a word.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from None


app = typer.Typer(
    cls=_Commands,
    help="Ask a folder of news articles, and get answers that cite the exact words they stand on.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def main() -> None:
    """Run the command line with the process's arguments, and exit."""
    app(prog_name="assistant")


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            print(f"assistant {version(DISTRIBUTION)}")
        except PackageNotFoundError:
            print("assistant, not installed")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


# ── commands ─────────────────────────────────────────────────────────────────────────────


@app.command()
def index(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Folders, files or globs of articles; by default the corpus setting."),
    ] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Start anew: keep just the articles given here.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take out articles whose files, below these paths, are no longer there.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and index what changes until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add articles to the index, those new or changed."""
    settings = Settings()
    places = paths or [str(settings.corpus)]
    unread = _index(settings, places, rebuild=rebuild, prune=prune, as_json=as_json)
    if watch:
        _watch(settings, places, prune=prune, as_json=as_json)
    elif unread:
        raise typer.Exit(UNREAD_EXIT_CODE)


def _index(settings: Settings, paths: list[str], *, rebuild: bool, prune: bool, as_json: bool) -> bool:
    """Index once and say what was done; returns whether a file that should hold articles could not be read."""
    from assistant.changes import Sources
    from assistant.corpus import read_corpus
    from assistant.store import read_earlier, read_manifest
    from assistant.update import update_index

    with _waiting("reading the articles"):
        earlier = None if rebuild else read_earlier(settings.index)
        corpus = read_corpus(*paths, earlier=earlier, pdf_seconds=settings.pdf_seconds)
    sources = Sources.of(corpus)
    embedder = _embedder(settings)
    with _progress("indexing") as progress:
        update = update_index(
            settings.index,
            corpus.documents,
            embedder,
            settings,
            rebuild=rebuild,
            sources=sources,
            prune=prune,
            progress=progress,
        )
    articles = len(read_manifest(settings.index)["documents"])
    undated = sum(document.published is None for document in corpus.documents)
    own = [file for file in corpus.unread if not file.foreign]
    if as_json:
        _print_json(
            {
                "index": str(settings.index),
                "added": update.added,
                "changed": update.changed,
                "unchanged": update.unchanged,
                "removed": update.removed,
                "gone": update.gone,
                "mended": update.mended,
                "articles": articles,
                "passages": update.passages,
                "embedded": update.embedded,
                "undated": undated,
                "unread": [
                    {"path": file.path, "part": file.part, "reason": file.reason, "foreign": file.foreign}
                    for file in corpus.unread
                ],
            }
        )
        return bool(own)
    if update.mended:
        print(clean(f"mended: {update.mended.partition(';')[0]}; it was made anew from the articles stored in it"))
    print(
        f"{_count(len(update.added), 'article')} added, {len(update.changed)} changed, "
        f"{len(update.unchanged)} unchanged" + (f", {len(update.removed)} removed" if update.removed else "")
    )
    print(clean(f"{settings.index} holds {_count(articles, 'article')} in {_count(update.passages, 'passage')}"))
    if undated:
        print(f"{_count(undated, 'article')} given without a date: filters by date leave such articles out")
    if update.gone:
        print(f"{_count(len(update.gone), 'article')} no longer in the files given and kept; --prune takes them out")
    others = articles - len(update.added) - len(update.changed) - len(update.unchanged) - len(update.gone)
    if others > 0:
        print(f"{_count(others, 'article')} indexed earlier stay; --rebuild keeps just the ones given")
    _print_unread(corpus.unread)
    return bool(own)


@cache
def _embedder(settings: Settings) -> "Embedder":
    with _waiting("loading the model"):
        from assistant.embedding import load_embedder

        return load_embedder(settings.embedder, threads=settings.threads)


def _print_unread(unread: "list[Unread]") -> None:
    """Files and parts of files that could not be read, each with its reason; those of other formats by number."""
    own = [file for file in unread if not file.foreign]
    if own:
        what = ("file", "files") if not any(file.part for file in own) else ("file or part", "files and parts of files")
        print(f"{_count(len(own), *what)} could not be read, and the rest was indexed without:")
        for file in own:
            print(clean(f"  {file.path}{', ' * bool(file.part)}{file.part}: {file.reason}", one_line=True))
    foreign = Counter(Path(file.path).suffix.lower() or "no suffix" for file in unread if file.foreign)
    if foreign:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in foreign.most_common(6))
        more = ", …" if len(foreign) > 6 else ""
        print(clean(f"{_count(foreign.total(), 'file')} of other formats passed over: {kinds}{more}", one_line=True))


def _watch(settings: Settings, paths: list[str], *, prune: bool, as_json: bool) -> None:
    """Index again whenever something changes below the paths; a failure is said, and the watch goes on.

    Where the index could not be written, as while another process writes it, that is tried again.
    """
    from watchfiles import watch

    from assistant.changes import find_changes
    from assistant.corpus import find_files
    from assistant.store import read_sources

    places = sorted({_watched(path) for path in paths})
    own = settings.index.absolute()
    begun = False
    said, again = "", math.inf
    # It yields nothing once it stands: what was changed while the articles were indexed is looked for then.
    for changes in watch(*places, step=500, debounce=2_000, rust_timeout=500, yield_on_timeout=True):
        # The index may lie inside the folder that is watched.
        due = time.monotonic() > again or any(not Path(path).is_relative_to(own) for _, path in changes)
        if not begun:
            begun = True
            print(clean(f"watching {', '.join(str(place) for place in places)}; Ctrl-C stops it"), file=sys.stderr)
            sources = read_sources(settings.index)
            due = due or bool(find_changes(sources, find_files(*sources.roots)))
        if not due:
            continue
        try:
            _index(settings, paths, rebuild=False, prune=prune, as_json=as_json)
            said, again = "", math.inf
        except AssistantError as error:
            if str(error) != said:
                print(f"error: {clean(str(error))}", file=sys.stderr)
            said, again = str(error), math.inf
            if isinstance(error, IndexStateError):
                again = time.monotonic() + TRIED_AGAIN
        sys.stdout.flush()
        sys.stderr.flush()


TRIED_AGAIN = 10.0
"""Seconds after which a watch tries again to write an index that could not be written."""


def _watched(path: str) -> Path:
    """The folder that is watched for a path: of a glob, the part before its first wildcard; of a file, its own."""
    place = Path(path).expanduser().absolute()
    while not place.is_dir() and place != place.parent:
        place = place.parent
    return place


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question in quotes, or - to read it from standard input.")],
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Articles of this day (2024-12-31) or later.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Articles of this day or earlier.")] = None,
    on: Annotated[str | None, typer.Option(metavar="DATE", help="Articles of this day alone.")] = None,
    author: Annotated[str | None, typer.Option(metavar="NAME", help="Articles by an author of this name.")] = None,
    source: Annotated[str | None, typer.Option(metavar="TEXT", help="Articles whose source has this in it.")] = None,
    history: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What was said so far: JSON, [[role, text], ...].")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer one question.

    Where no index is, one is made from the corpus folder first.
    """
    question = _text(sys.stdin.buffer.read() if question == "-" else os.fsencode(question)).strip()
    if not question:
        raise typer.BadParameter(HOW_TO_ASK)
    settings = Settings()
    from assistant.filters import read_filters

    filters = read_filters({"since": since, "until": until, "on": on, "author": author, "source": source})
    turns = _read_history(history) if history else None
    reply = _open(settings).ask(question, history=turns, filters=filters)
    if as_json:
        _print_json(reply.to_json(indent=2))
    else:
        _print_reply(reply)


@app.command()
def chat(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the page on this machine; 0 takes a free one.")
    ] = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Chat here instead of in the browser.")] = False,
) -> None:
    """Serve the chat page, or chat in the terminal."""
    settings = Settings() if port is None else Settings(port=port)
    if terminal:
        _chat_here(_open(settings))
        return
    # Looked at first, for opening the index takes longer than reading the message.
    if not port_is_free(settings.host, settings.port):
        raise SettingsError(
            f"port {settings.port} of {settings.host} is taken, maybe by this page already; "
            "take a free one with: assistant chat --port 0"
        )
    assistant = _open(settings)
    with _waiting("opening the page"):
        from assistant.generation import check_generation
        from assistant.ui import serve
    page = serve(assistant, settings, block=False)
    try:
        print(f"the chat page is at {page.local_url} on this machine; Ctrl-C stops it", flush=True)
        check_generation(settings.index)  # opening it left the largest files to a time when nobody waits
        threading.Event().wait()
    finally:
        page.close(verbose=False)


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Say what is indexed, from where, when and by which model, and what differs now."""
    settings = Settings()
    from assistant.changes import find_changes
    from assistant.corpus import find_files
    from assistant.store import read_whole

    generation = read_whole(settings.index)
    manifest, sources = generation.manifest, generation.sources
    articles, made_with = manifest["documents"], manifest["made_with"]
    found = find_files(*sources.roots)
    changes = find_changes(sources, found)
    unread = [*found.unread, *(flaw for file in sources.files for flaw in file.flaws if not flaw.foreign)]
    roots = sorted({file.root for file in sources.files})
    if as_json:
        about = {"index": str(settings.index.absolute()), "corpus": str(settings.corpus)}
        counts = {"articles": len(articles), "passages": manifest["passages"], "sentences": manifest["sentences"]}
        _print_json(
            {**about, "made": manifest["made"], "made_with": made_with, **counts}
            | {"documents": [{"id": article["id"], "passages": article["passages"]} for article in articles]}
            | {"undated": manifest.get("undated"), "from": roots}
            | {"unread": [{"path": flaw.path, "part": flaw.part, "reason": flaw.reason} for flaw in unread]}
            | {"changes": asdict(changes)}
        )
        return
    names = ", ".join(article["id"] for article in articles[:3]) + (", …" if len(articles) > 3 else "")
    undated = f", {manifest['undated']:,} without a date" if manifest.get("undated") else ""
    files = "as they were written" if manifest.get("digests") else "made by an earlier version, without digests"
    server = "; vectors are on a Chroma server and were not looked at" if manifest.get("server") else ""
    rows = {
        "index": settings.index.absolute(),
        "made": manifest["made"],
        "model": f"{made_with['embedder']} ({made_with['fingerprint'][:12]})",
        "articles": f"{len(articles)} ({names}){undated}" if articles else "0",
        "passages": f"{manifest['passages']}, {_count(manifest['sentences'], 'sentence')}",
        "files": files + server,
        "from": ", ".join(roots[:3]) + (", …" if len(roots) > 3 else "") if roots else "not known: indexed from Python",
        "unread": f"{len(unread):,}; for the reason of each: assistant status --json" if unread else "none",
        "corpus": f"{settings.corpus} (where the articles come from if the index has to be made)",
    }
    for name, value in rows.items():
        print(clean(f"{name:<9} {value}", one_line=True))
    if not changes:
        print("nothing differs now" if sources.files else "what differs now is not known")
        return
    print("what differs now; assistant index PATH brings it in:")
    for name, found in asdict(changes).items():
        if found:
            listed = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
            print(clean(f"  {len(found):,} {_DIFFERENCES[name]}: {listed}", one_line=True))


_DIFFERENCES = {
    "new": "new",
    "changed": "changed",
    "gone": "no longer there (--prune takes them out)",
    "missing": "of the folders not there",
}


@app.command()
def doctor() -> None:
    """Check the installation and say what to mend."""
    problems = 0
    for check in examine():
        problems += check.state == "problem"
        print(clean(f"{check.state:<8} {check.name}: {check.found}", one_line=True))
        if check.remedy:
            print(clean(f"         → {check.remedy}", one_line=True))
    if problems:
        print(f"{_count(problems, 'problem')} found")
        raise typer.Exit(1)
    print("no problem found")


# ── chat in the terminal ─────────────────────────────────────────────────────────────────


def _chat_here(assistant: "Assistant") -> None:
    at_terminal = sys.stdin.isatty()
    if at_terminal:
        with suppress(ImportError):
            import readline  # noqa: F401  (line editing and history for input())
        print(f"{_count(len(assistant.documents), 'article')}; /new starts over, /quit or Ctrl-D ends")
    history: list[tuple[str, str]] = []
    while True:
        try:
            question = _text(os.fsencode(input("\n> " if at_terminal else ""))).strip()
        except EOFError:
            return
        except UnicodeDecodeError as error:
            print(f"error: the question is not UTF-8 text ({error.reason}); type it again", file=sys.stderr)
            continue
        if question in ("/quit", "/exit"):
            return
        if question == "/new":
            history = []
            continue
        if not question:
            continue
        try:
            with _waiting("reading"):
                reply = assistant.ask(question, history=history)
        except QuestionError as error:
            print(f"error: {clean(str(error))}", file=sys.stderr)
            continue
        _print_reply(reply)
        history = [*history, ("user", question), ("assistant", reply.text)]


# ── reading ──────────────────────────────────────────────────────────────────────────────


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace").removeprefix("\ufeff")


def _read_history(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise QuestionError(
            f"the history {str(file)!r} cannot be read ({error}); expected a JSON file such as "
            '[["user", "Where was the pact announced?"], ["assistant", "In Ouagadougou."]]'
        ) from None


def _open(settings: Settings) -> "Assistant":
    with _waiting("loading the models"):
        from assistant.pipeline import Assistant
    with _progress("indexing") as progress:
        return Assistant.open(settings, progress=progress)


# ── printing ─────────────────────────────────────────────────────────────────────────────


def clean(text: str, *, one_line: bool = False) -> str:
    """Text without terminal control sequences, control characters and direction overrides.

    An article could otherwise move the cursor, rename the window, hide words or forge a prompt.
    """
    text = _FORBIDDEN.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    return " ".join(text.split("\n")) if one_line else text


def _console(*, error: bool = False) -> "Console":
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=not stream.isatty())


def _print_reply(reply: "Reply") -> None:
    """The answer, what is missing from it, and each citation in full."""
    from rich.padding import Padding
    from rich.text import Text

    console = _console()
    console.print(Text(clean(reply.text)))
    if reply.status != "answered":
        console.print(Text(clean(f"\n{reply.status}: {reply.reason or 'no reason was given'}"), style="yellow"))
    elif reply.reason:
        console.print(Text(clean(f"\nnote: {reply.reason}"), style="yellow"))
    for note in reply.notes:
        console.print(Text(clean(f"note: {note}", one_line=True), style="yellow"))
    for missing in reply.missing:
        console.print(Text(clean(f"missing: {missing}", one_line=True), style="yellow"))
    for citation in reply.citations:
        quote = clean(" ".join(citation.quote.split()), one_line=True)
        about = [citation.title, citation.author, citation.published, citation.source]
        page = f"page {citation.page}, " if citation.page else ""
        place = f"{page}characters {citation.start}-{citation.end} of {citation.document_id}"
        about.append(citation.url if citation.url != citation.source else None)
        origin = clean(", ".join(str(part) for part in (*about, place) if part), one_line=True)
        console.print(Text.assemble("\n", (f"[{citation.number}]", "bold"), f" “{quote}”"))
        if console.soft_wrap:
            print(f"    {origin}")
        else:
            console.print(Padding(Text(origin, style="dim"), (0, 0, 0, 4)))


def _print_json(value: Any) -> None:
    """A value, or JSON made already, in UTF-8 whatever the terminal's encoding (RFC 8259)."""
    with suppress(AttributeError):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    print(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2))


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


@contextmanager
def _waiting(what: str) -> Iterator[None]:
    """A spinner on standard error while something takes its time; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield
        return
    with _console(error=True).status(f"{what} …"):
        yield


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error that appears with the first report: passages done, their rate, time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]}")
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn()
    bar = Progress(*columns, console=_console(error=True), disable=not sys.stderr.isatty(), transient=True)
    task = bar.add_task(what, total=None, visible=False, rate="")

    def report(done: int, total: int) -> None:
        speed = bar.tasks[0].speed
        bar.update(task, completed=done, total=total, visible=True, rate=f"{speed:,.0f} passages/s" if speed else "")

    with bar:
        yield report


_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS and kin: titles, links
    r"|\x1b[ -/]*[0-~]"
)
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]")
"""Controls but for tab and line feed, and the characters that reorder or hide what stands beside them."""
