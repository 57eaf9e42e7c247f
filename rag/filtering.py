"""Which documents a question's filters leave: looked up in columns that are read once a generation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.types import BoolArray
from rag.types import Filters

# Before every day that a document can have been published on.
_NO_DAY = 0


class FilterColumns:
    """What filters ask for, of all documents of one generation."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._publishers: dict[str, list[int]] = {}
        self._languages: dict[str, list[int]] = {}
        self._days: NDArray[np.int32] = np.empty(0, dtype=np.int32)

    def reading(
        self, documents: Iterable[tuple[int, Mapping[str, Any]]]
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Pass all documents on, in the order of their numbers, keeping of each what filters ask for."""
        days: list[int] = []
        for ordinal, row in documents:
            self._ids[row["document_id"]] = ordinal
            for column, value in ((self._publishers, row["publisher"]), (self._languages, row["language"])):
                if value is not None:
                    column.setdefault(value, []).append(ordinal)
            published = row["published_at"]
            days.append(_NO_DAY if published is None else _day(published).toordinal())
            yield ordinal, row
        self._days = np.array(days, dtype=np.int32)

    def select(self, filters: Filters) -> frozenset[int]:
        """Return the documents that fulfil all filters; one without a date fulfils no filter of dates."""
        mask: BoolArray = np.ones(len(self._days), dtype=np.bool_)
        if filters.document_ids is not None:
            mask &= self._among([self._ids[one] for one in filters.document_ids if one in self._ids])
        for column, wanted in ((self._publishers, filters.publishers), (self._languages, filters.languages)):
            if wanted is not None:
                mask &= self._among([ordinal for value in set(wanted) for ordinal in column.get(value, ())])
        if filters.published_from is not None:
            mask &= self._days >= _day(filters.published_from).toordinal()
        if filters.published_to is not None:
            mask &= (self._days != _NO_DAY) & (self._days <= _day(filters.published_to).toordinal())
        return frozenset(np.flatnonzero(mask).tolist())

    def _among(self, ordinals: list[int]) -> BoolArray:
        mask: BoolArray = np.zeros(len(self._days), dtype=np.bool_)
        mask[ordinals] = True
        return mask


def _day(value: str) -> date:
    return datetime.fromisoformat(value).date()
