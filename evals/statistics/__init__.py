"""Estimators and intervals on plain arrays: pure mathematics that knows no sample, no run and no rule."""
