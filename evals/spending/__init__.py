"""Ways to spend the same tokens, measured beside plain sampling: splits, lists, decoding methods, `budget=auto`."""
