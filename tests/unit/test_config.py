"""Settings: where they come from, what goes over what, and what is said about wrong ones."""

from pathlib import Path

import pytest

from antiphon.config import Settings, SettingsError, load_settings, variable
from antiphon.providers.presets import PRESETS


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    """Each test begins with an empty environment and an empty directory."""
    names = {variable(name) for name in Settings.model_fields}
    names |= {name for p in PRESETS.values() for name in (p.key_variable, p.url_variable) if name}
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def faults(**flags):
    with pytest.raises(SettingsError) as caught:
        load_settings(flags)
    return str(caught.value).splitlines()


# Where settings come from


def test_defaults_need_nothing():
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.sqlite_path == Path("data/antiphon.db").resolve()
    assert settings.providers == {}
    assert settings.bots == {}


def test_the_environment_goes_over_defaults(monkeypatch):
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("ANTIPHON_TICK_SECONDS", "0.5")
    monkeypatch.setenv("ANTIPHON_RATE_LIMITS", "off")
    settings = load_settings()
    assert (settings.port, settings.tick_seconds, settings.rate_limits) == (9000, 0.5, False)


def test_flags_go_over_the_environment(monkeypatch):
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("HOST", "0.0.0.0")
    settings = load_settings({"port": 9001, "host": None, "database_url": "sqlite:///other.db"})
    assert (settings.port, settings.host) == (9001, "0.0.0.0")
    assert settings.sqlite_path == Path("other.db").resolve()


def test_an_absolute_database_path():
    assert load_settings({"database_url": "sqlite:////var/lib/a.db"}).sqlite_path == Path("/var/lib/a.db")


def test_a_variable_that_is_not_ours_is_no_fault(monkeypatch):
    monkeypatch.setenv("ANTIPHON_SOMETHING_ELSE", "x")
    load_settings()


# Wrong ones


def test_all_wrong_settings_are_told_at_once(monkeypatch):
    wrong = {
        "PORT": "99999",
        "LOG_LEVEL": "loud",
        "DATABASE_URL": "mongodb://somewhere",
        "ANTIPHON_RATE_USER": "often",
        "ANTIPHON_LEASE_SECONDS": "0.1",
        "ANTIPHON_SECRET": "short",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    told = faults()
    assert len(told) == len(wrong)
    for name in wrong:
        assert sum(line.startswith((f"{name}=", f"{name}:")) for line in told) == 1
    assert not any("short" in line or "somewhere" in line for line in told), "a secret was shown"


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///folder/", "sqlite://", "mysql://u:p@h/d"])
def test_a_database_url_that_names_no_file(monkeypatch, url):
    monkeypatch.setenv("DATABASE_URL", url)
    (told,) = faults()
    assert "sqlite:///path/to/file.db" in told


def test_a_fault_says_what_was_given_and_what_it_should_be(monkeypatch):
    monkeypatch.setenv("ANTIPHON_RATE_USER", "often")
    assert faults() == ["ANTIPHON_RATE_USER='often': a rate looks like 30/minute"]


def test_a_wrong_flag_is_told_by_its_variable():
    (fault,) = faults(port=70_000)
    assert fault.startswith("PORT=70000: ")


@pytest.mark.parametrize("rate", ["1/second", "30/minute", "5 / hour", "2/day"])
def test_forms_of_a_rate(monkeypatch, rate):
    monkeypatch.setenv("ANTIPHON_RATE_SESSION", rate)
    assert load_settings().rate_session == rate


@pytest.mark.parametrize("rate", ["", "30", "30/week", "/minute", "30/minute or so", "-1/hour"])
def test_what_is_no_rate(monkeypatch, rate):
    monkeypatch.setenv("ANTIPHON_RATE_SESSION", rate)
    assert faults() == [f"ANTIPHON_RATE_SESSION={rate!r}: a rate looks like 30/minute"]


# The file


def write(text):
    Path("antiphon.toml").write_text(text, "utf-8")


def test_bots_and_providers_of_the_file(monkeypatch):
    monkeypatch.setenv("MY_KEY", "k")
    write(
        """
        [providers.local]
        base_url = "http://127.0.0.1:9000/v1"
        key_variable = "MY_KEY"
        models = ["a", "b"]
        headers = { X-Team = "t" }
        [bots.helper]
        model = "local/a"
        prompt = "Help."
        params = { temperature = 0.3 }
        """
    )
    settings = load_settings()
    local = settings.providers["local"]
    assert (local["name"], local["base_url"], local["api_key"]) == ("local", "http://127.0.0.1:9000/v1", "k")
    assert [model.id for model in local["models"]] == ["a", "b"]
    assert local["extra_headers"] == {"X-Team": "t"}
    assert settings.bots["helper"].prompt == "Help."
    assert settings.bots["helper"].params == {"temperature": 0.3}


def test_the_file_may_be_elsewhere(monkeypatch, tmp_path):
    (tmp_path / "other.toml").write_text('[bots.b]\nmodel = "x/y"\n')
    monkeypatch.setenv("ANTIPHON_CONFIG_FILE", "other.toml")
    assert list(load_settings().bots) == ["b"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[bots.b\n", "antiphon.toml: "),
        ("[bots.b]\n", "model"),
        ('[bots.b]\nmodel = "x/y"\ncolour = "red"\n', "colour"),
        ("[bot.b]\n", "bot"),
        ("[providers.p]\nbase_url = 7\n", "base_url"),
        ('[providers.p]\npreset = "nobody"\n', "providers.p.preset: there is no preset 'nobody'"),
        ("[providers.p]\n", "providers.p.base_url is missing"),
        ('[providers.vllm]\nkey_variable = "NOT_SET"\n', "NOT_SET is not set"),
    ],
)
def test_a_fault_in_the_file_is_told(text, told):
    write(text)
    assert told in "\n".join(faults())


def test_a_file_that_is_not_utf8():
    Path("antiphon.toml").write_bytes(b"\xff\xfe")
    assert faults()[0].startswith("antiphon.toml: ")


def test_a_file_that_is_a_directory():
    Path("antiphon.toml").mkdir()
    assert faults()[0].startswith("antiphon.toml: ")


def test_all_faults_of_providers_are_told_at_once():
    write('[providers.p]\n[providers.q]\npreset = "nobody"\n[providers.vllm]\nkey_variable = "NOT_SET"\n')
    told = "\n".join(faults())
    assert "providers.p" in told
    assert "providers.q" in told
    assert "providers.vllm" in told


# Presets


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.key_variable])
def test_a_key_alone_makes_its_provider(monkeypatch, name):
    monkeypatch.setenv(PRESETS[name].key_variable, "a-key")
    providers = load_settings().providers
    assert list(providers) == [name]
    assert providers[name]["api_key"] == "a-key"
    assert providers[name]["base_url"] == PRESETS[name].base_url
    assert providers[name]["continuation"] == PRESETS[name].continuation


def test_an_empty_key_is_none(monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "")
    assert load_settings().providers == {}


def test_an_address_goes_over_the_presets(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9000/v1")
    openai = load_settings().providers["openai"]
    assert (openai["base_url"], openai["api_key"]) == ("http://127.0.0.1:9000/v1", None)
    assert openai["renames"] == {}  # that may be any server
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert load_settings().providers["openai"]["renames"] == {"max_tokens": "max_completion_tokens"}


def test_a_preset_is_enough_in_the_file():
    write('[providers.vllm]\n[providers.second]\npreset = "vllm"\nbase_url = "http://127.0.0.1:8001/v1"\n')
    providers = load_settings().providers
    assert providers["vllm"]["base_url"] == PRESETS["vllm"].base_url
    assert providers["second"]["name"] == "second"
    assert providers["second"]["base_url"] == "http://127.0.0.1:8001/v1"
    assert providers["second"]["continuation_body"] == PRESETS["vllm"].continuation_body


def test_the_file_goes_over_a_key_of_the_environment(monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "a-key")
    write("[providers.groq]\ncontinuation = false\n")
    groq = load_settings().providers["groq"]
    assert (groq["api_key"], groq["continuation"]) == ("a-key", False)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("box:8080", "http://box:8080/v1"),
        ("http://box:11434", "http://box:11434/v1"),
        ("http://box:11434/", "http://box:11434/v1"),
        ("http://box:11434/v1", "http://box:11434/v1"),
        ("https://ollama.example/v1/", "https://ollama.example/v1"),
        ("box", "http://box:11434/v1"),
        (":8080", "http://127.0.0.1:8080/v1"),
        ("[::1]:11434", "http://[::1]:11434/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
    ],
)
def test_forms_of_ollama_host(monkeypatch, given, meant):
    monkeypatch.setenv("OLLAMA_HOST", given)
    assert load_settings().providers["ollama"]["base_url"] == meant
