"""Holds: a generation of the index that somebody reads is not removed.

Chroma opens its files again and again, so they must stay as long as anybody searches in them.
"""

import os
import shutil
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Hold:
    """Keeps a generation from being removed while it is read; an open file, so it ends with the process at the latest."""

    def __init__(self, generation: Path) -> None:
        descriptor = os.open(generation / "in-use", os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor).atexit = False
        if sys.platform != "win32":
            import fcntl

            # Waits while the generation is being removed, and then finds nothing in it.
            fcntl.flock(descriptor, fcntl.LOCK_SH)


def remove_unused(generation: Path) -> None:
    """Remove a generation unless somebody reads it; one that stays is tried again at the next update."""
    gone = generation.with_name(f"{generation.name}.gone")
    with suppress(OSError), _alone(generation):
        generation.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


@contextmanager
def _alone(generation: Path) -> Iterator[None]:
    """Keep readers out of a generation; raises OSError where there is one."""
    if sys.platform == "win32":  # a folder in which a file is open cannot be renamed there
        yield
        return
    import fcntl

    with (generation / "in-use").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
