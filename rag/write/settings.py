"""Which model writes, and within which bounds. Frozen; reads no environment: the service passes it in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

OnFailure = Literal["extractive", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One OpenAI-compatible server: `base_url` is what stands before `/chat/completions`.

    Raises:
        ValueError: the address is no plain http(s) address, or the model or the key cannot be sent.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.base_url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            parts, usable = urlsplit(""), False
        if (
            not usable
            or not self.base_url.isascii()
            or not self.base_url.isprintable()
            or " " in self.base_url
        ):
            raise ValueError(
                f"{self.base_url!r} is no address of a model server; write it as http://127.0.0.1:8080/v1"
            )
        if parts.username is not None or parts.query or parts.fragment:
            # It is shown to the operator in messages, and a password must not be.
            raise ValueError(
                "a model server's address must have no user, password, query or fragment; the key has a setting of its own"
            )
        if not self.model.strip() or not self.model.isprintable():
            raise ValueError(
                f"{self.model!r} is no model's name; take one that the server lists under /models"
            )
        key = self.api_key
        if key is not None and not (key.isascii() and key.isprintable() and key.strip()):
            raise ValueError("a model server's key is empty or holds characters that no header may hold")

    @property
    def address(self) -> str:
        """Where completions are asked for."""
        return f"{self.base_url.rstrip('/')}/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSettings:
    """The servers in the order in which they are tried, and what they may take.

    `connect_timeout_s` is for reaching one server, `read_timeout_s` for each piece of its answer, the
    first included, `total_timeout_s` for all writing of one answer: every server, every retry.
    `on_failure` says what an answer is where no model wrote one: the extractive one, or an error.
    """

    servers: tuple[Server, ...]
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 15.0
    total_timeout_s: float = 25.0
    max_tokens: int = 700
    on_failure: OnFailure = "extractive"

    def __post_init__(self) -> None:
        if not self.servers:
            raise ValueError("no server is named; give at least one, or leave the writer out")
        bounds = {
            "connect_timeout_s": (0.01, 600.0),
            "read_timeout_s": (0.01, 600.0),
            "total_timeout_s": (0.01, 600.0),
            "max_tokens": (16, 8_192),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; it must be {low} to {high}")
        if self.on_failure not in ("extractive", "error"):
            raise ValueError(f"on_failure is {self.on_failure!r}; it must be 'extractive' or 'error'")
