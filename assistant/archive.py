"""Archives: the files inside a zip archive, within limits.

Nothing is unpacked onto the disk, so a name that leads out of the archive leads nowhere; it is
refused all the same, for it would be shown as a place.  Sizes are counted as bytes come out,
for what an archive says of itself may be a lie.
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from assistant.extract import UnreadableError, most_bytes, too_large

MAX_ARCHIVE_BYTES = 1_000_000_000
"""Largest archive, packed."""
MAX_MEMBERS = 50_000
"""Most files in an archive."""
MAX_UNPACKED_BYTES = 2_000_000_000
"""Most bytes that come out of one archive."""
MAX_RATIO = 200
"""Most bytes that come out of one packed byte; news text packs to a third, a bomb to a thousandth."""
_RATIO_FROM = 1_000_000
"""Bytes below which the ratio says nothing: a page of blanks packs well too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in an archive."""

    name: str
    """Its path in the archive, POSIX."""
    info: zipfile.ZipInfo
    reason: str = ""
    """Why it is not read; empty where it is."""


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open an archive; raises UnreadableError where it is none, damaged or too large, OSError where it cannot be."""
    size = path.stat().st_size
    if size > MAX_ARCHIVE_BYTES:
        raise UnreadableError(f"{size / 1e6:,.0f} MB, expected an archive of at most {MAX_ARCHIVE_BYTES / 1e6:,.0f} MB")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise UnreadableError(f"not a zip archive, or a damaged one ({error})") from None
    if len(archive.infolist()) > MAX_MEMBERS:
        count = len(archive.infolist())
        archive.close()
        raise UnreadableError(f"{count:,} files, expected an archive of at most {MAX_MEMBERS:,}: split it")
    return archive


def members(archive: zipfile.ZipFile) -> Iterator[Member]:
    """The files of an archive in the order of their names, without folders and hidden files."""
    seen: set[str] = set()
    unpacked = 0
    for name, info in sorted(((_name(info), info) for info in archive.infolist()), key=lambda pair: pair[0]):
        parts = PurePosixPath(name).parts
        if info.is_dir() or not parts or parts[0] == "__MACOSX" or any(_is_hidden(part) for part in parts):
            continue
        unpacked += info.file_size
        yield Member(name=name, info=info, reason=_refusal(name, info, seen, unpacked))
        seen.add(name)


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The bytes of a file in an archive; raises UnreadableError where it is damaged or too large."""
    most = most_bytes(info.filename)
    try:
        with archive.open(info) as file:
            data = file.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UnreadableError(f"damaged in its archive ({error})") from None
    if len(data) > most:
        raise UnreadableError(f"more than {most // 1_000_000} MB when unpacked")
    if len(data) > _RATIO_FROM and len(data) > MAX_RATIO * max(1, info.compress_size):
        raise UnreadableError(f"packed more than {MAX_RATIO} times over, as no article is: unpack it yourself")
    return data


def _is_hidden(part: str) -> bool:
    return part.startswith(".") and part not in (".", "..")


def _name(info: zipfile.ZipInfo) -> str:
    """The name as it was meant: without the flag for UTF-8 it is read as code page 437, and is UTF-8 mostly."""
    name = info.filename
    if not info.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return name.replace("\\", "/")


def _refusal(name: str, info: zipfile.ZipInfo, seen: set[str], unpacked: int) -> str:
    """Why a file of an archive is not read; empty where it is."""
    path = PurePosixPath(name)
    mode = info.external_attr >> 16
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        return "its name leads out of the archive"
    if info.flag_bits & 0x1:
        return "encrypted: unpack it with its password"
    if stat.S_ISLNK(mode):
        return "a link, which is not followed in an archive"
    if name in seen:
        return "a second file of this name in the archive"
    if unpacked > MAX_UNPACKED_BYTES:
        return f"the archive holds more than {MAX_UNPACKED_BYTES / 1e9:.0f} GB when unpacked: split it"
    return too_large(name, info.file_size)
