"""What samples say of every n x m: accuracy and coverage, the best temperature, the rule that selects best."""
