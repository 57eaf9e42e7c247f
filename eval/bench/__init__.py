"""Speed, memory and robustness: one script a claim, JSON out."""
