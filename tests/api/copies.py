"""One story in three papers, for tests of copies: the agency's own, a copy for all, a copy for few."""

from __future__ import annotations

from typing import Any

FEW = {"users": ["user-1"]}

STORY = (
    "The Quillby ferry was rebuilt by Ottoline Graves in 1911, and it has crossed the river every day since 🌊.",
    "Паром в Квилби перестроили за восемь месяцев; работу оплатил городской совет и две купеческие гильдии.",
    "Its toll was two pence until the flood of 1953 swept the gate away, together with the keeper's ledger.",
    "The council of Quillby says that nine thousand carts a week used the crossing before the bridge was built.",
    "A keeper named Marsham wrote every crossing down in green ink, and his books fill a shelf in the library.",
    "Nobody has found the plans of the first ferry, which burned at its moorings in the winter of 1907.",
    "Cafe\u0301 Lindow on the eastern bank sold tea to those who waited, and kept its lamps lit all night long.",
    "In 1962 the ferry was given a motor of forty horsepower, which the town bought second hand from a mill.",
)
EDITED = STORY[3].replace("nine thousand carts", "about nine thousand carts")
TOLL = "What was the toll of the Quillby ferry until the flood of 1953?"
CARTS = "How many carts a week used the crossing before the bridge was built?"


def rows(*, agency: object = "public", few: object = FEW) -> list[dict[str, Any]]:
    """Return the papers' articles; the copies changed a headline and a sentence, and one has a tail."""
    changed = [*STORY[:3], EDITED, *STORY[4:]]
    return [
        {
            "id": "agency", "title": "Ferry of Quillby", "publisher": "North Agency", "published_at": "2024-05-01",
            "url": "https://north.example/1", "text": "\r\n\r\n".join(STORY), "access": agency,
        },
        {
            "id": "courier", "title": "A ferry and its keepers", "publisher": "Courier", "published_at": "2024-05-02",
            "url": "javascript:alert(1)", "text": "\n\n".join([*changed, "The Courier is printed in Quillby."]),
        },
        {
            "id": "circular", "title": "Zanzig circular", "publisher": "Zanzig", "published_at": "2024-05-03",
            "text": "\n\n".join(changed), "access": few,
        },
        {
            "id": "orchard", "title": "Quinces", "publisher": "Orchard Post",
            "text": "The orchard of Pemberley has eleven kinds of quince, and none of them is eaten raw.",
        },
    ]  # fmt: skip
