"""How what a follow-up is about stands behind its standalone question: "Is it treatable? (about: cancer)"."""

from __future__ import annotations

import re

TOPIC = re.compile(r"\s\((?:about|про): (?P<topics>[^()]*)\)$")
"""The topic at the end of a standalone question, with the white space before it."""
