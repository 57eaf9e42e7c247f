"""What of a generation a viewer may see: computed once for each state of the rules.

A generation holds no rules. `Sights` keeps those of its documents in step with the catalog, and looks
for changes whenever it is asked.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.access import AccessRule, Viewer
from index.errors import AccessUnreadableError
from index.rules import Changes, Rules
from index.types import BoolArray, ExcludedSpan, RowFilter, sha256_text

if TYPE_CHECKING:
    from index.generation import Generation, SameStory

_VIEWERS = 64
_NOBODY = AccessRule()


class Sight:
    """What one viewer sees of one generation: whatever is not in it does not exist for them.

    `documents` is the mask over documents, `None` for all of them. `index_version` and `corpus_sha256`
    name what is seen; of somebody who sees a part they tell nothing of the rest.
    """

    def __init__(
        self, generation: Generation, viewer: Viewer, documents: BoolArray | None, key: bytes = b""
    ) -> None:
        if documents is not None and documents.all():
            documents = None
        self.generation = generation
        self.viewer = viewer
        self.documents = documents
        self.key = key
        manifest = generation.manifest
        self.index_version, self.corpus_sha256 = manifest.index_version, manifest.corpus_sha256
        self._everything = generation.row_filter(None)
        if documents is not None:
            self.corpus_sha256 = generation.corpus_sha256_of(documents)
            self.index_version = f"seen-{sha256_text(self.corpus_sha256 + manifest.derivation)[:12]}"
            seen = generation.row_filter(frozenset(np.flatnonzero(documents).tolist()))
            assert seen is not None
            self._everything = RowFilter(
                rows=seen.rows, documents=seen.documents, known=generation.rows_of(documents)
            )

    def for_viewer(self, viewer: Viewer) -> Sight:
        """Return the same for another viewer who sees the same."""
        other = copy(self)
        other.viewer = viewer
        return other

    def sees(self, ordinal: int) -> bool:
        """Tell whether a document is in sight."""
        return self.documents is None or bool(self.documents[ordinal])

    def ordinal(self, document_id: str) -> int | None:
        """Return a document's number, or `None` when there is no such document for this viewer."""
        found = self.generation.ordinal(document_id)
        return found if found is not None and self.sees(found) else None

    def ordinals(self) -> Sequence[int]:
        """Return the numbers of all documents in sight, in order."""
        if self.documents is None:
            return range(self.generation.manifest.documents)
        numbers: list[int] = np.flatnonzero(self.documents).tolist()
        return numbers

    def within(self, documents: frozenset[int] | None) -> RowFilter | None:
        """Return the filter for these documents (`None`: all), as far as they are in sight."""
        if documents is None:
            return self._everything
        if self.documents is None or self._everything is None:
            return self.generation.row_filter(documents)
        seen = frozenset(number for number in documents if self.documents[number])
        found = self.generation.row_filter(seen)
        assert found is not None
        return RowFilter(rows=found.rows, documents=found.documents, known=self._everything.known)

    def excluded_of(self, ordinal: int) -> list[ExcludedSpan]:
        """Return a document's excluded spans, but none that tells of a document out of sight."""
        return [
            span
            for span in self.generation.excluded_of(ordinal)
            if span.repeats_document_id is None or self.ordinal(span.repeats_document_id) is not None
        ]

    def same_story(self, ordinal: int) -> list[SameStory]:
        """Return the documents in sight that tell the same story as a whole, in order."""
        return [found for found in self.generation.same_story(ordinal) if self.sees(found.ordinal)]

    def check(self, document_ids: Iterable[str]) -> None:
        """Look up in the rules themselves that all of these may be shown, now.

        Raises:
            AccessChangedError: one may not.
            AccessUnreadableError: the rules cannot be read.
        """
        self.generation.rules.refuse_unreadable(self.viewer, list(document_ids), self.generation.number)


class Sights:
    """The sights of one generation, by viewer; for several threads."""

    def __init__(self, generation: Generation, ordinals: Mapping[str, int], rules: Rules) -> None:
        self._generation = generation
        self._ordinals = ordinals
        self._rules = rules
        self._lock = threading.Lock()
        self._version = self._opened = 0
        self._kinds: list[AccessRule] = [_NOBODY]
        self._kind_numbers: dict[AccessRule, int] = {_NOBODY: 0}
        # What the rules do not know is nobody's.
        self._kind_of: NDArray[np.int32] = np.zeros(generation.manifest.documents, dtype=np.int32)
        self._before: set[tuple[int, AccessRule]] = set()
        self._by_viewer: OrderedDict[Viewer, Sight] = OrderedDict()
        # Documents that were removed since: nobody sees them any more, whoever they are.
        self._gone: set[int] = set()
        self._whole = Sight(generation, Viewer(everything=True), None)

    def of(self, viewer: Viewer) -> Sight:
        """Return what a viewer sees, by the rules as they are now.

        Raises:
            AccessUnreadableError: the rules cannot be read.
        """
        if viewer.everything:
            return self._all_but_removed(viewer)
        with self._lock:
            self._look()
            sight = self._by_viewer.get(viewer)
            if sight is None:
                sight = self._made(viewer)
                self._by_viewer[viewer] = sight
            self._by_viewer.move_to_end(viewer)
            while len(self._by_viewer) > _VIEWERS:
                self._by_viewer.popitem(last=False)
            return sight

    def _all_but_removed(self, viewer: Viewer) -> Sight:
        with self._lock:
            # Rules that cannot be read let nobody in but the operator.
            with suppress(AccessUnreadableError):
                self._look()
            if not self._gone:
                return self._whole
            sight = self._by_viewer.get(viewer)
            if sight is None:
                documents = np.ones(len(self._kind_of), dtype=np.bool_)
                documents[list(self._gone)] = False
                sight = self._by_viewer[viewer] = Sight(
                    self._generation, viewer, documents, b"all but removed"
                )
            return sight

    def _look(self) -> None:
        changes = self._rules.changes(self._version, self._opened)
        if changes is not None:
            found, self._opened = changes
            self._take(found)

    def _take(self, changes: Changes) -> None:
        """Put in what has changed; forget the sights where it concerns a document of this generation."""
        before = {
            (ordinal, rule)
            for document_id, rule, last in changes.before
            if last >= self._generation.number and (ordinal := self._ordinals.get(document_id)) is not None
        }
        if not (changes.before_anew or changes.whole):
            before |= self._before
        concerned = before != self._before or changes.whole
        self._before = before
        if changes.whole:
            self._kind_of[:] = 0
            self._gone.clear()
        for document_id, rule in changes.rules.items():
            ordinal = self._ordinals.get(document_id)
            if ordinal is not None:
                self._kind_of[ordinal] = self._number(rule or _NOBODY)
                (self._gone.add if rule is None else self._gone.discard)(ordinal)
                concerned = True
        if concerned:
            self._by_viewer.clear()
        self._version = changes.version

    def _number(self, rule: AccessRule) -> int:
        number = self._kind_numbers.get(rule)
        if number is None:
            number = self._kind_numbers[rule] = len(self._kinds)
            self._kinds.append(rule)
        return number

    def _made(self, viewer: Viewer) -> Sight:
        allowed = np.fromiter((viewer.may_read(rule) for rule in self._kinds), np.bool_, len(self._kinds))
        documents: BoolArray = allowed[self._kind_of]
        for ordinal, rule in self._before:
            documents[ordinal] &= viewer.may_read(rule)
        key = hashlib.blake2b(np.packbits(documents).tobytes(), digest_size=16).digest()
        # Many people have the same rights; what is costly is made and kept once.
        for other in self._by_viewer.values():
            if other.key == key:
                return other.for_viewer(viewer)
        return Sight(self._generation, viewer, documents, key)
