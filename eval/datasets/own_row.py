"""One row of a person's own questions, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eval.datasets.making import question_problem
from eval.datatypes import Gold, Question
from index.canonical import canonical_text
from index.errors import DocumentError
from rag.types import Turn

KEYS = (
    "id", "question", "kind", "history", "answerable", "answers", "gold", "wrong", "status", "feedback",
    "variant_of", "variant",
)  # fmt: skip
PROPOSED = "proposed"
STATUSES = (PROPOSED, "accepted")
GOLD_KEYS = ("document_id", "start", "end", "text")
DEFAULT_KIND = "question"
MAX_TURNS = 20
MAX_TURN_CHARACTERS = 20_000
MAX_ID_CHARACTERS = 512
MAX_ANSWER_CHARACTERS = 2000


@dataclass(slots=True)
class Problems:
    """What is wrong with a file, by line."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def at(self, line: int) -> LineProblems:
        """Return where the problems of one line are said."""
        return LineProblems(self, line)


@dataclass(slots=True)
class LineProblems:
    """What is wrong with one line."""

    problems: Problems
    line: int

    def say(self, words: str) -> None:
        """Note a problem."""
        self.problems.found.append((self.line, words))


def question_of(row: Mapping[str, Any], problems: LineProblems, source_set: str) -> Question | None:
    """Return the question of a row; `None` with every problem said where it is none."""
    before = len(problems.problems.found)
    for key in row:
        if key not in KEYS:
            problems.say(f"unknown field {key!r}; known are {', '.join(KEYS)}")
    question_id = _text(row, "id", problems, most=MAX_ID_CHARACTERS, required=True)
    text = _question(row, problems)
    kind = _text(row, "kind", problems, most=100) or DEFAULT_KIND
    answerable = row.get("answerable", True)
    if not isinstance(answerable, bool):
        problems.say(f"answerable is {_shown(answerable)}; use true or false")
    answers = _answers(row, problems)
    gold = _golds(row, problems)
    if answerable is False and (answers or gold):
        problems.say("answerable is false, but there are answers or gold; take them away or write true")
    history = _history(row, problems)
    variant_of = _text(row, "variant_of", problems, most=MAX_ID_CHARACTERS)
    variant = _text(row, "variant", problems, most=100)
    if (variant_of is None) != (variant is None):
        problems.say("variant_of and variant come together: of which question, and how it differs")
    _check_review(row, problems)
    if variant_of is not None and variant_of == question_id:
        problems.say("variant_of is its own id")
    if len(problems.problems.found) > before:
        return None
    return Question(
        question_id=str(question_id),
        text=text,
        kind=kind,
        source_set=source_set,
        answerable=bool(answerable),
        history=history,
        answers=answers,
        gold=gold,
        variant_of=variant_of,
        variant=variant,
    )


def _check_review(row: Mapping[str, Any], problems: LineProblems) -> None:
    """Check what a row from feedback says for its reader; nothing of it is asked or scored."""
    if "status" in row and row["status"] not in STATUSES:
        problems.say(f"status is {_shown(row['status'])}; use {' or '.join(STATUSES)}")
    if not isinstance(row.get("feedback", {}), dict):
        problems.say(f"feedback is {_shown(row['feedback'])}; it must be an object")
    _golds(row, problems, "wrong")


def _question(row: Mapping[str, Any], problems: LineProblems) -> str:
    value = row.get("question")
    if not isinstance(value, str):
        problems.say(f"question is {_shown(value) if 'question' in row else 'missing'}; it must be a text")
        return ""
    if problem := question_problem(value):
        problems.say(f"question {problem}")
    return value.strip()


def _text(
    row: Mapping[str, Any], key: str, problems: LineProblems, *, most: int, required: bool = False
) -> str | None:
    if key not in row and not required:
        return None
    value = row.get(key)
    if not isinstance(value, str):
        problems.say(f"{key} is {_shown(value) if key in row else 'missing'}; it must be a text")
        return None
    if not value.strip() or len(value) > most:
        problems.say(f"{key} {_shown(value)} must have 1 to {most} characters")
        return None
    return _canonical(value.strip(), key, problems)


def _canonical(value: str, key: str, problems: LineProblems) -> str | None:
    try:
        return canonical_text(value, key)
    except DocumentError as error:
        problems.say(str(error))
        return None


def _answers(row: Mapping[str, Any], problems: LineProblems) -> tuple[str, ...]:
    value = row.get("answers", [])
    if not isinstance(value, list):
        problems.say(f"answers is {_shown(value)}; it must be a list of texts")
        return ()
    found = []
    for item in value:
        if not isinstance(item, str) or not item.strip() or len(item) > MAX_ANSWER_CHARACTERS:
            problems.say(
                f"answers holds {_shown(item)}; each must be a text of 1 to {MAX_ANSWER_CHARACTERS} characters"
            )
            continue
        if (answer := _canonical(item.strip(), "answers", problems)) is not None:
            found.append(answer)
    return tuple(dict.fromkeys(found))


def _history(row: Mapping[str, Any], problems: LineProblems) -> tuple[Turn, ...]:
    value = row.get("history", [])
    if not isinstance(value, list) or len(value) > MAX_TURNS:
        size = f"{len(value)} turns" if isinstance(value, list) else _shown(value)
        problems.say(f"history is {size}; it must be a list of at most {MAX_TURNS} turns")
        return ()
    turns = []
    for number, turn in enumerate(value, start=1):
        if not isinstance(turn, dict) or set(turn) != {"role", "content"}:
            problems.say(f"history, turn {number}: must be an object with role and content, nothing else")
        elif turn["role"] not in ("user", "assistant"):
            problems.say(f"history, turn {number}: role is {_shown(turn['role'])}; use user or assistant")
        elif not isinstance(turn["content"], str) or len(turn["content"]) > MAX_TURN_CHARACTERS:
            problems.say(
                f"history, turn {number}: content must be a text of at most {MAX_TURN_CHARACTERS} characters"
            )
        elif _canonical(turn["content"], f"history, turn {number}", problems) is not None:
            turns.append(Turn(role=turn["role"], content=turn["content"]))
    return tuple(turns)


def _golds(row: Mapping[str, Any], problems: LineProblems, key: str = "gold") -> tuple[Gold, ...]:
    value = row.get(key, [])
    if not isinstance(value, list):
        problems.say(f"{key} is {_shown(value)}; it must be a list of objects with a text")
        return ()
    found = [_gold(item, f"{key} {number}", problems) for number, item in enumerate(value, start=1)]
    return tuple(dict.fromkeys(gold for gold in found if gold is not None))


def _gold(item: Any, where: str, problems: LineProblems) -> Gold | None:
    if not isinstance(item, dict):
        problems.say(f"{where} is {_shown(item)}; it must be an object with a text")
        return None
    if unknown := [key for key in item if key not in GOLD_KEYS]:
        problems.say(f"{where}: unknown field {unknown[0]!r}; known are {', '.join(GOLD_KEYS)}")
        return None
    text, document_id = item.get("text"), item.get("document_id")
    start, end = item.get("start"), item.get("end")
    if not isinstance(text, str) or not text.strip():
        problems.say(f"{where}: text is {_shown(text) if 'text' in item else 'missing'}; it must be a text")
    elif document_id is not None and (not isinstance(document_id, str) or not document_id.strip()):
        problems.say(f"{where}: document_id is {_shown(document_id)}; it must be a text")
    elif not all(n is None or (isinstance(n, int) and not isinstance(n, bool)) for n in (start, end)):
        problems.say(
            f"{where}: start and end are {_shown(start)} and {_shown(end)}; both must be whole numbers"
        )
    else:
        return _checked_gold(text, document_id, start, end, where, problems)
    return None


def _checked_gold(
    text: str,
    document_id: str | None,
    start: int | None,
    end: int | None,
    where: str,
    problems: LineProblems,
) -> Gold | None:
    held = _canonical(text, f"{where}: text", problems)
    named = None if document_id is None else _canonical(document_id, f"{where}: document_id", problems)
    if held is None or (named is None) != (document_id is None):
        return None
    if (start is None) != (end is None):
        problems.say(f"{where}: {'end' if end is None else 'start'} is missing; start and end come together")
    elif start is not None and named is None:
        problems.say(f"{where}: start and end need a document_id")
    elif start is not None and end is not None and not 0 <= start < end:
        problems.say(f"{where}: start {start} and end {end} are no stretch of a text")
    elif start is not None and end is not None and end - start != len(held):
        problems.say(f"{where}: {start}-{end} is {end - start} characters long, its text {len(held)}")
    else:
        return Gold(text=held, document_id=named, start=start, end=end)
    return None


def _shown(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= 60 else f"{words[:57]}…"
