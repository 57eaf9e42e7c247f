"""`verse eval …`: run, score, compare, check, report, export, judge, new, from-feedback, metrics.

What these commands need of the service in this process comes with the context (`Wiring`), since
this package may not import the API. Heavy imports stand inside the commands.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eval.errors import EvaluationError

if TYPE_CHECKING:
    from eval.datatypes import DataSet, Run, Scores, Target
    from eval.targets import InProcessService

app = typer.Typer(help="Measure quality and speed, and tell better from worse.", no_args_is_help=True)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the command line lends to these commands.

    `open_service` indexes a data set's documents, apart from the person's own, and opens the
    service over them; a data set without documents is asked of the person's own index. `settings`
    are those that may change an answer. `feedback` is what people said of stored answers. `reported` turns our errors into a line and an exit status.
    """

    open_service: Callable[[DataSet, Progress], InProcessService]
    settings: Callable[[], Mapping[str, Any]]
    runs: Callable[[], Path]
    feedback: Callable[[], Iterable[Mapping[str, Any]]]
    reported: Callable[[], AbstractContextManager[None]]
    progress_bar: Callable[[], AbstractContextManager[Progress]]


RunFolder = Annotated[Path, typer.Argument(help="A run folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DataFolder = Annotated[Path | None, typer.Option(help="Folder with the public data sets.")]


@app.command()
def run(
    ctx: typer.Context,
    data: Annotated[
        str, typer.Option(help="A data set's name (see `verse eval data`), or a .jsonl, .csv or BEIR folder.")
    ] = "seeds",
    folder: DataFolder = None,
    target: Annotated[str, typer.Option(help="in-process, or the URL of a server, ours or another.")] = (
        "in-process"
    ),
    out: Annotated[
        Path | None, typer.Option(help="Run folder; a new one below the state folder if left out.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run in --out.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask failed questions again.")] = False,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Questions asked at the same time.")] = 2,
    search_k: Annotated[int, typer.Option(min=1, max=100, help="Depth of the ranking that is kept.")] = 20,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask a seeded sample of this many.")] = None,
    variants: Annotated[str, typer.Option(help="Also ask these variants: typo,lower_case.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Seed of samples and variants.")] = 0,
    timeout_s: Annotated[float, typer.Option(min=0.1, help="Time for one request to a server.")] = 60.0,
    retries: Annotated[int, typer.Option(min=0, max=20, help="Tries after a 429 or 503.")] = 3,
    protocol: Annotated[str, typer.Option(help="auto, native or chat.")] = "auto",
    model: Annotated[str | None, typer.Option(help="Model id on a chat server.")] = None,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the server's key.")
    ] = None,
    abstention_pattern: Annotated[
        str | None, typer.Option(help="Regular expression: a chat answer that says nothing was found.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask every question and write a run folder; print its scores."""
    wiring: Wiring = ctx.obj
    with wiring.reported():
        from eval.datasets import load_data_set, sample, with_variants
        from eval.score import scores_json

        data_set = load_data_set(data, folder)
        if limit is not None:
            data_set = sample(data_set, limit, seed)
        if variants:
            data_set = with_variants(data_set, [name.strip() for name in variants.split(",")], seed)
        if resume and out is None:
            raise EvaluationError("--resume needs --out, the folder of the run to go on with")
        place = out or wiring.runs() / f"{data_set.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        with (
            wiring.progress_bar() as progress,
            _opened(
                wiring,
                data_set,
                target,
                progress,
                protocol=protocol,
                timeout_s=timeout_s,
                retries=retries,
                model=model,
                api_key=_key(api_key_env),
                abstention_pattern=abstention_pattern,
            ) as asked,
        ):
            _ask_all(
                wiring,
                data_set,
                asked,
                place,
                progress,
                parallel=parallel,
                search_k=search_k,
                resume=resume,
                retry_failed=retry_failed,
                seed=seed,
            )
        scores = _scored(place)
        if as_json:
            _print_json({"folder": str(place), **scores_json(scores)})
        else:
            typer.echo(str(place))
            _show_scores(scores_json(scores))
        if scores.counts.failed == scores.counts.questions:
            raise EvaluationError(f"every question failed: {dict(scores.counts.failures)}; see {place}")


@contextmanager
def _opened(
    wiring: Wiring,
    data_set: DataSet,
    target: str,
    progress: Progress,
    *,
    protocol: str,
    timeout_s: float,
    retries: int,
    model: str | None,
    api_key: str | None,
    abstention_pattern: str | None,
) -> Iterator[Target]:
    """Open what is to be asked."""
    from eval.targets import ChatServer, InProcess, NativeServer, detect_target

    if target == "in-process":
        yield InProcess(wiring.open_service(data_set, progress))
        return
    if not target.startswith(("http://", "https://")):
        raise EvaluationError(f"--target is {target!r}; it must be in-process or an http(s) URL")
    if protocol not in ("auto", "native", "chat"):
        raise EvaluationError(f"--protocol is {protocol!r}; it must be auto, native or chat")
    common: dict[str, Any] = {"timeout_s": timeout_s, "retries": retries, "api_key": api_key}
    chat: dict[str, Any] = {**common, "model": model, "abstention_pattern": abstention_pattern}
    server: NativeServer | ChatServer
    if protocol == "native":
        server = NativeServer(target, **common)
    elif protocol == "chat":
        server = ChatServer(target, **chat)
    else:
        server = detect_target(target, **chat)
    with server:
        yield server


def _ask_all(
    wiring: Wiring,
    data_set: DataSet,
    target: Target,
    place: Path,
    progress: Progress,
    *,
    parallel: int,
    search_k: int,
    resume: bool,
    retry_failed: bool,
    seed: int,
) -> None:
    from eval.run import run_questions

    run_questions(
        data_set,
        target,
        place,
        parallel=parallel,
        search_k=search_k,
        resume=resume,
        retry_failed=retry_failed,
        seed=seed,
        # A server has settings of its own; ours would only mislead.
        settings=wiring.settings() if target.name == "in-process" else {},
        on_progress=lambda done, total, _outcomes: progress("asking", done, total),
    )


@app.command()
def data() -> None:
    """List the data sets that are known by name."""
    from eval.datasets import DATA_SETS

    for name, words in DATA_SETS.items():
        typer.echo(f"{name:<16} {words}")


@app.command()
def metrics(as_json: AsJson = False) -> None:
    """Say what each metric means, with its edge cases and source."""
    from eval.metrics import METRICS

    if as_json:
        _print_json(
            {
                name: {
                    "title": metric.title,
                    "definition": metric.definition,
                    "source": metric.source,
                    "higher_is_better": metric.higher_is_better,
                    "family": metric.family,
                    "form": metric.form,
                }
                for name, metric in METRICS.items()
            }
        )
        return
    for name, metric in METRICS.items():
        better = "higher is better" if metric.higher_is_better else "lower is better"
        typer.echo(
            f"{name} ({metric.family}, {better})\n    {metric.definition}\n    Source: {metric.source}\n"
        )


@app.command()
def score(ctx: typer.Context, folder: RunFolder, as_json: AsJson = False) -> None:
    """Score a run from its folder alone."""
    wiring: Wiring = ctx.obj
    with wiring.reported():
        from eval.score import scores_json

        found = scores_json(_scored(folder))
        if as_json:
            _print_json(found)
        else:
            _show_scores(found)


@app.command()
def compare(
    ctx: typer.Context,
    before: Annotated[Path, typer.Argument(help="Run folder A.")],
    after: Annotated[Path, typer.Argument(help="Run folder B.")],
    metric: Annotated[list[str] | None, typer.Option(help="Compare these; may be given again.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare two runs question by question: is B better than A, or is it chance?"""
    wiring: Wiring = ctx.obj
    with wiring.reported():
        from eval.compare import compare_runs, comparison_json, comparison_text

        found = compare_runs(_read(before), _read(after), metrics=metric or None, seed=seed)
        if as_json:
            _print_json(comparison_json(found))
        else:
            typer.echo(comparison_text(found))


@app.command()
def check(
    ctx: typer.Context,
    expected: Annotated[Path | None, typer.Option(help="What is promised.")] = None,
    folder: DataFolder = None,
    keep: Annotated[Path | None, typer.Option(help="Keep the run folders here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run what expected.toml promises; exit 1 with the reason where a score has fallen."""
    wiring: Wiring = ctx.obj
    with wiring.reported():
        from eval.check import EXPECTED, read_promises
        from eval.metrics import METRICS

        promises = read_promises(
            expected or EXPECTED, {name: metric.higher_is_better for name, metric in METRICS.items()}
        )
        lines: list[dict[str, Any]] = []
        for promise in promises:
            if promise.needs_folder and folder is None:
                # Said on every run, so that nobody takes a gate for wider than it is.
                lines.append(
                    {"promise": promise.name, "kept": None, "words": "NOT CHECKED: it needs --folder"}
                )
                typer.echo(
                    f"NOT CHECKED {promise.name}: it needs --folder, the folder with the data", err=True
                )
                continue
            for finding in _checked(wiring, promise, folder, keep):
                lines.append({"promise": promise.name, "kept": finding.kept, "words": finding.words})
                if not as_json:
                    typer.echo(finding.line())
        broken = [line for line in lines if line["kept"] is False]
        if as_json:
            _print_json({"kept": not broken, "checked": lines})
        if not any(line["kept"] is not None for line in lines):
            raise EvaluationError("nothing was checked: every promise needs --folder")
        if broken:
            raise EvaluationError(f"{len(broken)} of {len(lines)} promises are not kept")


def _checked(wiring: Wiring, promise: Any, folder: Path | None, keep: Path | None) -> list[Any]:
    import tempfile

    from eval.check import findings
    from eval.datasets import load_data_set, sample
    from eval.targets import InProcess

    data_set = load_data_set(promise.data, folder)
    if promise.limit is not None:
        data_set = sample(data_set, promise.limit, promise.seed)
    with tempfile.TemporaryDirectory() as temporary, wiring.progress_bar() as progress:
        place = (keep or Path(temporary)) / promise.name
        target = InProcess(wiring.open_service(data_set, progress))
        _ask_all(
            wiring,
            data_set,
            target,
            place,
            progress,
            parallel=2,
            search_k=20,
            resume=False,
            retry_failed=False,
            seed=promise.seed,
        )
        return findings(promise, _scored(place))


@app.command()
def report(
    ctx: typer.Context,
    folders: Annotated[list[Path], typer.Argument(help="Run folders; two are compared.")],
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    markdown: Annotated[Path | None, typer.Option(help="Also write the scores as Markdown.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json-out", help="Also write them as JSON.")] = None,
) -> None:
    """Write one self-contained page with scores, pictures, the comparison and every answer."""
    wiring: Wiring = ctx.obj
    with wiring.reported():
        from eval.judgement import read_judgement
        from eval.report import gather, report_json, report_markdown, write_report

        found = gather(
            [_read(folder) for folder in folders], judgements=[read_judgement(folder) for folder in folders]
        )
        write_report(found, out)
        typer.echo(str(out))
        if markdown is not None:
            _write_text(markdown, report_markdown(found))
            typer.echo(str(markdown))
        if json_out is not None:
            _write_json(json_out, report_json(found))
            typer.echo(str(json_out))


@app.command()
def export(
    ctx: typer.Context,
    folder: RunFolder,
    form: Annotated[str, typer.Option("--format", help="ragas, deepeval, trec-run or trec-qrels.")] = "ragas",
    out: Annotated[Path | None, typer.Option(help="File to write; stdout if left out.")] = None,
) -> None:
    """Write a run in the row formats of other tools."""
    wiring: Wiring = ctx.obj
    with wiring.reported():
        from eval.export import export_text

        text, left_out = export_text(_read(folder), form)
        if out is None:
            typer.echo(text, nl=False)
        else:
            _write_text(out, text)
        if left_out:
            typer.echo(f"verse: {left_out} failed questions are not in it", err=True)


@app.command()
def judge(
    ctx: typer.Context,
    folder: RunFolder,
    base_url: Annotated[str, typer.Option(help="An OpenAI-compatible server.")],
    model: Annotated[str, typer.Option(help="The judging model, by its exact id.")],
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the server's key.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=2, max=10, help="How often each answer is judged.")] = 2,
    limit: Annotated[int | None, typer.Option(min=1)] = None,
    timeout_s: Annotated[float, typer.Option(min=0.1)] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Let a model judge the answers of a run. Never part of the gate."""
    wiring: Wiring = ctx.obj
    with wiring.reported():
        from eval.judge import judge_folder, judgement_json, judgement_text

        found = judge_folder(
            folder,
            base_url=base_url,
            model=model,
            api_key=_key(api_key_env),
            repeats=repeats,
            limit=limit,
            timeout_s=timeout_s,
        )
        if as_json:
            _print_json(judgement_json(found))
        else:
            typer.echo(judgement_text(found))


@app.command()
def new(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument(help="The questions.jsonl to write or go on with.")],
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many questions to propose.")] = 50,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Propose questions from your documents, for you to accept, edit or refuse."""
    wiring: Wiring = ctx.obj
    with wiring.reported():
        from eval.datatypes import DataSet as Questions
        from eval.new import review_in_terminal
        from eval.targets import InProcess

        everything = Questions(name="own", questions=(), sha256="", licence="yours")
        with wiring.progress_bar() as progress:
            service = InProcess(wiring.open_service(everything, progress))
        kept = review_in_terminal(service, out, count=count, seed=seed, read=input, write=typer.echo)
        typer.echo(f"{kept} questions in {out}", err=True)


@app.command("from-feedback")
def from_feedback(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument(help="The questions.jsonl to write or add to.")],
    as_json: AsJson = False,
) -> None:
    """Propose questions from what people said of answers; a person accepts them in the file."""
    wiring: Wiring = ctx.obj
    with wiring.reported():
        from eval.from_feedback import write_proposals

        done = write_proposals(wiring.feedback(), out)
        if as_json:
            _print_json({"file": str(out), "added": done.added, "known": done.known})
        elif done.added or done.known:
            typer.echo(f"{done.added} questions proposed in {out}, {done.known} were there already", err=True)
            typer.echo('Where one is right, write "status": "accepted"; the others are not asked.', err=True)
        else:
            typer.echo("verse: nobody has given feedback yet; nothing was written", err=True)


@app.command("verify")
def verify(
    url: Annotated[str, typer.Option(help="A running server.")] = "http://127.0.0.1:8000",
    questions: Annotated[Path | None, typer.Option(help="Questions as JSON Lines.")] = None,
) -> None:
    """Check every citation of every answer by HTTP alone, and score the answers."""
    from eval.verify_citations import DEFAULT_QUESTIONS
    from eval.verify_citations import run as verify_all

    raise typer.Exit(verify_all(url, questions or DEFAULT_QUESTIONS, None))


def _scored(folder: Path) -> Scores:
    """Score a run, and keep the scores with it."""
    from eval.score import score_run, scores_json

    found = score_run(_read(folder))
    _write_json(folder / "scores.json", scores_json(found))
    return found


def _read(folder: Path) -> Run:
    from eval.run_folder import read_run

    return read_run(folder)


def _key(variable: str | None) -> str | None:
    """Read a key from the environment: on the command line everybody on the machine could see it."""
    if variable is None:
        return None
    value = os.environ.get(variable)
    if not value:
        raise EvaluationError(f"the environment variable {variable} is not set")
    return value


def _show_scores(found: Mapping[str, Any]) -> None:
    counts = found["counts"]
    typer.echo(
        f"{counts['questions']} questions: {counts['answered']} answered, {counts['partial']} partial, "
        f"{counts['abstained']} abstained, {counts['failed']} failed"
    )
    for kind, count in sorted(counts["failures"].items()):
        typer.echo(f"    {kind}: {count}")
    for name, estimate in found["metrics"].items():
        if estimate["value"] is None:
            continue
        interval = "" if estimate["low"] is None else f" [{estimate['low']:.3f}, {estimate['high']:.3f}]"
        typer.echo(f"{name:<28}{estimate['value']:>10.3f}{interval}  n={estimate['n']}")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    _write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _write_text(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"{path} cannot be written: {error.strerror}") from error


def _print_json(content: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(content, ensure_ascii=False))
