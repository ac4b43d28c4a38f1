"""The server of a trained pair: an OpenAI-compatible API over two engines, one per player.

docs/serving.md holds the contract; rlad/serving/schema.py is the same in types.
"""
