"""Filters by columns leave what a look at every document leaves."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rag.filtering import FilterColumns
from rag.types import Filters

DAYS = ["2024-02-29", "2025-01-01", "2025-01-01T23:30:00+05:00", "2025-12-31", None]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "publisher": st.sampled_from(["The Verge", "FP", None]),
            "language": st.sampled_from(["en", "ru", None]),
            "published_at": st.sampled_from(DAYS),
        }
    ),
    max_size=12,
)
FILTERS = st.builds(
    Filters,
    document_ids=st.none() | st.lists(st.sampled_from(["d0", "d1", "d7", "no such"])).map(tuple),
    publishers=st.none() | st.lists(st.sampled_from(["The Verge", "FP", "the verge"])).map(tuple),
    languages=st.none() | st.lists(st.sampled_from(["en", "ru"])).map(tuple),
    published_from=st.sampled_from(DAYS),
    published_to=st.sampled_from(DAYS),
)


def fulfils(filters: Filters, row: dict[str, Any]) -> bool:
    for wanted, name in (
        (filters.document_ids, "document_id"),
        (filters.publishers, "publisher"),
        (filters.languages, "language"),
    ):
        if wanted is not None and row[name] not in wanted:
            return False
    bounds = (filters.published_from, filters.published_to)
    if bounds == (None, None):
        return True
    if row["published_at"] is None:
        return False
    day = day_of(row["published_at"])
    first = day if filters.published_from is None else day_of(filters.published_from)
    last = day if filters.published_to is None else day_of(filters.published_to)
    return first <= day <= last


def day_of(value: str) -> date:
    return datetime.fromisoformat(value).date()


@given(rows=ROWS, filters=FILTERS)
def test_columns_leave_what_a_look_at_every_document_leaves(
    rows: list[dict[str, Any]], filters: Filters
) -> None:
    documents = [(n, row | {"document_id": f"d{n}"}) for n, row in enumerate(rows)]
    columns = FilterColumns()
    assert list(columns.reading(documents)) == documents
    assert columns.select(filters) == {n for n, row in documents if fulfils(filters, row)}
