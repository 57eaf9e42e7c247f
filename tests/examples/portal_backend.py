"""A portal's backend: gives its own page a token for whoever is logged in there. PORT, VERSE_URL, VERSE_KEY, ORIGIN."""

import json
import os
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

PORT, VERSE_URL, KEY, ORIGIN = (os.environ[name] for name in ("PORT", "VERSE_URL", "VERSE_KEY", "ORIGIN"))
PEOPLE = {"session-of-ada": {"user": "ada", "groups": ["engineers"]}}  # your own sessions stand here
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}


class Portal(BaseHTTPRequestHandler):
    def do_POST(self):
        session = SimpleCookie(self.headers["Cookie"]).get("session")
        person = PEOPLE.get(session.value) if session else None
        if self.path != "/verse-token" or person is None or self.headers["Origin"] != ORIGIN:
            return self.send_error(403)
        body = json.dumps({**person, "origin": ORIGIN}).encode()
        with urlopen(Request(f"{VERSE_URL}/v1/embed-tokens", body, HEADERS), timeout=10) as reply:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(reply.read())  # {"token": …, "expires_at": …}; the key never leaves this process


ThreadingHTTPServer(("127.0.0.1", int(PORT)), Portal).serve_forever()
