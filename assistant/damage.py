"""Damage: what is said of an index on disk that is not as it was written, or cannot be written."""

import zipfile
from pathlib import Path

from assistant.errors import CorpusError, IndexDamagedError, IndexStateError

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, CorpusError)
"""What reading a file that is cut short or overwritten raises."""


def damaged(folder: Path, what: str) -> IndexDamagedError:
    """The error for an index whose parts do not agree."""
    return IndexDamagedError(
        f"the index in {folder} is damaged ({what}); make it anew with: assistant index --rebuild PATH"
    )


def unwritable(folder: Path, error: Exception) -> IndexStateError:
    """The error for an index that the disk does not take."""
    return IndexStateError(
        f"the index {folder} cannot be written ({type(error).__name__}: {error}); make the folder writable and see "
        "that there is room on the disk, or set ASSISTANT_INDEX to another folder"
    )
