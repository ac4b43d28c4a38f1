"""SAE features (2601.08058): a sparse autoencoder of a solver's residual stream, and steering by its features."""
