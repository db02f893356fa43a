"""Child: a process in which files from strangers are read, and which is ended where one takes too long.

A thread cannot be stopped from outside, and an alarm does not reach into a library's C; a
process can be killed.  It is started with the first file and serves for the next ones too, so
what it costs is paid once.  Bytes go in, JSON comes out: nothing that it sends is run.
"""

import faulthandler
import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from types import TracebackType
from typing import IO, Any, Self

from assistant.extract import Extract, Flaw, Reader, UnreadableError

START_SECONDS = 120.0
"""Seconds that a child may take to begin: a machine may be busy."""
MOST_BYTES = 4_000_000_000
"""Memory that a child may take, where the system keeps such a limit (not on Windows)."""
GRACE_SECONDS = 10.0
"""Seconds after its limit at which a child ends by itself, for whoever started it may have been killed."""


class Child:
    """A reader in a process of its own, for one file after the other."""

    def __init__(self, reader: Reader, seconds: float, setting: str) -> None:
        self._reader = reader
        self._seconds = seconds  # for one file
        self._setting = setting  # which the limit comes from
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def late(self) -> str:
        """What is said of a file that takes too long."""
        return (
            f"reading it took longer than {self._seconds:g} s: save its text in another file, "
            f"or set {self._setting} to more seconds"
        )

    def read(self, data: bytes) -> Iterator[Extract | Flaw]:
        """What the reader makes of a file; raises UnreadableError also where it takes too long, or crashes."""
        process = self._process or self._start()
        answer, late = _exchange(process, data, self._seconds)
        if answer is None:
            self._end()
            raise UnreadableError(
                self.late
                if late
                else f"reading it ended the process that did so (status {process.returncode}): "
                "it may be damaged, or need more memory than there is"
            )
        items = json.loads(answer)
        yield from (_item(item) for item in items["items"])
        if items["reason"] is not None:
            raise UnreadableError(items["reason"])

    def _start(self) -> subprocess.Popen[bytes]:
        names = [self._reader.__module__, self._reader.__qualname__, str(self._seconds + GRACE_SECONDS)]
        # It finds this package and its libraries where this process does, however that was told to.
        code = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from assistant.child import serve; serve()"
        places = json.dumps([str(place) for place in sys.path])
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-c", code, places, *names],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise UnreadableError(f"the process that would read it cannot be started ({error})") from None
        self._process = process
        answer, _ = _exchange(process, b"", START_SECONDS)
        if answer is None:
            self._end()
            raise UnreadableError(f"the process that would read it did not begin (status {process.returncode})")
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
            with suppress(OSError):  # what it never took in
                process.communicate()


def _exchange(process: subprocess.Popen[bytes], data: bytes, seconds: float) -> tuple[bytes | None, bool]:
    """The answer to some bytes; without one the process is at its end, and it is told whether time ran out."""
    answers: list[bytes] = []

    def talk() -> None:
        with suppress(OSError, EOFError):
            _send(process.stdin, data)
            answers.append(_receive(process.stdout))

    talking = threading.Thread(target=talk, daemon=True)
    talking.start()
    talking.join(seconds)
    late = talking.is_alive()
    if late:
        process.kill()
        talking.join()
    if late or not answers:
        process.wait()
        return None, late
    return answers[0], False


def _send(pipe: IO[bytes] | None, data: bytes) -> None:
    assert pipe
    pipe.write(len(data).to_bytes(8, "big"))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes] | None) -> bytes:
    """The bytes that were sent; raises EOFError where the other end is gone."""
    assert pipe
    head = pipe.read(8)
    size = int.from_bytes(head, "big")
    data = pipe.read(size)
    if len(head) < 8 or len(data) < size:
        raise EOFError
    return data


def _item(values: dict[str, Any]) -> Extract | Flaw:
    if "text" not in values:
        return Flaw(**values)
    day = values["published"]
    return Extract(**values | {"published": date.fromisoformat(day) if day else None, "pages": tuple(values["pages"])})


# ── in the child


def serve() -> None:
    """Read what is sent until nothing more is; the first reading, of nothing, loads the libraries."""
    module, name, seconds = sys.argv[2:5]
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    reader: Reader = getattr(importlib.import_module(module), name)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what a library prints is no answer
    with suppress(EOFError, OSError):
        while True:
            data = _receive(requests)
            faulthandler.dump_traceback_later(float(seconds), exit=True, file=nowhere)  # needs no turn of Python's
            answer = _answer(reader, data)
            faulthandler.cancel_dump_traceback_later()
            _send(answers, answer)


def _answer(reader: Reader, data: bytes) -> bytes:
    items: list[dict[str, Any]] = []
    reason = None
    try:
        items.extend(asdict(item) for item in reader(data))
    except UnreadableError as error:
        reason = str(error)
    return json.dumps({"items": items, "reason": reason}, default=date.isoformat).encode("ascii")
