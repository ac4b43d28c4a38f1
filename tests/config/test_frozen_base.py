"""What learns beside one frozen base, adapters or vectors: what it does not go with."""

import re

import pytest

from rlad.config import ConfigError, load_config


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["warmstart.lora=true", "base.path=Qwen/Qwen3-0.6B"], "set lora.rank above 0"),
        (["warmstart.lora=true", "lora.rank=8"], "name one as base.path, or train all weights"),
        (["lora.rank=8", "lora.targets=[]"], "name at least one kind of linear layer"),
        (["lora.rank=8", "lora.targets=[q_proj,lm_head]"], "'lm_head', but embeddings and the output head"),
        (["lora.rank=8", "lora.targets=[embed_tokens]"], "'embed_tokens', but embeddings and the output head"),
        (["lora.rank=8", "solution.model.layers=2"], "leave solution.model out"),
        (["lora.rank=8", "warmstart.role_steps=5"], "gives each player a base of its own"),
        (["steering.layers=all", "lora.rank=8"], "two ways to learn beside one base"),
        (["steering.layers=all", "solution.model.layers=2"], "leave solution.model out"),
        (["steering.layers=all", "warmstart.role_steps=5"], "steering vectors share one"),
        (["steering.layers=[0,4]"], "names layer 4, but the model has 4, from 0 to 3"),
        (["steering.layers=[1,1]"], "names layer 1 twice"),
        (["steering.layers=[]"], "name at least one layer, or all"),
        (["steering.layers=most"], "'most' is neither all nor a list"),
        (["steering.layers=all", "steering.site=mlp"], "a qwen3 cannot have; use attention"),
    ],
)
def test_combinations_that_are_refused(overrides, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        load_config(None, overrides)
