"""What a sweep sampled: drawn in processes, kept, gone on with, shared by machines, and laid side by side as arrays."""
