import os
import re
from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.settings import Settings

ROOT = Path(__file__).parent.parent
ENTRY = re.compile(r"# (?P<explanation>.+)\n# ASSISTANT_(?P<name>[A-Z_]+)=(?P<default>.*)\n")


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable and no .env of the person who runs the tests."""
    for name in [name for name in os.environ if name.upper().startswith("ASSISTANT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def documented() -> dict[str, str]:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    return {entry["name"].lower(): entry["default"] for entry in ENTRY.finditer(example)}


def test_env_example_names_each_setting_once_in_order_with_an_explanation():
    assert list(documented()) == list(Settings.model_fields)
    assert (ROOT / ".env.example").read_text(encoding="utf-8").count("ASSISTANT_") == len(Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_env_example_gives_the_real_default(name: str):
    assert documented()[name] == str(Settings.model_fields[name].default)


def test_env_example_with_its_marks_taken_off_is_a_file_that_changes_nothing(tmp_path: Path):
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(example.replace("# ASSISTANT_", "ASSISTANT_"), encoding="utf-8")
    assert Settings() == Settings(_env_file=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSAGE_TOKENS", "39"),
        ("PASSAGE_TOKENS", "many"),
        ("OVERLAP_TOKENS", "-1"),
        ("HITS", "0"),
        ("CANDIDATES", "2001"),
        ("DENSE_WEIGHT", "1.1"),
        ("CAUTION", "reckless"),
        ("QUESTION_CHARS", ""),
        ("HISTORY_TURNS", "-1"),
        ("THREADS", "1.5"),
        ("HOST", "0.0.0.0"),
        ("PORT", "70000"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"ASSISTANT_{name}", value)
    with pytest.raises(SettingsError) as caught:
        Settings()
    assert f"ASSISTANT_{name} is {value!r}" in str(caught.value)
    assert ".env.example" in str(caught.value)


def test_all_values_that_cannot_be_used_are_named_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASSISTANT_HITS", "0")
    monkeypatch.setenv("ASSISTANT_PORT", "x")
    with pytest.raises(SettingsError, match=r"(?s)ASSISTANT_HITS.*ASSISTANT_PORT"):
        Settings()


def test_a_dot_env_file_in_the_working_folder_is_read(tmp_path: Path):
    (tmp_path / ".env").write_text("ASSISTANT_HITS=3\nASSISTANT_CORPUS=articles of 2024/é\n", encoding="utf-8")
    assert Settings().hits == 3
    assert Settings().corpus == Path("articles of 2024/é")


def test_arguments_go_before_the_environment_and_that_before_dot_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / ".env").write_text("ASSISTANT_HITS=3\nASSISTANT_PORT=1\n", encoding="utf-8")
    monkeypatch.setenv("ASSISTANT_HITS", "4")
    settings = Settings(hits=5)
    assert (settings.hits, Settings().hits, settings.port) == (5, 4, 1)


def test_variables_of_other_programs_are_let_alone(tmp_path: Path):
    (tmp_path / ".env").write_text("OTHER_PROGRAM=1\n", encoding="utf-8")
    assert Settings().hits == 8
