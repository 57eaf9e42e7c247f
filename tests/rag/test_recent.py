"""What was made last is remembered, and no more than that."""

from __future__ import annotations

import threading

from rag.recent import Recent


def test_what_was_not_used_for_longest_goes_first() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_the_same_key_twice_takes_one_place() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.put("a", 3)
    assert [recent.get(key) for key in "ab"] == [3, 2]


def test_no_room_remembers_nothing() -> None:
    recent: Recent[str, int] = Recent(0)
    recent.put("a", 1)
    assert recent.get("a") is None


def test_threads_never_leave_more_than_there_is_room_for() -> None:
    recent: Recent[int, int] = Recent(50)

    def work(first: int) -> None:
        for number in range(first, first + 500):
            recent.put(number, number)
            recent.get(number - 25)

    threads = [threading.Thread(target=work, args=(n * 1000,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    known = [n for n in range(8500) if recent.get(n) is not None]
    assert len(known) == 50
    assert all(recent.get(n) == n for n in known)
