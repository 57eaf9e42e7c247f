"""The settings of the service: `VERSE_*` variables and one optional TOML file.

The only service module that reads the environment. Unknown names are refused, so that a misspelt
setting is not silently ignored.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from limits import parse
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from index.errors import QAError
from index.settings import IndexSettings
from rag.settings import RagSettings
from rag.write.settings import Server, WriteSettings

PREFIX = "VERSE_"
CONFIG_VARIABLE = "VERSE_CONFIG"


_Several = Annotated[list[str], NoDecode]
_Secrets = Annotated[list[SecretStr], NoDecode]


class SettingsError(QAError):
    """A setting is unknown or has a value that cannot be used."""


# What shapes requests and logs, never an answer; folders say nothing of one, and much of the machine.
_OF_THE_SERVER = (
    "state_dir",
    "database_url",
    "retention_days",
    "keep_answers",
    "embedder",
    "public_url",
    "allowed_hosts",
    "allowed_origins",
    "rate_per_key",
    "rate_per_address",
    "trusted_proxies",
    "audit_file",
    "audit_max_bytes",
    "audit_keep",
    "receive_timeout_s",
    "max_running",
    "max_waiting",
    "request_timeout_s",
    "shutdown_timeout_s",
    "max_body_bytes",
    "upload_max_mib",
    "upload_access",
    "ingest_groups",
    "refresh_s",
    "heartbeat_s",
    "open_webui_sources",
    "log_format",
    "log_level",
    "llm_base_url",
    "llm_api_key",
    "auth",
    "pepper",
    "oidc_issuer",
    "oidc_client_id",
    "oidc_client_secret",
    "oidc_audience",
    "oidc_algorithms",
    "oidc_scopes",
    "oidc_user_claim",
    "oidc_groups_claim",
    "oidc_origins",
    "frame_ancestors",
    "session_idle_s",
    "session_s",
)

_SECRET = ("database_url", "pepper", "oidc_client_secret")


class Settings(BaseSettings):
    """Every setting with its default; the environment wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    state_dir: Path = Field(Path(".verse"), description="folder that holds everything the service writes")
    database_url: SecretStr | None = Field(
        None,
        description="where conversations are stored, such as `sqlite:////var/lib/verse/c.sqlite`; "
        "unset: `conversations.sqlite` in the state folder",
    )
    retention_days: int = Field(
        365,
        ge=0,
        le=36_500,
        description="days after its last turn until a conversation is deleted; 0: never",
    )
    keep_answers: bool = Field(
        True, description="keep answers outside of conversations too, for feedback, as long as those"
    )
    public_url: str = Field("http://127.0.0.1:8000", description="what absolute links begin with")
    allowed_hosts: list[str] = Field(
        default=["localhost", "127.0.0.1", "::1"],
        description="names the service may be called by (JSON list); the public URL's is added",
    )
    allowed_origins: list[str] = Field(
        default=[], description="web origins that may call it (JSON list); its own is added"
    )
    auth: Literal["none", "required"] = Field(
        "none",
        description="`required`: who asks must be known; `none`: whoever asks reads everything, on loopback alone",
    )
    pepper: SecretStr | None = Field(
        None,
        description="secret of at least 32 characters with which keys, sessions and tokens are made; another one "
        "makes them all worthless",
    )
    oidc_issuer: str | None = Field(None, description="identity provider, as it names itself: its issuer")
    oidc_client_id: str | None = Field(
        None,
        description="this service's id there, for people who log in; its redirect address is the public URL's `/login/callback`",
    )
    oidc_client_secret: SecretStr | None = Field(None, description="its secret there, if it has one")
    oidc_audience: str | None = Field(
        None, description="audience of the access tokens that programs bring; unset: none are taken"
    )
    oidc_algorithms: list[str] = Field(
        default=["RS256"], description="how its tokens may be signed (JSON list)"
    )
    oidc_scopes: str = Field("openid", description="scopes asked for at a login, with spaces between them")
    oidc_user_claim: str = Field(
        "sub", min_length=1, description="claim that names a person, as documents do"
    )
    oidc_groups_claim: str = Field(
        "groups", min_length=1, description="claim that lists a person's groups; dots lead into objects"
    )
    oidc_origins: list[str] = Field(
        default=[],
        description="origins of the provider's addresses where they are not the issuer's (JSON list)",
    )
    frame_ancestors: list[str] = Field(
        default=[],
        description="origins whose pages may hold this service in a frame (JSON list); none by default",
    )
    session_idle_s: int = Field(
        7200, ge=120, le=604_800, description="seconds without a request until a person has to log in again"
    )
    session_s: int = Field(28_800, ge=120, le=2_592_000, description="seconds until that in any case")
    rate_per_key: str | None = Field(
        None,
        description="requests of one key or person, such as `300/minute`; unset: 600/minute, "
        "and 60000/minute where no credentials are needed",
    )
    rate_per_address: str | None = Field(
        None,
        description="requests from one address; unset: 1200/minute, and 60000/minute where no credentials are needed",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="proxies in front, each adding to X-Forwarded-For; 0: that header is not believed",
    )
    audit_file: Path | None = Field(
        None,
        description="who read which documents, a JSON line a request; unset: audit.jsonl in the state folder, "
        "and nowhere where no credentials are needed",
    )
    audit_max_bytes: int = Field(
        52_428_800, ge=4096, le=10_737_418_240, description="size at which a new audit file is begun"
    )
    audit_keep: int = Field(10, ge=1, le=1000, description="earlier audit files that are kept")
    receive_timeout_s: float = Field(
        10.0,
        gt=0,
        le=600,
        description="time for a request's head to arrive, and for its body",
    )
    embedder: Path | None = Field(
        None,
        description="`multilingual` (the extra of that name), or the folder of another sentence-transformers model",
    )
    threads: int = Field(
        default=0, ge=0, le=256, description="threads of the models; 0: one a core, at most 4"
    )
    passage_tokens: int = Field(256, ge=32, le=2048, description="longest passage, in cl100k_base tokens")
    lexical_weight: float = Field(
        RagSettings().lexical_weight,
        ge=0.0,
        le=10.0,
        description="what BM25 counts in the ranking; 0: leave it out",
    )
    dense_weight: float = Field(
        RagSettings().dense_weight, ge=0.0, le=10.0, description="what a cosine counts in it; 0: leave it out"
    )
    part_weight: float = Field(
        RagSettings().part_weight,
        ge=0.0,
        le=10.0,
        description="what the best part of a long question counts in it",
    )
    source_weight: float = Field(
        RagSettings().source_weight,
        ge=0.0,
        le=10.0,
        description="what a publisher or title that a question names counts in it",
    )
    date_weight: float = Field(
        RagSettings().date_weight,
        ge=0.0,
        le=10.0,
        description="what a day of publication that it names counts in it",
    )
    coverage_weight: float = Field(
        RagSettings().coverage_weight,
        ge=0.0,
        le=10.0,
        description="what the share of a long question's words in the closest sentence counts in it",
    )
    pair_weight: float = Field(
        RagSettings().pair_weight,
        ge=0.0,
        le=10.0,
        description="what the share of its pairs of words there counts in it",
    )
    meaning_weight: float = Field(
        RagSettings().meaning_weight,
        ge=0.0,
        le=10.0,
        description="what the meaning of the closest sentence counts in the order of the first passages; 0: leave it out",
    )
    rerank_depth: int = Field(6, ge=0, le=100, description="passages read to put them in order")
    evidence_passages: int = Field(6, ge=1, le=50, description="passages read for an answer")
    min_probability: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="answer, and give a short answer, from this probability on; unset: as calibrated",
    )
    max_running: int = Field(2, ge=1, le=64, description="questions answered at the same time")
    max_waiting: int = Field(32, ge=0, le=10_000, description="questions that may wait; more get a 503")
    request_timeout_s: float = Field(30.0, gt=0, le=600, description="time for one question")
    shutdown_timeout_s: float = Field(10.0, gt=0, le=600, description="time for requests to finish at a stop")
    max_body_bytes: int = Field(262_144, ge=1024, le=104_857_600, description="longest request body")
    upload_max_mib: int = Field(64, ge=1, le=4096, description="longest body with files, in MiB")
    upload_access: Literal["uploader", "public"] | None = Field(
        None,
        description="who may read an upload that came without a rule: `uploader`, the person or else the groups of the "
        "credential, or `public`; unset: `uploader`, and `public` where no credentials are needed",
    )
    ingest_groups: list[str] = Field(
        default=[], description="groups whose people may add documents when they are logged in (JSON list)"
    )
    refresh_s: float = Field(0.2, gt=0, le=60, description="how often a new index is looked for")
    heartbeat_s: float = Field(
        10.0, gt=0, le=600, description="how often a stream on which nothing comes says that it is alive"
    )
    open_webui_sources: bool = Field(
        default=False,
        description="send every chat stream the quotes as Open WebUI's `source` events too; other clients may break on them",
    )
    log_format: Literal["json", "console"] = Field("json", description="form of the log lines on stderr")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")

    llm_base_url: _Several = Field(
        default=[],
        description="OpenAI-compatible server that writes answers, or several (JSON list), tried in order; none: extractive answers",
    )
    llm_model: _Several = Field(default=[], description="its model, or one for each server (JSON list)")
    llm_api_key: _Secrets = Field(
        default=[], description='its key, or one for each server (JSON list; `""` for none)'
    )
    llm_connect_timeout_s: float = Field(3.0, ge=0.01, le=600, description="time to reach a server")
    llm_read_timeout_s: float = Field(15.0, ge=0.01, le=600, description="time for each piece of its answer")
    llm_total_timeout_s: float = Field(
        25.0, ge=0.01, le=600, description="time for all writing of one answer"
    )
    llm_max_tokens: int = Field(700, ge=16, le=8192, description="longest text that a model may write")
    llm_on_failure: Literal["extractive", "error"] = Field(
        "extractive", description="what an answer is when no model writes one"
    )

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        try:
            url = make_url(value.get_secret_value())
        except ArgumentError:
            raise ValueError("must be an address such as sqlite:////var/lib/verse/c.sqlite") from None
        if url.drivername != "sqlite":
            raise ValueError(f"is for {url.drivername!r}; so far conversations are stored in sqlite alone")
        if not url.database or url.database == ":memory:" or url.query or url.host:
            raise ValueError("must name a file and nothing else, as sqlite:////var/lib/verse/c.sqlite does")
        return value

    @field_validator("llm_base_url", "llm_model", "llm_api_key", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if not value.lstrip().startswith("["):
            return [value] if value.strip() else []
        try:
            return json.loads(value)
        except ValueError:
            # Without the value: it may be a key.
            raise ValueError('must be one value, or a JSON list such as ["a", "b"]') from None

    @field_validator("rate_per_key", "rate_per_address")
    @classmethod
    def _is_rate(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            usable = parse(value).amount > 0 and "," not in value and ";" not in value
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("must be a number of requests and a time, such as 300/minute or 20/second")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        try:
            whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is none
            whole = False
        if not whole or parts.query or parts.fragment:
            raise ValueError("must be an http or https address such as https://verse.example.org")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _searches_something(self) -> Self:
        if self.lexical_weight == self.dense_weight == 0:
            raise ValueError("lexical_weight and dense_weight are both 0; nothing would be searched")
        return self

    @model_validator(mode="after")
    def _can_write(self) -> Self:
        if not self.llm_base_url:
            if self.llm_model or self.llm_api_key:
                raise ValueError(
                    "llm_model or llm_api_key is set, but llm_base_url is not: nothing would write"
                )
            return self
        servers = len(self.llm_base_url)
        if len(self.llm_model) not in {1, servers}:
            raise ValueError(
                f"llm_model has {len(self.llm_model)} values for {servers} servers; give one, or one for each"
            )
        # One key for all would show each server the key of another.
        if len(self.llm_api_key) not in {0, servers}:
            raise ValueError(
                f"llm_api_key has {len(self.llm_api_key)} values for {servers} servers; give one for each, "
                '"" for a server without one'
            )
        if self.llm_total_timeout_s >= self.request_timeout_s:
            raise ValueError(
                f"llm_total_timeout_s is {self.llm_total_timeout_s:g} and request_timeout_s {self.request_timeout_s:g}; "
                "the whole question must have more time than its writing"
            )
        self.write_settings()
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over what `load_settings` passes in from the file."""
        return env_settings, init_settings

    @property
    def conversations_file(self) -> Path:
        """The SQLite file of the stored conversations."""
        if self.database_url is None:
            return self.state_dir / "conversations.sqlite"
        return Path(make_url(self.database_url.get_secret_value()).database or "")

    @property
    def rates(self) -> tuple[str, str]:
        """Requests that one key or person, and one address, may make."""
        # Of a service on loopback that asks for no key, one person's evaluations and benchmarks are most of the use.
        key, address = ("600/minute", "1200/minute") if self.auth == "required" else ("60000/minute",) * 2
        return self.rate_per_key or key, self.rate_per_address or address

    @property
    def audit_to(self) -> Path | None:
        """The file of the audit log; `None` where none is kept."""
        if self.audit_file is None and self.auth == "required":
            return self.state_dir / "audit.jsonl"
        return self.audit_file

    @property
    def thread_count(self) -> int:
        """Threads of the models."""
        return self.threads or max(1, min(4, len(os.sched_getaffinity(0))))

    def index_settings(self) -> IndexSettings:
        """Return the index layer's section."""
        return IndexSettings(passage_tokens=self.passage_tokens)

    def answer_settings(self) -> dict[str, Any]:
        """Return what may change an answer or its speed: all but folders and the server's own."""
        return self.model_dump(mode="json", exclude=set(_OF_THE_SERVER))

    def write_settings(self) -> WriteSettings | None:
        """Return the section of the model that writes; `None` where none is configured.

        Raises:
            ValueError: an address, a model or a key cannot be used.
        """
        if not self.llm_base_url:
            return None
        count = len(self.llm_base_url)
        models = self.llm_model * count if len(self.llm_model) == 1 else self.llm_model
        keys = [key.get_secret_value() or None for key in self.llm_api_key] or [None] * count
        return WriteSettings(
            servers=tuple(
                Server(base_url=url, model=model, api_key=key)
                for url, model, key in zip(self.llm_base_url, models, keys, strict=True)
            ),
            connect_timeout_s=self.llm_connect_timeout_s,
            read_timeout_s=self.llm_read_timeout_s,
            total_timeout_s=self.llm_total_timeout_s,
            max_tokens=self.llm_max_tokens,
            on_failure=self.llm_on_failure,
        )

    def rag_settings(self) -> RagSettings:
        """Return the answering layer's section."""
        return RagSettings(
            lexical_weight=self.lexical_weight,
            dense_weight=self.dense_weight,
            part_weight=self.part_weight,
            source_weight=self.source_weight,
            date_weight=self.date_weight,
            coverage_weight=self.coverage_weight,
            pair_weight=self.pair_weight,
            meaning_weight=self.meaning_weight,
            rerank_depth=self.rerank_depth,
            evidence_passages=self.evidence_passages,
            min_probability=self.min_probability,
        )


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings, from `VERSE_CONFIG`'s TOML file too where that is set.

    Raises:
        SettingsError: naming the setting, its value and what is allowed.
    """
    variables = os.environ if environment is None else environment
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    for name in sorted(variables):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise SettingsError(f"{name} is no setting; known are {', '.join(sorted(known))}")
    file = variables.get(CONFIG_VARIABLE)
    try:
        return Settings(**(_file_values(Path(file)) if file else {}))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        # An address may hold a password; the input of a check over all settings holds every secret.
        secret = name == "settings" or "key" in name or name in _SECRET
        shown = "" if secret else f" (value: {first.get('input')!r})"
        raise SettingsError(f"setting {name}: {first['msg']}{shown}") from (None if not shown else error)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _file_values(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: {path} cannot be read as TOML: {error}") from error
    unknown = sorted(set(content) - set(Settings.model_fields))
    if unknown:
        raise SettingsError(f"{path}: unknown setting {unknown[0]!r}")
    return content


def settings_table() -> str:
    """Return every setting as a Markdown table: what the README shows."""
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{json.dumps(field.default, default=str)}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    lines.append(f"| `{CONFIG_VARIABLE}` | | TOML file with the same settings |")
    return "\n".join(lines)
