"""Runs the tests in two processes at once: `tests/api` in one, the rest in the other. Much of either is waiting.

    python tests/in_two.py [what pytest takes]

What the second one prints comes after the first is done. Exit status 0 only if both end with 0.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run both and wait for both."""
    pytest = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    with tempfile.TemporaryFile("w+") as kept:
        rest = subprocess.Popen(
            [*pytest, "tests", "--ignore=tests/api"], cwd=ROOT, stdout=kept, stderr=subprocess.STDOUT
        )
        try:
            first = subprocess.run([*pytest, "tests/api"], cwd=ROOT, check=False).returncode
            second = rest.wait()
        finally:
            rest.kill()
        sys.stdout.flush()
        kept.seek(0)
        shutil.copyfileobj(kept, sys.stdout)
    return 0 if first == second == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
