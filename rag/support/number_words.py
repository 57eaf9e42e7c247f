"""Numbers as words: English, and the Russian forms that are cheap to know."""

from __future__ import annotations

import re

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_CARDINALS_RU = (
    "ноль|нуль;один|одна|одно|одного|одной;два|две|двух|двумя|обеих;три|трех|тремя;четыре|четырех;пять|пяти|пятью;"
    "шесть|шести;семь|семи;восемь|восьми;девять|девяти;десять|десяти;одиннадцать;двенадцать|двенадцати;"
    "тринадцать;четырнадцать;пятнадцать|пятнадцати;шестнадцать;семнадцать;восемнадцать;девятнадцать"
)
_TENS_RU = "двадцать|двадцати;тридцать|тридцати;сорок|сорока;пятьдесят|пятидесяти;шестьдесят|шестидесяти;семьдесят|семидесяти;восемьдесят|восьмидесяти;девяносто"
SMALL: dict[str, int] = {word: n for n, word in enumerate(_ONES.split())}
SMALL |= {word: 20 + 10 * n for n, word in enumerate(_TENS.split())}
SMALL |= {word: n for n, group in enumerate(_CARDINALS_RU.split(";")) for word in group.split("|")}
SMALL |= {word: 20 + 10 * n for n, group in enumerate(_TENS_RU.split(";")) for word in group.split("|")}
SMALL |= {"сто": 100, "ста": 100, "двести": 200, "триста": 300, "четыреста": 400, "пятьсот": 500, "шестьсот": 600,
           "семьсот": 700, "восемьсот": 800, "девятьсот": 900}  # fmt: skip
SCALES = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
    "mn": 10**6, "mln": 10**6, "bn": 10**9, "bln": 10**9, "tn": 10**12, "trn": 10**12,
    "тысяча": 10**3, "тысячи": 10**3, "тысяч": 10**3, "тысячу": 10**3, "тыс": 10**3, "млн": 10**6, "млрд": 10**9,
    "трлн": 10**12,
}  # fmt: skip
SCALES |= {f"миллион{end}": 10**6 for end in ("", "а", "ов", "ам")}
SCALES |= {f"миллиард{end}": 10**9 for end in ("", "а", "ов", "ам")}
SCALES |= {f"триллион{end}": 10**12 for end in ("", "а", "ов")}
GLUED_SCALES = {"k": 10**3, "m": 10**6, "b": 10**9}
VAGUE = {"hundreds": 100, "thousands": 1000, "millions": 10**6, "billions": 10**9, "trillions": 10**12,
          "dozens": 12, "tens": 10, "сотни": 100, "десятки": 10}  # fmt: skip
_RANKS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_RANKS_OF_TEN = "thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth"
ORDINALS = {word: n for n, word in enumerate(_RANKS.split())}
ORDINALS |= {word: 10 * n for n, word in enumerate(_RANKS_OF_TEN.split(), 3)}
ONES_RU = ["перв", "втор", "трет", "четверт", "пят", "шест", "седьм", "восьм", "девят", "десят"]
ORDINAL_RU = re.compile(
    rf"({'|'.join(ONES_RU)})(?:ый|ий|ой|ая|ое|ого|ому|ым|ом|ую|ые|ых|ым|ья|ье|ьего|ьей|ью|ьем)$"
)
PARTS = {"halves": 2, "thirds": 3, "quarters": 4, "fourths": 4, "fifths": 5, "sixths": 6, "eighths": 8, "tenths": 10,
          "third": 3, "quarter": 4, "fifth": 5, "half": 2}  # fmt: skip
