"""Which problems a step works on, and what they demonstrate: cursor, dynamic sampling, demonstrations."""
