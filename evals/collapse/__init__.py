"""Whether training buys single right answers with the variance between samples that test-time compute lives on."""
