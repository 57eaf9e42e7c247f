"""Whether small lies get past `rag.support`: sentences with one thing changed, and harmless variants.

    python -m eval.bench.support_mutations [--seed 20] [--per-kind 100] [--out eval/results/support_mutations.json]

The quotes are sentences of `seeds/*.txt` as they stand. Each mutated statement differs from its
quote in one number, date, name, unit, negation or quantifier; none may count as supported. Each
harmless variant is the same sentence in another form; at least 95 % must count. Both by the rules alone,
and with the reader asked after them; then the same variants beside the sentence of another place that
shares most of their words, which should not count.
What is put in comes from the lists here, which know nothing of the rules' own.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.bench.record import ROOT, provenance, write_json
from index.split import paragraphs, sentences
from index.terms import content_terms
from rag.reader_model import ReaderModel, ensure_reader_conversion, find_reader
from rag.support import READER_THRESHOLD, SupportReader, supports
from rag.support_reader import ReaderSupport

KINDS = ("number", "date", "name", "unit", "negation", "quantifier")
MUST_ACCEPT = 0.95
_MIN_WORDS = 6
_COUNTS = ["two", "three", "four", "five", "six", "seven", "nine", "eleven", "twenty", "forty"]
_RANKS = ["first", "second", "third", "fifth", "seventh", "tenth", "twelfth"]
_SCALES = ("thousand", "million", "billion", "trillion")
_MONTHS = ["January", "March", "May", "June", "August", "September", "October", "November", "December"]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Sunday"]
_PLACES = [
    "Kazakhstan",
    "Kyrgyzstan",
    "Tajikistan",
    "Turkmenistan",
    "Uzbekistan",
    "Russia",
    "China",
    "Israel",
    "Ukraine",
    "Mongolia",
    "Turkey",
    "Azerbaijan",
    "Armenia",
    "Washington",
    "Moscow",
    "Beijing",
    "Tashkent",
    "Samarkand",
    "Bishkek",
    "Astana",
    "Brussels",
]
_PEOPLE = (
    "Trump",
    "Biden",
    "Putin",
    "Tokayev",
    "Mirziyoyev",
    "Lavrov",
    "Kerry",
    "Rubio",
    "Obama",
    "Macron",
    "Marat",
    "Williamson",
)
_BODIES = (
    "UN",
    "EU",
    "NATO",
    "Congress",
    "OPEC",
    "UNESCO",
    "Boeing",
    "Airbus",
    "HRW",
    "Kremlin",
    "C5+1",
    "G20",
)
_SIGNS = ("€", "£", "¥", "₽", "₸", "A$", "C$", "CHF ", "INR ")
_MEASURES = ("km", "miles", "metres", "feet", "kg", "tonnes", "hectares", "litres")
_SPANS = ("days", "weeks", "months", "years", "decades", "hours")
_AUXILIARIES = [
    "is",
    "are",
    "was",
    "were",
    "will",
    "would",
    "has",
    "have",
    "had",
    "could",
    "may",
    "should",
    "must",
    "can",
]
_TURNED = {
    "signed": ("cancelled", "rejected", "shelved"), "increased": ("decreased", "fallen"), "increase": ("decrease", "reduce"),
    "reduce": ("increase",), "accepted": ("declined", "refused"), "joined": ("left", "boycotted"), "join": ("leave",),
    "with": ("without",), "before": ("after",), "Before": ("After",), "after": ("before",), "lift": ("impose",),
    "strengthen": ("weaken",), "strengthening": ("weakening",), "growing": ("shrinking",), "deepen": ("limit",),
    "successfully": ("unsuccessfully",), "important": ("unimportant",), "unjustly": ("justly",), "received": ("rebuffed",),
    "enhance": ("harm",), "beneficial": ("harmful",), "maintain": ("abandon",), "maintained": ("severed",), "visited": ("avoided",),
    "imports": ("exports",), "Imports": ("Exports",), "softened": ("hardened",), "available": ("unavailable",),
    "interested": ("uninterested",), "relevant": ("irrelevant",), "independence": ("dependence",), "limit": ("expand",),
}  # fmt: skip
_REPLACED = {
    "all": ("some", "most", "few of", "almost all", "not all"), "several": ("all", "most", "no"), "some": ("all", "most", "none"),
    "most": ("least", "all"), "only": ("first", "last"), "over": ("under", "about", "nearly", "up to", "exactly"),
    "may": ("will", "must"), "will": ("may", "could"), "would": ("might", "may"), "could": ("will", "must"), "should": ("may", "might"),
    "must": ("may", "could"), "likely": ("certainly",), "primarily": ("exclusively", "partly"), "both": ("neither", "either"),
    "many": ("all", "few"), "largely": ("wholly",), "often": ("always", "never"), "greatest": ("smallest",), "particularly": ("only",),
    "various": ("all",), "any": ("every",), "increasingly": ("always",), "largest": ("smallest",), "especially": ("exclusively",),
    "mainly": ("only",), "first": ("last",), "further": ("no further",),
}  # fmt: skip
_NOUNS = "countries|states|nations|leaders|presidents|agreements|experts|analysts|officials|ministers|metals|minerals|ties|relations"
_NUMBER_WORD = re.compile(r"\b(two|three|four|five|ten|twelve|twenty)\b", re.I)
_RANK_WORD = re.compile(r"\b(first|second|third|tenth)\b")
_DIGITS = re.compile(r"(?<![\w.,+/-])(\d+(?:\.\d+)?)(?![\w+]|[.,]\d)")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_MONTH_DAY = re.compile(rf"\b({'|'.join(_MONTHS)}) (\d{{1,2}})\b")
_DAY_MONTH = re.compile(rf"(?<![\d–-])\b(\d{{1,2}}) ({'|'.join(_MONTHS)})\b")
_SAME_BY_OTHER_NAMES = ({"Moscow", "Kremlin"}, {"UN", "U.N."})

Change = tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A statement made from a quote, and by which operator."""

    kind: str
    operator: str
    statement: str
    quote: str


def seed_sentences(folder: Path = ROOT / "seeds") -> list[str]:
    """Return the sentences of the seeds, each once, that have at least six words."""
    found: dict[str, None] = {}
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        for paragraph in paragraphs(text):
            for sentence in sentences(text, paragraph):
                words = text[sentence.start : sentence.end]
                if len(words.split()) >= _MIN_WORDS:
                    found[words] = None
    return list(found)


def _numbers(text: str) -> Iterator[Change]:
    for match in _NUMBER_WORD.finditer(text):
        yield from ((*match.span(), word) for word in _COUNTS if word != match.group().casefold())
    for match in _RANK_WORD.finditer(text):
        yield from ((*match.span(), word) for word in _RANKS if word != match.group())
    for match in _DIGITS.finditer(text):
        if _YEAR.fullmatch(match.group()) or _is_day(text, match):
            continue
        value = float(match.group())
        for other in (value + 1, value * 10, value / 2, value + 0.2, 4, 17):
            if other != value:
                yield (*match.span(), f"{other:g}")
    for scale in _SCALES:
        for match in re.finditer(rf"\b{scale}\b", text):
            yield from ((*match.span(), other) for other in _SCALES if other != scale)
            yield (*match.span(), "")
    for match in re.finditer(r"\bC5\+1\b", text):
        yield from ((*match.span(), other) for other in ("C6+1", "C5+2", "C4+1"))


def _is_day(text: str, match: re.Match[str]) -> bool:
    around = text[max(0, match.start() - 14) : match.end() + 14]
    return any(month in around for month in _MONTHS)


def _dates(text: str) -> Iterator[Change]:
    for match in _YEAR.finditer(text):
        year = int(match.group())
        yield from ((*match.span(), str(year + step)) for step in (-10, -2, -1, 1, 6))
    for match in re.finditer(rf"\b(?:{'|'.join(_MONTHS)})\b", text):
        yield from ((*match.span(), month) for month in _MONTHS if month != match.group())
    for match in (*_MONTH_DAY.finditer(text), *_DAY_MONTH.finditer(text)):
        group = 2 if match.re is _MONTH_DAY else 1
        day = int(match.group(group))
        yield from (
            (*match.span(group), str(other)) for other in (day + 1, day + 10, 31 - day) if other != day
        )
    for match in re.finditer(r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b", text):
        yield from ((*match.span(), day) for day in _DAYS if day != match.group())
    for match in re.finditer(r"\b(?:last|this|next) (?:week|month|year)\b", text):
        for other in ("last week", "last month", "last year", "this year", "next month"):
            if other != match.group():
                yield (*match.span(), other)


def _names(text: str) -> Iterator[Change]:
    for pool in (_PLACES, _PEOPLE, _BODIES):
        for name in pool:
            for match in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w+-])", text):
                for other in pool:
                    if other != name and not any({name, other} <= group for group in _SAME_BY_OTHER_NAMES):
                        yield (*match.span(), other)
    for match in re.finditer(r"\bU\.S\.(?= [a-zP])|\bUS(?= )", text):
        yield from ((*match.span(), other) for other in ("UK", "EU", "Chinese"))
    for first in ("Donald", "John", "Sergey", "Erika", "Hugh", "Marco", "Vladimir", "Shavkat", "Xi"):
        for match in re.finditer(rf"\b{first}\b", text):
            yield from ((*match.span(), other) for other in ("Michael", "Anna", "Igor"))


def _units(text: str) -> Iterator[Change]:
    for match in re.finditer(r"(?<![\w])\$(?=\d)", text):
        yield from ((*match.span(), sign) for sign in _SIGNS)
    for match in re.finditer(r"\$(\d[\d.]*) (million|billion)", text):
        for unit in ("tonnes", "euros", "barrels", "percent", "people"):
            yield (*match.span(), f"{match.group(1)} {match.group(2)} {unit}")
        if not text[: match.start()].endswith(("illion and ", "illion to ")):  # there it goes without saying
            yield (*match.span(), f"{match.group(1)} {match.group(2)}")
    for match in re.finditer(r"(?<=\d )km\b", text):
        yield from ((*match.span(), unit) for unit in _MEASURES if unit != "km")
    for match in re.finditer(r"\b(?:days|weeks|months|years|decades|hours)\b", text):
        yield from ((*match.span(), unit) for unit in _SPANS if unit != match.group())
    for match in re.finditer(r"\ba (?:month|week|year|decade)\b", text):
        for unit in ("day", "week", "month", "year", "decade", "century"):
            if f"a {unit}" != match.group():
                yield (*match.span(), f"a {unit}")


def _negations(text: str) -> Iterator[Change]:
    for word in _AUXILIARIES:
        for match in re.finditer(rf"\b{word}\b(?! (?:not|no|also|never)\b)", text):
            if word == "may" and text[match.start()].isupper():
                continue
            yield (*match.span(), f"{word} not")
            yield (*match.span(), f"{word} never")
    for match in re.finditer(r"\b(?:not|never|no) (?!only\b|as\b)", text):
        yield (*match.span(), "")
    for match in re.finditer(r"\b(?:will|would|could|may|should|must|to) (?=[a-z]+\b)", text):
        if re.match(
            r"(?:be|take|join|visit|meet|lift|reduce|diversify|deepen|provide|maintain|enhance|curb|secure)\b",
            text[match.end() :],
        ):
            yield match.end(), match.end(), "fail to "
            yield match.end(), match.end(), "refuse to "
    for word, others in _TURNED.items():
        for match in re.finditer(rf"\b{word}\b", text):
            yield from ((*match.span(), other) for other in others)


def _quantifiers(text: str) -> Iterator[Change]:
    for word, others in _REPLACED.items():
        for match in re.finditer(rf"\b{word}\b", text):
            if word == "most" and text[match.end() :].startswith(" important"):
                continue
            if word == "over" and not re.match(r" \$?\d", text[match.end() :]):
                continue
            yield from ((*match.span(), other) for other in others)
    for match in re.finditer(rf"\b(?:{_NOUNS})\b", text):
        before = text[: match.start()].split()[-1:] or [""]
        if before[0].casefold() in ("of", "by", "with", "between", "to", "that", "and"):
            yield match.start(), match.start(), "all "
            yield match.start(), match.start(), "only "
            yield match.start(), match.start(), "most "
    for match in re.finditer(r"(?<!over )\$\d", text):
        yield from (
            (match.start(), match.start(), f"{word} ") for word in ("over", "nearly", "less than", "at least")
        )
    for match in re.finditer(r"\b(?:two|five)\b", text):
        yield from (
            (match.start(), match.start(), f"{word} ")
            for word in ("more than", "only", "at most", "some of the")
        )
    for match in re.finditer(r"\b(?:likely|reportedly|possibly|over|almost|primarily|mainly) ", text):
        if not match.group().startswith("over") or re.match(r"\$?\d", text[match.end() :]):
            yield (*match.span(), "")


MUTATIONS: dict[str, Callable[[str], Iterator[Change]]] = {
    "number": _numbers, "date": _dates, "name": _names, "unit": _units, "negation": _negations, "quantifier": _quantifiers,
}  # fmt: skip


def mutations(texts: Sequence[str], rng: random.Random, per_kind: int) -> list[Case]:
    """Return at most `per_kind` mutated statements of each kind, drawn evenly over the places changed."""
    found: list[Case] = []
    for kind in KINDS:
        pool: dict[str, Case] = {}
        for text in texts:
            for start, end, other in MUTATIONS[kind](text):
                statement = re.sub(r"  +", " ", text[:start] + other + text[end:])
                if statement != text and not (
                    other.strip() and text[:start].rstrip().endswith(other.strip())
                ):
                    operator = f"{text[start:end].strip()} → {other.strip()}"
                    pool[statement] = Case(kind=kind, operator=operator, statement=statement, quote=text)
        drawn = sorted(pool.values(), key=lambda case: (case.quote, case.statement))
        found.extend(rng.sample(drawn, min(per_kind, len(drawn))))
    return found


def _regex(pattern: str, into: str | Callable[[re.Match[str]], str]) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, into, text)


_WORD_OF = {"two": "2", "three": "3", "four": "4", "five": "5", "ten": "10"}
_RANK_OF = {"first": "1st", "second": "2nd", "third": "3rd", "tenth": "10th"}
HARMLESS: dict[str, Callable[[str], str]] = {
    "no full stop": lambda text: text.rstrip(".…"),
    "added full stop": lambda text: text if text.endswith((".", "?", "!", "”", '"')) else f"{text}.",
    "first letter in lower case": lambda text: text[:1].lower() + text[1:],
    "two spaces": lambda text: text.replace(" ", "  "),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "line break": lambda text: text.replace(" ", "\n", 3).replace("\n", " ", 2),
    "spaces at the ends": lambda text: f"  {text}\t",
    "straight quote marks": lambda text: text.translate(str.maketrans("“”‘’", "\"\"''")),
    "curly quote marks": _regex(r'"([^"]*)"', r"“\1”"),
    "angle quote marks": _regex(r'["“]([^"“”]*)["”]', r"«\1»"),
    "curly apostrophe": lambda text: text.replace("'", "’"),
    "hyphens for dashes": _regex(r" ?[–—] ?", lambda m: m.group().replace("–", "-").replace("—", "-")),
    "long dashes": lambda text: text.replace("–", "—"),
    "spaced dashes": _regex(r"(?<=\w)—(?=\w)", " — "),
    "U.S. to US": _regex(r"\bU\.S\.(?!\w)", "US"),
    "US to U.S.": _regex(r"\bUS\b", "U.S."),
    "United States to U.S.": _regex(r"\b[Tt]he United States\b(?! of)", "the U.S."),
    "UN to United Nations": _regex(r"\bUN\b", "United Nations"),
    "UK to U.K.": _regex(r"\bUK\b", "U.K."),
    "contracted": lambda text: re.sub(r"\b(did|does|was|were|is|are|should|could|would|has|have) not\b", r"\1n't", text),
    "contracted, curly": lambda text: re.sub(r"\b(did|does|was|were|is|are|should|could|would|has|have) not\b", r"\1n’t", text),
    "no opening word": _regex(r"^(?:However|Meanwhile|Still|Initially|Moreover), (?:though, )?", ""),
    "added opening word": lambda text: f"However, {text}",
    "digits for words": _regex(rf"(?<!-)\b({'|'.join(_WORD_OF)})\b(?!-| hundred)", lambda m: _WORD_OF[m.group()]),
    "digits for ranks": _regex(rf"(?<![Oo]ne[ -])(?<!a )\b({'|'.join(_RANK_OF)})\b", lambda m: _RANK_OF[m.group()]),
    "day first": _regex(_MONTH_DAY.pattern, r"\2 \1"),
    "month first": _regex(_DAY_MONTH.pattern, r"\2 \1"),
    "ordinal day": _regex(_DAY_MONTH.pattern, r"\1th \2"),
    "bn": _regex(r"(\d) billion\b", r"\1bn"),
    "US$": _regex(r"(?<![A-Z])\$(?=\d)", "US$"),
    "dollars": _regex(r"(?<![A-Z])\$(\d[\d.]*) billion\b", r"\1 billion dollars"),
    "USD": _regex(r"(?<![A-Z])\$(\d[\d.]*) billion\b", r"USD \1 billion"),
    "all digits": _regex(r"(?<![A-Z])\$(\d[\d.]*) billion\b", lambda m: f"${int(float(m.group(1)) * 10**9):,}"),
    "all digits, spaces": _regex(r"(?<![A-Z])\$(\d[\d.]*) billion\b", lambda m: f"${int(float(m.group(1)) * 10**9):,}".replace(",", " ")),
    "kilometres": _regex(r"(\d) km\b", r"\1 kilometres"),
    "km, no space": _regex(r"(\d) km\b", r"\1km"),
    "more than for over": _regex(r"\bover (?=\$?\d)", "more than "),
    "soft hyphens": _regex(r"\b(\w{4})(\w{5,})\b", "\\1\u00ad\\2"),
    "zero-width spaces": lambda text: text.replace(", ", ",\u200b "),
    "no marks round words": _regex(r'["“”]', ""),
}  # fmt: skip


def harmless(texts: Sequence[str], rng: random.Random, at_most: int) -> list[Case]:
    """Return variants that say the same, every operator's share kept even where it can be."""
    pools: list[list[Case]] = []
    for operator, change in HARMLESS.items():
        changed = {change(text): text for text in texts if change(text) != text}
        cases = [
            Case(kind="harmless", operator=operator, statement=s, quote=q) for s, q in sorted(changed.items())
        ]
        rng.shuffle(cases)
        pools.append(cases)
    found: list[Case] = []
    while len(found) < at_most and any(pools):
        for pool in pools:
            if pool and len(found) < at_most:
                found.append(pool.pop())
    return found


def elsewhere(cases: Sequence[Case], texts: Sequence[str]) -> list[Case]:
    """Return the same statements, each beside the other sentence that shares most words with it."""
    words = [(text, frozenset(content_terms(text))) for text in texts]
    found = []
    for case in cases:
        own = frozenset(content_terms(case.statement))
        closest = max((one for one in words if one[0] != case.quote), key=lambda one: len(one[1] & own))
        found.append(
            Case(kind="elsewhere", operator=case.operator, statement=case.statement, quote=closest[0])
        )
    return found


def with_reader(
    lies: Sequence[Case], same: Sequence[Case], texts: Sequence[str], reader: SupportReader
) -> dict[str, Any]:
    """Return how many of each are accepted when the reader is asked after the rules, or alone."""

    def accepted(cases: Sequence[Case], reader: SupportReader | None) -> int:
        return sum(supports(case.statement, [case.quote], reader=reader).supported for case in cases)

    others = elsewhere(same, texts)
    return {
        "mutations_accepted": accepted(lies, reader),
        "harmless_accepted": accepted(same, reader),
        "harmless_share": round(accepted(same, reader) / len(same), 4),
        "elsewhere": len(others),
        "elsewhere_accepted_by_rules": accepted(others, None),
        "elsewhere_accepted": accepted(others, reader),
        "elsewhere_refused_by_reader_alone": sum(
            reader(case.statement, [case.quote]) < READER_THRESHOLD for case in others
        ),
        "mutations_refused_by_reader_alone": sum(
            reader(case.statement, [case.quote]) < READER_THRESHOLD for case in lies
        ),
    }


def measure(seed: int, per_kind: int, variants: int, reader: SupportReader | None = None) -> dict[str, Any]:
    """Judge all cases and return the figures with every case that went wrong."""
    texts = seed_sentences()
    rng = random.Random(seed)
    lies, same = mutations(texts, rng, per_kind), harmless(texts, rng, variants)
    started = time.perf_counter()
    judged = [(case, supports(case.statement, [case.quote])) for case in lies]
    kept = [(case, supports(case.statement, [case.quote])) for case in same]
    seconds = time.perf_counter() - started
    passed = [case for case, support in judged if support.supported]
    refused = [(case, support) for case, support in kept if not support.supported]
    named = Counter(c.kind for c, s in judged if any(p.kind == c.kind for p in s.problems))
    counts = Counter(case.kind for case in lies)
    return {
        "sentences": len(texts),
        "seed": seed,
        "mutations": {
            "total": len(lies),
            "accepted": len(passed),
            "by_kind": {
                kind: {
                    "total": counts[kind],
                    "accepted": sum(case.kind == kind for case in passed),
                    # Refused for that very reason; the others are refused for another.
                    "named_as_such": named[kind],
                }
                for kind in KINDS
            },
            "wrongly_accepted": [_row(case) for case in passed],
        },
        "harmless": {
            "total": len(same),
            "accepted": len(same) - len(refused),
            "share": round(1 - len(refused) / len(same), 4),
            "operators": len({case.operator for case in same}),
            "wrongly_refused": [
                _row(case) | {"problems": [f"{p.kind}: {p.said!r} / {p.found!r}" for p in support.problems]}
                for case, support in refused
            ],
        },
        "ms_per_statement": round(1000 * seconds / (len(lies) + len(same)), 3),
        "with_reader": with_reader(lies, same, texts, reader) if reader else None,
    }


def _row(case: Case) -> dict[str, str]:
    return {"kind": case.kind, "operator": case.operator, "statement": case.statement}


def holds(figures: dict[str, Any]) -> bool:
    """Tell whether no mutation was accepted and enough harmless variants were."""
    read = figures["with_reader"] or {"mutations_accepted": 0, "harmless_share": 1.0}
    accepted = figures["mutations"]["accepted"] + read["mutations_accepted"]
    return bool(accepted == 0 and min(figures["harmless"]["share"], read["harmless_share"]) >= MUST_ACCEPT)


def main() -> int:
    """Print the figures; the status is 1 where the promise does not hold."""
    parser = argparse.ArgumentParser(description="Whether small lies get past rag.support.")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--per-kind", type=int, default=120)
    parser.add_argument("--variants", type=int, default=600)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        files = find_reader()
        folder = ensure_reader_conversion(files, Path(name))
        model = ReaderModel(folder, name=files.fingerprint, max_tokens=files.max_tokens, threads=1)
        figures = measure(arguments.seed, arguments.per_kind, arguments.variants, ReaderSupport(model))
    write_json({**provenance("eval.bench.support_mutations", threads=1), **figures}, arguments.out)
    return 0 if holds(figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
