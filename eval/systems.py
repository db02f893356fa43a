"""Systems: what answers the cases: the assistant, and beside it some that need no thought.

The baselines search as the assistant does, with the question as typed, and answer without any
judgement.  `whole-passage` shows what citation scores are worth on their own: copying the best
passage and citing it wins nearly all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assistant import Assistant, Citation, Claim, Document, Hit, Reply, Settings, check_claim
from assistant.citation import MAX_QUOTE_CHARS, cite, quote
from assistant.embedding import load_embedder
from assistant.errors import AssistantError
from assistant.question import parse_question
from assistant.reply import mark_cited
from assistant.retrieval import retrieve
from eval.cases import Case


class SystemsError(AssistantError):
    """A system that there is not, or that lacks what it needs."""

    exit_code = 2


NEAREST = 3
"""Sentences that `nearest-sentences` takes."""
DEEP = 100
"""Passages kept where search alone is measured."""

Ask = Callable[[Assistant, Case], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Something that answers cases."""

    name: str
    """Name in results and on the command line."""
    about: str
    """What it does, for the report."""
    ask: Ask
    """Answers a case over an assistant's index."""
    search_only: bool = False
    """Whether it only searches."""
    keeps_passages: bool = False
    """Whether the words of what was retrieved are written down: once a case is enough."""


def open_assistant(documents: Sequence[Document], settings: Settings) -> Assistant:
    """An assistant over documents in memory; models are loaded once per process."""
    return Assistant.from_documents(documents, settings)


def ask_assistant(assistant: Assistant, case: Case) -> Reply:
    """The assistant, as a user asks it."""
    return assistant.ask(case.question, history=case.history)


# ── baselines ────────────────────────────────────────────────────────────────────────────


def nearest_sentences(assistant: Assistant, case: Case) -> Reply:
    """The three sentences of the hits nearest to the question by cosine, in reading order; never refuses."""
    hits = _search(assistant, case.question, assistant.settings)
    vector = load_embedder(assistant.settings.embedder).embed_query(case.question)
    near: dict[tuple[str, int, int], float] = {}
    for hit in hits:
        cosines = assistant.index.sentence_vectors(hit.row) @ vector
        for span, cosine in zip(hit.passage.sentences, cosines, strict=True):
            near[(hit.passage.document_id, span.start, span.end)] = float(cosine)
    chosen = sorted(sorted(near, key=lambda key: -near[key])[:NEAREST])
    claims, citations = [], []
    for number, (id, start, end) in enumerate(chosen, 1):
        document = assistant.index.document(id)
        citations.append(cite(number, document, start, min(end, start + MAX_QUOTE_CHARS)))
        claims.append(_copied(citations[-1]))
    sureness = min(1.0, max(0.0, max(near.values(), default=0.0)))
    return _reply(case, claims, citations, hits, sureness)


def whole_passage(assistant: Assistant, case: Case) -> Reply:
    """The best passage copied whole and cited as one quote: the answer that games citation scores."""
    hits = _search(assistant, case.question, assistant.settings)
    if not hits:
        return always_abstain(assistant, case)
    passage = hits[0].passage
    citation = quote(1, assistant.index.document(passage.document_id), passage.start, passage.end)
    return _reply(case, [_copied(citation)], [citation], hits, min(1.0, max(0.0, hits[0].dense)))


def always_abstain(assistant: Assistant, case: Case) -> Reply:
    """Refuses everything."""
    return Reply(status="abstained", text="", question=case.question)


def searching(dense_weight: float | None = None) -> Ask:
    """Search alone, a hundred passages deep, as the assistant reads and searches a question."""

    def ask(assistant: Assistant, case: Case) -> Reply:
        change = {"hits": DEEP} | ({} if dense_weight is None else {"dense_weight": dense_weight})
        hits = _search(assistant, case.question, assistant.settings.model_copy(update=change))
        return Reply(status="answered", text="", question=case.question, hits=hits)

    return ask


def _search(assistant: Assistant, question: str, settings: Settings) -> list[Hit]:
    asked = parse_question(question)
    vector = load_embedder(settings.embedder).embed_query(asked.query)
    return retrieve(assistant.index, asked.text, vector, settings, words=asked.searched or None)


def _reply(case: Case, claims: list[Claim], citations: list[Citation], hits: list[Hit], sureness: float) -> Reply:
    return Reply(
        status="answered" if claims else "abstained",
        text=" ".join(f"{claim.text} [{claim.citations[0]}]" for claim in claims),
        question=case.question,
        claims=claims,
        citations=citations,
        hits=mark_cited(hits, citations),
        answerable=sureness,
    )


def _copied(citation: Citation) -> Claim:
    text = " ".join(citation.quote.split())
    return Claim(text=text, citations=[citation.number], verdict=check_claim(text, [citation.quote]))


SYSTEMS = (
    System(name="assistant", about="the assistant, as a user asks it", ask=ask_assistant, keeps_passages=True),
    System(
        name="nearest-sentences",
        about="the three retrieved sentences nearest to the question; never refuses",
        ask=nearest_sentences,
    ),
    System(
        name="whole-passage",
        about="the best passage copied and cited whole: what games citation scores",
        ask=whole_passage,
    ),
    System(name="always-abstain", about="refuses everything", ask=always_abstain),
    System(name="search", about="the assistant's search, 100 passages deep", ask=searching(), search_only=True),
    System(name="search-dense", about="by meaning alone", ask=searching(1.0), search_only=True),
    System(name="search-words", about="by words alone (BM25)", ask=searching(0.0), search_only=True),
)
"""What can answer, in the order of the report; the first of each sort is the one that reports are about."""


ENGINE = "citation-engine"
"""Name of the baseline that needs a language model."""


def choose(names: Sequence[str] | None = None, llm: str | None = None) -> list[System]:
    """The systems named, or all that need no language model, in the order of the report.

    `citation-engine` needs `llm`, as `MODULE:NAME` of what makes a LlamaIndex language model.
    Raises SystemsError for an unknown name, and where there is no such model.
    """
    known = {system.name: system for system in SYSTEMS}
    if names is None:
        names = [*known, *([ENGINE] if llm else [])]
    unknown = [name for name in names if name not in known and name != ENGINE]
    if unknown:
        raise SystemsError(f"there is no system {unknown[0]!r}; there are {', '.join([*known, ENGINE])}")
    chosen = [known[name] for name in known if name in names]
    return [*chosen, _engine(llm)] if ENGINE in names else chosen


def _engine(llm: str | None) -> System:
    from eval.citation_engine import citation_engine, load_llm, model_name

    if llm is None:
        raise SystemsError(f"{ENGINE} needs a language model: name what makes one with --llm MODULE:NAME")
    try:
        model = load_llm(llm)
    except (ValueError, ImportError, AttributeError) as error:
        raise SystemsError(
            f"--llm {llm}: {error}; expected MODULE:NAME of what makes a LlamaIndex language model"
        ) from None
    return System(
        name=ENGINE,
        about=f"LlamaIndex's CitationQueryEngine over the same index, with {model_name(model)}",
        ask=citation_engine(model),
    )
