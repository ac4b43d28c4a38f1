"""How fast texts are sampled: beside bare vLLM, and two adapters in one engine beside two engines."""
