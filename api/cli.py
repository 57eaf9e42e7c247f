"""The `verse` command. Results on stdout, everything else on stderr; exit 0, 1 failed, 2 misused.

Heavy imports stand inside the commands, so that `verse --help` is quick.
"""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from api.access.keys_cli import keys_app
from api.access.sessions_cli import sessions_app
from eval.cli import Wiring
from eval.cli import app as eval_app
from eval.errors import DataSetError
from index.errors import AccessRuleError, QAError, SourceError
from rag.errors import QuestionError

if TYPE_CHECKING:
    from api.in_process import InProcess
    from api.settings import Settings
    from eval.cli import Progress
    from eval.datatypes import DataSet
    from index.access import AccessRule

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="verse",
    help="Answers from your own documents, every claim with quotes that anyone can check.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(eval_app, name="eval")

# What the extra `eval` brings.
_EVALUATION_PACKAGES = ("httpx2", "ir_measures", "matplotlib")

AsJson = Annotated[bool, typer.Option("--json", help="Print the record that the API returns.")]


def main() -> None:
    """Run the command line."""
    try:
        app()
    except BrokenPipeError:
        # The reader of a pipe had enough; that is no failure of ours.
        sys.stderr.close()


def _fail(error: QAError) -> NoReturn:
    typer.echo(f"verse: {error}", err=True)
    raise typer.Exit(
        2 if isinstance(error, SourceError | QuestionError | DataSetError | AccessRuleError) else 1
    )


def _settings(quiet: bool = True) -> Settings:
    from api.logs import set_up_logging
    from api.settings import load_settings

    settings = load_settings()
    if quiet:
        settings = settings.model_copy(update={"log_level": "warning", "log_format": "console"})
    set_up_logging(settings)
    return settings


@contextmanager
def _reported() -> Iterator[None]:
    """Turn our errors into a line on stderr and an exit status."""
    from api.settings import SettingsError

    try:
        yield
    except SettingsError as error:
        typer.echo(f"verse: {error}", err=True)
        raise typer.Exit(2) from None
    except ModuleNotFoundError as error:
        if error.name not in _EVALUATION_PACKAGES:
            raise
        typer.echo(
            f"verse: {error.name} is not installed; evaluation needs `pip install 'chapter-and-verse[eval]'`",
            err=True,
        )
        raise typer.Exit(1) from None
    except QAError as error:
        _fail(error)


app.add_typer(keys_app(_reported, lambda: _settings()), name="keys")
app.add_typer(sessions_app(_reported, lambda: _settings()), name="sessions")


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from rag import SOFTWARE_VERSION

        typer.echo(SOFTWARE_VERSION)
        raise typer.Exit(0)


@app.command()
def index(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Files and folders: HTML, PDF, DOCX, Markdown, text, EML, CSV, JSON Lines, ZIP of these."
        ),
    ],
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove documents that came from these paths and are gone.")
    ] = False,
    report: Annotated[
        bool,
        typer.Option(
            "--report",
            help="List every excluded part with its reason and text, and who tells the same story.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON Lines: changes, then a summary.")
    ] = False,
) -> None:
    """Add documents, replace changed ones, and publish the index."""
    with _reported(), _interruptible():
        settings = _settings()
        from api.duplicates_text import story_lines, story_record
        from index.build import update_index
        from index.embed import open_embedder
        from index.load import check_paths
        from index.models import find_model
        from index.state import StateFolder
        from rag.reader_model import prepare_reader

        state = StateFolder(settings.state_dir)
        # What cannot work is found before models are loaded.
        check_paths(paths)
        with state.writing():
            pass
        embedder = open_embedder(find_model(settings.embedder), state.models, threads=settings.thread_count)
        prepare_reader(state.models)  # so that the first question does not wait for it

        def on_event(event: str, document_id: str) -> None:
            # Only now is it on the disk, so the line is a receipt.
            if as_json:
                _print_json({"event": event, "document_id": document_id})

        with _progress_bar() as progress:
            done = update_index(
                state,
                paths,
                embedder,
                settings.index_settings(),
                prune=prune,
                list_excluded=report,
                on_event=on_event,
                progress=progress,
            )
        for problem in done.problems:
            typer.echo(f"verse: {problem}", err=True)
        for skipped in done.skipped:
            typer.echo(f"skipped {skipped}", err=True)
        if as_json:
            for document_id, span, text in done.excluded:
                _print_json(
                    {
                        "event": "excluded",
                        "document_id": document_id,
                        "start_char_index": span.start,
                        "end_char_index": span.end,
                        "reason": span.reason,
                        "text": text,
                    }
                )
            for story in done.stories:
                _print_json({"event": "same_story", **story_record(story)})
            _print_json(
                {
                    "event": "done",
                    "added": done.added,
                    "replaced": done.replaced,
                    "access": done.access,
                    "unchanged": done.unchanged,
                    "removed": done.removed,
                    "problems": [str(problem) for problem in done.problems],
                    "documents": done.documents,
                    "published": done.published,
                    "index_version": done.index_version,
                }
            )
        else:
            for document_id, span, text in done.excluded:
                typer.echo(f"{document_id} {span.start}-{span.end} {span.reason}\n    {text!r}")
            for story in done.stories:
                typer.echo(story_lines(story))
            typer.echo(_summary(done))
        if done.problems:
            raise typer.Exit(1)


@app.command()
def watch(
    folder: Annotated[Path, typer.Argument(help="The folder to keep in step.", file_okay=False)],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON Lines: changes, then a summary.")
    ] = False,
) -> None:
    """Keep a folder in step with the index until it is interrupted: new, changed and removed files."""
    with _reported():
        settings = _settings()
        import threading

        from index.build import IndexReport
        from index.embed import open_embedder
        from index.errors import IndexBusyError
        from index.load import check_paths
        from index.models import find_model
        from index.state import StateFolder
        from index.watch import watch_folder
        from rag.reader_model import prepare_reader

        check_paths([folder])
        state, stop = StateFolder(settings.state_dir), threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stop.set())
        embedder = open_embedder(find_model(settings.embedder), state.models, threads=settings.thread_count)
        prepare_reader(state.models)

        def on_event(event: str, document_id: str) -> None:
            if as_json and event != "unchanged":
                _print_json({"event": event, "document_id": document_id})

        def on_pass(done: IndexReport | SourceError) -> None:
            if isinstance(done, SourceError):
                typer.echo(f"verse: {done}; what is indexed stays", err=True)
                return
            for problem in done.problems:
                typer.echo(f"verse: {problem}", err=True)
            if as_json:
                _print_json(
                    {"event": "done", "documents": done.documents, "index_version": done.index_version}
                )
            else:
                typer.echo(_summary(done))

        try:
            watch_folder(
                state,
                folder,
                embedder,
                settings.index_settings(),
                stop=stop,
                on_pass=on_pass,
                on_event=on_event,
            )
        except IndexBusyError:
            if not stop.is_set():
                raise
        typer.echo("verse: stopped; what was stored is kept", err=True)


def _summary(done: Any) -> str:
    changes = [
        f"{count} {word}"
        for count, word in (
            (done.added, "added"),
            (done.replaced, "replaced"),
            (done.access, "with another access rule"),
            (done.removed, "removed"),
            (done.unchanged, "unchanged"),
        )
        if count
    ]
    if not done.published:
        return f"nothing to do: {', '.join(changes) or 'no documents'}; index {done.index_version}"
    return (
        f"{', '.join(changes) or 'index made anew'}; {done.documents} documents in index {done.index_version}"
    )


@app.command()
def duplicates(as_json: AsJson = False) -> None:
    """List the documents that tell the same story, as the index found them; each counts as evidence once."""
    with _reported():
        settings = _settings()
        from api.duplicates_text import story_lines, story_record
        from index.catalog import Catalog
        from index.duplicates import stories
        from index.errors import IndexMissingError
        from index.state import StateFolder

        state = StateFolder(settings.state_dir)
        if not state.catalog.is_file():
            raise IndexMissingError(f"there is no index in {state.path}; run `verse index PATH` first")
        with Catalog(state.catalog) as catalog:
            found = stories(catalog.signatures.pairs())
        for story in found:
            if as_json:
                _print_json(story_record(story))
            else:
                typer.echo(story_lines(story))
        if not found and not as_json:
            typer.echo("no two documents tell the same story")


@app.command()
def access(
    document_id: Annotated[str, typer.Argument(help="The document's id.")],
    public: Annotated[bool, typer.Option("--public", help="Let everybody read it who may ask.")] = False,
    users: Annotated[
        list[str] | None, typer.Option("--user", help="Let this person read it (several times).")
    ] = None,
    groups: Annotated[
        list[str] | None, typer.Option("--group", help="Let this group read it (several times).")
    ] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Let nobody read it but the operator.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rule as the API returns it.")] = False,
) -> None:
    """Show who may read a document, or say who may from now on; a running service heeds it at once."""
    with _reported():
        settings = _settings()
        from index.access import read_rule, rule_value
        from index.rules import Rules, set_access
        from index.state import StateFolder

        stated = [public, nobody, bool(users or groups)]
        if sum(stated) > 1:
            raise SourceError("--public, --nobody and --user or --group exclude each other; give one of them")
        catalog = StateFolder(settings.state_dir).catalog
        if any(stated):
            names = {"users": users or [], "groups": groups or []}
            rule = read_rule("public" if public else names)
            there = set_access(catalog, document_id, rule)
        else:
            found = Rules(catalog).rule_of(document_id)
            there, rule = found is not None, found or read_rule({"users": []})
        if not there:
            raise SourceError(f"there is no document {document_id!r}; `verse index --json PATH` names them")
        if as_json:
            _print_json({"document_id": document_id, "access": rule_value(rule)})
        else:
            typer.echo(_readers(rule))


def _readers(rule: AccessRule) -> str:
    if rule.public:
        return "everybody who may ask"
    names = [f"user {name}" for name in sorted(rule.users)] + [
        f"group {name}" for name in sorted(rule.groups)
    ]
    return "\n".join(names) or "nobody but the operator"


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    as_json: AsJson = False,
    max_citations: Annotated[int, typer.Option(min=1, max=20, help="Most quotes to show.")] = 5,
) -> None:
    """Answer a question with quotes, sources and offsets."""
    with _reported():
        settings = _settings()
        from api.engine import Engine
        from api.schemas import answer_out
        from index.access import OPERATOR
        from rag.answer import Ask, answer_question
        from rag.question import checked_question

        checked_question(question)
        engine = Engine(settings)
        engine.refresh()
        asked = Ask(question=question, max_citations=max_citations, viewer=OPERATOR)
        record = answer_out(answer_question(asked, engine.stages()), asked)
        if as_json:
            typer.echo(record.model_dump_json(indent=1))
        else:
            from api.terminal import show_answer

            show_answer(record)


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; only loopback without VERSE_AUTH.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Serve the HTTP API and the viewer."""
    with _reported():
        settings = _settings(quiet=False)
        host = host.removeprefix("[").removesuffix("]")
        from api.access.configuration import check_served

        check_served(settings, host)
        # Before the models are loaded, so that a port in use is found at once; 0 takes a free one.
        with _bound(host, port) as listening:
            for number in (signal.SIGTERM, signal.SIGINT):
                # After a clean end the server raises its signal again for whoever handled it before.
                signal.signal(number, _end)
            _run_server(settings, host, listening)


def _run_server(settings: Settings, host: str, listening: socket.socket) -> None:
    import uvicorn

    from api.access.configuration import check_way_in
    from api.access.keys import Keys
    from api.access.pepper import Pepper
    from api.app import create_app
    from api.engine import Engine
    from api.guards import MAX_HEADER_BYTES, MAX_TARGET_BYTES
    from api.patience import patient
    from api.store.database import Database

    port = listening.getsockname()[1]
    address = f"http://{_in_url(host)}:{port}"
    if "public_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"public_url": address})

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            logger.info("serving on %s", address)

    # Loaded here and not by the server, so that what is wrong is one line and exit 1.
    engine = Engine(settings)
    database = Database(settings.conversations_file)
    if settings.pepper is not None:
        pepper = Pepper(settings.pepper.get_secret_value())
        check_way_in(settings, any_key=Keys(database, pepper).any_usable())
    server = Server(
        uvicorn.Config(
            create_app(settings, port=port, engine=engine, database=database),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=int(settings.shutdown_timeout_s) or 1,
            timeout_keep_alive=5,
            http=patient(settings.receive_timeout_s),
            # Longer than what the guards take, so that they read it and say what is wrong.
            h11_max_incomplete_event_size=2 * (MAX_HEADER_BYTES + MAX_TARGET_BYTES),
        )
    )
    try:
        server.run(sockets=[listening])
    finally:
        engine.close()
    if not server.started:
        raise typer.Exit(1)


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address, not listening yet."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # Of "localhost", the address that a client tries who is told 127.0.0.1.
        family, kind, protocol, _, address = min(addresses, key=lambda a: a[0] != socket.AF_INET)
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
        except OSError:
            found.close()
            raise
    except OSError as error:
        typer.echo(
            f"verse: cannot listen on {_in_url(host)}:{port}: {error.strerror}; choose another with --port",
            err=True,
        )
        raise typer.Exit(1) from None
    return found


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@app.command()
def mcp() -> None:
    """Serve MCP on stdin and stdout, for a client that starts this command itself."""
    with _reported():
        settings = _settings(quiet=False)
        # A thread waits for stdin and cannot be interrupted; there is nothing half written to save.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        from api.mcp_stdio import serve_stdio

        serve_stdio(settings)


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Folder to make; it must not exist.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False,
) -> None:
    """Write a backup of documents, rules and conversations; the service may go on meanwhile."""
    with _reported():
        settings = _settings()
        from dataclasses import asdict

        from api.maintenance import backup as make

        made = make(settings, folder)
        if as_json:
            _print_json(asdict(made))
        else:
            typer.echo(
                f"{made.documents} documents in {folder}, every file verified: {', '.join(made.files)}"
            )


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A folder that `verse backup` made.")],
    state: Annotated[
        Path | None,
        typer.Option("--state", help="Folder to restore to, else VERSE_STATE_DIR; missing or empty."),
    ] = None,
) -> None:
    """Verify a backup, and make a state folder from it; nothing is ever written over."""
    with _reported():
        settings = _settings()
        if state is not None:
            settings = settings.model_copy(update={"state_dir": state, "database_url": None})
        from api.maintenance import restore as make
        from index.backup import read_backup
        from index.embed import open_embedder
        from index.models import find_model

        read_backup(source)  # before models are loaded
        # The models are converted beside the folder, which must stay empty until it appears.
        with tempfile.TemporaryDirectory() as models:
            embedder = open_embedder(
                find_model(settings.embedder), Path(models), threads=settings.thread_count
            )
            made = make(settings, source, embedder)
        typer.echo(f"{made.documents} documents restored to {settings.state_dir}, verified and indexed")


@app.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print counts and findings.")] = False,
) -> None:
    """Verify every document, rule, passage, vector, index file and stored quote; exit 1 with each finding."""
    with _reported():
        settings = _settings()
        from dataclasses import asdict

        from api.maintenance import check as verify

        found = verify(settings)
        if as_json:
            _print_json(
                {
                    "counts": found.counts,
                    "findings": [asdict(one) for one in found.damages],
                    "notes": found.notes,
                }
            )
        else:
            for damage in found.damages:
                typer.echo(f"BAD  {damage.what}\n     → {damage.advice}")
            for note in found.notes:
                typer.echo(f"note {note}")
            counts = ", ".join(f"{count} {what}" for what, count in found.counts.items())
            typer.echo(f"checked {counts or 'nothing'}; {len(found.damages)} findings")
        if found.damages:
            raise typer.Exit(1)


@app.command()
def forget(
    document_ids: Annotated[list[str], typer.Argument(help="Ids of the documents.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Remove documents and every byte of their text: from files, logs, the index and stored answers."""
    with _reported(), _interruptible():
        settings = _settings()
        from api.maintenance import forget as make
        from index.embed import open_embedder
        from index.models import find_model
        from index.state import StateFolder

        state = StateFolder(settings.state_dir)
        embedder = open_embedder(find_model(settings.embedder), state.models, threads=settings.thread_count)
        done = make(settings, document_ids, embedder)
        if as_json:
            _print_json(
                {
                    "removed": done.removed,
                    "answers_changed": done.answers_changed,
                    "index_version": done.index_version,
                    "left_in": [str(path) for path in done.left_in],
                }
            )
        else:
            typer.echo(f"{done.removed} documents forgotten, {done.answers_changed} stored answers changed")
        for path in done.left_in:
            typer.echo(f"verse: {path} still holds a piece of the text; delete it", err=True)
        if done.left_in:
            raise typer.Exit(1)


@app.command()
def replay(
    answer_file: Annotated[
        Path, typer.Argument(help="An answer record as JSON, such as verse ask --json prints.")
    ],
    as_json: AsJson = False,
) -> None:
    """Ask again what an answer record answers, and show any difference; exit 1 if there is one."""
    with _reported():
        settings = _settings()
        from api.engine import Engine
        from api.replay import asked_again, changed_sources, read_record, replayed_difference
        from api.schemas import answer_out
        from rag.answer import answer_question

        record = read_record(answer_file)
        engine = Engine(settings)
        engine.refresh()
        asked = asked_again(record)
        now = answer_out(answer_question(asked, engine.stages()), asked)
        generation = engine.stages().generation

        def text_now(document_id: str) -> tuple[int, str] | None:
            ordinal = generation.ordinal(document_id)
            found = None if ordinal is None else generation.document_at(ordinal)
            return None if found is None else (found.version, found.sha256)

        differences = changed_sources(record, text_now) + replayed_difference(record, now)
        if as_json:
            _print_json({"same": not differences, "differences": differences})
        else:
            typer.echo("the same answer, quote for quote" if not differences else "\n".join(differences))
        if differences:
            raise typer.Exit(1)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check the installation, the models and the index, and say what to do."""
    with _reported():
        settings = _settings()
        from api.doctor import examine

        findings = examine(settings)
        if as_json:
            _print_json({"findings": [finding.as_dict() for finding in findings]})
        else:
            for finding in findings:
                mark = "ok  " if finding.good else "BAD "
                typer.echo(f"{mark} {finding.what}: {finding.detail}")
                if finding.advice:
                    typer.echo(f"     → {finding.advice}")
        if not all(finding.good for finding in findings):
            raise typer.Exit(1)


@eval_app.callback()
def _evaluation(ctx: typer.Context) -> None:
    """Lend the service to the evaluation, which may not import it."""

    def open_service(data_set: DataSet, progress: Progress) -> InProcess:
        from api.engine import Engine
        from api.in_process import InProcess, open_corpus

        settings = _settings()
        if not data_set.corpus and not data_set.documents:
            return InProcess(Engine(settings))
        return open_corpus(settings, data_set.name, data_set.corpus, data_set.documents, progress)

    def feedback() -> Iterator[dict[str, Any]]:
        from api.feedback import Feedback
        from api.store.database import Database
        from index.rules import Rules
        from index.state import StateFolder

        file = _settings().conversations_file
        if not file.exists():
            return  # nobody has asked this service anything
        with closing(Database(file)) as database:
            rules = Rules(StateFolder(_settings().state_dir).catalog)
            yield from Feedback(database, withheld=rules.withheld).rows()

    ctx.obj = Wiring(
        open_service=open_service,
        settings=lambda: _settings().answer_settings(),
        runs=lambda: _settings().state_dir / "eval" / "runs",
        feedback=feedback,
        reported=_reported,
        progress_bar=_progress_bar,
    )


@contextmanager
def _interruptible() -> Iterator[None]:
    """End on SIGTERM as on Ctrl-C: cleanly, saying that nothing stored is lost."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(
            "verse: stopped; what was stored is kept, and the index before still serves. Run it again to go on.",
            err=True,
        )
        raise typer.Exit(1) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Draw a bar on a terminal and nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total or None)
            bar.update(tasks[stage], completed=done, total=total or None)

        yield progress


def _print_json(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
