"""Documents that tell the same story, as the command line shows them."""

from __future__ import annotations

from typing import Any

from index.duplicates import Story

_SAME = {"text": "the same text", "words": "the same but for case and white space", "near": "near"}


def story_record(story: Story) -> dict[str, Any]:
    """Return a story as JSON; `jaccard` is the share of word 5-shingles in common."""
    return {
        "documents": list(story.document_ids),
        "pairs": [
            {"one": pair.one, "other": pair.other, "jaccard": round(pair.jaccard, 4), "same": pair.same}
            for pair in story.pairs
        ],
    }


def story_lines(story: Story) -> str:
    """Return a story as text, a line a document and a line a pair."""
    lines = [f"the same story in {len(story.document_ids)} documents:"]
    lines += [f"    {document_id}" for document_id in story.document_ids]
    lines += [f"    {p.one} = {p.other}: {p.jaccard:.3f}, {_SAME[p.same]}" for p in story.pairs]
    return "\n".join(lines)
