"""Where the documents and passages of a generation lie in its files.

A generation has a base, which later generations share, and a tail with what was added since. Its passages
are numbered by `row` in the order of the documents, as if all had been written at once; the files number
them by `slot`, in the order in which they came, and documents by the `seq` of the catalog.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.errors import GenerationDamagedError

DOCUMENTS_FILE = "documents.npy"
PASSAGES_FILE = "passages.npy"
# `state` is the digest of all that the catalog knew of a document when it was written; `tail` tells in
# which of the two snapshots it stands.
_DOCUMENT = np.dtype([("seq", "<i8"), ("tail", "?"), ("state", "V16")])
# `document` and `repeats` are ordinals; -1 repeats nothing.
_PASSAGE = np.dtype([("slot", "<i4"), ("document", "<i4"), ("repeats", "<i4")])
_NOTHING = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLayout:
    """Documents in the order of their ordinals, and passages in the order of their rows."""

    seqs: NDArray[np.int64]
    tails: NDArray[np.bool_]
    states: NDArray[np.void]
    slots: NDArray[np.int32]
    document_of: NDArray[np.int32]
    repeats_of: NDArray[np.int32]

    @classmethod
    def load(cls, folder: Path) -> RowLayout:
        """Read files whose hashes the caller has checked.

        Raises:
            GenerationDamagedError: they do not fit each other.
        """
        documents = np.load(folder / DOCUMENTS_FILE, allow_pickle=False)
        passages = np.load(folder / PASSAGES_FILE, allow_pickle=False)
        if documents.dtype != _DOCUMENT or passages.dtype != _PASSAGE:
            raise GenerationDamagedError(f"{DOCUMENTS_FILE} or {PASSAGES_FILE} has other columns")
        columns = (passages[name] for name in ("slot", "document", "repeats"))
        slots, document_of, repeats_of = (np.ascontiguousarray(column) for column in columns)
        if len(passages) and not 0 <= document_of.min() <= document_of.max() < len(documents):
            raise GenerationDamagedError(f"{PASSAGES_FILE} names documents that {DOCUMENTS_FILE} has not")
        return cls(
            seqs=np.ascontiguousarray(documents["seq"]),
            tails=np.ascontiguousarray(documents["tail"]),
            states=np.ascontiguousarray(documents["state"]),
            slots=slots,
            document_of=document_of,
            repeats_of=repeats_of,
        )

    def save(self, folder: Path) -> None:
        """Write both files; syncing is the caller's part."""
        documents = np.empty(len(self.seqs), dtype=_DOCUMENT)
        documents["seq"], documents["tail"], documents["state"] = self.seqs, self.tails, self.states
        passages = np.empty(len(self.slots), dtype=_PASSAGE)
        passages["slot"], passages["document"], passages["repeats"] = (
            self.slots,
            self.document_of,
            self.repeats_of,
        )
        _save(folder / DOCUMENTS_FILE, documents)
        _save(folder / PASSAGES_FILE, passages)


def _save(path: Path, table: NDArray[np.void]) -> None:
    # Through a file of our own, as all that is written here: NumPy's may not notice a full disk when it is closed.
    buffer = BytesIO()
    np.save(buffer, table)
    path.write_bytes(buffer.getbuffer())


class RowLayoutWriter:
    """Collects documents, those of a layout that stay and then new ones, and puts them in order.

    `gone` are the seqs of what does not stay. One of them may come again as new: what repeats it repeats the
    new one then, which holds the same paragraph or its repeaters would be new too.
    """

    def __init__(
        self, first_slot: int, before: RowLayout | None = None, gone: NDArray[np.int64] | None = None
    ) -> None:
        self.slot = first_slot
        self._documents: list[tuple[int, bytes]] = []
        self._passages: list[tuple[int, int, int]] = []
        self._before = before
        if before is not None:
            self._stays = ~np.isin(before.seqs, [] if gone is None else gone)
            self._rows = self._stays[before.document_of]

    @property
    def kept_passages(self) -> int:
        """Number of passages that stay."""
        return 0 if self._before is None else int(self._rows.sum())

    def document(self, seq: int, state: bytes) -> None:
        """Add a document; its passages follow."""
        self._documents.append((seq, state))

    def passage(self, repeats: int | None) -> int:
        """Add the next passage of the last document and return its slot; `repeats` is a document's seq."""
        slot = self.slot
        self.slot += 1
        self._passages.append((slot, self._documents[-1][0], _NOTHING if repeats is None else repeats))
        return slot

    def made(self, *, tail: bool) -> RowLayout:
        """Return the layout of all; new documents stand in the tail, or in the base."""
        new = np.array(self._passages, dtype=np.int64).reshape(-1, 3)
        seqs = np.array([seq for seq, _ in self._documents], dtype=np.int64)
        states = np.frombuffer(b"".join(state for _, state in self._documents), dtype="V16")
        tails = np.full(len(seqs), tail)
        slots, owners, repeats = new[:, 0], new[:, 1], new[:, 2]
        before = self._before
        if before is not None:
            there = before.repeats_of >= 0
            originals = np.where(there, before.seqs[np.where(there, before.repeats_of, 0)], _NOTHING)
            slots = np.concatenate([before.slots[self._rows], slots])
            owners = np.concatenate([before.seqs[before.document_of][self._rows], owners])
            repeats = np.concatenate([originals[self._rows], repeats])
            seqs = np.concatenate([before.seqs[self._stays], seqs])
            states = np.concatenate([before.states[self._stays], states])
            tails = np.concatenate([before.tails[self._stays], tails])
        order = np.argsort(seqs, kind="stable")
        seqs = seqs[order]
        rows = np.argsort(owners, kind="stable")  # the passages of a document stay as they are
        repeats = repeats[rows]
        return RowLayout(
            seqs=seqs,
            tails=tails[order],
            states=states[order],
            slots=slots[rows].astype(np.int32),
            document_of=np.searchsorted(seqs, owners[rows]).astype(np.int32),
            # A repeat of what is not there repeats nothing.
            repeats_of=np.where(np.isin(repeats, seqs), np.searchsorted(seqs, repeats), _NOTHING).astype(
                np.int32
            ),
        )
