"""What a player is: its role, model and tokenizer, the prompts it reads, the adapters it may learn by."""
