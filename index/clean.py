"""Marks boilerplate and repetition as excluded spans. It changes no text.

The rules serve any web page that was saved as text: they look at whole lines and at where in the
document a line stands, never at the words of a particular site. A rule would rather leave a line
in than take an article's sentence out, so a word that an article may use as a heading ("Share",
"Comments", "Recommended") counts only in company that gives it away.

Every pattern is tried on short lines only, and a document is passed over a fixed number of times.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from index.split import Paragraph, is_title_line, paragraphs
from index.types import Document, ExcludedSpan

FRONT_MATTER = "front_matter"
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
# Under another heading the same short line may say something else ("Supported on all systems.").
_SURE_REPEAT_CHARACTERS = 200
_MAX_LINE = 320
# A paragraph of an article, as against a headline, a caption or a button.
_PROSE_CHARACTERS = 120
_LONGEST_ITEM = 220
_MAX_TAIL_ITEMS = 40
_MAX_ITEMS_INSIDE = 6
_MIN_REPLIES = 2
_MAX_FRONT_MATTER_LINES = 100

# Names that mean a button by themselves, and words that do so only beside them.
_NETWORK = (
    r"(?:vk|vkontakte|вконтакте|odnoklassniki|одноклассники|whats ?app|telegram|телеграм|facebook|фейсбук|twitter|"
    r"linkedin|instagram|инстаграм|pinterest|reddit|tumblr|viber|messenger|wechat|weibo|bluesky|mastodon|flipboard|"
    r"youtube|tiktok|snapchat)"
)
_BUTTON = (
    r"(?:x|ok|fb|tweet|pin(?: it)?|skype|line|threads|pocket|rss|e-?mail(?: this)?|mail|print|pdf|sms|copy(?: link)?|link|"
    r"copied!?|save|bookmark|more|(?:\d[\d.,]*[km]? )?shares?|печать|сохранить|скопировать ссылку|поделиться|teilen|drucken|"
    r"partager|imprimer|compartir|imprimir)"
)
_ONE_BUTTON = re.compile(rf"(?:{_NETWORK}|{_BUTTON})[:.]?", re.IGNORECASE)
_NETWORK_NAME = re.compile(rf"\b{_NETWORK}\b", re.IGNORECASE)
_BUTTONS = re.compile(rf"\b(?:{_NETWORK}|{_BUTTON})(?!\w)", re.IGNORECASE)
_SHARE_LEAD = re.compile(
    r"(?:click to )?(?:share|tweet|post|send|e-?mail|pin|поделиться|teilen|partager|compartir)"
    r"(?: (?:this|it|the))?(?: (?:article|story|page|post|news|link))?(?: (?:on|via|by|to|with|in|в|через|auf|sur|en))?\b[: ]*",
    re.IGNORECASE,
)
_SHARE_VERBS = ("share", "click", "поделиться", "teilen", "partager", "compartir")
_SHARE_PHRASE = re.compile(
    r"(?:share|print|e-?mail|save|tweet|bookmark) this(?: (?:article|story|page|post|video|news))?|"
    r"click to (?:share|print|e-?mail)\b.{0,60}|share (?:link|permalink)|all sharing options|"
    r"поделиться (?:ссылкой|статьёй|статьей|новостью|записью|с друзьями|в соц(?:иальных )?сетях|в соцсетях)|"
    r"(?:artikel|seite) (?:teilen|drucken)|(?:partager|imprimer) (?:cet|l[’'])\s?article|compartir (?:este )?artículo",
    re.IGNORECASE,
)
_READ_ALSO = re.compile(
    r"(?:(?:read|see|watch)(?:ing)? (?:also|more|next|too|these next)|also (?:read|see)|more (?:to read|reading|on this(?: story| topic)?|stories|news|like this|from (?:the|around the) web)|"
    r"related(?: (?:articles?|stories|story|posts?|news|content|topics?|coverage|links?|reading|items?))?|"
    r"you (?:may|might)(?: also)? (?:like|be interested in|enjoy)|recommended (?:for you|reading|stories|articles?)|"
    r"(?:most|trending) (?:read|popular|viewed|shared|now|news|stories|articles)|popular (?:now|stories|articles|posts)|trending|"
    r"what to read next|top stories|latest (?:news|stories|posts|articles)|up next|(?:next|previous) article|"
    r"around the web|from (?:around )?the web|sponsored (?:content|links|stories)|promoted stories|"
    r"(?:читайте|читать|смотрите) также|(?:материалы |ещё |еще )?по теме|(?:другие|последние) новости|похожие (?:новости|статьи|материалы)|"
    r"рекомендуем (?:почитать|прочитать|также|к прочтению)|оқи отырыңыз|"
    r"lesen sie auch|mehr zum thema|das könnte sie auch interessieren|(?:à )?lire (?:aussi|également)|sur le même sujet|lea también|le puede interesar)\s*[:.…»>→]*",
    re.IGNORECASE,
)
_COMMENTS = re.compile(
    r"(?:(?:write|leave|post|add|submit)(?: an?| your)? (?:comment|reply|response)s?|(?:view|show|see|read|load|hide) (?:all |more |the )?(?:\d+ )?comments|"
    r"join the (?:conversation|discussion)|\d[\d,.]*\)? comments?|comments? (?:\(?\d+|are closed|are disabled)|no comments(?: yet)?|be the first to comment|"
    r"(?:you must (?:be logged|log) in to|please log in .{0,40}\bto|(?:log|sign) in to) (?:comment|leave a comment|reply|post (?:a|your) comment)|comments powered by .{2,20}|"
    r"(?:написать|оставить|добавить) комментарий|комментарии \(?\d+|\d+ комментари(?:й|я|ев)|"
    r"kommentar schreiben|\d+ kommentare?|(?:laisser|écrire|ajouter) un commentaire|\d+ commentaires?|(?:deja|escribe) un comentario)\s*[:.…!]*",
    re.IGNORECASE,
)
_COMMENTS_HEADING = re.compile(
    r"(?:comments?|комментарии|kommentare|commentaires|comentarios)\s*:?", re.IGNORECASE
)
_REPLY = re.compile(
    r"(?:reply|report|like|ответить|antworten|répondre|responder|(?:\d+|an?|one) (?:minute|hour|day|week|month|year)s? ago|"
    r"\d+ (?:минут\w?|час\w{0,2}|дн\w{1,2}|день) назад|.{1,60} (?:says:|commented(?: on)?:?|schrieb:|a écrit ?:|пишет:))",
    re.IGNORECASE,
)
_SUBSCRIPTION = r"(?:newsletters?|mailing list|(?:e-?mail|news|breaking) (?:alerts|updates)|digest|youtube channel|telegram channel)"
_FOLLOW_US = re.compile(
    rf"(?:follow|find|like|join|connect with) (?:us|me|him|her|them) (?:on|via) (?:our )?(?:{_NETWORK}|x|social media)\b.{{0,80}}|"
    rf"follow [^,.:;]{{2,50}} (?:on|via) (?:{_NETWORK}|x)(?:[.!]?|:? @\w+.{{0,60}}|(?:,| and| &) (?:on )?(?:{_NETWORK}|x)[.!]?| (?:for|to (?:keep|stay|get)) .{{0,100}})|"
    r"follow @\w+\b.{0,120}|(?:follow|connect with) us(?: (?:here|on))?[:.!]?|follow along(?: here)?[:.!]?|"
    rf"(?:subscribe|sign up)(?: (?:now|today|here|for free))? (?:to|for) .{{0,60}}\b{_SUBSCRIPTION}\b.{{0,120}}|"
    r"(?:subscribe|sign up)(?: (?:now|here|today|free|for free))?[.!]?|join our (?:telegram|whatsapp|newsletter|channel|mailing).{0,100}|"
    r"(?:get|receive) .{2,80}\b(?:delivered|straight|right)(?: straight| right| directly)? (?:in)?to your inbox\b.{0,80}|get our .{0,40}\bnewsletter|"
    r"(?:download|get) our (?:free )?app(?: now| today)?[.!]?|listen (?:and subscribe )?(?:to (?:us|this|our) .{0,40})?on (?:apple podcasts|spotify|itunes)\b.{0,80}|"
    r"this (?:post|article|story|report|piece|dispatch) is (?:a )?part of (?:our\b|an? (?:ongoing|special)\b|[^.]{1,60}[’']s\b)[^.]{0,80}\b(?:coverage|series|project|package)\b.{0,100}|"
    rf"(?:подписывайтесь|подпишитесь) на (?:.{{0,40}}\b)?(?:наш|нас|канал|рассылк|новости|страниц|{_NETWORK}).{{0,120}}|следите за (?:нами|нашими|новостями|обновлениями)\b.{{0,100}}|"
    rf"присоединяйтесь к (?:нам|наше\w+)\b.{{0,100}}|(?:мы|читайте нас) в (?:{_NETWORK})(?:[ ,и]+{_NETWORK})*[:.!]?|наш {_NETWORK}[- ]?канал[:.!]?|"
    rf"(?:folgen sie uns|suivez[- ]nous|síguenos)\b.{{0,60}}|(?:abonnieren sie|abonnez[- ]vous|suscríbete)\b.{{0,60}}\bnewsletter\b.{{0,60}}",
    re.IGNORECASE,
)
# A pointer to another page, and what makes it one: it says where, or a headline follows.
_POINTER = re.compile(
    r"(?:read (?:more|also|next)|also read|see (?:also|more)|related (?:article|story|stories|news|content|coverage)|don[’']t miss|watch (?:now|live|this(?: story| video)?)|"
    r"читайте также|читать также|подробнее|смотрите также|по теме|lesen sie auch|mehr zum thema|lire aussi|à lire aussi|lea también)\s*(?::|»|→|>|\||\s[–—-]\s)\s*(?P<rest>.*)",
    re.IGNORECASE,
)
_SHORT_POINTER = re.compile(
    r"(?:read|watch|related|up next|must read)\s*(?::|»|→|\|)\s*(?P<rest>.*)", re.IGNORECASE
)
_READ_MORE_IN = re.compile(
    r"read (?:more|the (?:full|rest|original)\b.{0,30}?|our .{2,40}?) (?:in|on|at|from|about) [^:]{2,80}:(?:\s+[A-ZА-ЯЁ\"“«‘'\d].*)?|"
    r"read (?:more|the (?:full|rest of the|original) (?:story|article|report|interview|post|text|version))(?: (?:here|below|online|now))?[.!»→>]*|"
    r"read more about [^.:;,]{2,50}",
)
_NOTICE = re.compile(
    r"(?:©.{1,300}|copyright (?:©|\(c\)|@|ⓒ|\d{4}).{0,300}|all rights reserved\.?.{0,80}|(?:advertisement|реклама|sponsored|anzeige|publicité|publicidad)[:.]?|"
    r"(?:continue reading|story continues|article continues)(?: (?:below|after|the main).{0,40})?|(?:skip|jump) to (?:main |the )?(?:content|navigation|menu|comments|footer|search)|"
    r"back to top|scroll (?:to top|(?:down )?for more|(?:down )?to continue(?: reading)?)|"
    r"(?:we|this (?:site|website)|our (?:site|website)) (?:uses?|is using) cookies\b.{0,250}\b(?:by (?:using|continuing|clicking)|accept|agree|consent|opt[- ]out|find out more|learn more|read more)\b.{0,250}|"
    r"(?:accept|manage|reject) (?:all )?cookies|"
    r"(?:(?:photo|image|picture)s?(?: credits?| courtesy)?(?: of)?: ?)?(?:\S{1,20} ){0,5}(?:\S{1,30} ?)?(?:/|\|| via ) ?(?:getty images|shutterstock|istock|associated press|ap|afp|reuters)(?: ?/ ?.{2,40})?|"
    r"(?:getty images|shutterstock|istock)(?: ?/ ?.{2,40})?|"
    r"(?:photo|image|picture) credits?: .{0,80})",
    re.IGNORECASE,
)
_SPACES = re.compile(r"\s+")
_EDGES = "[](){}<>«»|*•·-–— \u200b\ufeff"
_SENTENCE_END = re.compile(r"[.!?。！？][\"'”’»)\]]*$")
_MARKDOWN_HEADING = re.compile(r" {0,3}#{1,6}\s")
_FRONT_MATTER_LINE = re.compile(r"(?:[\w\"'-][\w .\"'-]{0,60}:(?:\s.*)?|\s+\S.*|-\s.*|#.*|\s*)")
_FRONT_MATTER_KEY = re.compile(r"[\w\"'-][\w .\"'-]{0,60}:(?:\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What makes two paragraphs the same: letters and digits only, case folded, hashed."""

    digest: bytes
    start: int
    end: int


@dataclass(slots=True, kw_only=True)
class _Block:
    """One paragraph, as the rules see it. `line` is empty when it is too long to be boilerplate."""

    start: int
    end: int
    line: str
    heading: bool
    listed: bool
    title: bool
    prose: bool
    reason: str | None = None


def fingerprints(text: str) -> list[Fingerprint]:
    """Return the fingerprints of the paragraphs that are long enough to count as repeated."""
    return [
        Fingerprint(digest=_digest(folded), start=p.start, end=p.end)
        for p in paragraphs(text)
        if len(folded := _letters(text[p.start : p.end])) >= _MIN_REPEAT_CHARACTERS
    ]


def mark_boilerplate(document: Document) -> list[ExcludedSpan]:
    """Return the excluded spans that a document has by itself, in order, none overlapping."""
    text = document.text
    body = front_matter_end(text)
    blocks = _blocks(document, body)
    _mark_lines(blocks)
    _mark_button_rows(blocks)
    _mark_tails(blocks)
    _mark_repeats(text, blocks)
    front = [ExcludedSpan(start=0, end=body, reason=FRONT_MATTER)] if body else []
    return front + _merged(text, blocks)


def own_excluded(document: Document) -> list[ExcludedSpan]:
    """Return what its reader marked and what `mark_boilerplate` finds, in order, none overlapping.

    Where the two meet the reader's mark stands: it knows the page.
    """
    found = mark_boilerplate(document)
    if not document.marked:
        return found
    spans = list(document.marked)
    for span in found:
        start = span.start
        for mark in document.marked:
            if mark.end <= start or mark.start >= span.end:
                continue
            if start < mark.start:
                spans.append(ExcludedSpan(start=start, end=mark.start, reason=span.reason))
            start = mark.end
        if start < span.end:
            spans.append(ExcludedSpan(start=start, end=span.end, reason=span.reason))
    return sorted((s for s in spans if document.text[s.start : s.end].strip()), key=lambda s: s.start)


def mark_repeats_of_others(
    document: Document,  # noqa: ARG001 - the pair of mark_boilerplate: what is marked is named first
    own: Sequence[ExcludedSpan],
    prints: Iterable[Fingerprint],
    earlier: Mapping[bytes, str],
) -> list[ExcludedSpan]:
    """Return `own` with the paragraphs added that an earlier document already has.

    `earlier` maps a paragraph's digest to the id of the first document that holds it, for
    documents before this one only.
    """
    spans = list(own)
    starts = [span.start for span in own]
    for mark in prints:
        other = earlier.get(mark.digest)
        before = bisect_left(starts, mark.end)  # spans are disjoint and in order
        if other is None or (before and own[before - 1].end > mark.start):
            continue
        spans.append(
            ExcludedSpan(start=mark.start, end=mark.end, reason=REPEATS_OTHER, repeats_document_id=other)
        )
    return sorted(spans, key=lambda span: span.start)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _digest(folded: str) -> bytes:
    return hashlib.blake2b(folded.encode("utf-8"), digest_size=16).digest()


def front_matter_end(text: str) -> int:
    """Return the end of the `---` block of keys that opens a Markdown file, or 0."""
    if not text.startswith("---"):
        return 0
    position, keys = 0, 0
    for number in range(_MAX_FRONT_MATTER_LINES):
        end = text.find("\n", position)
        line = text[position : end if end >= 0 else len(text)]
        if number == 0:
            if line.rstrip() != "---":
                return 0
        elif line.rstrip() in ("---", "..."):
            return position + len(line.rstrip()) if keys else 0
        elif len(line) > 2000 or not _FRONT_MATTER_LINE.fullmatch(line):
            return 0
        else:
            keys += _FRONT_MATTER_KEY.match(line) is not None
        if end < 0:
            return 0
        position = end + 1
    return 0


def _blocks(document: Document, body: int) -> list[_Block]:
    text = document.text
    found: list[_Block] = []
    for p in paragraphs(text[body:] if body else text):
        start, end = body + p.start, body + p.end
        shifted = Paragraph(start=start, end=end, kind=p.kind) if body else p
        short = end - start <= _MAX_LINE
        raw = _SPACES.sub(" ", text[start:end]) if short else ""
        markdown = p.kind == "heading" and _MARKDOWN_HEADING.match(text, start, end) is not None
        found.append(
            _Block(
                start=start,
                end=end,
                line=(raw.lstrip("#") if markdown else raw).strip(_EDGES),
                heading=markdown,
                listed=p.kind == "list_item",
                title=is_title_line(document, shifted),
                prose=not short or (len(raw) >= _PROSE_CHARACTERS and _SENTENCE_END.search(raw) is not None),
            )
        )
    return found


def _mark_lines(blocks: Sequence[_Block]) -> None:
    """Mark the lines that give themselves away, wherever they stand."""
    for block in blocks:
        line = block.line
        if not line or block.title:
            continue
        # What is set as a heading opens a section of the text; a "Read also" section is the exception.
        button = not block.heading
        if button and not block.listed and len(line) <= 160 and _is_share_line(line):
            block.reason = SHARE_BUTTONS
        elif button and len(line) <= 80 and _COMMENTS.fullmatch(line):
            block.reason = COMMENTS
        elif len(line) <= 60 and _READ_ALSO.fullmatch(line):
            block.reason = READ_ALSO
        elif button and _NOTICE.fullmatch(line):
            block.reason = NOTICE
        elif button and len(line) <= 200 and _FOLLOW_US.fullmatch(line):
            block.reason = FOLLOW_US
        elif button and len(line) <= 240 and _is_teaser(line):
            block.reason = TEASER


def _is_share_line(line: str) -> bool:
    """Tell "Share on X" or "VK X OK Telegram" from a sentence or list that names networks."""
    if _SHARE_PHRASE.fullmatch(line):
        return True
    lead = _SHARE_LEAD.match(line)
    rest = line[lead.end() :] if lead else line
    names = len(_BUTTONS.findall(rest))
    left = _BUTTONS.sub(" ", rest)
    aimed = lead is not None and (
        lead[0].lower().startswith(_SHARE_VERBS) or _NETWORK_NAME.search(rest) is not None
    )
    if (
        aimed
        and names
        and not re.sub(
            r"\d|\b(?:and|or|via|on|и)\b|\(opens in new window\)?", " ", left, flags=re.IGNORECASE
        ).strip(" |/•·,&+-–—:.")
    ):
        return True
    # Without "share" at its head it takes three, set side by side: commas and "and" are an answer's.
    return names >= 3 and _NETWORK_NAME.search(line) is not None and not left.strip(" |/•·0123456789")


def _mark_button_rows(blocks: Sequence[_Block]) -> None:
    """Mark rows of one-button lines ("Facebook", "Twitter", "Print"): three, or two by a share line.

    A line that ends in a colon before them introduces a list, and a list stays.
    """
    number = 0
    while number < len(blocks):
        first = number
        while number < len(blocks) and _may_be_button(blocks[number]):
            number += 1
        row = blocks[first:number]
        number = max(number, first + 1)
        if not row or (first and blocks[first - 1].line.endswith(":") and blocks[first - 1].reason is None):
            continue
        sure = any(b.reason == SHARE_BUTTONS for b in row)
        named = any(_NETWORK_NAME.search(b.line) for b in row)
        if (sure and len(row) >= 2) or (named and len(row) >= 3):
            for block in row:
                block.reason = SHARE_BUTTONS


def _may_be_button(block: _Block) -> bool:
    if block.reason == SHARE_BUTTONS:
        return True
    return (
        block.reason is None
        and not (block.heading or block.listed or block.title)
        and 0 < len(block.line) <= 24
        and _ONE_BUTTON.fullmatch(block.line) is not None
    )


def _is_teaser(line: str) -> bool:
    """Tell "Read more: The headline of another page" from a sentence that begins alike."""
    match = _POINTER.fullmatch(line)
    if match is not None:
        return not match["rest"][:1].islower()
    match = _SHORT_POINTER.fullmatch(line)
    if match is not None:
        # "Read: 3,500 MB/s" is a datum and "Watch: They will deny it." is speech.
        rest = match["rest"]
        return not rest or (
            len(rest.split()) >= 5
            and not rest[0].islower()
            and not rest[0].isdigit()
            and not rest.endswith(".")
        )
    return (
        _READ_MORE_IN.fullmatch(line[:1].lower() + line[1:] if not line.isupper() else line.lower())
        is not None
    )


def _mark_tails(blocks: Sequence[_Block]) -> None:
    """Extend a "Read also" or comments line over what belongs to it.

    Where a line stands is told by the prose before and after it, since menus may be longer than
    the article. After the article's prose a "Read also" list runs over short lines and cut-off
    summaries; inside it, over a few headlines. Comments run to the end when the last half of the
    document shows that people replied.
    """
    before, running, replies = [], 0, [0] * (len(blocks) + 1)
    for block in blocks:
        before.append(running)
        running += (block.end - block.start) if block.prose else 0
    for number in range(len(blocks) - 1, -1, -1):
        line = blocks[number].line
        replies[number] = replies[number + 1] + (0 < len(line) <= 80 and _REPLY.fullmatch(line) is not None)
    for number, block in enumerate(blocks):
        if block.title or len(block.line) > 60:
            continue
        if not (_COMMENTS.fullmatch(block.line) or _COMMENTS_HEADING.fullmatch(block.line)):
            continue
        if 2 * before[number] >= running > 0 and replies[number + 1] >= _MIN_REPLIES:
            for later in blocks[number:]:
                later.reason = later.reason or (None if later.title else COMMENTS)
            break
    for number, block in enumerate(blocks):
        if block.reason == READ_ALSO:
            tail = before[number] > 0 and before[number] >= 3 * (running - before[number])
            _mark_items(blocks[number + 1 : number + 1 + _MAX_TAIL_ITEMS], tail=tail)


def _mark_items(following: Sequence[_Block], *, tail: bool) -> None:
    taken = 0
    for block in following:
        if block.reason == READ_ALSO or block.reason == COMMENTS:
            return  # it has items of its own
        if block.reason is not None:
            continue
        if (
            block.title
            or block.heading
            or not _is_item(block, tail=tail)
            or (not tail and taken == _MAX_ITEMS_INSIDE)
        ):
            return
        block.reason = READ_ALSO
        taken += 1


def _is_item(block: _Block, *, tail: bool) -> bool:
    """Tell the headline or cut-off summary of another article from a line of this one.

    Inside an article a short line may be its next heading; headlines of others are longer.
    """
    line = block.line
    if not line or len(line) >= _LONGEST_ITEM or line.endswith(":"):
        return False
    words = len(line.split())
    if line.endswith(("...", "…")):
        return tail
    if tail:
        return not (
            (words >= 5 and line.endswith((".", "。"))) or (words >= 12 and _SENTENCE_END.search(line))
        )
    return 5 <= words <= 25 and not line.isupper() and not line.endswith((".", ";", ","))


def _mark_repeats(text: str, blocks: Sequence[_Block]) -> None:
    """Mark the later copies of a paragraph; of a short one only under the same heading."""
    seen: set[bytes] = set()
    heading = ""
    for block in blocks:
        if block.heading:
            heading = block.line
        if block.reason is not None or block.title:
            continue
        folded = _letters(text[block.start : block.end])
        if len(folded) < _MIN_REPEAT_CHARACTERS:
            if block.line and not _SENTENCE_END.search(block.line):
                heading = block.line
            continue
        digest = _digest(folded if len(folded) >= _SURE_REPEAT_CHARACTERS else f"{heading}\n{folded}")
        if digest in seen:
            block.reason = REPEATS_SAME
        seen.add(digest)


def _merged(text: str, blocks: Sequence[_Block]) -> list[ExcludedSpan]:
    """Join neighbouring blocks of one reason, so that a report reads as a person would say it."""
    spans: list[ExcludedSpan] = []
    for block in blocks:
        if block.reason is None:
            continue
        last = spans[-1] if spans else None
        if last and last.reason == block.reason and not text[last.end : block.start].strip():
            spans[-1] = ExcludedSpan(start=last.start, end=block.end, reason=block.reason)
        else:
            spans.append(ExcludedSpan(start=block.start, end=block.end, reason=block.reason))
    return spans
