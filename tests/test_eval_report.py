"""The report: what it says, that hostile text stays text, and how it stands in a browser."""

import base64
import hashlib
import html.parser
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from eval_replies import SENTENCES, case, citation, claim, record, reply, write

from eval.checker import Judgement
from eval.interval import mean
from eval.report import charts, content, markdown
from eval.report.writing import write_report
from eval.results import read_run
from eval.scores.calibration import Bin
from eval.scoring import MEASURES

COST, OPENED, ASKED = SENTENCES
HOSTILE = [
    "<script>window.hacked = 1</script>",
    '<img src=x onerror="window.hacked = 2">',
    "</style><script>window.hacked = 3</script>",
    "</script><script>window.hacked = 4</script>",
    "{{ 7 * 7 }}{% raw %}{{ cycler.__init__.__globals__ }}",
    '" onmouseover="window.hacked = 5" x="',
    "' autofocus onfocus='window.hacked = 6",
    '<a href="javascript:window.hacked=7">x</a>',
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<link rel=stylesheet href=http://evil.example/s.css>",
    "<base href=http://evil.example/>",
    "<svg onload='window.hacked = 8'></svg>",
    "]]><!--",
    "![x](http://evil.example/x.png)",
]


def judgement(checker: str) -> Judgement:
    return Judgement(
        dataset="pairs", checker=checker, n=100, supported=50, balanced_accuracy=0.71, low=0.6, high=0.8,
        best_threshold=0.4, at_best=0.73, auroc=0.77, calibration_error=0.1,
        bins=[Bin(low=0.0, high=0.1, said=0.05, so=0.2, n=40), Bin(low=0.9, high=1.0, said=0.95, so=0.9, n=60)],
    )  # fmt: skip


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with a case of every sort, answered by three systems."""
    monkeypatch.setattr(content, "read_judgements", lambda path: (ABOUT, [judgement("checker"), judgement("lexical")]))
    cases = [
        (case("right"), reply("answered", COST, short="3 million euros", answerable=0.9)),
        (case("wrong", question="Who asked for it?", gold=[["Fishermen"]]), reply("answered", OPENED, answerable=0.6)),
        (
            case("refused", kind="unanswerable", question="Who designed it?", status=["partial"], gold=[]),
            reply("abstained", answerable=0.1, hits=[]),
        ),
        (case("then", kind="followup", history=[("user", "Hi")]), reply("partial", COST, answerable=0.3)),
        (case("data", gold=[]), reply("answered", claims=[claim("By Ama.", label="unchecked")], citations=[])),
    ]
    records = []
    for own, given in cases:
        records.append(record(own, given))
        records.append(record(own, reply("answered", ASKED, answerable=0.5), system="nearest-sentences"))
        records.append(record(own, reply("abstained", hits=[]), system="always-abstain"))
    return write(tmp_path / "run", records)


ABOUT = {"measured": "2026-01-01", "note": "all pairs", "fingerprint": "1", "files": ["pairs.jsonl"]}


class Reading(html.parser.HTMLParser):
    """Elements and attributes of a page, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


# ── what it says ─────────────────────────────────────────────────────────────────────────


def test_a_report_leads_with_what_needs_no_checker_and_with_failing_cases(made: Path):
    text = Reading(write_report(read_run(made)).read_text(encoding="utf-8")).text
    assert "The assistant is right on 2 of 5 questions" in text
    assert "3 of 5 cases fail and stand first" in text
    places = [text.index(words) for words in ("At a glance", "Answers", "Abstention", "Groundedness", "The judge")]
    assert places[0] < text.index("filters its claims with the same checker")
    order = [own.record.case.id for own in content.gather(read_run(made)).shown]
    assert order == ["wrong", "refused", "then", "right", "data"]


def test_what_was_taken_out_of_a_draft_is_shown_as_such(tmp_path: Path):
    taken = replace(claim("The bridge fell down.", label="unsupported"), removed=True)
    given = reply("answered", COST)
    folder = write(tmp_path / "run", [record(case(), replace(given, claims=[*given.claims, taken]))])
    text = Reading(write_report(read_run(folder)).read_text(encoding="utf-8")).text
    assert text.count("taken out of the draft, no part of the answer: unsupported") == 1


def test_groundedness_stands_beside_what_the_checker_is_worth(made: Path, monkeypatch: pytest.MonkeyPatch):
    source = write_report(read_run(made)).read_text(encoding="utf-8")
    told = Reading(source).text
    grounded = told[told.rindex("filters its claims with the same checker") :]
    assert "The checker: balanced accuracy against people’s labels: pairs 0.71 (n = 100)" in grounded
    assert "was changed since it was measured" not in told
    monkeypatch.setattr(
        content, "read_judgements", lambda path: ({**ABOUT, "fingerprint": "old"}, [judgement("checker")])
    )
    assert "was changed since it was measured" in Reading(write_report(read_run(made)).read_text(encoding="utf-8")).text


def test_a_report_without_a_measured_checker_says_so(made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(content, "SHIPPED", tmp_path / "nowhere.json")
    text = Reading(write_report(read_run(made)).read_text(encoding="utf-8")).text
    assert "Neither was measured against people’s labels here" in text


def test_every_figure_of_the_page_is_in_the_json(made: Path):
    write_report(read_run(made))
    scores = json.loads((made / "scores.json").read_text(encoding="utf-8"))
    systems = {own["system"]: own for own in scores["suites"][0]["systems"]}
    right = systems["assistant"]["figures"]["right"]
    assert (right["estimate"]["value"], right["estimate"]["n"]) == (0.4, 5)
    assert systems["assistant"]["figures"]["grounded"]["unscored"] == 1
    assert systems["assistant"]["statuses"]["unanswerable"] == {"abstained": 1}
    assert scores["failing"] == ["wrong", "refused", "then"]
    assert "cost" not in scores
    times = json.loads((made / "times.json").read_text(encoding="utf-8"))
    assert times["cost"][0]["stages"]["total"]["p50"] == 0.2


def test_an_unfinished_run_says_so_everywhere(made: Path):
    lines = (made / "results.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (made / "results.jsonl").write_text("".join(lines[:7]), encoding="utf-8")
    text = Reading(write_report(read_run(made)).read_text(encoding="utf-8")).text
    assert "This run is not finished: 6 of 15 records" in text
    assert "Not finished: 6 of 15" in (made / "report.md").read_text(encoding="utf-8")


def test_a_report_on_search_alone_can_be_written_without_the_words_of_passages(tmp_path: Path):
    own = record(case(relevant={"bridge": 1}), reply("answered"), system="search", suite="retrieval:x")
    del own.reply["hits"][0]["text"]
    text = Reading(write_report(read_run(write(tmp_path, [own]))).read_text(encoding="utf-8")).text
    assert "Retrieved (1)" in text


def test_the_page_explains_every_score(made: Path):
    text = Reading(write_report(read_run(made)).read_text(encoding="utf-8")).text
    assert [measure.name for measure in MEASURES if measure.meaning not in text] == []


def test_markdown_holds_the_tables_and_the_failing_cases(made: Path):
    write_report(read_run(made))
    text = (made / "report.md").read_text(encoding="utf-8")
    assert "# The assistant is right on 2 of 5 questions" in text
    assert "| assistant | 0.400 [" in text
    assert "- **Who designed it?** (unanswerable, `refused`)" in text


# ── charts ───────────────────────────────────────────────────────────────────────────────


def test_an_interval_is_drawn_where_it_lies():
    drawn = str(charts.interval(mean([0, 0, 1, 1] * 20), others=[0.25]))
    assert 'cx="50.00%"' in drawn
    assert 'class="tick" x1="25.00%"' in drawn


def test_labels_of_charts_are_escaped():
    drawn = str(charts.bar(0.5, 1.0, label='"><script>x</script>'))
    assert "<script>" not in drawn


def test_a_curve_ends_at_full_coverage_at_its_own_height():
    from eval.scores.abstention import curve

    own = curve([True, False], [0.9, 0.1])
    assert own is not None
    drawn = str(charts.risk_coverage([charts.Line(name="a", curve=own, place=0)]))
    right, top = charts.WIDTH - charts.RIGHT, charts.TOP
    assert f"L{right:.1f} {top:.1f}" in drawn  # risk 0.5 is the top of a scale that ends at 0.5


# ── untrusted text ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A run whose every text is an attack."""
    records = []
    for number, attack in enumerate(HOSTILE):
        own = case(
            f"{number}{attack}", kind=attack, question=attack, note=attack, gold=[[attack]], short=[attack],
            references=[attack], rewrite=attack, history=[("user", attack), ("assistant", attack)],
        )  # fmt: skip
        cited = replace(citation(1, COST), title=attack, document_id=attack, quote=attack)
        given = reply(
            "answered", short=attack, text=attack, reason=attack, missing=[attack], question=attack,
            claims=[claim(attack, 1)], citations=[cited], answerable=0.5,
        )  # fmt: skip
        kept = record(own, given, suite=f"s{attack}")
        kept.reply["hits"][0] |= {"title": attack, "text": attack}
        kept.reply["citations"][0] |= {"before": attack, "after": attack}
        records.append(kept)
    return write(tmp_path / "run", records)


def test_hostile_text_stays_text(hostile: Path):
    source = write_report(read_run(hostile)).read_text(encoding="utf-8")
    read = Reading(source)
    assert read.tags.count("script") == read.tags.count("style") == 1
    assert not {"img", "base", "link", "iframe", "object", "form", "embed"} & set(read.tags)
    assert read.tags.count("meta") == 4
    assert not [name for name, _ in read.attributes if name.startswith("on") or name == "style"]
    assert not [value for _, value in read.attributes if value and value.strip().lower().startswith("javascript:")]
    for attack in HOSTILE:
        assert " ".join(attack.split()) in read.text
    # nothing from outside, whatever the text: what looks like an address is text
    assert not [value for name, value in read.attributes if name in ("src", "href") and not str(value).startswith("#")]


def test_the_policy_names_just_the_style_and_the_script_that_are_there(made: Path):
    source = write_report(read_run(made)).read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', source)
    assert policy
    allowed = html.unescape(policy[1])
    for tag in ("style", "script"):
        inner = re.search(rf"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        assert inner
        digest = base64.b64encode(hashlib.sha256(inner[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in allowed
    assert "default-src 'none'" in allowed
    assert "unsafe" not in allowed


def test_hostile_text_is_no_markup_in_markdown(hostile: Path):
    write_report(read_run(hostile))
    text = (hostile / "report.md").read_text(encoding="utf-8")
    bare = re.sub(r"\\[\\`*_\[\]<>|#]", "", text)
    assert "<" not in bare and "](" not in bare
    assert markdown.plain("a | b\n# c") == r"a \| b \# c"


# ── in a browser ─────────────────────────────────────────────────────────────────────────

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


PATIENCE = 120_000
"""Milliseconds until something that is waited for is given up: long, for it is met only by a failure."""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium found (chromium, chromium-browser, google-chrome or chrome on PATH)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make setup brings it")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def opened(browser, path: Path, **options):
    context = browser.new_context(**options)
    view = context.new_page()
    view.set_default_timeout(PATIENCE)
    view.asked, view.told = [], []
    view.on("request", lambda request: view.asked.append(request.url))
    view.on("console", lambda message: view.told.append(message.text))
    view.on("pageerror", lambda error: view.told.append(str(error)))
    view.goto(path.as_uri())
    return view


@pytest.mark.browser
def test_hostile_text_runs_nothing_and_asks_for_nothing(browser, hostile: Path):
    path = write_report(read_run(hostile))
    view = opened(browser, path)
    view.evaluate("document.querySelectorAll('details').forEach(own => { own.open = true })")
    for summary in view.locator("details.case > summary").all()[:5]:
        summary.hover()
    view.keyboard.press("Tab")
    assert view.evaluate("window.hacked") is None
    assert view.asked == [path.as_uri()]
    assert view.told == []


@pytest.mark.browser
def test_cases_are_filtered_and_searched(browser, made: Path):
    view = opened(browser, write_report(read_run(made)))
    shown = lambda: view.locator("details.case:visible .q").all_inner_texts()
    assert len(shown()) == 5
    view.select_option("select[name=result]", "fails")
    assert len(shown()) == 3
    view.select_option("select[name=kind]", "unanswerable")
    assert shown() == ["Who designed it?"]
    view.select_option("select[name=kind]", "")
    view.fill("input[name=search]", "WRONG asked")
    assert shown() == ["Who asked for it?"]
    assert view.inner_text("#shown") == "1 of 5 cases"
    assert view.told == []


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 1280])
def test_nothing_is_wider_than_the_screen(browser, made: Path, width: int, scheme: str):
    path = write_report(read_run(made))
    view = opened(browser, path, viewport={"width": width, "height": 800}, color_scheme=scheme)
    view.evaluate("document.querySelectorAll('details').forEach(own => { own.open = true })")
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    background = view.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in re.findall(r"\d+", background)[:3]) / 3
    assert (brightness < 60) == (scheme == "dark")


@pytest.mark.browser
def test_without_script_every_case_is_there(browser, made: Path):
    view = opened(browser, write_report(read_run(made)), java_script_enabled=False)
    assert view.locator("details.case").count() == 5
    assert not view.locator(".filters").is_visible()
