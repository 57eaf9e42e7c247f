"""Who is asking, and which routes they may call."""
