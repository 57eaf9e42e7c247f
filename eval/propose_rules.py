"""How a sentence becomes a question: a few patterns of English and Russian, taken word by word.

English questions that would need another verb form are asked the way a quiz master does ("worth
over how much money?"): plain, mostly grammatical, and easily edited.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = r"(?:U\.S\.|[A-ZА-ЯЁÄÖÜ][^\W\d_]*(?:['’\-][^\W\d_]+)*)"
# At most so many words: a long run of capitals must not be tried from each of its words.
_NAME = re.compile(rf"\b{_WORD}(?:[ ]{_WORD}){{0,5}}(?!\d)")
_POSSESSIVE = re.compile("['’]s?$")
NUMBER = re.compile(
    r"(?<![\w.,+\-])[$€£]?(?!0\d)\d+(?:[.,]\d+)*(?: (?:million|billion|trillion|млн|млрд))?(?![\w+\-])"
)
"""A number, with its currency sign and magnitude."""

_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_COMMON_WORDS = """
a an the in on at by of for from with as if but and or so to since after before during when while where why how
who what which experts analysts meanwhile however also still most many some all each earlier initially not
january february march april may june july august september october november december
monday tuesday wednesday thursday friday saturday sunday
в во на по с к из от до о об за для при не но и а что как когда где кто почему сколько если уже также
"""
_NOT_NAMES = frozenset(_COMMON_WORDS.split())
_SPEECH = (
    r"said|says|announced|announces|stated|states|stressed|stresses|noted|notes|claimed|claims|warned|warns|"
    r"argued|argues|believes|emphasi[sz]ed|emphasi[sz]es|explained|explains|added|adds|insisted|insists|"
    r"confirmed|confirms|predicted|predicts|suggested|suggests|declared|declares|reported|reports"
)
# In the present, "states" and "reports" are as often things as what somebody does.
_SPOKE = (
    "said|told|announced|stated|stressed|noted|warned|argued|believes|explained|added|сказал|заявил|отметил"
)
_SUBJECT = rf"(?:The )?{_WORD}(?: (?:(?:of|for|and|the) )?{_WORD}){{0,8}}"
_SAID = re.compile(
    rf"(?:^|, )(?P<who>{_SUBJECT})(?:, [^,]+,)? (?:also )?(?P<verb>{_SPEECH}) that (?P<what>.+)$"
)
_DATE = rf"(?:\d{{1,2}} {_MONTH}(?: \d{{4}})?|{_MONTH}(?: \d{{1,2}})?(?:,? \d{{4}})?|(?:1[0-9]|20)\d\d)"
_BEGINS_WITH_DATE = re.compile(rf"^(?P<at>(?:In|On) (?P<date>{_DATE})),? (?P<rest>.+)$")
_ENDS_WITH_DATE = re.compile(rf"^(?P<rest>.+) (?:in|on) (?P<date>{_DATE})$")
_ANY_DATE = re.compile(rf"\b{_DATE}\b")
_BECAUSE = re.compile(r"^(?P<rest>.+?),? (?P<why>(?:because|due to|in order to|thanks to) .+)$")
_APPOSITIVE = re.compile(rf"(?P<who>{_WORD}(?: {_WORD})+), (?P<what>(?:an?|the) [a-z][^,]{{8,80}}),")
_CUES = {
    "person": re.compile(rf"\b(?P<name>{_WORD}(?: {_WORD}){{1,3}}) (?:also )?(?:{_SPOKE})\b"),
    "place": re.compile(rf"\b(?:in|from|to visit|в|из) (?P<name>{_WORD}(?: {_WORD}){{0,5}})"),
}
_MOST_WORDS_IN_PLACE = 25
_LEAD = re.compile(r"^(?:However|Meanwhile|Moreover|In addition|Still|Also|But|And|Thus|Therefore|Indeed),? ")
# "the five countries" cannot become "the how many countries".
_FREE = r"(?<!\bthe )(?<!\ball )(?<!\blast )(?<!\bfirst )(?<!\btheir )(?<!\bthose )(?<!\bits )(?<!\ba )(?<![“\"($€£.,\-])"
_COUNTED = re.compile(
    _FREE
    + r"\b(?!(?:1[0-9]|20)\d\d\b)(?P<number>\d+(?:,\d{3})*|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) "
    r"(?P<noun>(?:[a-z]+ )?(?!was\b|has\b|this\b)[a-z]{3,}s)\b"
)
_MONEY = re.compile(_FREE + r"(?P<number>[$€£]\d+(?:[.,]\d+)*(?: (?:million|billion|trillion))?)(?!\w)")
_PERCENT = re.compile(_FREE + r"(?P<number>\d+(?:[.,]\d+)?)\s?(?:%|percent\b|per cent\b)")

_RU_YEAR = re.compile(r"^В (?P<date>(?:1[0-9]|20)\d\d) году,? (?P<rest>.+)$")
_RU_SAID = re.compile(
    r"^(?P<who>[А-ЯЁ][^,]{2,80}?) (?P<verb>сказал|заявил|отметил|сообщил|подчеркнул|объявил|пояснил)а?, "
    r"что (?P<what>.+)$"
)
_RU_BECAUSE = re.compile(r"^(?P<rest>.+?), (?P<why>(?:потому что|так как|поскольку) .+)$")
_RU_COUNTED = re.compile(
    r"(?<![\w.,])(?P<number>\d+(?:[., ]\d+)*) (?P<noun>(?:млн|млрд|тысяч|миллион|миллиард|процент|человек)\w*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A question made of a sentence. `answer` is a piece of it, or `None` where none is short."""

    question: str
    kind: str
    answer: str | None


def forms(sentence: str) -> list[Form]:
    """Return every question that a rule makes of a sentence; none where no rule fits."""
    body = _LEAD.sub("", sentence.rstrip().removesuffix("."), count=1)
    if not body:
        return []
    cyrillic = sum("а" <= char <= "я" or char == "ё" for char in body.casefold())
    made = _russian(body) if 2 * cyrillic > sum(map(str.isalpha, body)) else _english(body)
    return list({form.question: form for form in made}.values())


def names(text: str) -> list[str]:
    """Return each run of capitalised words that is not just the beginning of a sentence, in order."""
    found = []
    for match in _NAME.finditer(text):
        words, begins = match.group().split(" "), match.start() == 0
        while words and words[0].casefold() in _NOT_NAMES:
            words.pop(0)
            begins = False
        while words and words[-1].casefold() in _NOT_NAMES:
            words.pop()
        # The first word of a text is written large whatever it is.
        if words and not (begins and len(words) == 1):
            found.append(_POSSESSIVE.sub("", " ".join(words)))
    return found


def people_and_places(text: str) -> dict[str, str]:
    """Return the names that the text itself shows to be somebody's (they speak) or a place's.

    A name that shows as both is left out.
    """
    known = set(names(text))
    shown: dict[str, set[str]] = {}
    for cue, pattern in _CUES.items():
        for match in pattern.finditer(text):
            if (name := _POSSESSIVE.sub("", match["name"])) in known:
                shown.setdefault(name, set()).add(cue)
    return {name: cues.pop() for name, cues in shown.items() if len(cues) == 1}


def _english(body: str) -> list[Form]:
    made: list[Form] = []
    if found := _SAID.search(body):
        who, verb, what = found["who"], found["verb"], found["what"]
        made.append(
            Form(question=f"Who {verb} that {what}?", kind="who_said", answer=who.removeprefix("The "))
        )
        made.append(Form(question=f"What did {_inner(who)} say?", kind="what_said", answer=None))
    dates = _ANY_DATE.findall(body)
    if len(dates) == 1 and (found := _BEGINS_WITH_DATE.match(body) or _ENDS_WITH_DATE.match(body)):
        question = f"When was it that {_inner(found['rest'])}?"
        made.append(Form(question=question, kind="when", answer=found["date"]))
    if found := _BECAUSE.match(body):
        made.append(Form(question=f"Why is it that {_inner(found['rest'])}?", kind="why", answer=None))
    if found := _APPOSITIVE.search(body):
        made.append(Form(question=f"Who or what is {found['who']}?", kind="who", answer=found["what"]))
    if len(body.split()) > _MOST_WORDS_IN_PLACE:
        return made
    for pattern, words in ((_MONEY, "how much money"), (_PERCENT, "what percentage")):
        if found := pattern.search(body):
            made.append(Form(question=_in_place(body, found, words), kind="how_many", answer=found.group()))
    if found := _COUNTED.search(body):
        words = f"how many {found['noun']}"
        made.append(Form(question=_in_place(body, found, words), kind="how_many", answer=found["number"]))
    return made


def _russian(body: str) -> list[Form]:
    made: list[Form] = []
    if found := _RU_YEAR.match(body):
        made.append(Form(question=f"В каком году {found['rest']}?", kind="when", answer=found["date"]))
    if found := _RU_SAID.match(body):
        question = f"Кто {found['verb']}, что {found['what']}?"
        made.append(Form(question=question, kind="who_said", answer=found["who"]))
    if found := _RU_BECAUSE.match(body):
        made.append(Form(question=f"Почему {_inner(found['rest'])}?", kind="why", answer=None))
    if found := _RU_COUNTED.search(body):
        question = _in_place(body, found, f"сколько {found['noun']}")
        made.append(Form(question=question, kind="how_many", answer=found["number"]))
    return made


def _in_place(body: str, found: re.Match[str], words: str) -> str:
    """Put question words where the answer stood."""
    asked = f"{body[: found.start()]}{words}{body[found.end() :]}?"
    return asked[0].upper() + asked[1:]


def _inner(text: str) -> str:
    """Return text as it stands inside a sentence: a first word that is no name begins small."""
    return text[0].lower() + text[1:] if text.split(" ", 1)[0].casefold() in _NOT_NAMES else text
