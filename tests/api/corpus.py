"""A small corpus with everything awkward in it."""

from __future__ import annotations

from typing import Any

SLASHED = "reports/2024/№ 7 ?x=1#y"
UNICODE = "отчёт о реке 🌊"
DOTTED = "../../etc/passwd"
PERCENT = "100%2Fsure"

ROWS: list[dict[str, Any]] = [
    {
        "id": "bridge",
        "title": "The bridge",
        "publisher": "Example Press",
        "published_at": "2024-03-01",
        "url": "https://press.example/bridge",
        "language": "en",
        "text": (
            "The Aldergate bridge opened in 1911 and carries nine thousand carts a week [7]. "
            "Its engineer, Ottoline Graves, refused every honour [7][8]. "
            "The toll was two pence until the flood of 1953 swept the gate away [1]."
        ),
    },
    {
        "id": SLASHED,
        "title": "Lighthouse accounts",
        "publisher": "Harbour Board",
        "published_at": "2024-07-15T09:30:00+00:00",
        "url": "javascript:alert(1)",
        "language": "en",
        "text": (
            "The lighthouse at Corran burned forty barrels of oil each winter.\r\n"
            "The keeper wrote it down, every night, in green ink.\rNobody read it."
        ),
    },
    {
        "id": UNICODE,
        "title": "Отчёт о реке",
        "published_at": "2023-12-31",
        "language": "ru",
        "text": (
            "Река Ольшанка разлилась в апреле и затопила мельницу 🌊🏚️. "
            "Мельник Прохор Ёлкин спас двенадцать мешков муки \U0001f468‍\U0001f469‍\U0001f467. "
            "Cafe\u0301 «Вода» закрылось на месяц; e\u0301te\u0301 не наступило."
        ),
    },
    {
        "id": DOTTED,
        "title": "Orchard diary",
        "url": "HTTP://orchard.example/diary",
        "text": (
            "The orchard of Pemberley keeps sixty kinds of quince. "
            "A late frost spoiled most of the blossom in May."
        ),
    },
    {
        "id": PERCENT,
        "title": "Percent",
        "url": "data:text/html,hello",
        "publisher": "Example Press",
        "published_at": "2022-01-01",
        "text": (
            "The mint stopped striking copper groats when the price of copper doubled. "
            "Silver groats went on as before."
        ),
    },
]
