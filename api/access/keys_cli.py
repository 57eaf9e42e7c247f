"""`verse keys`: make, list and revoke API keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from api.access.keys import ApiKey, Keys
    from api.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def keys_app(
    reported: Callable[[], AbstractContextManager[None]], settings: Callable[[], Settings]
) -> typer.Typer:
    """Return the commands; `reported` turns errors into a line and an exit status."""
    app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)

    @contextmanager
    def opened() -> Iterator[Keys]:
        with reported():
            from api.access.configuration import check_configuration
            from api.access.keys import Keys
            from api.access.pepper import Pepper
            from api.settings import SettingsError
            from api.store.database import Database

            found = settings()
            if found.pepper is None:
                raise SettingsError(
                    "VERSE_PEPPER is not set; keys are stored with it. Set it to what `openssl rand -base64 32` prints, here "
                    "and for `verse serve`, and keep it: another one makes every key worthless"
                )
            check_configuration(found)
            with closing(Database(found.conversations_file)) as database:
                yield Keys(database, Pepper(found.pepper.get_secret_value()))

    @app.command()
    def create(
        name: Annotated[str, typer.Argument(help="What it is for, such as the portal's name.")],
        scope: Annotated[list[str], typer.Option(help="ask, ingest or admin; give it once for each.")],
        embed: Annotated[
            bool,
            typer.Option("--embed", help="It may ask for embed tokens for any person: a portal's backend."),
        ] = False,
        user: Annotated[
            str | None, typer.Option(help="Whose eyes it has; unset: nobody's in particular.")
        ] = None,
        group: Annotated[
            list[str] | None, typer.Option(help="A group whose documents it reads; give it once for each.")
        ] = None,
        expires_days: Annotated[
            int | None, typer.Option(min=1, max=3650, help="Days until it expires; unset: never.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a key and print it: the only time that anybody sees it."""
        with opened() as keys:
            from api.access.principal import Scope
            from api.settings import SettingsError
            from api.store.ids import now_ms
            from api.store.retention import DAY_MS

            try:
                made, text = keys.create(
                    name,
                    frozenset(Scope(one) for one in scope),
                    may_embed=embed,
                    user=user,
                    groups=frozenset(group or ()),
                    expires_at=None if expires_days is None else now_ms() + expires_days * DAY_MS,
                )
            except ValueError as error:
                raise SettingsError(f"no key was made: {error}") from error
            if as_json:
                typer.echo(json.dumps({**_shown(made), "key": text}, ensure_ascii=False))
            else:
                typer.echo(text)
                typer.echo(
                    f"This is the only time that key {made.key_id} is shown. Send it as `Authorization: Bearer`, never in "
                    "an address, and never in a page.",
                    err=True,
                )

    @app.command("list")
    def list_keys(as_json: AsJson = False) -> None:
        """List the keys, which are not shown themselves: who, what for, since and until when."""
        with opened() as keys:
            for key in keys.all():
                shown = _shown(key)
                if as_json:
                    typer.echo(json.dumps(shown, ensure_ascii=False))
                else:
                    rights = ",".join([*shown["scopes"], *(["embed"] if key.may_embed else [])])
                    eyes = " ".join(
                        [
                            *([] if key.user is None else [f"user={key.user}"]),
                            *(f"group={g}" for g in shown["groups"]),
                        ]
                    )
                    times = " ".join(
                        f"{word}={shown[field]}"
                        for word, field in (
                            ("created", "created_at"),
                            ("used", "last_used_at"),
                            ("expires", "expires_at"),
                            ("REVOKED", "revoked_at"),
                        )
                        if shown[field] is not None
                    )
                    typer.echo(
                        "  ".join(part for part in (shown["prefix"], key.name, rights, eyes, times) if part)
                    )

    @app.command()
    def revoke(
        key_id: Annotated[str, typer.Argument(help="The id, as `verse keys list` shows it.")],
        as_json: AsJson = False,
    ) -> None:
        """Make a key worthless, and the embed tokens it asked for; a running service knows within a second."""
        with opened() as keys:
            revoked = keys.revoke(key_id.removeprefix("cv_"))
            if as_json:
                typer.echo(json.dumps(_shown(revoked), ensure_ascii=False))
            else:
                typer.echo(f"revoked {revoked.key_id} ({revoked.name})")

    return app


def _shown(key: ApiKey) -> dict[str, Any]:
    from api.store.ids import shown_time

    def at(time_ms: int | None) -> str | None:
        return None if time_ms is None else shown_time(time_ms)

    return {
        "id": key.key_id,
        "prefix": f"cv_{key.key_id}",
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "may_embed": key.may_embed,
        "user": key.user,
        "groups": sorted(key.groups),
        "created_at": at(key.created_at),
        "expires_at": at(key.expires_at),
        "last_used_at": at(key.last_used_at),
        "revoked_at": at(key.revoked_at),
    }
