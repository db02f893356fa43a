"""What the README shows is what happens: its commands exist, its Python runs, its transcript is the real one."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_CORPUS", str(ROOT / "seeds"))
    monkeypatch.setenv("ASSISTANT_INDEX", str(tmp_path / "index"))


def test_its_make_targets_exist():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r"\bmake ([a-z]+)\b", re.sub(r"`make`", "", README))
    assert {"chat", "test"} <= set(named) <= set(targets)


def test_its_links_lead_to_files():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_its_settings_exist():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"ASSISTANT_[A-Z_]+", README) if name not in example] == []


@pytest.mark.usefixtures("at_home")
def test_its_transcript_is_what_the_command_prints():
    shown = re.findall(r"```console\n\$ assistant ask \"([^\"\n]+)\"\n(.*?)```", README, re.DOTALL)
    assert len(shown) >= 3
    for question, expected in shown:
        assert CliRunner().invoke(cli.app, ["ask", question]).stdout == expected


@pytest.mark.usefixtures("at_home")
def test_its_python_runs_and_prints_what_its_comments_say(capsys: pytest.CaptureFixture[str]):
    (block,) = re.findall(r"<!-- python -->\n```python\n(.*?)```", README, re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "answered Ouagadougou"
    assert printed[-1].startswith("contradicted")
