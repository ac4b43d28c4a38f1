"""Judging runs: sweeps, estimators, comparisons and reports; reads run folders and knows no trainer."""
