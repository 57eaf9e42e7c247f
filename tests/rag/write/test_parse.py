"""Whatever form a model answers in, its sentences come out whole, once, and in order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.write.parse import MAX_OBJECT, Parser, WrittenSentence

TWO = [("Copper lies in the hills.", (1,)), ("Tin, “too”, [sic] is there.", (2, 3))]
JSON = json.dumps({"sentences": [{"text": text, "ids": list(ids)} for text, ids in TWO]}, ensure_ascii=False)


def parsed(text: str, step: int = 1) -> list[tuple[str, tuple[int, ...]]]:
    parser = Parser()
    found: list[WrittenSentence] = []
    for at in range(0, len(text), step):
        found += parser.feed(text[at : at + step])
    found += parser.finish()
    return [(sentence.text, sentence.ids) for sentence in found]


FORMS = {
    "one object": JSON,
    "indented": json.dumps(json.loads(JSON), indent=2),
    "fenced, with talk around": f"Sure, here it is:\n\n```json\n{JSON}\n```\nI hope this helps [1]!",
    "a bare list": json.dumps(json.loads(JSON)["sentences"]),
    "a line a sentence": "\n".join(json.dumps(row) for row in json.loads(JSON)["sentences"]),
    "other names, numbers as words": json.dumps(
        [{"sentence": TWO[0][0], "sources": "S1"}, {"claim": TWO[1][0], "citations": ["[2]", {"id": 3}]}]
    ),
    "numbers in the text": json.dumps(
        [{"text": f"{TWO[0][0]} [1]"}, {"text": "Tin, “too”, [sic] is there [2][3]."}]
    ),
    "after thinking": f'<think>Say {{"text": "no", "ids": [9]}} [9]?</think>{JSON}',
    "markers after the full stop": "Copper lies in the hills. [1] Tin, “too”, [sic] is there. [2][3]",
    "markers before the full stop": "Copper lies in the hills [1]. Tin, “too”, [sic] is there [2, 3].",
    "markers in a list": "- Copper lies in the hills. [S1]\n2. Tin, “too”, [sic] is there. [2] [3]\n",
    "CJK brackets": "Copper lies in the hills.【1】\nTin, “too”, [sic] is there.【2】【3】",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
def test_every_form_is_understood_in_pieces_of_any_length(form: str, step: int) -> None:
    assert parsed(FORMS[form], step) == TWO


def test_a_sentence_comes_as_soon_as_it_is_whole() -> None:
    parser = Parser()
    first = JSON.index("}") + 1
    assert list(parser.feed(JSON[: first - 1])) == []
    assert [s.text for s in parser.feed(JSON[first - 1 : first])] == [TWO[0][0]]
    assert [s.text for s in parser.feed(JSON[first:])] == [TWO[1][0]]
    assert list(parser.finish()) == []


@pytest.mark.parametrize("cut", range(len(JSON)))
def test_what_was_cut_off_is_no_sentence(cut: int) -> None:
    ends = [place + 1 for place in range(len(JSON)) if JSON.startswith("]}", place)]
    assert parsed(JSON[:cut], 9) == TWO[: sum(cut >= end for end in ends[:2])]


def test_prose_without_numbers_is_sentences_without_numbers() -> None:
    assert parsed("The capital is Paris. It is big.") == [("The capital is Paris.", ()), ("It is big.", ())]
    assert parsed("") == parsed(" \n```\n") == parsed('{"sentences": []}') == []


def test_quotation_marks_that_were_not_escaped_are_put_up_with() -> None:
    broken = '{"sentences": [{"text": "He said "no" to it.", "ids": [1]}, {"text": "Tin.", "ids": [2]}]}'
    assert ('He said "no" to it.', (1,)) in parsed(broken)


@pytest.mark.parametrize(
    ("text", "garbled"),
    [
        ('{"sentences": [{"text": ', True),
        ("{{{{", True),
        ("{'text': 1}", True),
        ("Plain.", False),
        (JSON, False),
    ],
)
def test_broken_json_is_told_from_none(text: str, garbled: bool) -> None:
    parser = Parser()
    list(parser.feed(text))
    list(parser.finish())
    assert parser.garbled is garbled


@pytest.mark.parametrize(
    ("ids", "numbers"),
    [
        ([1, 1, 2], (1, 2)),
        ("1, 2", (1, 2)),
        (3, (3,)),
        ([2.0, 2.5, True, None], (2,)),
        ([["4"], {"number": 5}], (4, 5)),
        ([-7], (-7,)),
        (None, ()),
        ({}, ()),
    ],
)
def test_numbers_in_any_form(ids: object, numbers: tuple[int, ...]) -> None:
    assert parsed(json.dumps({"text": "Tin.", "ids": ids})) == [("Tin.", numbers)]


def test_an_object_without_end_is_given_up() -> None:
    parser = Parser()
    assert list(parser.feed('{"text": "' + "a" * (MAX_OBJECT + 10))) == []
    assert parser.garbled
    assert [s.text for s in parser.feed('{"text": "Tin.", "ids": [1]}')] == ["Tin."]


@given(st.text(st.sampled_from('{}[]":,\\ntexid1 .'), max_size=80) | st.text(max_size=120))
def test_any_text_can_be_parsed_in_any_pieces(text: str) -> None:
    assert parsed(text, 1) == parsed(text, 1_000)
