"""`GET /embed`: the page inside a portal's frame. The code in its address says whose portal that is.

The page is an empty shell. Its script takes the code out of the address, exchanges it for a token that it holds
in memory, and shows `<chapter-verse>`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.access.identify import Access
from api.assets import asset_address

router = APIRouter()

_MAX_CODE = 200
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors {ancestors}; require-trusted-types-for 'script'; trusted-types lit-html"
)
_SPENT = (
    ("en", "This box was opened before, or waited too long. Reload the page it stands on."),
    ("ru", "Это окно уже открывали, или оно ждало слишком долго. Обновите страницу, на которой оно стоит."),
)


@router.get("/embed", response_class=HTMLResponse, include_in_schema=False)
async def embed(request: Request, code: Annotated[str, Query()] = "") -> HTMLResponse:
    """Show the shell to the one portal that its code was made for; the code stays good until it is exchanged.

    The policy of this page is its own (`api/guards.py` keeps it): every other page of the service is framed by nobody.
    """
    access: Access | None = request.app.state.access
    listed = frozenset(access.frame_ancestors if access is not None else ())
    parent = None
    if access is not None and 0 < len(code) <= _MAX_CODE:
        parent = await asyncio.to_thread(access.codes.parent_origin, code)
    if parent is None or parent not in listed:
        made_here = access is not None and access.codes.made_here(code)
        # Who comes without a code, or with one that is over, guesses nothing.
        request.scope.setdefault("log", {})["refused"] = (
            "credential_expired" if made_here else "credential_invalid" if code else "not_authenticated"
        )
        # Only words, so that the portal's reader sees why there is no box, and not a browser's error.
        return HTMLResponse(render_spent_page(), status_code=403, headers=_headers(listed))
    return HTMLResponse(render_embed_page(), headers=_headers([parent]))


def render_embed_page() -> str:
    """Return the shell of the frame."""
    scripts = "".join(
        f'<script type="module" src="{asset_address(name)}"></script>\n'
        # The first takes the code out of the address, before anything else runs.
        for name in ("embed.js", "chapter-verse.js")
    )
    return _page(f"{scripts}", "<noscript><p>This box needs JavaScript.</p></noscript>")


def render_spent_page() -> str:
    """Return the page of a code that is worth nothing."""
    return _page("", "".join(f'<p class="problem" lang="{tag}">{words}</p>' for tag, words in _SPENT))


def _page(head: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<title>Chapter &amp; Verse</title>\n'
        f'{head}<link rel="stylesheet" href="{asset_address("embed.css")}">\n</head>\n<body>{body}</body>\n</html>\n'
    )


def _headers(ancestors: Collection[str]) -> dict[str, str]:
    words = " ".join(sorted(ancestors)) or "'none'"
    return {"content-security-policy": _POLICY.format(ancestors=words)}
