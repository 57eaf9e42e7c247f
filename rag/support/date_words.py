"""Months, weekdays and the words round a date, in English and Russian."""

from __future__ import annotations

from rag.support.text import word_set

CALENDAR = (
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday"
)
"""The English names of months and days of the week, in one line."""
MONTHS: dict[str, int] = {}
for _n, _names in enumerate(
    (
        "january jan январь января январе", "february feb февраль февраля феврале", "march mar март марта марте",
        "april apr апрель апреля апреле", "may май мая мае", "june jun июнь июня июне", "july jul июль июля июле",
        "august aug август августа августе", "september sep sept сентябрь сентября сентябре",
        "october oct октябрь октября октябре", "november nov ноябрь ноября ноябре", "december dec декабрь декабря декабре",
    ),
    1,
):  # fmt: skip
    MONTHS |= dict.fromkeys(_names.split(), _n)
WEEKDAYS: dict[str, int] = {}
for _n, _names in enumerate(
    (
        "monday mondays понедельник понедельника", "tuesday tuesdays вторник вторника", "wednesday wednesdays среду среды",
        "thursday thursdays четверг четверга", "friday fridays пятница пятницу пятницы",
        "saturday saturdays суббота субботу субботы", "sunday sundays воскресенье воскресенья",
    ),
    1,
):  # fmt: skip
    WEEKDAYS |= dict.fromkeys(_names.split(), _n)
RELATIVE = {
    "yesterday": "-1",
    "today": "0",
    "tomorrow": "+1",
    "tonight": "0 night",
    "вчера": "-1",
    "сегодня": "0",
    "завтра": "+1",
}
RELATION = {"last": "last", "past": "last", "previous": "last", "next": "next", "coming": "next", "this": "this",
             "прошлом": "last", "прошлой": "last", "следующем": "next", "следующей": "next", "этом": "this"}  # fmt: skip
PERIOD = {"week": "week", "month": "month", "year": "year", "decade": "decade", "century": "century", "summer": "summer",
           "winter": "winter", "spring": "spring", "autumn": "autumn", "fall": "autumn", "weekend": "weekend",
           "night": "night", "morning": "morning", "quarter": "quarter", "году": "year", "месяце": "month",
           "неделе": "week"}  # fmt: skip
BEFORE_A_YEAR = word_set(
    "in since by until till of from to between and or during before after around about circa early late mid the - ( , end "
    "year fiscal through into for as spring summer autumn winter fall v с в до к по от после около начале конце год"
)
BEFORE_MAY = word_set(
    "in of since until till by last next this during early late mid from to and before after between"
)

AFTER_MAY = word_set("is was has had will saw brought marks marked")
