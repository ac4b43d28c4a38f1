"""The configuration: every shipped file loads and dry-runs, and nonsense is refused in one plain sentence."""

import dataclasses
import re
from pathlib import Path

import pytest
from chat_tokenizers import chat_tokenizer
from transformers import LlamaConfig

from rlad.config import ConfigError, ModelConfig, PlayerConfig, RunConfig, load_config, save_config
from rlad.config.rules import bare_problems, trains, validate
from rlad.config.sections import meanings, method_keys, plain_fields, sections
from trainers.launching import command as launch

CONFIGS = sorted((Path(__file__).parents[2] / "configs").rglob("*.yaml"))
RUNS = [path for path in CONFIGS if "arms:" not in path.read_text().splitlines()]
"""A comparison lists arms; evals/compare reads it and loads a configuration for each (tests/evals/compare/)."""


def small_llama(folder: Path) -> Path:
    """A model's folder without weights: what a dry run reads of it."""
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    tokenizer = chat_tokenizer("chatml")
    LlamaConfig(vocab_size=len(tokenizer), architectures=["LlamaForCausalLM"], **sizes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").write_text("")
    return folder


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_shipped_configuration_loads_and_dry_runs(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # no model was brought here
    given = ["train", str(path), "--dry-run"]
    if path.stem == "smollm2":  # its model comes by a command of its own
        with pytest.raises(ConfigError, match=r"yet; \./launch\.sh model smollm2 brings it\.$"):
            load_config(path)
        given.append(f"base.path={small_llama(tmp_path / 'model')}")
    assert launch.main(given) == 0
    printed = capsys.readouterr().out
    assert "How the sizes divide" in printed
    assert re.search(r"peak .* \d+\.\d+ GB", printed)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configuration_fits_a_screen(path):
    assert len(path.read_text().splitlines()) <= 70


def test_defaults_are_valid_and_survive_writing(tmp_path):
    config = load_config(None)
    save_config(config, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == config


def test_overrides_win_over_the_file(tmp_path):
    (tmp_path / "run.yaml").write_text("cotrain: {steps: 5, problems: 4}\n")
    config = load_config(tmp_path / "run.yaml", ["cotrain.steps=7", "abstraction.entropy_target=1.5"])
    assert (config.cotrain.steps, config.cotrain.problems) == (7, 4)
    assert config.abstraction.entropy_target == 1.5
    assert config.solution.entropy_target is None


SERVERS = ["engine.kind=vllm", "engine.placement=server"]
BESIDE = ["launch.overlap=1", "engine.kind=vllm", "engine.placement=shared"]
REFUSED = {
    "serving.engine=vlm": "nearest is 'vllm'",
    "serving.select=weighted_majorty": "nearest is 'weighted_majority'",
    "serving.abstractions=100": "more than serving.max_abstractions=64",
    "serving.solutions=60": "more than serving.max_samples=256",
    "serving.abstraction_url=http://a:1": "its partner is not",
    # unknown keys and names: the nearest is named
    "cotrain.stepz=3": "nearest known key is 'cotrain.steps'",
    "solution.temprature=1": "nearest known key is 'solution.temperature'",
    "problems.source=inductoin": "nearest is 'induction'",
    "problems.induction.families=[linear,produkt]": "nearest is 'product'",
    "solution.loss=ppo_klip": "nearest is 'ppo_clip'",
    "abstraction.aggregation=token_mean": "nearest is 'token-mean'",
    "abstraction.advantage=reloo": "nearest is 'rloo'",
    "solution.kl_estimator=k4": "nearest is 'k3'",
    "solution.loss=gpppo": "nearest is 'gppo'",
    "solution.old_logprobs=samplr": "nearest is 'sampler'",
    "solution.mismatch.kind=trunc": "nearest is 'truncated'",
    "solution.mismatch.level=sequences": "nearest is 'sequence'",
    "solution.forking.denominator=kep": "nearest is 'kept'",
    "solution.reinforce_pp.over=token": "nearest is 'tokens'",
    "solution.gsop.clip_low=1e-4": "nearest known key is 'solution.gspo.clip_low'",
    "cotrian.stepz=3": "'cotrian.stepz'; the nearest known key is 'cotrain.steps'",
    # where a section has none like it, those of others are said to be others'
    "lora.lr=3": "'lora' has no key like it (it has rank, alpha, targets); other sections have 'warmstart.lr', ",
    "base.server.model=x": "other sections have 'abstraction.model', 'solution.model'.",
    "solution.server.name=x": "other sections have 'solution.model.server.name', 'base.server.name'",
    "sweep.rule=majority": "'sweep' has no key like it ('./launch.sh keys sweep' lists those that it has).",
    "steps=3": "Unknown configuration key 'steps'; there is 'warmstart.steps', 'cotrain.steps', ",
    "bogus=3": "no key is like it ('./launch.sh keys' lists all).",
    "cotrain.proposals=distnct": "nearest is 'distinct'",
    "cotrain.schedule.kind=alternate": "nearest is 'alternating'",
    "cotrain.schedule.train=solver": "nearest is 'solution'",
    "cotrain.solution_group=problems": "nearest is 'problem'",
    "launch.device=gpu": "nearest is 'cpu'",
    "base.dtype=float23": "nearest is 'float32'",
    "engine.kind=tansformers": "nearest is 'transformers'",
    "sweep.select=[majorty]": "nearest is 'majority'",
    # types
    "cotrain.steps=many": "Wrong type for 'cotrain.steps'",
    "solution.lr=fast": "Wrong type for 'solution.lr'",
    "cotrain.steps=3.5": "Wrong type for 'cotrain.steps'",
    "sweep.grid=5": "Wrong type for 'sweep.grid'",
    "problems=3": "'problems' is a section",
    "cotrain.bare=[1]": "'cotrain.bare' is a section",
    "cotrain=": "'cotrain' is a section",
    "cotrain.steps=[": "cannot be read",
    # ranges
    "cotrain.steps=0": "at least 1",
    "solution.temperature=0": "above 0",
    "solution.temperature=nan": "out of range",
    "cotrain.set_credit=1.5": "at most 1",
    "cotrain.set_credit=-0.1": "at least 0",
    "cotrain.gate.penalty=0.5": "at most 0",
    "problems.countdown.numbers=7": "at most 6",
    "problems.test=0": "asks a generated world for no problems",
    "warmstart.lr=0": "above 0",
    "lora.rank=-1": "at least 0",
    "lora.alpha=0": "above 0",
    "lora.rnak=8": "nearest known key is 'lora.rank'",
    "launch.ranks=0": "at least 1",
    "abstraction.ppo_clip.dual_clip=0.5": "at least 1",
    "solution.gspo.clip_high=0.2": "at most 0.1",
    "solution.cispo.cap=0.28": "at least 1",
    "solution.hicra=1": "below 1",
    "solution.forking.share=0": "above 0",
    "solution.mismatch.high=0.9": "at least 1",
    "solution.kl_cov.share=2": "at most 1",
    # methods that cannot work as asked
    "solution.loss=kl_cov": "use at least 2, or clip_cov",
    "solution.advantage=reinforce_pp": "set cotrain.drop_constant_groups=false",
    "solution.overlong=48": "leaves no length unpunished",
    "cotrain.adaptive.first=2": "set solution.advantage=staged",
    # numbers that do not fit together
    "cotrain.adaptive.first=4": "leaves nothing for a second round",
    "cotrain.problems=15": "15 x 8 x 4 solutions",
    "warmstart.batch=127": "does not divide over 2 ranks",
    "warmstart.warmup=600": "less than warmstart.steps=600",
    "cotrain.draws=4": "8 distinct proposals",
    "cotrain.subtract_bare=true": "cotrain.bare.baseline_samples",
    "cotrain.bare.share=1": "leaves none with an abstraction",
    "cotrain.solutions=1": "nothing to compare a solution with",
    "cotrain.abstractions=1": "nothing to compare an abstraction with",
    "cotrain.one_pass=true": "cotrain.abstractions=0",
    "base.kv_heads=3": "grouped-query",
    "base.heads=3": "even head size",
    "base.max_positions=64": "leaves no room",
    "sweep.grid=[[4]]": "every cell is [n, m]",
    "sweep.grid=[[4, 0]]": "every cell is [n, m]",
    "sweep.plain_temperatures=[]": "sweep.plain_temperatures is empty",
    "problems.induction.max_input=1": "1 pairs of inputs",
    "name=a/b": "cannot name a run folder",
    "solution.reward=rlrc": "nearest is 'rlcr'",
    "solution.reward=hill": "known: random, rlcr, verdict",
    "abstraction.reward=rlcr": "known: belief, hill, r3, verdict, vote",
    "solution.shaping=effective-rank": "nearest is 'effective_rank'",
    "abstraction.r3.weights=spred": "nearest is 'spread'",
    "cotrain.critique.source=teatcher": "nearest is 'teacher'",
    "cotrain.critique.groups=all": "nearest is 'all_wrong'",
    "abstraction.diversity.measure=word": "nearest is 'wording'",
    "solution.rlcr.malformed=1": "at most 0",
    "cotrain.critique.gamma=0": "above 0",
    "cotrain.rft.margin=1": "at least 0 and below 1",
    "solution.kl_coef=.inf": "finite and at least 0",
    "abstraction.entropy_coef=-.inf": "finite and a number",
    "cotrain.schedule.lag=-1": "at least 0",
    "abstraction.reward=hill": "cotrain.bare.baseline_samples above 0",
    "cotrain.critique.source=verifier": "warmstart.mixture.refine above 0",
    "cotrain.critique.source=teacher": "needs cotrain.critique.teacher_url",
    "solution.shaping=effective_rank": "use at most 24",
    "instruments.embedder=/nowhere": "no sentence encoder in '/nowhere'",
    "instruments.rank_every=-1": "at least 0",
    "instruments.every=4": "must be a multiple of instruments.every=4",
    "instruments.rank_stide=4": "nearest known key is 'instruments.rank_stride'",
    # files
    "problems.source=jsonl": "needs problems.path",
    "base.path=/nowhere/model": "no model folder '/nowhere/model'",
    "solution.model.path=./nowhere": "(solution.model.path)",
    "engine.placement=collocated": "nearest is 'colocated'",
    "engine.memory_share=0": "above 0",
    "engine.replicas=0": "at least 1",
    "cotrain.steps": "written key=value",
}


@pytest.mark.parametrize(("override", "words"), REFUSED.items(), ids=REFUSED)
def test_refused_in_one_plain_sentence(override, words):
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        load_config(None, [override])
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["cotrain.abstractions=0", "cotrain.schedule.kind=alternating"], "schedule 'alternating' trains it"),
        (["engine.kind=vllm", "engine.solution_urls=[http://a:1]"], "needs engine.placement=server"),
        (["engine.kind=vllm", "engine.weights_folder=/x"], "read by servers only"),
        ([*SERVERS, "engine.solution_urls=[a:1]"], "must begin with http"),
        ([*SERVERS, "engine.solution_urls=[http://a:1]"], "engine.abstraction_urls is empty"),
        (["engine.kind=vllm", "engine.tensor_parallel=2"], "use engine.placement=shared or server"),
        ([*SERVERS, "engine.tensor_parallel=2", "launch.device=cpu"], "the number of GPUs per engine"),
        (["engine.kind=vllm", "engine.memory_share=0.6"], "two want the memory of each GPU"),
        (["engine.kind=vllm", "base.hidden_size=64"], "make heads of 16; vLLM's attention on CPUs wants 32"),
        (["cotrain.abstractions=0", "cotrain.schedule.kind=frozen", "cotrain.schedule.train=abstraction"], "'frozen'"),
        (["cotrain.abstractions=0", "cotrain.set_credit=0.5"], "cotrain.set_credit needs abstractions"),
        (["cotrain.abstractions=0", "cotrain.adherence=true"], "cotrain.adherence needs abstractions"),
        (["cotrain.abstractions=0", "cotrain.solutions=1"], "nothing to compare"),
        (["cotrain.abstractions=0", "abstraction.reward=r3"], "abstraction.reward=r3 needs abstractions"),
        (
            ["cotrain.abstractions=0", "abstraction.diversity.weight=1"],
            "abstraction.diversity.weight needs abstractions",
        ),
        (["cotrain.abstractions=0", "cotrain.schedule.lag=2"], "cotrain.schedule.lag needs abstractions"),
        (["zero.shard_references=true", "cotrain.schedule.lag=2"], "begins with a whole copy of the reference"),
        (["cotrain.proposals=reference", "cotrain.schedule.kind=rates"], "schedule 'rates' trains it"),
        (["cotrain.proposals=reference", "cotrain.set_credit=0.5"], "set_credit needs abstractions, but cotrain.prop"),
        (["cotrain.proposals=reference", "abstraction.reward=r3"], "r3 needs abstractions, but cotrain.proposals="),
        (["cotrain.abstractions=0", "cotrain.rft.every=2"], "cotrain.rft.every needs abstractions"),
        (["cotrain.abstractions=0", "cotrain.schedule.kind=rates"], "schedule 'rates' trains it"),
        (["abstraction.reward=r3", "cotrain.set_credit=0.5"], "cotrain.set_credit is made for success rates"),
        (
            ["abstraction.reward=r3", "cotrain.subtract_bare=true", "cotrain.bare.baseline_samples=2"],
            "cotrain.subtract_bare is made for success rates",
        ),
        (["abstraction.reward=r3", "cotrain.schedule.lag=2"], "set cotrain.schedule.lag=0"),
        (["sweep.joint=true"], "set warmstart.mixture.propose_set above 0"),
        (["cotrain.proposals=joint"], "set warmstart.mixture.propose_set above 0"),
        (
            ["cotrain.proposals=joint", "warmstart.mixture.propose_set=0.2", "cotrain.rft.every=2"],
            "cotrain.rft fine-tunes on single abstractions",
        ),
        (["abstraction.reward=vote", "cotrain.proposals=iid"], "use cotrain.proposals=distinct, not iid"),
        (["abstraction.reward=belief", "cotrain.set_credit=0.5"], "cotrain.set_credit is made for success rates"),
        (
            ["abstraction.reward=belief", "engine.kind=vllm", "abstraction.temperature=0.7"],
            "gives at abstraction.temperature=1 only, not at 0.7",
        ),
        (
            ["cotrain.schedule.lag=2", "cotrain.subtract_bare=true", "cotrain.bare.baseline_samples=2"],
            "pays by its snapshot; switch one of them off",
        ),
        (["cotrain.critique.source=teacher", "cotrain.critique.teacher_url=10.0.0.1:80/v1"], "must begin with http://"),
        (
            ["cotrain.schedule.lag=2", "cotrain.schedule.kind=frozen", "cotrain.schedule.train=abstraction"],
            "never learns",
        ),
        (
            [
                "abstraction.reward=hill",
                "cotrain.bare.baseline_samples=2",
                "cotrain.solutions=1",
                "cotrain.solution_group=problem",
            ],
            "set cotrain.solutions=2",
        ),
        (["abstraction.reward=r3", "cotrain.schedule.kind=frozen"], "the schedule never trains"),
        (
            ["cotrain.sft_phase.every=2", "cotrain.abstractions=0", "cotrain.one_pass=true"],
            "not texts of cotrain.one_pass",
        ),
        (["cotrain.critique.source=self", "cotrain.critique.show_gold=true"], "leave it out"),
        (["cotrain.critique.source=self", "solution.mismatch.kind=truncated"], "sampled under another prompt"),
        (["cotrain.critique.source=self", "warmstart.mixture.refine=1"], "warmstart.mixture.critique above 0"),
        (
            ["cotrain.critique.source=verifier", "cotrain.abstractions=0", "cotrain.one_pass=true"],
            "switch one of them off",
        ),
        (
            ["cotrain.critique.source=verifier", "cotrain.schedule.kind=frozen", "cotrain.schedule.train=abstraction"],
            "never trains it",
        ),
        (
            ["cotrain.critique.source=verifier", "warmstart.mixture.refine=1", "solution.max_new_tokens=100"],
            "a second attempt of up to 280 tokens",
        ),
        (["problems.source=hub", "problems.path=x/y", "cotrain.adherence=true"], "generated worlds only"),
        (
            [
                "solution.advantage=reinforce_pp",
                "solution.shaping=effective_rank",
                "solution.effective_rank.stride=2",
                "cotrain.drop_constant_groups=false",
            ],
            "gives every token its own return, and solution.shaping=effective_rank its own advantage",
        ),
        (["engine.kind=vllm", "engine.placement=lora"], "set lora.rank above 0"),
        (["launch.overlap=2"], "launch.overlap"),
        (["launch.overlap=1"], "engine.kind=auto with engine.placement=auto does not: set engine.kind=vllm and"),
        (["launch.overlap=1", "engine.kind=vllm", "engine.placement=colocated"], "placement=shared, lora or server"),
        (BESIDE, "nothing corrects the abstraction player: set abstraction.mismatch.kind=truncated"),
        ([*BESIDE, "cotrain.schedule.kind=frozen"], "nothing corrects the solution player"),
        ([*BESIDE, "cotrain.schedule.lag=2"], "solves with a snapshot inside the ranks"),
        (["base.dtype=float16", "launch.device=cpu"], "does not train on a CPU"),
        (["base.attention=flash_attention_2"], "needs the package flash-attn and a GPU; use sdpa"),
        (["abstraction.loss=clip_cov", "abstraction.clip_cov.low=5"], "must be less than abstraction.clip_cov.high"),
        (["solution.diversity.weight=1"], "set abstraction.diversity.weight"),
        (["launch.ranks=3"], "use a multiple of 3"),
        (["solution.loss=gspo", "solution.aggregation=token-mean"], "undoes solution.loss=gspo"),
        (["solution.loss=gspo", "solution.mismatch.kind=masked"], "use sequence or geometric"),
        (["solution.loss=dr_grpo", "solution.advantage=std"], "for one without the other use ppo_clip"),
        (["solution.loss=dr_grpo", "solution.aggregation=token-mean"], "for one without the other use ppo_clip"),
        (["solution.old_logprobs=sampler", "solution.mismatch.kind=truncated"], "would count it twice"),
        (["solution.old_logprobs=sampler", "solution.loss=kl_cov", "cotrain.updates_per_rollout=2"], "rounding errors"),
        (
            ["solution.forking.share=0.2", "solution.forking.denominator=kept", "solution.aggregation=constant"],
            "use all",
        ),
        ([f"warmstart.mixture.{task}=0" for task in ("plain", "propose", "guided")], "all zero"),
    ],
)
def test_combinations_that_are_refused(overrides, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        load_config(None, overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        ["cotrain.abstractions=0"],
        ["cotrain.abstractions=0", "cotrain.one_pass=true", "cotrain.adherence=true"],
        ["cotrain.abstractions=1", "cotrain.subtract_bare=true", "cotrain.bare.baseline_samples=4"],
        ["cotrain.solutions=1", "cotrain.solution_group=problem"],
        ["cotrain.solutions=1", "cotrain.schedule.kind=frozen", "cotrain.schedule.train=abstraction"],
        ["cotrain.problems=15", "warmstart.batch=15", "launch.ranks=3"],
        ["cotrain.rft.every=100", "cotrain.schedule.kind=frozen"],  # the published pipeline: RFT, then train the solver
        ["cotrain.critique.source=self", "warmstart.mixture.refine=1", "warmstart.mixture.critique=1"],
        ["cotrain.critique.source=verifier", "base.path=Qwen/Qwen3-1.7B"],
        ["solution.loss=kl_cov", "cotrain.schedule.kind=frozen", "cotrain.schedule.train=abstraction"],  # stands still
        ["solution.loss=gspo", "solution.mismatch.kind=masked", "solution.mismatch.level=geometric"],
        ["solution.loss=gspo", "solution.forking.share=0.2"],
    ],
)
def test_unusual_combinations_that_make_sense(overrides):
    validate(load_config(None, overrides))


def test_missing_and_malformed_files(tmp_path):
    with pytest.raises(ConfigError, match="no configuration file"):
        load_config(tmp_path / "absent.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("cotrain: {steps: 3\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(broken)
    listed = tmp_path / "list.yaml"
    listed.write_text("- 1\n- 2\n")
    with pytest.raises(ConfigError, match="mapping"):
        load_config(listed)


def test_model_folder_must_be_complete(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    override = [f"base.path={folder}"]
    for file, missing in (
        ("config.json", "config.json"),
        ("tokenizer.json", "tokenizer"),
        ("w.safetensors", "weights"),
    ):
        with pytest.raises(ConfigError, match=f"has no {missing}"):
            load_config(None, override)
        (folder / file).write_text("{}")
    assert load_config(None, override).base.path == str(folder)
    assert load_config(None, ["base.path=Qwen/Qwen3-1.7B"]).base.path == "Qwen/Qwen3-1.7B"  # left to the hub


def test_every_number_has_a_range_and_every_key_a_meaning():
    """A new key without a range would let any nonsense through, and one without a meaning nobody could use."""
    unbounded = {"seed", "problems.seed"}
    config = RunConfig(base=ModelConfig(), players={"solution": PlayerConfig(model=ModelConfig())})
    for prefix, section in sections(config):
        kinds = [type(section), *(method_keys(section, prefix[:-1]).values() if hasattr(section, "methods") else ())]
        for kind in kinds:
            for item in plain_fields(kind):
                plain = not any(word in str(item.type) for word in ("list", "dict"))
                number = plain and any(word in str(item.type) for word in ("int", "float"))
                name = f"{prefix}{item.name}"
                assert not number or name in unbounded or "range" in item.metadata, name
                assert item.name in meanings(kind) or dataclasses.is_dataclass(getattr(kind(), item.name)), name


def test_bare_problems_and_trained_players():
    config = load_config(None, ["cotrain.bare.share=0.25", "cotrain.schedule.kind=frozen"])
    assert bare_problems(config) == 4
    assert trains(config, "solution")
    assert not trains(config, "abstraction")
