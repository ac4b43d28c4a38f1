"""Hybrid routing (2510.07364): base and trained player decode together, and a gate says which of them goes on."""
