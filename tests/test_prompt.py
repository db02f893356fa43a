from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.prompt import FOLDERS, load_prompt, read_prompt

PROMPTS = sorted(file.stem for file in (Path(__file__).parents[1] / "prompts").glob("*.md") if file.stem != "README")
FRONT = "---\nversion: 2\npurpose: A test.\nvariables: [name, place]\n---\n"


def test_the_prompts_are_those_that_are_used():
    from assistant import drafting, rewriting

    assert sorted([*drafting.PROMPTS, *rewriting.PROMPTS]) == PROMPTS


@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt_can_be_read_and_rendered(name: str):
    prompt = load_prompt(name)
    assert prompt.version >= 1
    assert prompt.purpose
    rendered = prompt.render({variable: f"<{variable}>" for variable in prompt.variables})
    assert "{{" not in rendered
    assert all(f"<{variable}>" in rendered for variable in prompt.variables)


@pytest.mark.parametrize(
    ("text", "values", "rendered"),
    [
        ("{{name}} in {{place}}", {"name": "Ada", "place": "Paris"}, "Ada in Paris"),
        ("{{ name }}/{{name}} {{place}}", {"name": "a", "place": "b"}, "a/a b"),
        ("{{name}} {{place}} {name}", {"name": "{{place}}", "place": "x"}, "{{place}} x {name}"),
        ("{{name}} {{place}}", {"name": r"\1", "place": ""}, r"\1 "),
    ],
)
def test_values_are_put_in_as_they_are(text: str, values: dict[str, str], rendered: str):
    assert read_prompt("p", FRONT + text).render(values) == rendered


@pytest.mark.parametrize("values", [{}, {"name": "a"}, {"name": "a", "place": "b", "more": "c"}])
def test_a_value_that_is_missing_or_not_declared_is_an_error(values: dict[str, str]):
    with pytest.raises(ValueError, match="name"):
        read_prompt("p", FRONT + "{{name}} {{place}}").render(values)


@pytest.mark.parametrize(
    "content",
    [
        "no front matter",
        "---\nversion: 1\n---\ntext",
        "---\nversion: 1\npurpose: p\nvariables: []\nmodel: x\n---\ntext",
        "---\nversion: [\n---\ntext",
        FRONT + "only {{name}}",
        FRONT + "{{name}} {{place}} {{other}}",
    ],
)
def test_a_file_that_is_not_as_it_must_be_is_refused_by_name(content: str):
    with pytest.raises(SettingsError, match="'broken'"):
        read_prompt("broken", content)


def test_a_prompt_that_is_missing_is_named():
    with pytest.raises(SettingsError, match="'nowhere'"):
        load_prompt("nowhere")


def test_a_fingerprint_changes_with_any_word_and_not_with_line_ends():
    one = read_prompt("p", FRONT + "{{name}} {{place}}\nx")
    assert read_prompt("p", (FRONT + "{{name}} {{place}}\nx").replace("\n", "\r\n")).fingerprint == one.fingerprint
    assert read_prompt("p", FRONT + "{{name}} {{place}}\ny").fingerprint != one.fingerprint


def test_prompts_stand_in_the_package_or_in_the_checkout():
    assert [folder.name for folder in FOLDERS] == ["prompts", "prompts"]
