"""A question in, an answer with verified quotes out. Knows the index, nothing of HTTP."""
