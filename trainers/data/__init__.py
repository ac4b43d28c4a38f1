"""Which problems a step works on, how they are sampled, and the rows that are learnt from: what, never how well."""
