"""`verse sessions`: list who is logged in, and end a person's sessions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from api.access.sessions import Session, Sessions
    from api.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def sessions_app(
    reported: Callable[[], AbstractContextManager[None]], settings: Callable[[], Settings]
) -> typer.Typer:
    """Return the commands; `reported` turns errors into a line and an exit status."""
    app = typer.Typer(help="List and end sessions of people who logged in.", no_args_is_help=True)

    @contextmanager
    def opened() -> Iterator[Sessions]:
        with reported():
            from api.access.configuration import check_configuration
            from api.access.pepper import Pepper
            from api.access.sessions import Sessions
            from api.settings import SettingsError
            from api.store.database import Database

            found = settings()
            if found.pepper is None:
                raise SettingsError(
                    "VERSE_PEPPER is not set; without it nobody can log in. Set it to what the service has"
                )
            check_configuration(found)
            with closing(Database(found.conversations_file)) as database:
                yield Sessions(
                    database,
                    Pepper(found.pepper.get_secret_value()),
                    idle_s=found.session_idle_s,
                    absolute_s=found.session_s,
                )

    @app.command("list")
    def list_sessions(as_json: AsJson = False) -> None:
        """List the sessions that let somebody in: who, with which groups, since, last seen and until when."""
        with opened() as sessions:
            for session in sessions.all():
                shown = _shown(session)
                if as_json:
                    typer.echo(json.dumps(shown, ensure_ascii=False))
                else:
                    groups = " ".join(f"group={group}" for group in shown["groups"])
                    times = " ".join(
                        f"{word}={shown[field]}"
                        for word, field in (
                            ("began", "created_at"),
                            ("seen", "seen_at"),
                            ("ends", "expires_at"),
                        )
                    )
                    typer.echo("  ".join(part for part in (shown["user"], groups, times) if part))

    @app.command()
    def revoke(
        user: Annotated[str, typer.Argument(help="The person, as `verse sessions list` shows them.")],
        as_json: AsJson = False,
    ) -> None:
        """End every session of a person; a running service knows within a second. They may log in anew."""
        with opened() as sessions:
            count = sessions.end_all_of(user)
            if as_json:
                typer.echo(json.dumps({"user": user, "ended": count}, ensure_ascii=False))
            else:
                typer.echo(f"ended {count} {'session' if count == 1 else 'sessions'} of {user}")

    return app


def _shown(session: Session) -> dict[str, Any]:
    from api.store.ids import shown_time

    return {
        "user": session.user,
        "groups": sorted(session.groups),
        "created_at": shown_time(session.created_at),
        "seen_at": shown_time(session.seen_at),
        "expires_at": shown_time(session.expires_at),
    }
