"""Units of amounts: every name of a unit to one name. Nothing is converted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.support.text import Token, kind_at, low_at

_UNITS = {
    "percent": "% percent pct процент процента процентов процентах проценты",
    "points": "pp пп",
    "$": "$ us$ usd dollar dollars доллар доллара долларов доллары",
    "€": "€ eur euro euros евро",
    "£": "£ gbp pound pounds sterling фунт фунта фунтов",
    "¥": "¥ jpy yen иен иены",
    "yuan": "yuan cny rmb renminbi юань юаня юаней",
    "rouble": "₽ rub rouble roubles ruble rubles руб рубль рубля рублей рубли",
    "tenge": "₸ kzt tenge тенге",
    "som": "som soms kgs сом сома сомов", "sum": "uzs сум сумов",
    "rupee": "₹ inr rupee rupees", "won": "₩ krw", "franc": "chf franc francs",
    "lira": "lira liras", "cent": "cent cents",
    "mm": "mm millimetre millimetres millimeter millimeters мм",
    "cm": "cm centimetre centimetres centimeter centimeters см",
    "m": "m metre metres meter meters м метр метра метров",
    "km": "km kms kilometre kilometres kilometer kilometers км километр километра километров",
    "mile": "mile miles mi", "foot": "foot feet ft", "inch": "inch inches", "yard": "yard yards",
    "mg": "mg milligram milligrams мг", "g": "g gram grams gramme grammes грамм граммов",
    "kg": "kg kgs kilogram kilograms kilo kilos кг килограмм килограмма килограммов",
    "t": "t tonne tonnes ton tons т тонна тонны тонн", "lb": "lb lbs", "ounce": "oz ounce ounces",
    "µg": "µg μg microgram micrograms",
    "ml": "ml millilitre millilitres milliliter milliliters мл",
    "l": "l litre litres liter liters л литр литра литров",
    "gallon": "gallon gallons", "barrel": "barrel barrels bbl баррель барреля баррелей",
    "ha": "ha hectare hectares га гектар гектара гектаров", "acre": "acre acres",
    "second": "sec secs seconds секунда секунды секунд", "ms": "ms millisecond milliseconds",
    "minute": "min mins minute minutes минута минуты минут",
    "hour": "h hr hrs hour hours час часа часов", "day": "day days день дня дней",
    "week": "week weeks неделя недели недель", "month": "month months месяц месяца месяцев",
    "year": "year years yr yrs year-old лет", "decade": "decade decades", "century": "century centuries",
    "w": "watt watts", "kw": "kw kilowatt kilowatts квт", "mw": "mw megawatt megawatts мвт",
    "gw": "gw gigawatt gigawatts гвт", "kwh": "kwh", "mwh": "mwh", "gwh": "gwh", "twh": "twh",
    "v": "volt volts", "hz": "hz hertz", "mhz": "mhz", "ghz": "ghz", "kb": "kb", "mb": "mb", "gb": "gb",
    "tb": "tb", "°c": "°c celsius", "°f": "°f fahrenheit", "°": "° degree degrees градус градуса градусов",
    "k": "kelvin", "pa": "pa pascal pascals", "kpa": "kpa", "bar": "bar bars", "mol": "mol moles",
    "nm": "nm nanometre nanometres nanometer nanometers", "am": "am", "pm": "pm",
    "mph": "mph", "kmh": "kmh kph", "knot": "knot knots",
    "times": "times раз раза", "fold": "fold",
}  # fmt: skip
UNIT_OF = {name: unit for unit, names in _UNITS.items() for name in names.split()}
CURRENCY_SIGNS = frozenset("$€£¥₽₸₹₩") | {"us$", "usd", "eur", "gbp", "jpy", "cny", "rub", "kzt", "chf"}
MONEY = frozenset(
    {"$", "€", "£", "¥", "yuan", "rouble", "tenge", "som", "sum", "rupee", "won", "franc", "lira"}
)
# Names too short to be a unit anywhere but right after a number.
_SHORT = frozenset(
    {"m", "g", "t", "l", "h", "w", "v", "k", "м", "т", "л", "am", "pm", "min", "sec", "mi", "bar", "som"}
)


def unit_at(tokens: Sequence[Token], at: int, *, digits: bool) -> tuple[str, int]:
    """Return the unit that stands at a token, and where it ends; "" where none does."""
    start = at
    if (
        low_at(tokens, at) == "."
        and tokens[at].glued
        and low_at(tokens, at + 1) in UNIT_OF
        and kind_at(tokens, at - 1) == "word"
    ):
        at += 1  # "8 млрд. долларов"
    if low_at(tokens, at) == "-" and tokens[at].glued:
        at += 1
    low, after = low_at(tokens, at), low_at(tokens, at + 1)
    if low in CURRENCY_SIGNS and kind_at(tokens, at + 1) in ("number", "code"):
        return "", start  # "$80 $100": the sign is the next amount's
    if low in ("%", "percent") and after in ("point", "points"):
        return "points", at + 2
    if (low, after) == ("per", "cent"):
        if low_at(tokens, at + 2) in ("point", "points"):
            return "points", at + 3
        return "percent", at + 2
    if (low, after) in (("percentage", "point"), ("percentage", "points")):
        return "points", at + 2
    if low in ("процентный", "процентных", "процентного") and after.startswith("пункт"):
        return "points", at + 2
    if low in ("us", "u", "canadian", "australian", "singapore", "zimbabwean") and after in (
        "dollar",
        "dollars",
        "cents",
    ):
        return (UNIT_OF[after] if low == "us" else f"{low[0]}$"), at + 2
    if low in ("американских", "сша") and UNIT_OF.get(after) == "$":
        return "$", at + 2
    power = {"square": "2", "sq": "2", "cubic": "3", "квадратных": "2", "кубических": "3", "кв": "2"}.get(low)
    if power is not None:
        at += 2 if after == "." else 1
        low = low_at(tokens, at)
        if low not in UNIT_OF:
            return "", start
    if low in ("°", "degrees", "degree") and after in ("c", "f", "celsius", "fahrenheit"):
        return f"°{after[0]}", at + 2
    if low in _SHORT and (not digits or tokens[at].text in ("G", "T", "L", "M", "H")):
        return "", start  # "5G" is no five grams
    if (
        kind_at(tokens, at) == "code"
        and (match := re.fullmatch(r"([a-z]+)([23])", low))
        and match[1] in UNIT_OF
    ):
        return UNIT_OF[match[1]] + match[2], at + 1
    if low not in UNIT_OF or (low == "second" and not digits):
        return "", start
    unit, at = UNIT_OF[low] + (power or ""), at + 1
    if power is None and kind_at(tokens, at) == "number" and tokens[at].glued and tokens[at].text in "23":
        unit, at = unit + tokens[at].text, at + 1
    if (
        unit not in MONEY
        and low_at(tokens, at) in ("/", "per")
        and (UNIT_OF.get(low_at(tokens, at + 1)) or low_at(tokens, at + 1) in ("s", "capita"))
    ):
        over = low_at(tokens, at + 1)
        return f"{unit}/{'second' if over == 's' else UNIT_OF.get(over, over)}", at + 2
    return unit, at
