"""Questions proposed from a person's documents, by rule and without a language model.

Every proposal is for a person to judge: an answerable one carries the sentence it was made from as
gold, a near-miss is such a question with one name or number exchanged for another document's.
Nothing here decides that a question is good.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from eval.datatypes import Gold
from eval.errors import DataSetError
from eval.propose_rules import NUMBER, Form, forms, names, people_and_places
from index.split import paragraphs, sentences

_T = TypeVar("_T")
_ENOUGH_FACTS = 4
_FEWEST_WORDS, _MOST_WORDS = 7, 35
_NEAR_MISS_EVERY = 3
_BOILERPLATE = re.compile(
    r"cookie|subscri|newsletter|sign up|log ?in\b|click|rights reserved|©|copyright|read (?:more|also|next)|"
    r"follow (?:us|along)|share (?:this|on)|advertis|write a comment|privacy policy|this post|https?:|www\.|"
    r"подпис|читайте|реклам|все права|комментари",
    re.IGNORECASE,
)
# What these point at stands in another sentence, so that the question would not stand alone.
_POINTS_BACK = re.compile(
    r"(?:He|She|It|They|We|I|You|This|That|These|Those|There|Here|His|Her|Their|Its|Our|My|Such|Another|Both|"
    r"Он|Она|Оно|Они|Мы|Я|Вы|Это|Этот|Эта|Эти|Его|Её|Их|Там|Здесь|Такой|Такая|Такие)\b"
)

_PRONOUN = re.compile(r"\b(?:he|she|they|him|them|his|her|their|it|он|она|они|его|её|их|им)\b")


class Text(Protocol):
    """A document as far as proposals need it; `eval.datatypes.SourceText` is one."""

    @property
    def document_id(self) -> str:
        """The document's id."""

    @property
    def title(self) -> str:
        """Its title, to show."""

    @property
    def text(self) -> str:
        """Its canonical text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A question for a person to judge. `proposal_id` is the same whenever it is proposed again.

    `sentence` is what it was made from; `exchanged` says what was put in place of what in a
    near-miss, which has no gold and is proposed as unanswerable.
    """

    proposal_id: str
    question: str
    kind: str
    answerable: bool
    answers: tuple[str, ...]
    gold: tuple[Gold, ...]
    document_id: str
    document_title: str
    sentence: str
    exchanged: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    document: Text
    start: int
    end: int
    text: str


def propose(documents: Sequence[Text], count: int, seed: int) -> Iterator[Proposal]:
    """Yield at most `count` proposals, in turn from each document, the most informative sentences first.

    About a third are near-misses where there is more than one document. The same documents and
    seed give the same proposals, and a larger count only goes on.

    Raises:
        DataSetError: no documents, or a count below 1.
    """
    if count < 1:
        raise DataSetError(f"{count} proposals; it must be at least 1")
    if not documents:
        raise DataSetError(
            "there are no documents to propose questions from; index some first: verse index PATH"
        )
    return _proposals(documents, count, seed)


def _proposals(documents: Sequence[Text], count: int, seed: int) -> Iterator[Proposal]:
    sources = {document.document_id: _informative(document) for document in documents}
    places = Counter(text for found in sources.values() for text in {_squeezed(s.text) for s in found})
    queues = []
    for document in documents:
        unique = {_squeezed(s.text): s for s in reversed(sources[document.document_id])}
        # A sentence that several documents repeat is a teaser or a notice.
        own = [s for words, s in unique.items() if places[words] == 1]
        queues.append(_queue(own, seed))
    random.Random(seed).shuffle(queues)
    exchange = _Exchange(documents, seed)
    said: set[str] = set()
    made, near_misses = 0, 0
    for source, form in _in_turn(queues):
        due = made + 1 >= _NEAR_MISS_EVERY * (near_misses + 1)
        near_miss = exchange.near_miss(source, form) if due else None
        proposal = near_miss or _answerable(source, form)
        if proposal.question in said:
            continue
        said.add(proposal.question)
        yield proposal
        made += 1
        near_misses += not proposal.answerable
        if made == count:
            return


def _informative(document: Text) -> list[_Source]:
    found = []
    for paragraph in paragraphs(document.text):
        if paragraph.kind == "heading":
            continue
        for sentence in sentences(document.text, paragraph):
            text = document.text[sentence.start : sentence.end]
            words = len(text.split())
            if (
                sentence.kind == "text"
                and _FEWEST_WORDS <= words <= _MOST_WORDS
                and text[0].isupper()
                and text.endswith(".")
                and not _BOILERPLATE.search(text)
                and not _points_back(text)
            ):
                found.append(_Source(document=document, start=sentence.start, end=sentence.end, text=text))
    return found


def _points_back(text: str) -> bool:
    """Tell whether a sentence speaks of what another one names."""
    if _POINTS_BACK.match(text):
        return True
    pronoun = _PRONOUN.search(text)
    return pronoun is not None and not names(text[: pronoun.start()])


def _queue(sources: Sequence[_Source], seed: int) -> list[tuple[_Source, Form]]:
    """Return what to ask of one document: a question on each sentence, then second ones, and so on.

    Kinds take turns, so that a report full of numbers is not asked for numbers alone.
    """
    rounds: dict[int, dict[str, list[tuple[int, int, float, _Source, Form]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for source in sources:
        rng = random.Random(f"{seed}:{source.document.document_id}:{source.start}")
        found = forms(source.text)
        rng.shuffle(found)
        facts = len(names(source.text)) + 2 * len(NUMBER.findall(source.text))
        for number, form in enumerate(found):
            # Beyond some facts a sentence is a table, and a long one makes a long question.
            rank = (-min(facts, _ENOUGH_FACTS), len(source.text.split()) // 8, rng.random())
            rounds[number][form.kind].append((*rank, source, form))
    return [
        (source, form)
        for number in sorted(rounds)
        for _, _, _, source, form in _in_turn(
            [sorted(rounds[number][kind], key=lambda item: item[:3]) for kind in sorted(rounds[number])]
        )
    ]


def _in_turn(queues: Sequence[Sequence[_T]]) -> Iterator[_T]:
    for place in range(max(map(len, queues), default=0)):
        for queue in queues:
            if place < len(queue):
                yield queue[place]


def _answerable(source: _Source, form: Form) -> Proposal:
    gold = Gold(document_id=source.document.document_id, start=source.start, end=source.end, text=source.text)
    return Proposal(
        proposal_id=_proposal_id(source, form.question),
        question=form.question,
        kind=form.kind,
        answerable=True,
        answers=() if form.answer is None else (form.answer,),
        gold=(gold,),
        document_id=source.document.document_id,
        document_title=source.document.title,
        sentence=source.text,
    )


class _Exchange:
    """The names and numbers of all documents, to be put in place of each other."""

    def __init__(self, documents: Sequence[Text], seed: int) -> None:
        self._seed = seed
        self._likes: dict[str, str] = {}
        found: set[str] = set()
        for document in documents:
            self._likes.update(people_and_places(document.text))
            found.update(names(document.text), NUMBER.findall(document.text))
        self._parts: dict[str, set[str]] = defaultdict(set)
        for part in found:
            if (like := self._like(part)) is not None:
                self._parts[like].add(part)

    def near_miss(self, source: _Source, form: Form) -> Proposal | None:
        """Return the question with one part exchanged; `None` where no other document has a like one.

        What is put in stands nowhere in the question's own document.
        """
        own = source.document.text.casefold()
        rng = random.Random(f"{self._seed}:{form.question}")
        parts = list(dict.fromkeys([*names(form.question), *NUMBER.findall(form.question)]))
        rng.shuffle(parts)
        for part in parts:
            like = self._like(part)
            if like is None:
                continue
            others = [other for other in sorted(self._parts[like]) if other.casefold() not in own]
            if not others:
                continue
            other = rng.choice(others)
            place = re.search(rf"(?<!\w){re.escape(part)}(?!\w)", form.question)
            if place is None:
                continue
            question = form.question[: place.start()] + other + form.question[place.end() :]
            return Proposal(
                proposal_id=_proposal_id(source, question),
                question=question,
                kind="near_miss",
                answerable=False,
                answers=(),
                gold=(),
                document_id=source.document.document_id,
                document_title=source.document.title,
                sentence=source.text,
                exchanged=(part, other),
            )
        return None

    def _like(self, part: str) -> str | None:
        """Return what a part may be exchanged for: people, places, or numbers of one form."""
        if part[0].isdigit() or part[0] in "$€£":
            if re.fullmatch(r"(?:1[89]|20)\d\d", part):
                return "year"
            return "number " + re.sub(r"\d", "0", part)
        return self._likes.get(part)


def _squeezed(text: str) -> str:
    return " ".join(text.casefold().split())


def _proposal_id(source: _Source, question: str) -> str:
    parts = "\x00".join((source.document.document_id, source.text, question))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:12]
