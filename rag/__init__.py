"""A question in, an answer with verified quotes out. Knows the index, nothing of HTTP."""

SOFTWARE_VERSION = "0.1.0"
"""Written to every receipt; the same as the package's version (a test compares them)."""
