"""The course of long trainings: when entropies turn, whether accuracy falls at the end, whether the law lasts."""
