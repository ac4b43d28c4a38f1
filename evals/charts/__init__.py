"""The lines of every chart, computed once, for the page of a run and the PNG plots alike."""
