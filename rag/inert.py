"""Text that can only be read: without links, images, HTML, Markdown links or hidden characters.

Chat clients render an answer as Markdown, turn addresses into links and fetch images. Nothing that a
document or a model says may do that through us, so running text passes here; a citation's own text
is never changed.
"""

from __future__ import annotations

import re

LEFT_OUT = "…"
"""What stands where an address stood."""

# Characters nobody sees: they hide words from people, or turn the order of what is shown. Joiners
# inside words (ZWJ, ZWNJ) stay, since emoji and Persian need them; so does the soft hyphen's letter.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0e\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
_SCHEME = (
    r"(?:https?|ftps?|wss?|file|data|javascript|vbscript|blob|mailto|tel|sms|smb|ssh|git|irc|magnet|intent)"
)
_REST = r"[^\s<>\"“”«»]*"
_ADDRESS = re.compile(
    rf"(?:(?<![^\W_]){_SCHEME}\s?:(?=\S)|(?<!\w)[a-z][a-z0-9+.-]{{0,30}}://|(?<![\w/:])//(?=[^\W_][\w.-]*\.\w)|(?<![\w.])www\.)"
    + _REST,
    re.IGNORECASE,
)
# What ends a sentence ends no address: it stays.
_END_MARKS = ".,;:!?)]}'’"
# A letter, slash, mark or question mark after it makes "<" the beginning of a tag; "a < b" is none.
_COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
_TAG = re.compile(r"<[A-Za-z/!?][^<>]*>")
_IMAGE_OR_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_ANGLE = re.compile(r"<(?=[A-Za-z/!?])")
_JOINTS = ((re.compile(r"\](?=[(\[:])"), "] "), (re.compile(r"!(?=\[)"), "! "))
_EMAIL = re.compile(r"(?<=[\w.+-])@(?=[^\W_][\w-]*\.\w)")
# Of formulas only what could fetch or link.
_TEX = re.compile(r"\\(?:href|url|includegraphics|htmlData|htmlStyle|htmlClass|htmlId)\b", re.IGNORECASE)
# Deeper nesting than this is no text; what is left of it is taken apart below.
_LAYERS = 12


def inert(text: str) -> str:
    """Return `text` as it can be shown by any client; of ordinary text nothing changes.

    Tags go; of links and images their words stay; an address becomes "…", the "@" of a mail address
    " (at) ". The result is a fixed point: `inert(inert(text)) == inert(text)`.
    """
    text = _HIDDEN.sub("", text)
    if not _may_act(text):
        return text
    for _ in range(_LAYERS):
        changed = _COMMENT.sub("", text)
        changed = _TAG.sub("", changed)
        changed = _IMAGE_OR_LINK.sub(r"\1", changed)
        changed = _TEX.sub("", changed)
        changed = _ADDRESS.sub(_left_out, changed)
        if changed == text:
            break
        text = changed
    text = _ANGLE.sub("‹", text)
    for joint, apart in _JOINTS:
        text = joint.sub(apart, text)
    return _EMAIL.sub(" (at) ", text)


def _left_out(match: re.Match[str]) -> str:
    whole = match.group()
    return LEFT_OUT + whole[len(whole.rstrip(_END_MARKS)) :]


def _may_act(text: str) -> bool:
    """Tell apart, at once, the many texts that hold none of the marks of what acts."""
    return any(mark in text for mark in "<[]:/@\\") or "www." in text.casefold()
