import io
import json
import os
import struct
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import archive, extract
from assistant.corpus import Corpus, read_corpus
from assistant.documents import Document, content_spans
from assistant.errors import CorpusError
from assistant.extract import Reader, UnreadableError
from assistant.markup import plain_text
from assistant.pdf import join_pages, read_pdf
from assistant.webpage import read_webpage

PROSE = "The minister of trade arrived in the port on Thursday and met the heads of four unions, officials said. "
MORE = "Nobody would say whether the fees of the harbour will be cut, or when the next meeting takes place. "


def read(folder: Path, **files: str | bytes) -> Corpus:
    """Write files (`a__html` is a.html) and read the folder."""
    for name, data in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return read_corpus(folder)


def one(folder: Path, **files: str | bytes) -> Document:
    (document,) = read(folder, **files).documents
    return document


def reason(folder: Path, **files: str | bytes) -> str:
    with pytest.raises(CorpusError) as refused:
        read(folder, **files)
    return str(refused.value)


# ---- web pages


PAGE = f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Port talks go on | The Daily Post</title>
<meta property="og:site_name" content="The Daily Post"><link rel="canonical" href="https://example.org/port-talks">
<script type="application/ld+json">{{"@context": "https://schema.org", "@type": "NewsArticle",
 "headline": "Port talks go on", "datePublished": "2024-03-03T08:00:00Z",
 "author": {{"@type": "Person", "name": "Jane Doe"}}}}</script>
<script>document.write("stolen words");</script><style>p {{ color: red }}</style></head>
<body><nav><a href="/">Home</a> <a href="/sport">Sport and leisure</a></nav>
<article><h1>Port talks go on</h1><p>{PROSE * 2}</p><p>{MORE}“Ça va,” said the <b>captain</b>.</p></article>
<footer>Copyright. All rights reserved. Subscribe to our newsletter.</footer></body></html>"""


def test_a_news_page_gives_its_article_and_what_its_tags_say(tmp_path: Path) -> None:
    document = one(tmp_path, a__html=PAGE)
    assert (document.id, document.title, document.author) == ("a", "Port talks go on", "Jane Doe")
    assert (document.published, document.source) == (date(2024, 3, 3), "The Daily Post")
    assert (document.url, document.path) == ("https://example.org/port-talks", "a.html")
    assert PROSE.strip() in document.text and "“Ça va,” said the captain." in document.text
    for word in ("stolen", "color", "Sport and leisure", "newsletter"):
        assert word not in document.text
    assert "Port talks" not in document.text[content_spans(document)[0].start :]


def test_a_page_of_few_words_is_read_too(tmp_path: Path) -> None:
    assert one(tmp_path, a__htm="<p>The bridge is open.<p>It cost 3 million euros.").text == (
        "The bridge is open.\n\nIt cost 3 million euros."
    )


def test_a_page_is_decoded_as_it_says(tmp_path: Path) -> None:
    page = f"<html><head><meta charset='windows-1251'><title>t</title></head><body><p>Порт закрыт. {PROSE}</p></body></html>"
    assert "Порт закрыт." in one(tmp_path, a__html=page.encode("cp1251")).text


def test_a_date_is_not_taken_from_the_words_of_a_page(tmp_path: Path) -> None:
    page = f"<html><body><article><p>{PROSE} On 3 March 2021 they had met before. {MORE}</p></article></body></html>"
    assert one(tmp_path, a__html=page).published is None


def test_an_address_that_is_no_web_address_is_not_kept(tmp_path: Path) -> None:
    page = PAGE.replace("https://example.org/port-talks", "javascript:alert(1)")
    assert one(tmp_path, a__html=page).url is None


def test_a_page_without_words_says_so(tmp_path: Path) -> None:
    assert "the page has no text" in reason(tmp_path, a__html="<html><body><script>x()</script></body></html>")


def test_a_page_nested_very_deeply_does_not_end_the_run(tmp_path: Path) -> None:
    corpus = read(tmp_path, a__txt=PROSE, b__html="<div>" * 30_000 + "deep words")
    assert "a" in [document.id for document in corpus.documents]


def test_what_a_browser_saved_beside_a_page_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a_files").mkdir()
    (tmp_path / "a_files" / "frame.html").write_text("<p>Buy now.</p>")
    (tmp_path / "b_files").mkdir()
    (tmp_path / "b_files" / "c.html").write_text("<p>An article.</p>")
    assert [document.id for document in read(tmp_path, a__html=PAGE).documents] == ["a", "b_files/c"]


@given(st.text(alphabet=st.characters() | st.sampled_from("<>/&;p!-\x00 "), max_size=60))
def test_plain_text_of_any_markup_is_words_in_blocks(html: str) -> None:
    for block in plain_text(html).split("\n\n")[:-1]:
        assert block == " ".join(block.split()) != ""


# ---- PDFs


def pdf(*pages: str, info: str = "", extra: str = "") -> bytes:
    """A PDF whose pages show lines of Latin-1 text, one below the other."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    bodies = [
        f"<< /Type /Catalog /Pages 2 0 R {extra} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in enumerate(pages):
        lines = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in page.split("\n")]
        shown = "\n".join(f"({line}) Tj T*" for line in lines)
        stream = f"BT /F1 10 Tf 12 TL 50 780 Td\n{shown}\nET" if page else ""
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * number} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        bodies.append(f"<< /Length {len(stream.encode('cp1252'))} >>\nstream\n{stream}\nendstream")
    bodies.append(f"<< {info} >>")
    out = io.BytesIO(b"")
    out.write(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(bodies, 1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode("cp1252"))
    start = out.tell()
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"<< /Size {len(bodies) + 1} /Root 1 0 R /Info {len(bodies)} 0 R >>"
    out.write(f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{table}trailer\n{trailer}\n".encode())
    out.write(f"startxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


FIRST = """Port talks go on
By Jane Doe
3 March 2024

The minister of trade arrived in the port on Thursday and met the heads
of four unions, who want the fees of the harbour to be cut. The govern-
ment would not say whether it will do so.
A second paragraph begins here and goes on to the very end of the page,
where it is cut in the middle of"""
SECOND = "a sentence that the next page ends. Then comes one more."


def test_a_pdf_gives_its_text_in_paragraphs_with_the_page_of_each_place(tmp_path: Path) -> None:
    document = one(tmp_path, a__pdf=pdf(FIRST, SECOND, "", "The last page."))
    assert (document.title, document.author, document.published) == (
        "Port talks go on",
        "Jane Doe",
        date(2024, 3, 3),
    )
    assert "The government would not say whether" in document.text
    assert "in the middle of a sentence that the next page ends." in document.text
    assert "it will do so.\n\nA second paragraph" in document.text
    pages = [document.page(document.text.index(words)) for words in ("Port", "middle", "a sentence", "The last")]
    assert pages == [1, 1, 2, 4]
    assert document.page(len(document.text) - 1) == 4


def test_properties_of_a_pdf_stand_in_where_its_text_says_nothing(tmp_path: Path) -> None:
    info = "/Title (Talks in the port) /Author (Kim Roe) /CreationDate (D:20240102030405Z)"
    document = one(tmp_path, a__pdf=pdf(PROSE, info=info))
    assert (document.title, document.author, document.published) == (
        "Talks in the port",
        "Kim Roe",
        date(2024, 1, 2),
    )


def test_a_title_that_is_a_file_name_is_none(tmp_path: Path) -> None:
    assert one(tmp_path, a__pdf=pdf(PROSE, info="/Title (Microsoft Word - draft2.docx)")).title.startswith(
        "The minister"
    )


def test_running_titles_and_page_numbers_are_left_out() -> None:
    words = ["Ships", "Unions", "Fees", "Cranes"]
    pages = [
        f"The Daily Post, page {n}\n{word} were\nin the\narticle that\ngoes on with {word}.\n- {n} -"
        for n, word in enumerate(words, 1)
    ]
    text, starts = join_pages(pages)
    assert "Daily Post" not in text and "- 1 -" not in text
    assert [text[start:].split()[0] for start in starts] == words


@given(st.lists(st.text(alphabet="ab.-\n é", max_size=40), max_size=6))
def test_pages_begin_in_order_within_the_text_and_no_letter_is_lost(pages: list[str]) -> None:
    text, starts = join_pages(pages)
    assert len(starts) == len(pages)
    assert list(starts) == sorted(starts)
    assert all(0 <= start <= len(text) for start in starts)
    if len(pages) < 3:  # else some are running titles
        assert sorted("".join(text.replace("-", "").split())) == sorted(
            "".join("".join(pages).replace("-", "").split())
        )


def test_a_pdf_with_a_broken_table_of_places_is_read_all_the_same(tmp_path: Path) -> None:
    whole = pdf(FIRST, SECOND)
    broken = whole[: whole.index(b"xref\n")] + b"xref\n0 1\ngarbage\nstartxref\n99999\n%%EOF"
    broken = broken.replace(b"startxref", b"trailer\n<< /Size 9 /Root 1 0 R >>\nstartxref")
    assert "met the heads of four unions" in one(tmp_path, a__pdf=broken).text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.4\nnothing", "not a PDF, or a damaged one"),
        (b"no pdf at all", "not a PDF, or a damaged one"),
        (pdf("", ""), "no text: its pages are pictures"),
    ],
)
def test_a_pdf_that_cannot_be_read_says_why(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in reason(tmp_path, a__pdf=data)


def test_of_a_pdf_none_of_whose_pages_can_be_read_the_fault_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdf

    def fail(page: pypdf.PageObject) -> str:
        raise pypdf.errors.LimitReachedError("too many tokens")

    whole = pdf(FIRST, SECOND)
    monkeypatch.setattr(pypdf.PageObject, "extract_text", fail)
    with pytest.raises(UnreadableError, match=r"none of its pages .* page 1 is damaged \(LimitReachedError: too many"):
        list(read_pdf(whole))


@pytest.mark.parametrize("password", ["", "secret"])
def test_an_encrypted_pdf_is_read_only_where_it_needs_no_password(tmp_path: Path, password: str) -> None:
    import pypdf

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(FIRST)))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    if password:
        assert "encrypted with a password" in reason(tmp_path, a__pdf=out.getvalue())
    else:
        assert "four unions" in one(tmp_path, a__pdf=out.getvalue()).text


def test_a_pdf_of_too_many_pages_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.pdf.MAX_PAGES", 2)
    with pytest.raises(UnreadableError, match="3 pages, expected an article of at most 2"):
        list(read_pdf(pdf(FIRST, SECOND, SECOND)))


def test_a_pdf_of_too_much_text_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.pdf.MAX_CHARS", len(FIRST))
    assert len(list(read_pdf(pdf(FIRST)))) == 1
    with pytest.raises(UnreadableError, match=r"over \d+ characters, expected an article"):
        list(read_pdf(pdf(FIRST, SECOND)))


def test_a_pdf_cut_or_overwritten_anywhere_never_ends_the_run(tmp_path: Path) -> None:
    whole = pdf(FIRST, SECOND)
    (tmp_path / "good.txt").write_text(PROSE)
    for number in range(0, len(whole), 97):
        (tmp_path / f"a{number}.pdf").write_bytes(whole[:number])
        (tmp_path / f"b{number}.pdf").write_bytes(whole[:number] + b"\xff<<(" + whole[number + 4 :])
    corpus = read_corpus(tmp_path)
    assert "good" in [document.id for document in corpus.documents]
    for document in corpus.documents:
        assert all(0 <= start <= len(document.text) for start in document.pages)


# ---- Word


def docx(body: str, core: str = "", **members: str) -> bytes:
    out = io.BytesIO()
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("word/document.xml", f'<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>')
        if core:
            file.writestr(
                "docProps/core.xml",
                '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"'
                ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
                f"{core}</cp:coreProperties>",
            )
    return out.getvalue()


def paragraph(words: str) -> str:
    return f"<w:p><w:pPr><w:jc w:val='left'/></w:pPr><w:r><w:t xml:space='preserve'>{words}</w:t></w:r></w:p>"


def test_a_word_file_gives_its_paragraphs_and_properties(tmp_path: Path) -> None:
    body = (
        paragraph("The port is closed, officials said on Friday.")
        + "<w:p><w:r><w:t>One </w:t><w:t>two</w:t><w:tab/><w:t>three</w:t></w:r>"
        "<w:ins><w:r><w:t> added</w:t></w:r></w:ins><w:del><w:r><w:delText> gone</w:delText><w:t>gone</w:t></w:r></w:del></w:p>"
        "<w:tbl><w:tr><w:tc>" + paragraph("cell") + "</w:tc></w:tr></w:tbl>"
        "<w:sdt><w:sdtContent>" + paragraph("in a control") + "</w:sdtContent></w:sdt>"
    )
    core = "<dc:title>Port closed</dc:title><dc:creator>Kim Roe</dc:creator><dcterms:created>2024-05-06T07:08:09Z</dcterms:created>"
    document = one(tmp_path, a__docx=docx(body, core))
    assert document.text == (
        "The port is closed, officials said on Friday.\n\nOne two three added\n\ncell\n\nin a control"
    )
    assert (document.title, document.author, document.published) == ("Port closed", "Kim Roe", date(2024, 5, 6))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "encrypted, or a .doc of old"),
        (b"PK\x03\x04broken", "not a Word file"),
        (docx(""), "the Word file has no text"),
        (docx(paragraph("cut"))[:-30], "not a Word file"),
    ],
)
def test_a_word_file_that_cannot_be_read_says_why(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in reason(tmp_path, a__docx=data)


def test_entities_of_a_word_file_are_not_expanded(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("word/document.xml", BOMB.replace("<rss>&c;</rss>", "<d>&c;</d>"))
    assert "declares entities" in reason(tmp_path, a__docx=out.getvalue())


# ---- rows


def test_json_lines_are_an_article_each_and_broken_ones_are_named(tmp_path: Path) -> None:
    rows = [
        json.dumps(
            {"id": 7, "title": "Port talks", "text": PROSE, "author": ["Jane Doe", "Kim Roe"], "date": "2024-03-03"}
        ),
        '{"title": "cut',
        "",
        json.dumps({"Headline": "By address", "BODY": MORE, "url": "https://example.org/b", "publisher": "The Post"}),
        json.dumps(["a", "list"]),
        json.dumps({"title": "no text"}),
        json.dumps({"id": "7", "text": "Another."}),
        json.dumps({"id": "x", "text": {"a": 1}}),
        '{"id": "y", "text": "half \\ud800"}',
        json.dumps({"text": "Neither id nor address."}),
    ]
    corpus = read(tmp_path, a__jsonl="\n".join(rows))
    by_id = {document.id: document for document in corpus.documents}
    assert len(by_id) == 3 and {"a#7", "a#row10"} < set(by_id)
    first = by_id["a#7"]
    assert (first.title, first.author, first.published) == ("Port talks", "Jane Doe and Kim Roe", date(2024, 3, 3))
    (other,) = [document for document in corpus.documents if document.url]
    assert (other.title, other.source, other.path) == ("By address", "The Post", "a.jsonl")
    parts = {note.part: note.reason for note in corpus.unread}
    assert set(parts) == {f"line {n}" for n in (2, 5, 6, 7, 8, 9)}
    assert parts["line 2"].startswith("not JSON") and parts["line 6"] == "no text"
    assert "its id is that of line 1 too" in parts["line 7"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_is_read_whatever_stands_between_its_cells(tmp_path: Path, delimiter: str) -> None:
    rows = [["Title", "Text", "Date"], ["Port talks", f'"He said ""no"", {MORE}\nand left."', "31/12/2023"]]
    data = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows)
    document = one(tmp_path, a__csv=data)
    assert document.text == f'He said "no", {MORE}\nand left.'
    assert (document.id, document.published) == ("a#row2", date(2023, 12, 31))


def test_a_formula_is_text_and_a_date_of_two_readings_is_none(tmp_path: Path) -> None:
    document = one(tmp_path, a__csv='title,text,date\n=1+1,"=HYPERLINK(""http://x"")",03/04/2024\n')
    assert (document.title, document.text, document.published) == ("=1+1", '=HYPERLINK("http://x")', None)


def test_broken_rows_are_named_and_the_others_read(tmp_path: Path) -> None:
    data = 'id,text\n1,one,two\n2,good\n3,"quoted "wrongly" here"\n4,also good\n5,\n6,"never closed\n'
    corpus = read(tmp_path, a__csv=data)
    assert [document.id for document in corpus.documents] == ["a#2", "a#4"]
    parts = {note.part: note.reason for note in corpus.unread}
    assert set(parts) == {"row 2", "row 4", "row 6", "row 7"}
    assert parts["row 2"] == "3 cells, expected 2 as in the first row"


def test_a_table_without_a_column_of_texts_says_what_it_has(tmp_path: Path) -> None:
    said = reason(tmp_path, a__csv="name,size\nx,1\n")
    assert "no column of texts" in said and "name, size" in said and "text or body or content" in said


def test_a_line_of_a_million_characters_is_read(tmp_path: Path) -> None:
    long = PROSE * 10_000
    corpus = read(tmp_path, a__csv=f'text\n"{long}"\n', b__jsonl=json.dumps({"text": long + "."}), c__txt=long + "!")
    assert [len(document.text) for document in corpus.documents] == [len(long), len(long) + 1, len(long) + 1]


def test_ids_of_rows_stay_when_rows_come_before_them(tmp_path: Path) -> None:
    row = json.dumps({"text": PROSE, "url": "https://example.org/a"})
    before = one(tmp_path, a__jsonl=row).id
    after = read(tmp_path, a__jsonl=json.dumps({"text": MORE, "url": "https://example.org/b"}) + "\n" + row)
    assert before in [document.id for document in after.documents]


# ---- feeds


RSS = f"""<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>The Daily Post</title><link>https://example.org</link>
<item><title>Port talks &amp;amp; fees</title><link>https://example.org/a</link><guid>urn:a</guid>
<pubDate>Sun, 03 Mar 2024 08:00:00 GMT</pubDate><dc:creator>Jane Doe</dc:creator>
<description>Short.</description><content:encoded><![CDATA[<p>{PROSE}</p><script>x()</script><p>{MORE}</p>]]></content:encoded></item>
<item><title>Only a link</title><link>https://example.org/b</link></item>
</channel></rss>"""
ATOM = f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title>
<entry><title>One</title><id>tag:1</id><link rel="self" href="https://example.org/s"/><link href="https://example.org/1"/>
<published>2024-03-03T08:00:00+02:00</published><updated>2024-04-04T08:00:00Z</updated>
<author><name>Kim Roe</name></author>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>{PROSE}</p><p>{MORE}</p></div></content></entry></feed>"""


def test_an_rss_feed_is_an_article_an_entry(tmp_path: Path) -> None:
    corpus = read(tmp_path, a__rss=RSS)
    (document,) = corpus.documents
    assert document.text == f"{PROSE.strip()}\n\n{MORE.strip()}"
    assert (document.title, document.author) == ("Port talks & fees", "Jane Doe")
    assert (document.published, document.source, document.url) == (
        date(2024, 3, 3),
        "The Daily Post",
        "https://example.org/a",
    )
    assert [(note.part, note.reason[:7]) for note in corpus.unread] == [("entry 2", "no text")]


def test_an_atom_feed_is_an_article_an_entry(tmp_path: Path) -> None:
    document = one(tmp_path, a__xml=ATOM)
    assert document.text == f"{PROSE.strip()}\n\n{MORE.strip()}"
    assert (document.author, document.published, document.url) == ("Kim Roe", date(2024, 3, 3), "https://example.org/1")


BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><rss>&c;</rss>"""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (BOMB, "declares entities"),
        ('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><rss>&f;</rss>', "declares entities"),
        ("<html><body>x</body></html>", "XML that is no RSS or Atom feed: its root is 'html'"),
        ("<rss><channel>", "broken XML"),
        ("<rss><channel><title>x</title></channel></rss>", "a feed with 0 entries"),
    ],
)
def test_xml_that_is_no_feed_or_a_trap_is_refused(tmp_path: Path, data: str, said: str) -> None:
    assert said in reason(tmp_path, a__xml=data)


# ---- archives


def zipped(**members: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def test_files_in_an_archive_are_read_as_in_a_folder(tmp_path: Path) -> None:
    data = zipped(
        **{
            "news/a.html": PAGE,
            "news/a.txt": "Plain.",
            "b.csv": "id,text\n1,one\n2,\n",
            "été.txt": "Summer.",
            ".hidden.txt": "no",
            "__MACOSX/a.txt": "no",
            "picture.png": b"\x89PNG",
            "inner.zip": zipped(**{"x.txt": "x"}),
            "bad.txt": b"\x00\x01",
        }
    )
    corpus = read(tmp_path, n__zip=data)
    assert {document.id for document in corpus.documents} == {
        "n.zip/news/a.html",
        "n.zip/news/a.txt",
        "n.zip/b#1",
        "n.zip/été",
    }
    assert {document.path for document in corpus.documents} >= {"n.zip/news/a.html", "n.zip/b.csv"}
    notes = {note.path.rpartition("n.zip/")[2]: (note.part, note.reason, note.foreign) for note in corpus.unread}
    assert notes["picture.png"] == ("", "format .png is not read", True)
    assert notes["inner.zip"][1] == "an archive inside an archive: unpack it"
    assert notes["bad.txt"][1].startswith("binary")
    assert notes["b.csv"] == ("row 3", "no text", False)
    assert len(notes) == 4


def test_names_that_lead_out_of_an_archive_links_and_second_files_are_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in ("../up.txt", "/etc/passwd.txt", "a/../../b.txt", "C:/x.txt", "..\\w.txt", "good.txt"):
            file.writestr(name, "words")
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("good.txt", "other words")
    corpus = read(tmp_path, a__zip=out.getvalue())
    assert [document.id for document in corpus.documents] == ["a.zip/good"]
    reasons = sorted(note.reason for note in corpus.unread)
    assert (
        reasons
        == ["a link, which is not followed in an archive", "a second file of this name in the archive"]
        + ["its name leads out of the archive"] * 5
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


def test_a_bomb_in_an_archive_is_not_unpacked(tmp_path: Path) -> None:
    corpus = read(tmp_path, a__zip=zipped(**{"bomb.txt": b"0" * 15_000_000, "b.txt": "words"}))
    assert [document.id for document in corpus.documents] == ["a.zip/b"]
    assert "packed more than 200 times over" in corpus.unread[0].reason


def test_what_an_archive_says_of_its_sizes_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(zipped(**{"a.txt": os.urandom(3_000).hex()}))
    monkeypatch.setattr(extract, "MAX_FILE_BYTES", 1_000)
    for place in (data.index(b"PK\x03\x04") + 22, data.index(b"PK\x01\x02") + 24):
        data[place : place + 4] = struct.pack("<I", 10)
    assert "a.txt" in reason(tmp_path, a__zip=bytes(data))


@pytest.mark.parametrize(
    ("limit", "most", "said"),
    [
        ("MAX_MEMBERS", 1, "2 files, expected an archive of at most 1"),
        ("MAX_ARCHIVE_BYTES", 10, "expected an archive of at most"),
        ("MAX_UNPACKED_BYTES", 3, "the archive holds more than"),
    ],
)
def test_limits_of_archives_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, said: str
) -> None:
    monkeypatch.setattr(archive, limit, most)
    assert said in reason(tmp_path, a__zip=zipped(**{"a.txt": "words", "b.txt": "words"}))


def test_a_file_of_an_archive_that_is_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "MAX_FILE_BYTES", 3)
    assert "expected an article of at most" in reason(tmp_path, a__zip=zipped(**{"a.txt": "words"}))


def test_an_encrypted_or_damaged_file_of_an_archive_is_named(tmp_path: Path) -> None:
    data = bytearray(zipped(**{"a.txt": "words " * 50, "b.txt": "good"}))
    encrypted = data.copy()
    for place in (encrypted.index(b"PK\x03\x04") + 6, encrypted.index(b"PK\x01\x02") + 8):
        encrypted[place] |= 1
    damaged = data.copy()
    damaged[45] ^= 0xFF
    corpus = read(tmp_path, a__zip=bytes(encrypted), b__zip=bytes(damaged), c__zip=bytes(data[:-40]))
    assert [document.id for document in corpus.documents] == ["a.zip/b"]
    assert corpus.documents[0].aliases == ("b.zip/b",)
    said = " ".join(note.reason for note in corpus.unread)
    assert "encrypted: unpack it" in said and "damaged in its archive" in said and "not a zip archive" in said


# ---- encodings


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "L’été à la côte : « Ça suffit », a dit le maire — 5 €."),
        ("latin-1", "Les députés ont voté hier à l'Assemblée nationale."),
        ("utf-16-le", "Words without a mark, as Windows wrote them."),
        ("utf-16-be", "Words without a mark, as others wrote them."),
        ("cp1251", "Министр торговли прибыл в порт в четверг и встретился с главами четырёх профсоюзов. " * 3),
        ("koi8-r", "Министр торговли прибыл в порт в четверг и встретился с главами четырёх профсоюзов. " * 3),
        ("shift_jis", "貿易大臣は木曜日に港に到着し、四つの組合の代表と会談したと当局者は述べた。" * 3),
        ("gb18030", "贸易部长周四抵达港口，会见了四个工会的负责人，官员们说。" * 3),
    ],
)
def test_encodings_are_told(tmp_path: Path, encoding: str, text: str) -> None:
    assert one(tmp_path, a__txt=text.encode(encoding)).text == text


def test_unicode_is_left_as_it_is(tmp_path: Path) -> None:
    text = "e\u0301 \ufb01 \u00ad \u200b \u2028 \U0001f600 \r\n\ta\u0000b".replace("\u0000", "")
    assert one(tmp_path, a__txt=text).text == text


# ---- names and libraries


def test_a_name_that_is_no_text_is_named_and_the_rest_read(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("words")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    corpus = read(tmp_path, a__txt="good")
    assert [document.id for document in corpus.documents] == ["a"]
    assert [note.reason for note in corpus.unread] == ["its name is not UTF-8: rename it"]


def test_a_link_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "a.txt")
    assert [note.reason for note in read(tmp_path, b__txt="x").unread] == [
        "a link that leads back to itself: remove it"
    ]


@pytest.mark.parametrize(("library", "reader"), [("trafilatura", read_webpage), ("pypdf", read_pdf)])
def test_a_format_without_its_library_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, library: str, reader: Reader
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnreadableError, match=r"pip install 'cited-articles-assistant\[formats\]'"):
        list(reader(b"<p>words"))


def test_an_archive_that_is_unreadable_says_so() -> None:
    with pytest.raises(UnreadableError, match="not a zip archive"):
        archive.open_archive(Path(__file__))
