"""The three people of the demo portal, and what they might ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works there; `user` and `groups` are the names that `documents/sources.toml` uses."""

    user: str
    name: str
    work: str
    groups: tuple[str, ...]


PEOPLE = (
    Person(user="ada", name="Ada", work="chairs the board", groups=("board", "staff")),
    Person(user="ben", name="Ben", work="runs the workshop", groups=("workshop", "staff")),
    Person(user="cleo", name="Cleo", work="is here for a week", groups=()),
)

QUESTIONS = (
    "How much may the workshop spend in 2027?",
    "When does the canteen open?",
    "What is the code of the workshop's tool room?",
    "Who will lead the institute after Ada?",
)


def person_called(user: str | None) -> Person | None:
    """Return the person with that name, or nobody."""
    return next((person for person in PEOPLE if person.user == user), None)
