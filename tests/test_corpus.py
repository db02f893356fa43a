import json
import os
import zipfile
from pathlib import Path

import pytest

from assistant.corpus import read_corpus
from assistant.errors import CorpusError, DuplicateIdError


def write(folder: Path, **files: str | bytes) -> Path:
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_txt", ".txt").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return folder


def ids(*paths: str | Path) -> list[str]:
    return [document.id for document in read_corpus(*paths).documents]


def reasons(*paths: str | Path) -> dict[str, str]:
    return {Path(note.path).name: note.reason for note in read_corpus(*paths).unread}


def test_a_folder_is_read_with_its_folders_sorted_and_without_hidden_files(tmp_path: Path) -> None:
    write(tmp_path, b_txt="one", a_md="two", sub__c_txt="three")
    write(tmp_path, **{".hidden.txt": "no", ".git__d_txt": "no"})
    corpus = read_corpus(tmp_path)
    assert [document.id for document in corpus.documents] == ["a", "b", "sub/c"]
    assert [document.source for document in corpus.documents] == ["a.md", "b.txt", "sub/c.txt"]
    assert corpus.unread == []


def test_the_text_is_exactly_what_the_file_holds(tmp_path: Path) -> None:
    write(tmp_path, a_txt="\r\n é\r\n\tb\u2028 \n")
    assert read_corpus(tmp_path).documents[0].text == "\r\n é\r\n\tb\u2028 \n"


def test_files_and_globs_are_named_from_their_folder(tmp_path: Path) -> None:
    write(tmp_path, x__a_txt="one", x__y__b_txt="two", c_md="three")
    assert ids(tmp_path / "x" / "a.txt") == ["a"]
    assert ids(str(tmp_path / "**" / "*.txt")) == ["x/a", "x/y/b"]
    assert ids(tmp_path / "x" / "*.txt", str(tmp_path / "*.md")) == ["a", "c"]


def test_a_file_reached_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, a_txt="one", b_txt="two")
    assert ids(tmp_path, tmp_path / "a.txt", tmp_path / "*.txt") == ["a", "b"]


def test_the_suffix_tells_two_files_apart(tmp_path: Path) -> None:
    write(tmp_path, a_txt="one", a_md="two", b_txt="three")
    assert ids(tmp_path) == ["a.md", "a.txt", "b"]


def test_the_folder_tells_equal_ids_of_two_paths_apart(tmp_path: Path) -> None:
    write(tmp_path, x__a_txt="one", y__a_txt="two", y__b_txt="three")
    assert ids(tmp_path / "x", tmp_path / "y") == ["b", "x/a", "y/a"]


def test_ids_that_still_collide_are_refused(tmp_path: Path) -> None:
    write(tmp_path, x__news__a_txt="one", y__news__a_txt="two")
    with pytest.raises(DuplicateIdError, match="'news/a'"):
        read_corpus(tmp_path / "x" / "news", tmp_path / "y" / "news")


def test_ids_are_composed_unicode_on_every_machine(tmp_path: Path) -> None:
    (tmp_path / "e\u0301te\u0301.txt").write_text("one", encoding="utf-8")
    assert ids(tmp_path) == ["été"]


def test_a_copy_of_a_text_is_an_alias_of_the_first_id(tmp_path: Path) -> None:
    write(tmp_path, b_txt="one", a_txt="one")
    (document,) = read_corpus(tmp_path).documents
    assert (document.id, document.aliases) == ("a", ("b",))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_files_are_read_without_their_mark(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, a_txt="Été 😀".encode(encoding))
    assert read_corpus(tmp_path).documents[0].text == "Été 😀"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            "Été à la côte \udce9".encode("utf-8", "surrogateescape"),
            "not UTF-8: byte 0xe9 at offset 18; save it as UTF-8",
        ),
        (b"\xef\xbb\xbfab\xff", "not UTF-8: byte 0xff at offset 5; save it as UTF-8"),
        ("a".encode("utf-16") + b"\x00", "not UTF-16: byte 0x00 at offset 4; save it as UTF-8"),
        (bytes(range(1, 256)), "binary, or text in an encoding that cannot be told: save it as UTF-8"),
        (b"a\0b", "binary, expected text: it has NUL bytes"),
        (b"", "empty"),
        (b" \n\t", "empty: it has no characters but white space"),
    ],
)
def test_a_file_that_is_no_text_is_left_out_with_the_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    write(tmp_path, good_txt="one", bad_txt=data)
    corpus = read_corpus(tmp_path)
    assert [document.id for document in corpus.documents] == ["good"]
    assert [(note.path, note.reason) for note in corpus.unread] == [((tmp_path / "bad.txt").as_posix(), reason)]


def test_other_formats_are_left_out_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path, a_txt="one", **{"b.png": b"PNG", "README": "x"})
    found = reasons(tmp_path)
    assert found["b.png"] == "format .png is not read"
    assert found["README"].startswith("no suffix, expected one of .atom, .csv, .docx")
    assert all(note.foreign for note in read_corpus(tmp_path).unread)
    assert reasons(tmp_path / "a.txt", tmp_path / "b.png") == {"b.png": "format .png is not read"}
    with pytest.raises(CorpusError, match=r"format \.png is not read"):
        read_corpus(tmp_path / "b.png")


def test_suffixes_are_read_in_any_case(tmp_path: Path) -> None:
    write(tmp_path, **{"A.TXT": "one"})
    assert ids(tmp_path) == ["A"]


def test_a_file_that_is_too_large_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.extract.MAX_FILE_BYTES", 1_000_000)
    write(tmp_path, a_txt="one", b_txt="x" * 1_000_001)
    assert "expected an article of at most 1 MB" in reasons(tmp_path)["b.txt"]


def test_a_table_of_many_articles_may_be_larger_than_an_article(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.extract.MAX_FILE_BYTES", 1_000)
    monkeypatch.setattr("assistant.extract.MAX_TABLE_BYTES", 1_000_000)
    rows = "".join(json.dumps({"id": number, "text": f"Words of {number}."}) + "\n" for number in range(200))
    write(tmp_path, **{"a.jsonl": rows, "b.JSONL": rows * 200})
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("a.jsonl", rows.replace("Words", "Other words"))
    corpus = read_corpus(tmp_path)
    assert len(corpus.documents) == 400
    assert [(Path(note.path).name, note.reason) for note in corpus.unread] == [
        ("b.JSONL", f"{len(rows) * 200 / 1e6:.1f} MB, expected a table of at most 1 MB: split it")
    ]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, a_txt="one", b_txt="two")
    (tmp_path / "b.txt").chmod(0)
    assert "permission denied" in reasons(tmp_path)["b.txt"]


def test_a_file_that_cannot_be_opened_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a_txt="one", b_txt="two")
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "b.txt":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert reasons(tmp_path) == {"b.txt": "permission denied: make it readable"}


def test_links_that_break_or_leave_the_folder_are_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", a_txt="one", sub__b_txt="two")
    outside = write(tmp_path / "out", c_txt="three")
    (folder / "gone.txt").symlink_to(folder / "nothing.txt")
    (folder / "out.txt").symlink_to(outside / "c.txt")
    (folder / "outside").symlink_to(outside)
    (folder / "same.txt").symlink_to(folder / "a.txt")
    (folder / "loop").symlink_to(folder)
    assert ids(folder) == ["a", "sub/b"]
    found = reasons(folder)
    assert set(found) == {"gone.txt", "out.txt", "outside"}
    assert "a link to nothing" in found["gone.txt"]
    assert "leaves the folder" in found["out.txt"] and "leaves the folder" in found["outside"]


def test_a_link_that_is_named_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "in", a_txt="one")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert ids(tmp_path / "link") == ["a"]


def test_a_pipe_is_left_out_and_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, a_txt="one")
    os.mkfifo(tmp_path / "b.txt")
    assert reasons(tmp_path) == {"b.txt": "not a regular file"}


def test_a_name_with_brackets_is_a_file_and_no_glob(tmp_path: Path) -> None:
    write(tmp_path, **{"[a].txt": "one"})
    assert ids(tmp_path / "[a].txt") == ["[a]"]


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="does not exist"):
        read_corpus(tmp_path / "nothing")
    with pytest.raises(CorpusError, match="matches no file"):
        read_corpus(tmp_path / "*.txt")
    with pytest.raises(CorpusError, match="no path was given"):
        read_corpus()


def test_a_folder_without_articles_is_refused_with_the_first_reasons(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no article that can be read"):
        read_corpus(tmp_path)
    write(tmp_path, **{f"{number}.png": b"x" for number in range(7)})
    with pytest.raises(CorpusError, match=r"format \.png is not read.*and 2 more"):
        read_corpus(tmp_path)
