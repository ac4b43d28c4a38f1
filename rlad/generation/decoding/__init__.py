"""Decoding methods: other ways to spend the tokens of a solution than sampling it from left to right.

A method is one file that declares itself with `@decoding(NAME)`; all work on the transformers sampler, in batches, and
count every token behind the prompt, whoever chose it.
"""

from rlad.generation.decoding.base import DecodingMethod, GrowingSequence, Marks, Trace, Writer

__all__ = ["DecodingMethod", "GrowingSequence", "Marks", "Trace", "Writer"]
