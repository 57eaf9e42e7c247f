"""What is counted of a question and a sentence beside what the reader's model says."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from index.terms import bigrams, content_terms
from rag.types import AnswerType

PASSAGE_SIGNALS = (
    "answerable",  # the reader's logit for the passage
    "span",  # best start + best end logit of an answer, less those of "no answer"
)
SENTENCE_SIGNALS = (
    "evidence_mean",  # mean evidence logit of the sentence's tokens
    "evidence_max",
    "span",  # best start + best end logit in the sentence, less those of "no answer"
    "answerable",  # the model's logit for the passage
    "retrieval",  # score of the passage (see rag.retrieve)
    "cosine",  # of the question and the passage
    "sentence_cosine",  # of the question and the sentence
    "coverage",  # share of the question's words in the sentence, by their rarity
    "passage_coverage",  # the same in the passage and its title
    "pairs",  # share of the question's word pairs in the sentence
    "answer_type",  # 1 when the sentence holds the kind of thing that is asked for
)
SHORT_ANSWER_SIGNALS = (
    "sentence",  # the score of the sentence that it stands in
    "span",  # start + end logit of the stretch, less those of "no answer"
    "kind",  # 1 when the stretch itself holds the kind of thing that is asked for
    "new_words",  # share of its words that are not the question's own
)
QUESTION_SIGNALS = (
    "best_score",  # of the best sentence
    "score_margin",  # to the second
    "best_answerable",  # highest passage logit
    "best_span",
    "best_evidence",
    "best_cosine",
    "best_sentence_cosine",
    "best_coverage",
    "best_passage_coverage",
    "name_coverage",  # share of the question's names and numbers in the best passage and its title
    "names_near",  # the same in the best sentence, those beside it and its titles: a false premise lacks some there
    "unknown_words",  # share of the question's words, by rarity, that no document holds
    "best_answer_type",
    "question_length",  # log of its number of content words
    "is_reason",
)

_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|millions?|"
    r"billions?|half|third|quarter|percent|один|два|три|четыре|пять|шесть|семь|восемь|девять|десять|сто|тысяч\w*|"
    r"миллион\w*|миллиард\w*|процент\w*)\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:1[0-9]{3}|20[0-9]{2})\b|\b(?:January|February|March|April|May|June|July|August|September|October|November|December|"
    r"Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b|\b(?:today|yesterday|tomorrow|century|centuries|decades?|ago|"
    r"(?:last|next|this|earlier this|later this) (?:week|month|year|summer|winter|spring|autumn|fall)|years?|months?|weeks?|"
    r"январ\w+|феврал\w+|март\w*|апрел\w+|ма[йяе]|июн\w+|июл\w+|август\w*|сентябр\w+|октябр\w+|ноябр\w+|декабр\w+|год\w*)\b"
)
_REASON = re.compile(
    r"\b(?:because|due to|as a result|so that|in order to|caus\w+|reason\w*|driv\w+|driven|stem\w*|aim\w*|enabl\w+|led to|"
    r"owing|thanks to|motivat\w+|seek\w*|need\w*|therefore|thus|since|to (?:reduce|avoid|gain|secure|counter|diversify|"
    r"increase|improve|prevent|ensure|curb|protect|help|make|provide|maintain|strengthen)|потому|поскольку|из-за|чтобы)\b",
    re.IGNORECASE,
)
_CAPITALISED = re.compile(r"(?<!^)(?<![.?!]\s)\b[A-ZА-ЯЁ][\w’'-]+")


def answer_type_match(kind: AnswerType, sentence: str, question_terms: Iterable[str]) -> float:
    """Return 1 when a sentence holds the kind of thing that is asked for, else 0.

    Kinds that leave no mark on the page always match.
    """
    match kind:
        case AnswerType.NUMBER:
            return float(bool(_NUMBER.search(sentence)))
        case AnswerType.DATE:
            return float(bool(_DATE.search(sentence)))
        case AnswerType.REASON:
            return float(bool(_REASON.search(sentence)))
        case AnswerType.PERSON | AnswerType.PLACE:
            asked = frozenset(question_terms)
            return float(
                any(
                    term not in asked
                    for name in _CAPITALISED.finditer(sentence)
                    for term in content_terms(name.group())
                )
            )
        case _:
            return 1.0


def rarity(document_frequency: Callable[[str], int], passages: int) -> Callable[[str], float]:
    """Return BM25's inverse document frequency as a function of a term, remembering values."""
    known: dict[str, float] = {}

    def weight(term: str) -> float:
        if term not in known:
            count = document_frequency(term)
            known[term] = math.log(1.0 + (passages - count + 0.5) / (count + 0.5))
        return known[term]

    return weight


def coverage(weights: Mapping[str, float], present: frozenset[str]) -> float:
    """Return the share of the weight of some terms that is present, in [0, 1]; 1 for no terms."""
    total = sum(weights.values())
    if total <= 0.0:
        return 1.0
    return sum(weight for term, weight in weights.items() if term in present) / total


def pair_overlap(question_terms: Sequence[str], sentence_terms: Sequence[str]) -> float:
    """Return the share of the question's adjacent pairs of words that a sentence has."""
    wanted = bigrams(question_terms)
    return len(wanted & bigrams(sentence_terms)) / len(wanted) if wanted else 0.0
