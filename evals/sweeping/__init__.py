"""A sweep's parts: which models, what is drawn in which order, what all of it says, and one sweep against another."""
