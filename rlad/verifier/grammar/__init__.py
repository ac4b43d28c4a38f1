"""The language of answers: tokens, syntax trees, vocabulary, units and the parser of expressions; no comparing here."""
