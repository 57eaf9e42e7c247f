"""Marks boilerplate and repetition as excluded spans. It changes no text.

The rules serve any web page that was saved as text: they look at whole lines and at where in the
document a line stands, never at the words of a particular site. A rule would rather leave a line
in than take an article's sentence out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from index.split import Paragraph, is_title_line, paragraphs
from index.types import Document, ExcludedSpan

SHARE_BUTTONS = "share_buttons"
READ_ALSO = "read_also"
COMMENTS = "comments"
FOLLOW_US = "follow_us"
TEASER = "teaser"
NOTICE = "notice"
REPEATS_SAME = "repeats_same_document"
REPEATS_OTHER = "repeats_other_document"

# Letters and digits. Shorter paragraphs repeat by chance, or are labels that mean something else
# each time ("Where to watch: …").
_MIN_REPEAT_CHARACTERS = 60
# What follows a "Read also" heading belongs to it until a paragraph as long as an article's.
_PROSE_CHARACTERS = 220
_MAX_TEASER_ITEMS = 40

_NETWORKS = (
    r"vk|vkontakte|вконтакте|x|ok|odnoklassniki|одноклассники|whats ?app|telegram|facebook|fb|twitter|tweet|"
    r"linkedin|instagram|pinterest|pin it|reddit|tumblr|viber|messenger|skype|line|wechat|weibo|threads|"
    r"bluesky|mastodon|flipboard|pocket|youtube|tiktok|snapchat|rss|"
    r"e-?mail|mail|print|pdf|sms|copy(?: link)?|link|copied!?|save|bookmark|share|shares|"
    r"поделиться|скопировать ссылку|печать|сохранить"
)
_SHARE_WORDS = re.compile(
    rf"(?:(?:share|tweet|post|send|print|save|pin)(?: this)?(?: (?:article|story|page|post))?(?: (?:on|via|by|to|with))?[:\s]*)?"
    rf"(?:(?:{_NETWORKS}|\d+|and|or|via|on|[|/•·,&+\-–—:])(?:\s+|$|(?=[|/•·,]))?)+",
    re.IGNORECASE,
)
_SHARE_ALONE = re.compile(
    r"(?:share(?: this)?(?: (?:article|story|page|post|video))?|(?:share|tweet)(?: it)? (?:on|via) .{2,20}|"
    r"(?:\d+ )?shares?|поделиться(?: .{0,30})?|copy link|print(?: this)?(?: page| article)?|e-?mail this(?: article| story)?)[:.!]?",
    re.IGNORECASE,
)
_READ_ALSO = re.compile(
    r"(?:(?:read|see|watch|learn|listen)(?:ing)? (?:also|more|next|too)|(?:also|more) (?:read|to read|reading|from .{2,40}|on this(?: story| topic)?|stories|news|like this|in .{2,30})|"
    r"related(?: (?:articles?|stories|story|posts?|news|content|topics?|coverage|links?|reading|items?))?|"
    r"you (?:may|might)(?: also)? (?:like|be interested in|enjoy)|recommended(?: (?:for you|reading|stories|articles?))?|"
    r"(?:most|trending) (?:read|popular|viewed|shared|now|stories|articles)|popular (?:now|stories|articles|posts)|trending|"
    r"what to read next|don[’']?t miss|top stories|latest (?:news|stories|posts|articles)|up next|next article|previous article|"
    r"around the web|from (?:around )?the web|sponsored (?:content|links|stories)|promoted stories|"
    r"читайте также|читать также|по теме|материалы по теме|ещё по теме|еще по теме|другие новости|похожие (?:новости|статьи|материалы)|рекомендуем|"
    r"оқи отырыңыз|lesen sie auch|mehr zum thema|lire aussi|à lire aussi|lea también|leer más|le puede interesar)\s*[:.…»>→]*",
    re.IGNORECASE,
)
_COMMENTS = re.compile(
    r"(?:(?:write|leave|post|add|submit)(?: a| your)? (?:comment|reply|response)s?|(?:view|show|see|read|load|hide) (?:all |more |the )?(?:\d+ )?comments|"
    r"(?:join the (?:conversation|discussion))|(?:\d[\d,.]* )?comments?(?: \(\d+\)| \d+| section| are closed| are disabled| policy)?|no comments(?: yet)?|be the first to comment|"
    r"(?:log|sign) in to (?:comment|leave a comment|reply|post a comment|join)(?: .{0,40})?|comments? \| .{0,40}|discussion \(\d+\)|"
    r"(?:написать|оставить|добавить) комментарий|комментарии(?: \(\d+\)| \d+)?|\d+ комментари(?:й|я|ев)|kommentare?|commentaires?|comentarios?)\s*[:.…!]*",
    re.IGNORECASE,
)
_FOLLOW_US = re.compile(
    r"(?:follow (?:us|me|him|her|them|along|@\w+|our|the .{2,40}|[\w.]+(?: [\w.]+){0,3}) (?:on|here|at|via|for)\b|follow (?:us|along)\b|"
    r"(?:subscribe|sign up|register)\b.{0,80}\b(?:newsletter|updates?|alerts?|channel|inbox|e-?mails?|mailing list|podcast|digest|briefing|free trial)\b|"
    r"(?:subscribe|sign up|register)(?: (?:now|here|today|free|for free|to us|with us))*[.!]?$|"
    r"(?:like|find|join|connect with) us (?:on|at|via)\b|(?:get|receive) (?:the|our|all|more|breaking|daily|weekly|this|your) .{0,60}(?:newsletter|inbox|e-?mail|alerts|delivered)|"
    r"download (?:our|the) .{0,30}\bapp\b|(?:get|try) (?:our|the) (?:free )?app\b|listen (?:and subscribe )?(?:to .{0,60} )?on (?:apple|spotify|itunes)|"
    r"(?:want|looking for) more .{0,60}\?\s*(?:sign up|subscribe|follow)|join our (?:telegram|whatsapp|newsletter|channel|mailing)|"
    r"(?:this (?:post|article|story|report|piece) is (?:a )?part of .{2,120}(?:coverage|series|project|newsletter|package)|part of .{2,60}(?:coverage|series))\b|"
    r"(?:подписывайтесь|подпишитесь|следите за|присоединяйтесь)\b|(?:наш|мы в) (?:telegram|телеграм|facebook|instagram))",
    re.IGNORECASE,
)
_TEASER = re.compile(
    r"(?:read (?:more|also|next|the full|the rest|the original|our|full)|read:|read more|also read|see also|see more|watch|watch:|listen|more:|more on|related|"
    r"related (?:article|story|stories|news|content|coverage)|in (?:pictures|photos|video)|photos|video|gallery|explore|explained|opinion|analysis|up next|don[’']t miss|"
    r"читайте также|читать также|подробнее|смотрите также|по теме|lesen sie auch|lire aussi|lea también)\b",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"(?:(?:©|\(c\)|copyright\b).{0,160}|all rights reserved\.?.{0,80}|(?:advertisement|advertising|реклама|sponsored|anzeige|publicité|publicidad)\s*[:.]?|"
    r"(?:continue reading|story continues|article continues)(?: .{0,40})?|(?:skip|jump) to .{2,40}|back to top|scroll (?:down|to) .{0,40}|"
    r"(?:we|this (?:site|website)|our (?:site|website)) uses? cookies\b.{0,300}|(?:accept|manage|reject) (?:all )?cookies|"
    r"(?:photo|image|picture)(?: credit)?s?:.{0,80}|(?:getty images|shutterstock|istock)(?:[ /].{0,40})?)",
    re.IGNORECASE,
)
_SPACES = re.compile(r"\s+")
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What makes two paragraphs the same: letters and digits only, case folded, hashed."""

    digest: bytes
    start: int
    end: int


def fingerprints(text: str) -> list[Fingerprint]:
    """Return the fingerprints of the paragraphs that are long enough to count as repeated."""
    return [
        Fingerprint(digest=digest, start=p.start, end=p.end)
        for p in paragraphs(text)
        if (digest := _digest(text[p.start : p.end])) is not None
    ]


def mark_boilerplate(document: Document) -> list[ExcludedSpan]:
    """Return the excluded spans that a document has by itself, in order, none overlapping."""
    text = document.text
    blocks = [p for p in paragraphs(text) if not is_title_line(document, p)]
    reasons: list[str | None] = [None] * len(blocks)
    _mark_lines(text, blocks, reasons)
    _mark_tails(text, blocks, reasons)
    _mark_repeats(text, blocks, reasons)
    return _merged(text, blocks, reasons)


def mark_repeats_of_others(
    document: Document,
    own: Sequence[ExcludedSpan],
    prints: Iterable[Fingerprint],
    earlier: Mapping[bytes, str],
) -> list[ExcludedSpan]:
    """Return `own` with the paragraphs added that an earlier document already has.

    `earlier` maps a paragraph's digest to the id of the first document that holds it, for
    documents before this one only.
    """
    spans = list(own)
    for mark in prints:
        other = earlier.get(mark.digest)
        if other is None or any(s.start < mark.end and s.end > mark.start for s in own):
            continue
        spans.append(
            ExcludedSpan(
                start=mark.start, end=mark.end, reason=REPEATS_OTHER, repeats_document_id=other
            )
        )
    return sorted(spans, key=lambda span: span.start)


def _digest(paragraph: str) -> bytes | None:
    folded = "".join(char for char in paragraph.casefold() if char.isalnum())
    if len(folded) < _MIN_REPEAT_CHARACTERS:
        return None
    return hashlib.blake2b(folded.encode("utf-8"), digest_size=16).digest()


def _mark_lines(text: str, blocks: Sequence[Paragraph], reasons: list[str | None]) -> None:
    """Mark the lines that give themselves away, wherever they stand."""
    for number, block in enumerate(blocks):
        line = _SPACES.sub(" ", text[block.start : block.end]).strip().strip("[](){}<>«»|*#•·-–— ")
        if len(line) <= 160 and _is_share_line(line):
            reasons[number] = SHARE_BUTTONS
        elif len(line) <= 60 and _COMMENTS.fullmatch(line):
            reasons[number] = COMMENTS
        elif len(line) <= 60 and _READ_ALSO.fullmatch(line):
            reasons[number] = READ_ALSO
        elif len(line) <= 300 and _NOTICE.fullmatch(line):
            reasons[number] = NOTICE
        elif len(line) <= 200 and _FOLLOW_US.match(line):
            reasons[number] = FOLLOW_US
        elif len(line) <= 240 and _is_teaser(line):
            reasons[number] = TEASER


def _is_share_line(line: str) -> bool:
    if _SHARE_ALONE.fullmatch(line):
        return True
    if len(line.split()) < 2 or not _WORD.search(line):
        return False
    named = re.findall(rf"\b(?:{_NETWORKS})\b", line, re.IGNORECASE)
    return len(named) >= 2 and _SHARE_WORDS.fullmatch(line) is not None


def _is_teaser(line: str) -> bool:
    """Tell "Read more: The headline of another page" from a sentence that begins alike."""
    match = _TEASER.match(line)
    if match is None:
        return False
    rest = line[match.end() :].lstrip()
    label = line[: match.end()]
    if rest.startswith((":", "»", "→", ">", "|")):
        return True
    if label.isupper() and len(label) > 3:
        return True
    # "Read more in today's World Brief: …", "Read the full story here".
    return bool(re.match(r"read (?:more|the full|the rest|the original|full)\b", line, re.IGNORECASE)) and (
        ":" in rest or len(rest) <= 60
    )


def _mark_tails(text: str, blocks: Sequence[Paragraph], reasons: list[str | None]) -> None:
    """Extend a "Read also" or comments line over the short items that belong to it.

    An item belongs when it is no prose: under one article paragraph in length, and either no
    whole sentence or cut off. Comments run to the end of the document when they begin in its
    last part.
    """
    for number, reason in enumerate(reasons):
        if reason == COMMENTS and _is_late(text, blocks, number):
            for later in range(number + 1, len(blocks)):
                if reasons[later] is None:
                    reasons[later] = COMMENTS
        if reason != READ_ALSO:
            continue
        for later in range(number + 1, min(len(blocks), number + 1 + _MAX_TEASER_ITEMS)):
            if reasons[later] is not None:
                if reasons[later] == COMMENTS:
                    break
                continue
            line = text[blocks[later].start : blocks[later].end].strip()
            if not _is_list_item(line, at_end=_is_late(text, blocks, later)):
                break
            reasons[later] = READ_ALSO


def _is_late(text: str, blocks: Sequence[Paragraph], number: int) -> bool:
    return blocks[number].start >= 0.5 * len(text)


def _is_list_item(line: str, *, at_end: bool) -> bool:
    """Tell the headline or cut-off summary of another article from prose of this one."""
    if len(line) >= _PROSE_CHARACTERS:
        return False
    cut_off = line.endswith(("...", "…", "»", "[…]", "[...]"))
    whole_sentence = bool(re.search(r"[.!?][\"'”’»)]*$", line)) and len(line.split()) >= 8
    return cut_off or not whole_sentence or (at_end and len(line) < 90)


def _mark_repeats(text: str, blocks: Sequence[Paragraph], reasons: list[str | None]) -> None:
    seen: set[bytes] = set()
    for number, block in enumerate(blocks):
        if reasons[number] is not None:
            continue
        digest = _digest(text[block.start : block.end])
        if digest is None:
            continue
        if digest in seen:
            reasons[number] = REPEATS_SAME
        seen.add(digest)


def _merged(
    text: str, blocks: Sequence[Paragraph], reasons: Sequence[str | None]
) -> list[ExcludedSpan]:
    """Join neighbouring blocks of one reason, so that a report reads as a person would say it."""
    spans: list[ExcludedSpan] = []
    for block, reason in zip(blocks, reasons, strict=True):
        if reason is None:
            continue
        last = spans[-1] if spans else None
        if last and last.reason == reason and not text[last.end : block.start].strip():
            spans[-1] = ExcludedSpan(start=last.start, end=block.end, reason=reason)
        else:
            spans.append(ExcludedSpan(start=block.start, end=block.end, reason=reason))
    return spans
