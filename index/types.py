"""The data that flows through the index, and the protocols of its replaceable parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from index.access import AccessRule
from index.errors import SpanError
from index.layout import ExcludedSpan as ExcludedSpan
from index.layout import Layout, PageSpan, Section

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


UPLOAD = "upload"
"""`Document.source` and `root` of what was sent to the service: no path of the machine, so never pruned."""


def sha256_text(text: str) -> str:
    """Return the hex sha256 of `text` as UTF-8: what clients recompute to check a document."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document as we store and show it.

    `text` is the canonical text (see `index.canonical`); nothing changes it afterwards.
    `published_at` is an ISO 8601 date or date-time. What is unknown is `None`: nothing is guessed.
    `source` is where it came from as the person named it; `root` the path that was indexed, which
    is what pruning goes by. `access` is what its source says of who may read it; `None` where it says
    nothing. What holds stands in `index.rules` alone: it may be changed without the source.
    `version` counts the texts that were stored under the id, from 1; `stored_at` is when this one was, and
    `first_stored_at` when the first was, in milliseconds since 1970: `None` where that was not kept. Only
    a document read from the catalog or a generation knows them.
    """

    document_id: str
    title: str
    text: str
    source: str
    root: str
    publisher: str | None = None
    author: str | None = None
    published_at: str | None = None
    url: str | None = None
    language: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    access: AccessRule | None = None
    version: int = field(default=1, compare=False)
    stored_at: int | None = field(default=None, compare=False)
    first_stored_at: int | None = field(default=None, compare=False)
    media_type: str | None = None
    """The kind of file that the text was made from; `None` where the file is the text."""
    pages: tuple[PageSpan, ...] = ()
    sections: tuple[Section, ...] = ()
    marked: tuple[ExcludedSpan, ...] = ()
    """What the reader of the file excluded: running headers and footers, page numbers."""

    @property
    def layout(self) -> Layout:
        """The document's form, as it is stored."""
        return Layout(
            media_type=self.media_type, pages=self.pages, sections=self.sections, marked=self.marked
        )

    @property
    def sha256(self) -> str:
        """Hex sha256 of the canonical text as UTF-8."""
        return sha256_text(self.text)


SentenceKind = Literal["text", "heading", "list_item"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of one document: `document.text[start:end]`, no white space at either end."""

    start: int
    end: int
    kind: SentenceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A slice of one document, the unit we embed, rank and show.

    `text == document.text[start:end]`. Offsets count characters (code points) of the canonical
    `Document.text`, end exclusive; they are neither bytes nor tokens. `sentences` are its whole
    sentences in order, with offsets into the document.

    Raises:
        SpanError: the span is empty, negative or not as long as `text`.
    """

    document_id: str
    start: int
    end: int
    text: str
    sentences: tuple[Sentence, ...]
    repeats_document_id: str | None = None

    def __post_init__(self) -> None:
        if self.start < 0 or self.end <= self.start or self.end - self.start != len(self.text):
            raise SpanError(
                f"passage {self.document_id!r} {self.start}-{self.end} does not fit a text "
                f"of {len(self.text)} characters"
            )

    @property
    def passage_id(self) -> str:
        """`document_id:start-end`, so that rebuilding gives the same ids."""
        return f"{self.document_id}:{self.start}-{self.end}"

    def sentence_text(self, sentence: Sentence) -> str:
        """Return the characters of one of this passage's sentences."""
        return self.text[sentence.start - self.start : sentence.end - self.start]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPassage:
    """A passage with its rank (from 1) and score (higher is better; the kind is the ranker's)."""

    passage: Passage
    score: float
    rank: int


class Embedder(Protocol):
    """Maps text to unit vectors; a question and a passage may be encoded differently."""

    @property
    def name(self) -> str:
        """Model id with a hash of its weights, written to the manifest and checked on load."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Longest text the model reads, in its own tokens; what is longer is cut."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the length of each text in the model's own tokens, without special ones."""

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 `(len(texts), dimension)`, rows of L2 norm 1, in the order given."""

    def embed_passages(self, texts: Sequence[str]) -> FloatArray:
        """Same shape and norm; the only method that may add a passage prompt."""


class VectorStore(Protocol):
    """Nearest neighbours by cosine similarity among rows 0 … len-1."""

    def __len__(self) -> int:
        """Number of rows."""

    def search(
        self, queries: FloatArray, k: int, allowed: BoolArray | None = None
    ) -> list[list[tuple[int, float]]]:
        """Return at most `k` (row, cosine) pairs a query, best first, ties by row.

        `allowed` is a mask over rows; it is applied inside the search, so that a narrow mask
        still fills `k` places. `None` allows every row.
        """

    def reconstruct(self, rows: list[int]) -> FloatArray:
        """Return the stored vectors of these rows, in order."""


class LexicalIndex(Protocol):
    """BM25 over title, publisher and body."""

    def __len__(self) -> int:
        """Number of rows."""

    def search(
        self, terms: Sequence[str], k: int, allowed: RowFilter | None = None
    ) -> list[tuple[int, float]]:
        """Return at most `k` (row, BM25) pairs with a score above 0, best first, ties by row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Which rows a search may return, as both kinds of index need it.

    `rows` is the mask over passages. `documents` are the ordinals of the allowed documents, or
    `None` for all of them. `known` is the mask over all passages that the viewer may read, whatever was
    filtered: of these alone words may be counted, or a count would tell of the others. `None`: of all.
    """

    rows: BoolArray
    documents: frozenset[int] | None
    known: BoolArray | None = None


ProgressCallback = Callable[[str, int, int], None]
"""Called with (stage, done, total); the command line draws bars from it."""
