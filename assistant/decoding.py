"""Decoding: the text of a file's bytes.

UTF-8 is tried first and strictly.  Only what cannot be UTF-8 is guessed at, and what is broken
UTF-8 is refused rather than read as something else: a wrong guess puts wrong letters into quotes.
"""

import codecs
import re

from assistant.extract import UnreadableError

MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    # Before UTF-16, whose mark is the beginning of this one.
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
"""Byte order marks with the encoding each stands for, and its name for people."""


def decode(data: bytes, declared: str | None = None) -> str:
    """The text of a file, without a byte order mark; line ends and Unicode stay as they are.

    `declared` is the encoding that the file names itself, used where the bytes are no UTF-8.
    Raises UnreadableError for what is binary, broken or in an encoding that cannot be told.
    """
    for mark, encoding, name in MARKS:
        if data.startswith(mark):
            return _without_nul(_strictly(data, encoding, name, len(mark)))
    if wide := _without_mark(data):
        return _without_nul(_strictly(data, wide, "UTF-16", 0))
    if b"\0" in data:
        raise UnreadableError("binary, expected text: it has NUL bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if _is_broken_utf8(data):
            raise _broken(data, error.start, "UTF-8") from None
    for encoding in filter(None, (declared, _guess(data))):
        try:
            text = data.decode(encoding)
        except (LookupError, UnicodeError):
            continue
        if not _CONTROLS.search(text):
            return text
    raise UnreadableError("binary, or text in an encoding that cannot be told: save it as UTF-8")


def _strictly(data: bytes, encoding: str, name: str, begin: int) -> str:
    try:
        return data[begin:].decode(encoding)
    except UnicodeDecodeError as error:
        # The offset said is the one that an editor shows.
        raise _broken(data, error.start + begin, name) from None


def _broken(data: bytes, offset: int, name: str) -> UnreadableError:
    return UnreadableError(f"not {name}: byte {data[offset]:#04x} at offset {offset}; save it as UTF-8")


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise UnreadableError("binary, expected text: it has NUL characters")
    return text


def _without_mark(data: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of Latin text is NUL, and none of the others."""
    sample = data[:4_000]
    if len(sample) < 8 or len(data) % 2:
        return None
    even, odd = sample[0::2].count(0) / len(sample[0::2]), sample[1::2].count(0) / len(sample[1::2])
    if odd > 0.6 and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 and odd == 0 else None


def _is_broken_utf8(data: bytes) -> bool:
    """Whether most of what is not ASCII is UTF-8 all the same: a file cut short, or two files in one."""
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    good = sum(character > "\x7f" for character in text) - text.count("\ufffd")
    return good > bad


def _guess(data: bytes) -> str | None:
    """The encoding that text of some length is most likely in; None where nothing fits."""
    western = _western(data)
    if western:
        return western
    import charset_normalizer

    best = charset_normalizer.from_bytes(data[:MAX_GUESSED]).best()
    return best.encoding if best else None


def _western(data: bytes) -> str | None:
    """Windows-1252, if all that is not ASCII reads as letters and marks of Western European prose.

    Detectors go by frequencies and take a short article in French for Turkish or Czech.
    """
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    letters = [character for character in text if character.isalpha()]
    accented = sum(character > "\x7f" for character in letters)
    if any(character > "\x7f" and character not in _WESTERN for character in text) or accented > 0.25 * len(letters):
        return None
    # An accented capital inside a word is a letter of another alphabet read wrongly.
    return None if _CAPITAL_INSIDE.search(text) else "cp1252"


MAX_GUESSED = 200_000
"""Bytes that are looked at to tell an encoding."""
_WESTERN = frozenset(
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœšžßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŒŠŽŸð‘’“”„‚«»‹›–—…•·°§©®™€£¥¢º ª¿¡´¨½¼¾×±\xa0\xad"
)
_CAPITAL_INSIDE = re.compile(r"[a-zß-ÿ][À-ÞŒŠŽŸ]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
