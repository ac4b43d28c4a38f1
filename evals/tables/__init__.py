"""What the terminal shows of a sweep, in words and tables; reads plain dictionaries, measures nothing."""
