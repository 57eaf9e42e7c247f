"""Settings: defaults, the file, the environment over the file, and nothing that is unknown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from api.settings import Settings, SettingsError, load_settings

MonkeyPatch = pytest.MonkeyPatch


@pytest.fixture
def variables(monkeypatch: MonkeyPatch) -> MonkeyPatch:
    for name in list(os.environ):
        if name.upper().startswith("VERSE_"):
            monkeypatch.delenv(name)
    return monkeypatch


def test_the_defaults_need_nothing(variables: MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.state_dir == Path(".verse")
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.allowed_hosts == ["localhost", "127.0.0.1", "::1"]
    assert settings.allowed_origins == []
    assert settings.max_body_bytes == 262_144
    assert settings.embedder is None
    assert settings.min_probability is None
    assert 1 <= settings.thread_count <= 4
    assert settings.index_settings().passage_tokens == 256
    assert settings.rag_settings().min_probability is None


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_environment_wins_over_the_file(variables: MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "verse.toml"
    file.write_text('threads = 3\nmax_waiting = 7\nallowed_hosts = ["a.example"]\nstate_dir = "elsewhere"\n')
    variables.setenv("VERSE_CONFIG", str(file))
    assert (load_settings().threads, load_settings().max_waiting) == (3, 7)
    variables.setenv("VERSE_THREADS", "2")
    variables.setenv("VERSE_ALLOWED_HOSTS", '["b.example"]')
    settings = load_settings()
    assert (settings.threads, settings.max_waiting) == (2, 7)
    assert settings.allowed_hosts == ["b.example"]
    assert settings.state_dir == Path("elsewhere")
    assert settings.thread_count == 2


@pytest.mark.parametrize(
    "name", ["VERSE_STATEDIR", "VERSE_", "verse_thread", "VERSE_CONFIG_FILE", "VERSE_THREADS_"]
)
def test_an_unknown_variable_is_refused_by_name(variables: MonkeyPatch, name: str) -> None:
    variables.setenv(name, "1")
    with pytest.raises(SettingsError, match=f"{name} is no setting; known are .*VERSE_STATE_DIR"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", "-1"),
        ("threads", "many"),
        ("threads", ""),
        ("passage_tokens", "31"),
        ("max_running", "0"),
        ("request_timeout_s", "0"),
        ("request_timeout_s", "nan"),
        ("request_timeout_s", "inf"),
        ("refresh_s", "-1"),
        ("dense_weight", "-0.1"),
        ("lexical_weight", "11"),
        ("min_probability", "1.5"),
        ("min_probability", "nan"),
        ("max_body_bytes", "10"),
        ("log_format", "xml"),
        ("log_level", "LOUD"),
        ("public_url", "ftp://x"),
        ("public_url", "verse.example.org"),
        ("public_url", "https://"),
        ("public_url", "https://x:port"),
        ("public_url", "https://x:99999"),
        ("public_url", "https://x/?a=b"),
        ("public_url", "https://[::1"),
        ("allowed_hosts", "localhost"),
        ("allowed_hosts", "[1]"),
        ("allowed_origins", "{}"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(variables: MonkeyPatch, name: str, value: str) -> None:
    variables.setenv(f"VERSE_{name.upper()}", value)
    with pytest.raises(SettingsError, match=name):
        load_settings()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"theads = 1", "unknown setting 'theads'"),
        (b"[server]\nport = 1", "unknown setting 'server'"),
        (b"threads = ", "cannot be read as TOML"),
        (b"\xff\xfe", "cannot be read as TOML"),
        (b'threads = "many"', "threads"),
        (b"max_running = 1000", "max_running"),
        (None, "cannot be read as TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    variables: MonkeyPatch, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "verse.toml"
    if content is not None:
        file.write_bytes(content)
    variables.setenv("VERSE_CONFIG", str(file))
    with pytest.raises(SettingsError, match=said):
        load_settings()


def test_both_searches_left_out_is_refused(variables: MonkeyPatch) -> None:
    variables.setenv("VERSE_DENSE_WEIGHT", "0")
    assert load_settings().rag_settings().dense_weight == 0.0
    variables.setenv("VERSE_LEXICAL_WEIGHT", "0")
    with pytest.raises(SettingsError, match="both 0; nothing would be searched"):
        load_settings()


def test_settings_cannot_be_changed_afterwards() -> None:
    settings: Any = Settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.threads = 9


@pytest.mark.parametrize(
    ("given", "shown"),
    [("https://a.example/", "https://a.example"), ("http://[::1]:8000", "http://[::1]:8000")],
)
def test_a_public_address_is_kept_without_its_last_slash(
    variables: MonkeyPatch, given: str, shown: str
) -> None:
    variables.setenv("VERSE_PUBLIC_URL", given)
    assert load_settings().public_url == shown


LLM = {"VERSE_LLM_BASE_URL": "http://127.0.0.1:8080/v1", "VERSE_LLM_MODEL": "m"}


def test_no_model_writes_by_default(variables: MonkeyPatch) -> None:
    assert load_settings().write_settings() is None


def test_one_model_server(variables: MonkeyPatch) -> None:
    for name, value in (LLM | {"VERSE_LLM_API_KEY": "k-secret", "VERSE_LLM_ON_FAILURE": "error"}).items():
        variables.setenv(name, value)
    settings = load_settings()
    found = settings.write_settings()
    assert found is not None
    assert [(s.base_url, s.model, s.api_key) for s in found.servers] == [
        ("http://127.0.0.1:8080/v1", "m", "k-secret")
    ]
    assert (found.on_failure, found.max_tokens, found.total_timeout_s) == ("error", 700, 25.0)
    for shown in (repr(settings), repr(found), settings.model_dump_json(), str(settings.answer_settings())):
        assert "k-secret" not in shown
    assert "llm_base_url" not in settings.answer_settings()
    assert settings.answer_settings()["llm_model"] == ["m"]


def test_several_model_servers_in_order(variables: MonkeyPatch) -> None:
    variables.setenv("VERSE_LLM_BASE_URL", '["http://a.example/v1", "https://b.example/v1"]')
    variables.setenv("VERSE_LLM_MODEL", "m")
    variables.setenv("VERSE_LLM_API_KEY", '["", "k-b"]')
    found = load_settings().write_settings()
    assert found is not None
    assert [(s.base_url, s.model, s.api_key) for s in found.servers] == [
        ("http://a.example/v1", "m", None),
        ("https://b.example/v1", "m", "k-b"),
    ]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"VERSE_LLM_MODEL": ""}, "llm_model has 0 values"),
        ({"VERSE_LLM_BASE_URL": ""}, "llm_base_url is not"),
        ({"VERSE_LLM_BASE_URL": "k-secret"}, "no address of a model server"),
        (
            {"VERSE_LLM_BASE_URL": '["http://a.example", "http://b.example"]'},
            "llm_api_key has 1 values for 2",
        ),
        ({"VERSE_LLM_API_KEY": "[k-secret"}, "JSON list"),
        ({"VERSE_LLM_API_KEY": "[1]"}, "llm_api_key"),
        ({"VERSE_LLM_TOTAL_TIMEOUT_S": "30"}, "more time than its writing"),
        ({"VERSE_LLM_MAX_TOKENS": "1"}, "llm_max_tokens"),
        ({"VERSE_LLM_ON_FAILURE": "silence"}, "llm_on_failure"),
    ],
)
def test_a_model_that_could_not_write_is_refused_without_its_key(
    variables: MonkeyPatch, change: dict[str, str], word: str
) -> None:
    key = {"VERSE_LLM_API_KEY": "k-" + "hidden"}
    for name, value in (LLM | key | change).items():
        variables.setenv(name, value)
    with pytest.raises(SettingsError, match=word) as raised:
        load_settings()
    assert "k-hidden" not in str(raised.value)
    assert raised.value.__cause__ is None or "k-hidden" not in str(raised.value.__cause__)


def test_conversations_lie_in_the_state_folder_unless_a_file_is_named(
    variables: MonkeyPatch, tmp_path: Path
) -> None:
    variables.setenv("VERSE_STATE_DIR", str(tmp_path))
    assert load_settings().conversations_file == tmp_path / "conversations.sqlite"
    variables.setenv("VERSE_DATABASE_URL", "sqlite:////var/lib/verse/c.sqlite")
    assert load_settings().conversations_file == Path("/var/lib/verse/c.sqlite")
    variables.setenv("VERSE_DATABASE_URL", "sqlite:///beside.sqlite")
    assert load_settings().conversations_file == Path("beside.sqlite")
    assert load_settings().retention_days == 365


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("postgresql://verse:hunter2@db/verse", "so far conversations are stored in sqlite alone"),
        ("sqlite+aiosqlite:///hunter2", "so far conversations are stored in sqlite alone"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:///hunter2?mode=ro", "must name a file"),
        ("sqlite://hunter2/x", "must name a file"),
        ("/var/lib/hunter2.sqlite", "must be an address such as sqlite:////"),
        ("", "must be an address such as sqlite:////"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_without_showing_it(
    variables: MonkeyPatch, value: str, words: str
) -> None:
    variables.setenv("VERSE_DATABASE_URL", value)
    with pytest.raises(SettingsError) as failure:
        load_settings()
    assert "database_url" in str(failure.value)
    assert words in str(failure.value)
    assert "hunter2" not in str(failure.value)


def test_what_is_stored_is_no_part_of_an_answer(variables: MonkeyPatch) -> None:
    variables.setenv("VERSE_DATABASE_URL", "sqlite:///c.sqlite")
    assert not {"database_url", "retention_days", "keep_answers"} & set(load_settings().answer_settings())
    for days in ("-1", "36501", "x", "1.5"):
        variables.setenv("VERSE_RETENTION_DAYS", days)
        with pytest.raises(SettingsError, match="retention_days"):
            load_settings()
