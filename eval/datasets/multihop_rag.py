"""MultiHop-RAG (Tang and Yang, 2024): questions over two to four news articles each.

Licence: ODC-BY for questions and facts; the articles belong to their publishers. Files:
`multihop_rag/corpus.jsonl[.gz]` and `multihop_rag/queries.dev.jsonl[.gz]`. The facts are gold; a
null_query is one that the articles do not answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.datasets.files import find_file, objects, read_rows, string, sub_folder, whole_number
from eval.datasets.making import make_data_set, question_text
from eval.datasets.offsets import canonical, distinct, located
from eval.datatypes import DataSet, Gold, Question
from eval.errors import DataSetError

NULL_QUERY = "null_query"
NAME, LICENCE = "multihop_rag", "ODC-BY (annotations; the articles belong to their publishers)"


def load(folder: Path | None) -> DataSet:
    """Load it from below the folder of public data sets.

    Raises:
        DataSetError: it is not there, or a row is wrong.
    """
    place = sub_folder(folder, NAME)
    originals: dict[str, str] = {}
    documents: list[dict[str, Any]] = []
    for where, row in read_rows(find_file(place, "corpus.jsonl")):
        originals[string(row, "id", where)] = string(row, "text", where)
        try:
            document = as_document(row)
        except KeyError as error:
            raise DataSetError(f"{where}: {error.args[0]} is missing") from error
        documents.append({**document, "text": canonical(row["text"], where)})
    questions = [
        _question(row, where, originals)
        for where, row in read_rows(find_file(place, "queries.dev.jsonl", "queries.jsonl"))
    ]
    return make_data_set(name=NAME, licence=LICENCE, questions=questions, documents=documents)


def as_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an article: its source is our publisher; the category, which we do not know, a label."""
    return {
        "id": row["id"],
        "title": row["title"],
        "text": row["text"],
        "publisher": row["source"],
        "author": row["author"],
        "published_at": row["published_at"],
        "url": row["url"],
        "category": row["category"],
    }


def _question(row: Mapping[str, Any], where: str, originals: Mapping[str, str]) -> Question:
    kind = string(row, "question_type", where)
    answerable = kind != NULL_QUERY
    return Question(
        question_id=string(row, "id", where),
        text=question_text(string(row, "text", where), where),
        kind=kind,
        source_set=NAME,
        answerable=answerable,
        answers=(string(row, "answer", where),) if answerable else (),
        gold=distinct(_fact(item, where, originals) for item in objects(row, "evidence", where)),
    )


def _fact(item: Mapping[str, Any], where: str, originals: Mapping[str, str]) -> Gold:
    document_id, fact = string(item, "doc_id", where), string(item, "fact", where)
    if document_id not in originals:
        raise DataSetError(f"{where}: evidence of {document_id!r}, which is no article of the corpus")
    return located(document_id, originals[document_id], whole_number(item, "start", where), fact, where)
