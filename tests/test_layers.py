import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "assistant").glob("*.py"))

ORDER = [
    # words, settings and errors
    *("errors", "settings", "sentences", "terms", "polarity", "quantities", "roles", "regression"),
    # how a language model is reached, which knows nothing of what it is asked
    *("prompt", "gguf", "language_model"),
    # documents -> passages -> index -> retrieval
    *("dates", "header", "documents"),
    *(
        "extract",
        "decoding",
        "markup",
        "archive",
        "webpage",
        "pdf",
        "docx",
        "rows",
        "feed",
        "child",
        "corpus",
        "changes",
    ),
    *("copies", "filters", "passages", "onnx_model", "encoder", "embedding", "journal"),
    *("parts", "postings", "index", "damage", "chroma", "hold", "generation", "store", "update", "retrieval"),
    # conversation -> question
    *("period", "question", "statement", "conversation", "kinds", "catalog", "matching"),
    # The stages after retrieval make what their types say, and `Reply` is only data: answering names a
    # reply's status, so the files that hold data come first.
    *("reader", "checker", "orders", "evidence", "discrepancy", "verification", "citation", "reply"),
    "answering",
    # with a language model
    *("drafting", "rewriting", "claims"),
    # the one file that knows every stage, and what stands around it
    *("pipeline", "llamaindex", "doctor"),
    # the page: what it keeps, changes, lets through and shows
    *("notebook", "shelf", "guard", "line", "tools", "views", "ui"),
    *("cli", "__init__", "__main__"),
]
"""A module imports only modules that stand before it."""

HOMES = {
    "chromadb": {"chroma"},
    "bm25s": {"postings"},
    "gradio": {"ui"},
    "torch": {"embedding"},
    "sentence_transformers": {"embedding"},
    "transformers": {"embedding"},
    "onnxruntime": {"encoder", "onnx_model"},
    "tokenizers": {"onnx_model"},
    "safetensors": {"encoder"},
    "llama_index": {"llamaindex", "language_model", "gguf"},
    "xllamacpp": {"language_model", "gguf"},
    "trafilatura": {"webpage"},
    "pypdf": {"pdf"},
    "defusedxml": {"markup"},
    "datasketch": {"copies"},
    "watchfiles": {"cli"},
    "charset_normalizer": {"decoding"},
    "zipfile": {"archive", "damage", "docx", "journal"},
    "mcp": {"tools"},
    "typer": {"cli"},
    "rich": {"cli"},
}
"""Libraries that these files alone may import."""

AROUND = {"shelf", "ui", "cli", "llamaindex", "doctor", "__init__"}
"""Who may know the pipeline."""


def modules_in(file: Path) -> set[str]:
    """Dotted names of all modules that a file imports, also within functions and for types."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{file.name} imports relatively in line {node.lineno}"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
            found.add(node.module)
    return found


IMPORTS = {file.stem: modules_in(file) for file in FILES}


def own(name: str) -> set[str]:
    """Modules of this package that a module imports."""
    parts = [module.split(".") for module in IMPORTS[name]]
    return {part[1] for part in parts if part[0] == "assistant" and part[1:] and part[1] in IMPORTS}


def test_every_module_has_its_place_in_the_order():
    assert sorted(ORDER) == sorted(IMPORTS)


@pytest.mark.parametrize("name", ORDER)
def test_a_module_imports_only_what_stands_before_it(name: str):
    assert own(name) <= set(ORDER[: ORDER.index(name)])


def test_the_stages_of_the_house_stand_in_their_order():
    stages = "documents passages index retrieval verification citation reply pipeline".split()
    assert stages == sorted(stages, key=ORDER.index)
    assert ORDER.index("retrieval") < ORDER.index("evidence") < ORDER.index("answering") < ORDER.index("pipeline")


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_where_it_belongs_alone(library: str):
    importers = {name for name, modules in IMPORTS.items() if library in {module.split(".")[0] for module in modules}}
    assert importers == HOMES[library]


def test_the_pipeline_is_known_only_to_what_stands_around_it():
    assert {name for name in IMPORTS if "pipeline" in own(name)} <= AROUND


def test_nothing_knows_the_page_but_the_command_line():
    assert {name for name in IMPORTS if "ui" in own(name)} <= {"cli"}


@pytest.mark.parametrize("name", ["notebook", "shelf", "guard", "line", "views"])
def test_what_the_page_is_made_of_serves_the_page_alone(name: str):
    assert {user for user in IMPORTS if name in own(user)} <= {"shelf", "views", "ui"}


def test_nothing_knows_the_retriever_for_llama_index():
    assert not [name for name in IMPORTS if "llamaindex" in own(name)]


def test_no_file_has_a_name_that_says_nothing():
    assert not {"utils", "util", "helpers", "base", "common", "core", "types"} & set(IMPORTS)


HEAVY = ["torch", "transformers", "sentence_transformers", "chromadb", "gradio", "llama_index", "onnxruntime", "bm25s"]


@pytest.mark.parametrize(
    "code", ["import assistant", "import assistant; assistant.Document, assistant.Settings, dir(assistant)"]
)
def test_importing_the_package_loads_no_heavy_library(code: str):
    program = f"{code}; import sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
