"""The server under load: what the gateway costs a request, what bad clients do to it, and a stand-in for vLLM."""
