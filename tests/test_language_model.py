"""How language models are reached: settings, time, tries and errors; nothing here leaves the process."""

import itertools
import json
import logging
import time
from importlib import metadata

import pytest

from assistant.errors import LanguageModelError, ModelError, SettingsError
from assistant.language_model import (
    LanguageModel,
    Message,
    OverflowingError,
    explain,
    goes_round,
    install_line,
    load_language_model,
    without_thoughts,
)
from assistant.settings import Settings
from tests.fake_language_model import FakeLLM, ServiceError

ASKED = [Message(role="system", text="Rules."), Message(role="user", text="Who?")]
KEY = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.language_model.FIRST_PAUSE", 0.001)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ASSISTANT_LLM", "ASSISTANT_LLM_KEY"):
        monkeypatch.delenv(name, raising=False)


def said(llm: FakeLLM, timeout: float = 5) -> str:
    model = llm.model(timeout=timeout)
    return list(model.stream(ASKED, model.allowance()))[-1]


# ── words


def test_words_come_as_the_text_so_far():
    llm = FakeLLM("The force has 5,000 soldiers [1].")
    model = llm.model()
    seen = list(model.stream(ASKED, model.allowance()))
    assert seen[-1] == "The force has 5,000 soldiers [1]."
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(seen))
    assert llm.asked == [[("system", "Rules."), ("user", "Who?")]]


def test_closing_the_stream_stops_the_model():
    llm = FakeLLM("one two three four")
    model = llm.model()
    stream = model.stream(ASKED, model.allowance())
    assert next(stream) == "one "
    stream.close()
    assert llm.given == ["one "]
    assert llm.closed == 1


def test_what_a_model_thinks_aloud_is_not_said():
    assert said(FakeLLM(["<think>The user", " wants</think>", "\nIt is so."])) == "It is so."
    assert without_thoughts("<think>still thinking") == ""


@pytest.mark.parametrize(
    ("text", "round_"),
    [
        ("The pact is new. " * 3, True),
        ("1. The alliance is 1.\n2. The alliance is 2.\n3. The alliance is 3.\n", True),
        ("ha " * 10, True),
        ("The pact is new. The pact is old. The pact is dead. ", False),
        ("Mali, Niger, and Burkina Faso formed an alliance in 2023, and left ECOWAS in 2025.", False),
    ],
)
def test_a_model_that_goes_round_is_noticed(text: str, round_: bool):
    assert goes_round(text) is round_


def test_a_model_that_goes_round_is_stopped():
    llm = FakeLLM(["The pact is new. "] * 500)
    said(llm)
    assert len(llm.given) < 10


def test_tokens_are_those_that_the_model_tells_or_an_estimate():
    told, silent = FakeLLM("One two.", usage=(70, 3)).model(), FakeLLM("One two.", usage=None).model()
    allowance = told.allowance()
    list(told.stream(ASKED, allowance))
    assert (allowance.usage.calls, allowance.usage.prompt_tokens, allowance.usage.completion_tokens) == (1, 70, 3)
    assert allowance.usage.counted
    allowance = silent.allowance()
    list(silent.stream(ASKED, allowance))
    assert allowance.usage.prompt_tokens > 0
    assert not allowance.usage.counted


# ── what goes wrong


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_a_busy_or_broken_service_is_tried_again(status: int):
    llm = FakeLLM(ServiceError(status), "It is so.")
    assert said(llm) == "It is so."
    assert len(llm.asked) == 2


@pytest.mark.parametrize(("status", "told"), [(401, "key"), (403, "key"), (404, "does not know"), (400, "400")])
def test_what_another_try_cannot_mend_is_told_at_once(status: int, told: str):
    llm = FakeLLM(ServiceError(status))
    with pytest.raises(LanguageModelError, match=told):
        said(llm)
    assert len(llm.asked) == 1


def test_tries_are_few():
    llm = FakeLLM(*[ServiceError(500)] * 9)
    with pytest.raises(LanguageModelError, match=r"500.*in 3 tries"):
        said(llm)
    assert len(llm.asked) == 3


def test_a_service_that_asks_for_much_patience_is_not_waited_for():
    llm = FakeLLM(ServiceError(429, headers={"retry-after": "3600"}), "late")
    started = time.monotonic()
    with pytest.raises(LanguageModelError, match="429"):
        said(llm)
    assert time.monotonic() - started < 8


def test_a_stream_that_breaks_off_begins_anew():
    class RemoteProtocolError(Exception):
        pass

    llm = FakeLLM(["The force ", RemoteProtocolError("peer closed")], "The force is large.")
    model = llm.model()
    seen = list(model.stream(ASKED, model.allowance()))
    assert seen == ["The force ", "The ", "The force ", "The force is ", "The force is large."]


def test_garbage_is_not_taken_for_words():
    broken = json.JSONDecodeError("Expecting value", "data", 0)
    with pytest.raises(LanguageModelError, match="could not be read"):
        said(FakeLLM(broken, broken, broken))


@pytest.mark.parametrize("nothing", ["", " \n ", "<think>hm</think>"])
def test_a_model_that_writes_nothing_is_an_error(nothing: str):
    with pytest.raises(LanguageModelError, match="wrote nothing"):
        said(FakeLLM(*[[nothing]] * 3))


def test_a_model_that_is_too_slow_is_left(monkeypatch: pytest.MonkeyPatch):
    llm = FakeLLM("one two three")
    model = llm.model(timeout=10)
    allowance = model.allowance()
    stream = model.stream(ASKED, allowance)
    next(stream)
    monkeypatch.setattr(time, "monotonic", lambda: 1e12)
    with pytest.raises(LanguageModelError, match="in time"):
        next(stream)
    assert llm.closed == 1


def test_a_request_that_is_too_long_is_told_apart():
    with pytest.raises(OverflowingError):
        said(FakeLLM(ServiceError(400, "This model's maximum context length is 4096 tokens")))


def test_the_time_left_is_handed_to_the_model():
    llm = FakeLLM("Yes.")
    model = LanguageModel(llm, name="m", timeout=7, options=lambda remaining: {"timeout": remaining})
    list(model.stream(ASKED, model.allowance()))
    assert 6 < llm.options[0]["timeout"] <= 7


def test_what_a_provider_writes_is_not_repeated():
    leaky = ServiceError(401, f"Incorrect API key provided: {KEY}")
    for error in (leaky, RuntimeError(f"key {KEY}"), ConnectionError(KEY)):
        assert KEY not in explain(error).reason


# ── settings and secrets


@pytest.mark.parametrize(
    "llm",
    ["openai:", "openai-like:http://127.0.0.1/v1", "openai-like:#m", "ftp:x", "gpt", "gguf: ", "openai-like:ftp://h#m"],
)
def test_a_setting_that_names_no_model_is_refused_with_the_forms(llm: str):
    with pytest.raises(SettingsError, match=r"openai-like:http://127\.0\.0\.1:11434/v1#MODEL"):
        Settings(llm=llm)


@pytest.mark.parametrize("llm", [f"openai-like:http://user:{KEY}@h/v1#m", f"openai-like:http://h/v1?key={KEY}#m"])
def test_a_key_in_an_address_is_refused_and_not_repeated(llm: str):
    with pytest.raises(SettingsError, match="ASSISTANT_LLM_KEY") as caught:
        Settings(llm=llm)
    assert KEY not in str(caught.value)


def test_keys_are_in_no_repr_and_no_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    settings = Settings(llm="openai-like:http://127.0.0.1:9/v1#m", llm_key=KEY)
    model = load_language_model(settings)
    assert model
    with caplog.at_level(logging.DEBUG), pytest.raises(LanguageModelError, match="cannot be reached") as caught:
        list(model.stream(ASKED, model.allowance()))
    for shown in (
        repr(settings),
        str(settings),
        repr(model),
        str(caught.value),
        caplog.text,
        settings.model_dump_json(),
    ):
        assert KEY not in shown


def test_a_key_for_openai_goes_to_nobody_else(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_BASE", "http://elsewhere.example/v1")
    like = load_language_model(Settings(llm="openai-like:http://127.0.0.1:9/v1#m"))
    own = load_language_model(Settings(llm="openai:gpt-4o-mini"))
    assert like
    assert own
    assert (like._llm.api_key, like._llm.api_base, like.place) == ("none", "http://127.0.0.1:9/v1", None)
    assert (own._llm.api_key, own._llm.api_base, own.place) == (KEY, "https://api.openai.com/v1", "api.openai.com")


@pytest.mark.parametrize("llm", ["openai:gpt-4o-mini", "anthropic:claude-x"])
def test_a_key_that_is_missing_is_asked_for(llm: str):
    with pytest.raises(ModelError, match="ASSISTANT_LLM_KEY"):
        load_language_model(Settings(llm=llm))


def test_none_is_no_model():
    assert load_language_model(Settings()) is None


def test_a_file_that_is_missing_or_no_model_is_told(tmp_path):
    pytest.importorskip("xllamacpp")
    with pytest.raises(ModelError, match=r"nowhere\.gguf"):
        load_language_model(Settings(llm=f"gguf:{tmp_path / 'nowhere.gguf'}"))
    (tmp_path / "text.gguf").write_text("no model")
    with pytest.raises(ModelError, match="expected a GGUF file"):
        load_language_model(Settings(llm=f"gguf:{tmp_path / 'text.gguf'}"))


@pytest.mark.parametrize(
    ("llm", "module", "extra"),
    [("gguf:/m.gguf", "xllamacpp", "local"), ("openai-like:http://h/v1#m", "llama_index.llms.openai_like", "openai")],
)
def test_a_library_that_is_missing_is_answered_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, llm: str, module: str, extra: str
):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    monkeypatch.setattr(
        "assistant.language_model._open_gguf",
        __import__("assistant.language_model").language_model._open_gguf.__wrapped__,
    )
    with pytest.raises(ModelError) as caught:
        load_language_model(Settings(llm=llm))
    assert install_line(extra) in str(caught.value)


def test_the_line_is_made_of_the_packages_own_metadata(monkeypatch: pytest.MonkeyPatch):
    needed = ["numpy>=2", 'xllamacpp<2027,>=2026.10; extra == "local"', "other>1; extra == 'openai'"]
    monkeypatch.setattr("assistant.language_model.requires", lambda name: needed)
    assert install_line("local") == "pip install 'xllamacpp<2027,>=2026.10'"
    assert install_line("openai") == "pip install 'other>1'"

    def missing(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("assistant.language_model.requires", missing)
    assert install_line("local") == "pip install '.[local]'"
