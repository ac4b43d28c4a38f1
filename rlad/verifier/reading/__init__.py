"""From a completion to the tree of its answer: which text is meant, how it was written, and what it says."""
