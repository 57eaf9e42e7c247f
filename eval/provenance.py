"""What a run has to say of itself: which code, on which machine, by which command."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.bench import record

# Beside those of `eval.bench.record`: what asks and scores.
_PACKAGES = ("chapter-and-verse", "httpx2", "scipy", "ir-measures")
_SECRET = ("key", "token", "secret", "password")


def provenance() -> dict[str, Any]:
    """Return commit, `dirty`, machine, versions and command; no path of this machine and no key."""
    return {
        **record.commit(),
        "machine": record.machine(),
        "versions": {**record.versions(), **{name: _version(name) for name in _PACKAGES}},
        "command": command_line(sys.argv),
    }


def command_line(arguments: Sequence[str]) -> str:
    """Return the command: absolute paths reduced to their last name, values of keys left out."""
    words = [Path(word).name for word in arguments[:1]]
    hide = False
    for word in arguments[1:]:
        option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
        if hide and not option:
            words.append("…")
        elif option:
            words.append(option + equals + ("…" if equals and _is_secret(option) else _without_folder(value)))
        else:
            words.append(_without_folder(value))
        hide = bool(option) and not equals and _is_secret(option)
    return " ".join(words)


def _is_secret(option: str) -> bool:
    # `--api-key-env NAME` names a variable, and is no secret itself.
    return not option.endswith("-env") and any(part in option.lower() for part in _SECRET)


def _without_folder(word: str) -> str:
    return Path(word).name if Path(word).is_absolute() else word


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
