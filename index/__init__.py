"""Text in, ranked passages out. Knows nothing of answers, writing models or HTTP."""
