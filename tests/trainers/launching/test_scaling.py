"""The model of many GPUs: by hand, and docs/scaling.md's tables against it."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from rlad.config import load_config
from rlad.players.gpus import GPUS
from rlad.players.shapes import KNOWN
from trainers.launching.dry_run import step_costs
from trainers.launching.memory import Player, longest_sequences, memory, peak_bytes
from trainers.launching.scaling import costs, ring_seconds, sent, update_bytes, update_links, work_of

ROOT = Path(__file__).parents[3]
RANKS = (8, 32, 128, 512)
H100 = GPUS["H100"]


@pytest.fixture(scope="module")
def run():
    run = load_config(ROOT / "configs" / "recipes" / "8x80gb.yaml")
    run.engine.placement = "server"
    return run


def rows_under(title):
    """Model -> cells of the table of docs/scaling.md whose first header is `title`."""
    lines = (ROOT / "docs" / "scaling.md").read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(f"| {title} |"))
    table = itertools.takewhile(lambda line: line.startswith("|"), lines[first + 2 :])
    return {cells[0]: cells[1:] for cells in ([cell.strip() for cell in line.split("|")[1:-1]] for line in table)}


def at(run, model, ranks, kl=0.001, shard=False):
    """The run with a model, four problems for each rank."""
    run.base.path, run.cotrain.problems, run.zero.shard_references = f"Qwen/{model}", 4 * ranks, shard
    for player in run.players.values():
        player.kl_coef = kl
    return run


def test_the_page_says_what_the_functions_say(run):
    sizes, seconds = rows_under("GB of a rank"), rows_under("seconds of a step")
    assert list(sizes) == list(seconds) == ["Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B", "Qwen3-14B", "Qwen3-32B"]
    for model, ranks in itertools.product(sizes, RANKS):
        place = RANKS.index(ranks)
        kinds = ((0.001, False), (0.001, True), (0, False))
        found = (peak_bytes(memory(at(run, model, ranks, *kind), ranks)) / 1e9 for kind in kinds)
        assert sizes[model][place] == " / ".join(f"{size:.0f}" for size in found), (model, ranks)
        found = costs(at(run, model, ranks), ranks, H100).values()
        links = sum(one.links + one.publishing for one in found)
        total = sum(one.seconds for one in found)
        assert seconds[model][place] == f"{total:.0f} ({links / total:.0%})", (model, ranks)


def test_what_a_rank_sends_in_an_update_is_bounded_however_many_ranks_there_are():
    """Weights twice and gradients once: less than three times the model, at 2 ranks and at 512."""
    whole = 3 * 2e9 * 2
    assert update_bytes(2_000_000_000, 2_000_000_000, 2, 2, 1) == whole / 2
    assert whole * 0.99 < update_bytes(2_000_000_000, 2_000_000_000, 2, 512, 1) < whole
    assert update_bytes(2_000_000_000, 1_000, 2, 512, 1) == pytest.approx(whole * 2 / 3, rel=0.01)  # adapters
    assert sent(1e9, 1) == 0.0


def test_a_partitioned_reference_is_a_share_of_one_that_is_gathered_once_more(run):
    """By hand: 1.72e9 weights of 2 bytes on 8 ranks, two players; 1e9 of them at a time while a micro-batch runs."""
    whole, shares = (memory(at(run, "Qwen3-1.7B", 8, shard=shard), 8) for shard in (False, True))
    size, name, turn = 2 * 1.72e9, "frozen references", "update: activations and logits of a micro-batch"
    assert whole[name] == 8 * shares[name] == pytest.approx(2 * size, rel=0.01)
    assert shares[turn] - whole[turn] == 2e9
    assert shares["weights that stay whole"] == 2 * whole["weights that stay whole"]
    both, silent = (costs(at(run, "Qwen3-1.7B", 8, kl, shard=True), 8, H100)["solution"] for kl in (0.001, 0))
    longest = longest_sequences(run)["solution"]
    batches = work_of(run, Player.of(run, "solution", longest), 8).micro_batches
    assert both.update - silent.update == pytest.approx(batches * size * 7 / 8, rel=0.01) and both.links > silent.links
    large = [sum(c.seconds for c in costs(at(run, "Qwen3-32B", 512, 0.001, s), 512, H100).values()) for s in (1, 0)]
    assert "{:.0f} seconds a step instead of {:.0f}".format(*large) in (ROOT / "docs" / "scaling.md").read_text()


def test_gradients_that_are_reduced_once_take_room_and_no_links_per_micro_batch(run):
    """By hand: 1.72e9 gradients of 2 bytes on 8 ranks; they stay whole on a rank until they go out, once a step."""
    turn, longest = "update: activations and logits of a micro-batch", longest_sequences(run)["solution"]
    found = {}
    for once in (False, True):
        run.zero.reduce_once = once
        found[once] = memory(at(run, "Qwen3-1.7B", 8), 8)[turn], costs(run, 8, H100)["solution"]
    run.zero.reduce_once = False
    batches, size = work_of(run, Player.of(run, "solution", longest), 8).micro_batches, 2 * 1.72e9
    assert found[True][0] - found[False][0] == pytest.approx(size, rel=0.01)
    saved = found[False][1].update - found[True][1].update
    assert (
        saved == pytest.approx((batches - 1) * size * 7 / 8, rel=0.01) and found[True][1].links < found[False][1].links
    )


def test_between_nodes_the_network_is_shared_by_a_nodes_gpus():
    """By hand: 8 GB to 16 GPUs on 2 nodes: 7.5 GB over 450 GB/s inside, 4 GB over 8 x 50 GB/s between."""
    assert ring_seconds(8e9, 16, H100) == pytest.approx(15 * 5e-6 + max(7.5 / 450, 4 / 400) / 0.7)
    slow = replace(H100, between=10e9)
    assert ring_seconds(8e9, 16, slow) == pytest.approx(15 * 5e-6 + 4 / 80 / 0.7)


def test_messages_are_what_grows_with_the_ranks(run):
    player = Player.of(at(run, "Qwen3-1.7B", 8), "solution", 9000)
    few, many = (update_links(player, ranks, 10, H100) for ranks in (128, 512))
    messages = 10 * 3 * 29 * 384 * 5e-6  # micro-batches x collectives x layers and head x further messages
    assert many - few == pytest.approx(messages, rel=0.1)


def test_a_ranks_work(run):
    """Four problems of a rank, an eighth bare: at most 4 guided ones with 4 abstractions, and a bare one."""
    at(run, "Qwen3-1.7B", 8)
    work = work_of(run, Player.of(run, "solution", 10_240), 8)
    assert work.longest == 8192 and work.written == 4096 and work.prompt == 2048 and work.prompts == 16
    assert work.micro_batches == -(-work.rows * (2048 + 4096) // 16_384)


def test_an_unknown_model_costs_nothing_known(run):
    at(run, "Qwen3-1.7B", 8)
    run.base.path = "somebody/something"
    assert costs(run, 8, H100) is None and step_costs(run, 8) == []


def test_the_dry_run_tells_bytes_everywhere_and_seconds_of_gpus():
    cpu = load_config(None, ["launch.device=cpu"])
    assert step_costs(cpu, 1) == []
    lines = step_costs(cpu, 2)
    assert all("sends" in line and "writes" not in line for line in lines[3:])
    gpu = "\n".join(step_costs(load_config(None, ["launch.device=cuda"]), 8))
    assert "modelled on H100s, not measured" in gpu and "solution" in gpu and "writes" in gpu and "together" in gpu


def test_the_largest_of_the_table_is_the_papers_shape():
    shape = KNOWN["Qwen/Qwen3-32B"]
    assert (shape.hidden, shape.layers, shape.heads, shape.intermediate) == (5120, 64, 64, 25_600)
