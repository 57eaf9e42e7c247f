"""What a login carries from its beginning to its end: sealed in `state`, bound to the browser, used once.

Nothing is stored until a login ends, so that whoever begins thousands fills no table. PKCE's verifier and
the nonce are derived from what only this browser's cookie and this state have together, so that neither a
stolen state nor a stolen cookie is enough.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from api.access.errors import LoginError, LoginOverError
from api.access.pepper import Pepper, random_credential
from api.store.database import Database
from api.store.ids import now_ms
from api.store.tables import spent_logins

LASTS_S = 600
_AGAIN = "begin again at /login"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginState:
    """One login under way. `challenge` is PKCE's S256 of `verifier`; `return_to` a path of ours."""

    state: str
    nonce: str
    verifier: str
    return_to: str

    @property
    def challenge(self) -> str:
        """Return what the provider is shown first of the verifier."""
        return _unpadded(hashlib.sha256(self.verifier.encode("ascii")).digest())


class LoginStates:
    """Makes and takes back states; `take` may block on the disk."""

    def __init__(self, database: Database, pepper: Pepper, *, now: Callable[[], int] = now_ms) -> None:
        self._database = database
        self._pepper = pepper
        self._seal = Fernet(base64.urlsafe_b64encode(pepper.key("login state")))
        self._now = now

    def begin(self, browser: str, return_to: str) -> LoginState:
        """Return the state of a new login of a browser, named by what its cookie holds."""
        login = random_credential()
        content = {
            "login": login,
            "browser": self._pepper.digest("login browser", browser),
            "return_to": return_to,
        }
        sealed = self._seal.encrypt_at_time(json.dumps(content).encode(), self._now() // 1000)
        return self._of(sealed.decode("ascii"), browser, login, return_to)

    def take(self, browser: str, state: str) -> LoginState:
        """Return a login that this browser began, and make its state worthless.

        Of several who take the same state at once, one gets it.

        Raises:
            LoginError: it is none of ours.
            LoginOverError: it is of another browser, too old, or was used.
            StoreError: it cannot be written down as used.
        """
        now = self._now()
        try:
            content = json.loads(self._seal.decrypt_at_time(state.encode("utf-8"), LASTS_S, now // 1000))
        except (InvalidToken, UnicodeEncodeError) as error:
            if self.begun_here(state):
                raise LoginOverError(f"this login was begun too long ago; {_AGAIN}") from error
            raise LoginError(f"this login was not begun here; {_AGAIN}") from error
        if not self._pepper.fits("login browser", browser, content["browser"]):
            raise LoginOverError(f"this login was begun in another browser; {_AGAIN}")
        try:
            with self._database.writing() as connection:
                connection.execute(delete(spent_logins).where(spent_logins.c.expires_at <= now))
                connection.execute(
                    insert(spent_logins).values(
                        digest=self._pepper.digest("login spent", content["login"]),
                        # Twice as long as a state holds, for a clock that is set back a little.
                        expires_at=now + 2 * LASTS_S * 1000,
                    )
                )
        except IntegrityError as error:
            raise LoginOverError(f"this login was finished already; {_AGAIN}") from error
        return self._of(state, browser, content["login"], content["return_to"])

    def begun_here(self, state: str) -> bool:
        """Tell whether a state was made here once, however long ago."""
        try:
            self._seal.decrypt(state.encode("utf-8"))
        except (InvalidToken, UnicodeEncodeError):
            return False
        return True

    def _of(self, state: str, browser: str, login: str, return_to: str) -> LoginState:
        return LoginState(
            state=state,
            nonce=self._pepper.digest("login nonce", f"{browser} {login}"),
            verifier=self._pepper.digest("login verifier", f"{browser} {login}"),
            return_to=return_to,
        )


def own_path(text: str) -> str:
    """Return where to go after a login: a path of this service, or its first page for all else."""
    whole = len(text) <= 2000 and text.isascii() and text.isprintable()
    # Browsers read a backslash as a slash, and two slashes as another host.
    return text if whole and text.startswith("/") and text[1:2] not in ("/", "\\") else "/"


def _unpadded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
