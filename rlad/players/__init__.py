"""What a player is: its role, model and tokenizer, the prompts it reads, the adapters or vectors it may learn by."""
