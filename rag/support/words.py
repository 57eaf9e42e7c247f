"""Words that are the same, words that are opposites, and words that carry more than grammar."""

from __future__ import annotations

from functools import lru_cache

from index.terms import content_terms
from rag.support.text import stem, word_set

# A line of words that may stand for each other in a statement about the same thing.
_SAME = """
buy purchase acquire bought purchased acquired
begin start commence began begun started
end finish conclude ended
say tell announce said told announced declared
country nation
agreement deal pact accord
company firm
largest biggest
aircraft airplane aeroplane plane
help aid assist
build construct built
big large
show demonstrate
fast quick rapid
child kid
happen occur
choose select chose chosen
got obtain get
give gave given
receive received
talk discussion negotiation
gathering summit meeting
found establish founded
""".strip().splitlines()
# Forms that the stemmer does not bring together.
_FORMS = (
    """
rise rose risen;fall fell fallen;shrink shrank shrunk;sell sold;grow grew grown;take took taken;make made;go went gone;come came
see saw seen;win won;lose lost;meet met;hold held;keep kept;lead led;speak spoke spoken;write wrote written;send sent;spend spent
pay paid;think thought;bring brought;drive drove driven;become became;know knew known;draw drew drawn;break broke broken
steal stole stolen;strike struck;seek sought;teach taught;run ran;sink sank sunk;fly flew flown;beat beaten;fight fought;catch caught
sign signed;mean meant;lend lent;wear wore worn;ride rode ridden;withdraw withdrew withdrawn;forbid forbade forbidden;forget forgot
freeze froze frozen;arise arose arisen;hear heard;feel felt;stand stood;understand understood;throw threw thrown;shoot shot
""".replace("\n", ";")
    .strip(";")
    .split(";")
)
_CANONICAL = {stem(word): stem(line.split()[0]) for line in (*_FORMS, *_SAME) for word in line.split()}

# Pairs of which one makes a statement about the other false.
_OPPOSITE = """
sign/cancel sign/reject accept/reject approve/reject accept/refuse accept/decline agree/refuse
agree/disagree increase/decrease increase/reduce rise/fall rose/fell rise/drop grow/shrink
grew/shrank gain/lose gain/loss win/lose won/lost profit/loss import/export importer/exporter
buy/sell bought/sold open/close begin/end start/stop start/end join/leave joined/left enter/leave
enter/exit arrive/depart support/oppose allow/ban allow/forbid permit/prohibit allow/prevent
succeed/fail success/failure succeeded/failed pass/fail confirm/deny strengthen/weaken
improve/worsen improve/deteriorate raise/lower raise/cut expand/contract accelerate/slow
tighten/loosen impose/lift impose/remove ally/enemy friend/enemy before/after above/below up/down
with/without inside/outside more/less more/fewer higher/lower better/worse larger/smaller
bigger/smaller longer/shorter older/younger faster/slower earlier/later most/least best/worst
largest/smallest highest/lowest first/last oldest/youngest north/south east/west northern/southern
eastern/western male/female public/private domestic/foreign internal/external legal/illegal
guilty/innocent true/false safe/dangerous positive/negative high/low hot/cold rich/poor strong/weak
early/late old/new deposit/withdraw lend/borrow attack/defend advance/retreat invade/withdraw
accept/deny include/exclude present/absent present/past possible/impossible ratify/reject
ratified/rejected launch/cancel postpone/hold signed/scrapped alive/dead born/died maximum/minimum
majority/minority temporary/permanent peace/war import/export surplus/deficit victory/defeat
presence/absence вырос/упал выросла/упала выросли/упали увеличил/уменьшил рост/падение
импорт/экспорт подписал/отменил купил/продал принял/отклонил подписали/отменили больше/меньше
выше/ниже открыл/закрыл до/после
"""
_OPPOSITES: dict[str, set[str]] = {}
for _pair in _OPPOSITE.split():
    _one, _other = (_CANONICAL.get(stem(word), stem(word)) for word in _pair.split("/"))
    _OPPOSITES.setdefault(_one, set()).add(_other)
    _OPPOSITES.setdefault(_other, set()).add(_one)

MEANINGFUL = word_set(
    "before after above below up down with without inside outside over under against for from to into out off on between "
    "during until since within by through more most less least few fewer all any both each only some other same such than nor no not "
    "he she his her him hers they their them i we our us you your my who and or but"
)
"""Function words that change what is said when one takes another's place."""
_SAME_PLACE = (
    frozenset({"on", "in", "at", "during"}), frozenset({"and", "but"}), frozenset({"to", "into"}), frozenset({"who", "that"}),
    frozenset({"to", "for"}), frozenset({"through", "by"}), frozenset({"under", "by"}), frozenset({"for", "of"}), frozenset({"from", "of"}),
    frozenset({"over", "during"}), frozenset({"to", "and"}), frozenset({"with", "to"}), frozenset({"by", "from"}),
    frozenset({"by", "of"}), frozenset({"by", "with"}), frozenset({"within", "in"}),
)  # fmt: skip


def opposites(word: str) -> set[str]:
    """Return the stems that are opposites of a word."""
    return _OPPOSITES.get(canonical(stem(word)), set())


def opposed(one: str, other: str) -> bool:
    """Tell whether two words are opposites."""
    return canonical(stem(other)) in opposites(one)


def canonical(stemmed: str) -> str:
    """Return the one stem that stands for all words of the same meaning."""
    return _CANONICAL.get(stemmed, stemmed)


def interchangeable(one: str, other: str) -> bool:
    """Tell whether one function word may take another's place without a change of meaning."""
    if one not in MEANINGFUL and other not in MEANINGFUL:
        return True
    return any(one in group and other in group for group in _SAME_PLACE)


@lru_cache(maxsize=50_000)
def is_content(low: str) -> bool:
    """Tell whether the index counts a word as content; what takes another function word's place is none."""
    return low != "within" and bool(content_terms(low))
