"""Mails (EML): headers say title, author and date; the plain text is preferred to the page beside it.

Attachments that can be read are documents of their own.
"""

from __future__ import annotations

import email
import email.errors
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime

from index.canonical import canonical_text, decode
from index.errors import DocumentError, UnsupportedFormatError
from index.formats.archive import MAX_DEPTH, Budget, ReadMember, shown_name, within
from index.formats.kinds import MEDIA_TYPES
from index.formats.made_text import made_line
from index.formats.record import Problem, Record, checked_text
from index.formats.webpage import read_webpage

_MAX_PARTS = 500
_MAX_FIELD = 300
_MAX_HEADER = 20_000


def read_mail(raw: bytes, where: str, budget: Budget, read_member: ReadMember) -> Iterator[Record | Problem]:
    """Yield the mail's own text and then its attachments, each a document."""
    if budget.depth > MAX_DEPTH:
        raise DocumentError(where, f"lies more than {MAX_DEPTH} mails and archives deep")
    try:
        mail = email.message_from_bytes(_without_mark(raw, where), policy=email.policy.compat32)
        parts = list(_leaves(mail, where))
    except RecursionError as error:
        raise DocumentError(where, "is nested too deeply") from error
    if not mail.keys():
        raise DocumentError(where, "has no header; it is no mail")
    plain = [part for part in parts if _is_text(part, "plain")]
    pages = [part for part in parts if _is_text(part, "html")]
    attached = [part for part in parts if part not in plain and part not in pages]
    text = "\n\n".join(filter(None, (_text(part, where).strip("\n") for part in plain)))
    known = Record(
        where=where,
        text=text,
        title=_field(mail, "Subject"),
        author=_author(mail),
        published_at=_date(mail),
        media_type=MEDIA_TYPES["eml"],
    )
    found = 0
    if text.strip():
        found += 1
        yield replace(known, text=checked_text(canonical_text(text, where), where))
    elif pages:
        for item in read_webpage(_payload(pages[0]), where):
            if isinstance(item, Record):
                found += 1
                item = replace(known, text=item.text, sections=item.sections, title=known.title or item.title)
            yield item
    names: set[str] = set()
    for number, part in enumerate(attached, start=1):
        name = _name(part, number)
        while name in names:
            name = f"{number}-{name}"
        names.add(name)
        here = f"{where}, attachment {shown_name(name)}"
        try:
            for item in read_member(_payload(part), name, here, Budget(budget)):
                found += 1
                yield within(item, name)
        except UnsupportedFormatError as error:
            yield Problem(error=error, fatal=False)
        except DocumentError as error:
            found += 1
            yield Problem(error=error)
    if not found:
        raise DocumentError(where, "holds no text")


def _without_mark(raw: bytes, where: str) -> bytes:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return decode(raw, where).text.encode("utf-8", "surrogateescape")
    return raw


def _leaves(mail: Message, where: str) -> Iterator[Message]:
    """Yield the parts of a mail that hold something; a mail inside a mail is one part."""
    waiting, count = [mail], 0
    while waiting:
        part = waiting.pop()
        count += 1
        if count > _MAX_PARTS:
            raise DocumentError(where, f"has more than {_MAX_PARTS} parts")
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            waiting.extend(reversed(part.get_payload()))  # type: ignore[arg-type]
        else:
            yield part


def _is_text(part: Message, subtype: str) -> bool:
    return (
        part.get_content_maintype() == "text"
        and part.get_content_subtype() == subtype
        and part.get_content_disposition() != "attachment"
        and (part.get_content_disposition() is None or part.get_filename() is None)
    )


def _payload(part: Message) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        return inner[0].as_bytes() if isinstance(inner, list) and inner else b""  # type: ignore[union-attr]
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message, where: str) -> str:
    raw, charset = _payload(part), part.get_content_charset()
    if charset is not None:
        try:
            return canonical_text(raw.decode(charset), where)
        except (LookupError, UnicodeDecodeError, DocumentError):
            pass  # the mail does not know its own encoding: it is told as for any text
    return decode(raw, where).text if raw.strip() else ""


def _field(mail: Message, name: str) -> str | None:
    value = mail.get(name)
    if value is None:
        return None
    raw = str(value)[:_MAX_HEADER]
    return made_line(_decoded_words(raw))[:_MAX_FIELD] or None


def _decoded_words(raw: str) -> str:
    try:
        return str(make_header(decode_header(raw)))
    except (LookupError, UnicodeDecodeError, ValueError, email.errors.HeaderParseError):
        return raw  # a damaged encoded word is shown as it stands


def _author(mail: Message) -> str | None:
    sender = _field(mail, "From")
    if sender is None:
        return None
    name, address = parseaddr(sender)
    return name or address or sender


def _date(mail: Message) -> str | None:
    value = mail.get("Date")
    if value is None:
        return None
    try:
        found: datetime = parsedate_to_datetime(str(value)[:200])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None  # a date that means nothing is unknown
    return found.isoformat()


def _name(part: Message, number: int) -> str:
    name = part.get_filename()
    if name is None:
        ending = {"message/rfc822": ".eml", "text/html": ".html", "text/plain": ".txt"}.get(
            part.get_content_type(), ""
        )
        return f"part {number}{ending}"
    name = _decoded_words(name)
    return made_line(name.replace("\\", "/").rpartition("/")[2])[:200] or f"part {number}"
