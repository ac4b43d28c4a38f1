"""Word problems in plain English: templates, plans that solve them, and the world around both."""
