"""Starts the service and the portal: `python -m api.portal_demo`. Everything made for it is gone afterwards."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from api.portal_demo.backend import Backend
from api.portal_demo.portal import Portal

DOCUMENTS = Path(__file__).parent / "documents"
_VERSE = [sys.executable, "-m", "api.cli"]
_START_S = 120.0


def environment_of(state: Path, service: str, portal: str) -> dict[str, str]:
    """Return the settings of the demo's service; those of the real one on this machine play no part."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("VERSE_")}
    return {
        **kept,
        "VERSE_STATE_DIR": str(state),
        "VERSE_AUTH": "required",
        # Keys, tokens and sessions of this run are worth nothing in the next one.
        "VERSE_PEPPER": secrets.token_urlsafe(32),
        "VERSE_PUBLIC_URL": service,
        "VERSE_ALLOWED_ORIGINS": json.dumps([portal]),
        "VERSE_FRAME_ANCESTORS": json.dumps([portal]),
    }


def make_key(environment: dict[str, str]) -> str:
    """Make the portal's key, which may ask for embed tokens, and return its text.

    Raises:
        subprocess.CalledProcessError: no key was made; why is on stderr.
    """
    command = [
        *_VERSE,
        "keys",
        "create",
        "portal-demo",
        "--scope",
        "ask",
        "--embed",
        "--expires-days",
        "1",
        "--json",
    ]
    made = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    key: str = json.loads(made.stdout)["key"]
    return key


def wait_until_ready(service: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the service can answer.

    Raises:
        RuntimeError: it ended, or took too long.
    """
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the service ended with status {process.returncode}; what it said is above")
        try:
            with urllib.request.urlopen(f"{service}/readyz", timeout=2):
                return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise RuntimeError(f"the service was not ready within {_START_S:g} s")


def main() -> int:
    """Run until Ctrl-C."""
    options = argparse.ArgumentParser(prog="portal-demo", description=__doc__)
    options.add_argument("--service-port", type=int, default=8000)
    options.add_argument("--portal-port", type=int, default=8100)
    chosen = options.parse_args()
    service = f"http://127.0.0.1:{chosen.service_port}"
    # Another name than the service's: for a browser that is another site, as a real portal is.
    portal = f"http://localhost:{chosen.portal_port}"
    with tempfile.TemporaryDirectory(prefix="verse-portal-demo-") as folder:
        environment = environment_of(Path(folder), service, portal)
        try:
            subprocess.run([*_VERSE, "index", str(DOCUMENTS)], env=environment, check=True)
            key = make_key(environment)
        except subprocess.CalledProcessError as error:
            print(f"portal-demo: {error}", file=sys.stderr)
            return 1
        serving = subprocess.Popen([*_VERSE, "serve", "--port", str(chosen.service_port)], env=environment)
        try:
            with Portal(chosen.portal_port, Backend(service=service, key=key)) as site:
                wait_until_ready(service, serving)
                print(f"\nOpen {site.origin} and choose a person. Ctrl-C ends it.\n", file=sys.stderr)
                site.serve_forever()
            return 0
        except KeyboardInterrupt:
            return 0
        except (OSError, RuntimeError) as error:
            print(f"portal-demo: {error}", file=sys.stderr)
            return 1
        finally:
            serving.terminate()
            serving.wait(30)
    return 0


if __name__ == "__main__":
    sys.exit(main())
