"""The search world: a typed document store with a local index, questions of one to three hops, plans of searches."""
