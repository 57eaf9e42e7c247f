"""Files of the pages: named by their content, so that browsers keep them until they change."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "web"
_A_YEAR = "public, max-age=31536000, immutable"


def asset_address(name: str) -> str:
    """Return the address of a file of the pages, its content's hash in it."""
    return f"/static/{name}?v={_content_hash(FOLDER / name)}"


class Assets(StaticFiles):
    """Serves the files that pages use; the folder's subfolders are sources, and served to nobody."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file; one that was asked for by its present hash may be kept for good."""
        if Path(path).name != path:
            raise HTTPException(status_code=404)
        # Small files are sent whole, as the standard allows: ranges would only be a way to make work.
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"range"]
        response = await super().get_response(path, scope)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("v")
        fresh = asked == [_content_hash(FOLDER / path)]
        response.headers["cache-control"] = _A_YEAR if fresh else "no-cache"
        response.headers["accept-ranges"] = "none"
        return response


def _content_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
