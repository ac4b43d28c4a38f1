"""Keys of `concepts`: a language model of sentences instead of tokens, as a proposer of abstractions."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key


@dataclass
class ConceptsConfig:
    """`./launch.sh concepts RUN` (2412.08821)."""

    problems: int = key(300, least=2)
    """Test problems (at most problems.test)."""
    validation: int = key(150, least=2)
    """Validation problems on which the guidance and the strength of the repulsion are chosen."""
    abstractions: int = key(8, least=2, most=256)
    """Distinct abstractions wanted for each problem; sweep.draw_factor times as many may be drawn."""
    documents: int = key(40000, least=16)
    """Training documents, a question and a demonstrated abstraction each."""
    vector: int = key(64, least=2)
    """Numbers that a sentence is encoded as."""
    codec_width: int = key(256, least=8)
    """Width of the sentence encoder's and decoder's hidden layers."""
    codec_steps: int = key(1500, least=1)
    """Training steps of sentence encoder and decoder."""
    noise: float = key(0.1, least=0)
    """Standard deviation of what is added to sentence vectors while the decoder learns, whose components have 1."""
    normaliser: str = key("standard", one_of=("standard", "iqr", "robust"))
    """What sentence vectors are centred and divided by: mean and standard deviation, median and interquartile range
    (IQR), or median and .7413 IQR, the standard deviation of a Gaussian with that IQR."""
    width: int = key(64, least=4)
    """Width of the concept models' transformers, four heads each."""
    layers: int = key(2, least=2)
    """Blocks of a concept model; the two-tower has half of them in either tower."""
    petaflops: float = key(0.0005, above=0)
    """Training budget of every model, concepts and tokens alike, in 10^15 floating-point operations."""
    batch: int = key(128, least=1)
    """Documents of a training step; the codec takes twice as many sentences."""
    lr: float = key(2e-3, above=0)
    """Learning rate of everything trained here (Adam); it falls to 0 in the second half."""
    noise_steps: int = key(100, least=2)
    """Steps of the diffusion that training knows."""
    sampling_steps: int = key(40, least=1)
    """Steps that sampling takes of them."""
    guidance: list[float] = key(least=0, some=True, factory=lambda: [1.0, 3.0])
    """Strengths of classifier-free guidance to choose from; 1 = none, 3 = the source's."""
    guidance_drop: float = key(0.15, least=0, below=1)
    """Share of training targets that are denoised without their context."""
    repulsion: list[float] = key(above=0, some=True, factory=lambda: [0.5, 2.0])
    """Strengths to choose from of the repulsion between the abstractions of one problem while they are denoised."""
