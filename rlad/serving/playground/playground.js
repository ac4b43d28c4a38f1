// The page: reads the form, runs one problem at a time, and puts every event where it belongs.

import { count, duration, make, many } from "./dom.js";
import { Failure, examples, solve } from "./stream.js";
import { Tree } from "./tree.js";
import { Votes, agreement } from "./votes.js";

const EXAMPLES = [ // of a pair that tells none of its own
  ["Induction", "3 , 5 > 14 ; 4 , 1 > ?"],
  ["Countdown", "make 32 from 3 7 2 3"],
  ["Algebra", "remainder of 29 ^ 89 divided by 18"],
  ["In words", "How many positive integers below 1000 are divisible by neither 2 nor 5?"],
];
const RULES = {
  "": "the server's rule",
  majority: "most votes",
  draws: "votes by how often it was proposed",
  proposer: "votes weighted by the proposer's belief",
  marginal: "votes weighted by both players' beliefs",
  unguided: "votes weighted by what the solver believes on its own",
  weighted_majority: "votes weighted by confidence",
  "max-confidence": "the surest solution",
};
const BUDGETS = [128, 256, 512, 1024, 2048, 4096, 8192, 16384, null]; // null: as many as the server allows
const ENDED = { complete: "Done", decided: "Decided", settled: "Settled", budget: "Budget spent", cancelled: "Cancelled", failed: "Failed" };
const KEY = "rlad-key"; // its name in the tab's sessionStorage
const NAME = 44; // characters of an example that its button shows
const TICK = 100; // milliseconds between two readings of the clock

const $ = (id) => document.getElementById(id);
const tree = new Tree($("tree"));
const votes = new Votes($("bars"), (group) => tree.spotlight(group));
let run = null; // the run in progress or last shown

// ------------------------------------------------------------------------------------------------------ the form
const budget = () => BUDGETS[$("tokens").valueAsNumber];

function request() {
  const body = {
    problem: $("problem").value.trim(),
    abstractions: $("abstractions").valueAsNumber,
    solutions: $("solutions").valueAsNumber,
    early_stop: $("early").checked,
    stream: true,
    deltas: true,
  };
  if ($("select").value) body.select = $("select").value;
  if (budget()) body.max_total_tokens = budget();
  if ($("gold").value.trim()) body.gold = $("gold").value.trim();
  return body;
}

function showBudget() {
  const { abstractions, solutions } = request();
  const words = budget() ? count(budget()) : "no limit";
  const shown = { abstractions: abstractions || "none", solutions, tokens: words };
  for (const [id, value] of Object.entries(shown)) {
    document.querySelector(`output[for=${id}]`).textContent = value;
    $(id).setAttribute("aria-valuetext", value);
  }
  if (planning()) showPlan();
}

/** Whether the drawing is of a budget; the tree of a run stays until the next one. */
const planning = () => !run || (run.stopped && !run.started);

function showPlan() {
  const { abstractions, solutions, problem } = request();
  $("tree-title").textContent = "What this budget buys";
  $("plan").textContent = `at most ${many((abstractions || 1) * solutions, "solution")}`;
  tree.plant(problem, abstractions, solutions, true);
}

function buildForm() {
  showExamples();
  for (const [rule, words] of Object.entries(RULES)) $("select").append(make("option", { value: rule }, words));
  $("key").value = sessionStorage.getItem(KEY) ?? "";
  $("key").addEventListener("input", () => sessionStorage.setItem(KEY, $("key").value));
  $("problem").addEventListener("input", () => planning() && tree.setProblem($("problem").value.trim()));
  for (const id of ["abstractions", "solutions", "tokens"]) $(id).addEventListener("input", showBudget);
  showBudget();
}

/** Problems to begin with: the kind that the pair was trained on, where the server knows it. */
async function showExamples() {
  const own = await examples($("key").value);
  for (const [name, problem] of own.length ? own.map((text) => [shortened(text), text]) : EXAMPLES) {
    const button = make("button", { type: "button", title: problem }, name);
    button.addEventListener("click", () => {
      $("problem").value = problem;
      if (planning()) tree.setProblem(problem);
      $("problem").focus();
    });
    $("examples").append(button);
  }
}

const shortened = (text) => (text.length > NAME ? `${text.slice(0, NAME - 1).trimEnd()}…` : text);

// -------------------------------------------------------------------------------------------------------- a run
/** One run: what has come so far, and the handlers of the events by their type. */
class Run {
  constructor(asked) {
    this.asked = asked;
    this.began = performance.now();
    this.abort = new AbortController();
    this.abstractions = this.tokens = 0;
    this.leaves = [];
    this.wanted = { abstractions: asked.abstractions, solutions: asked.solutions };
    this.clock = setInterval(() => this.tick(), TICK);
    this.state = "Waiting for the server";
  }

  async follow() {
    try {
      for await (const event of solve(this.asked, $("key").value, this.abort.signal)) this[`on_${event.type}`]?.(event);
    } catch (problem) {
      if (problem.name === "AbortError") this.end("cancelled");
      else if (problem instanceof Failure) this.fail(problem.message, problem.status);
      else throw problem;
    } finally {
      if (!this.stopped) this.fail("This page met an error of its own; the browser's console has the details.");
    }
  }

  on_start({ abstractions, solutions, select, max_total_tokens: limit }) {
    Object.assign(this, { wanted: { abstractions, solutions }, limit, started: true, state: "Writing abstractions" });
    $("rule").textContent = `by ${select}`;
    votes.clear(select === "majority");
    if (abstractions !== this.asked.abstractions || solutions !== this.asked.solutions) {
      tree.plant(this.asked.problem, abstractions, solutions);
    }
    tell(`Started: ${many(abstractions, "abstraction")}, ${many(solutions, "solution")} with each.`);
    this.show();
  }

  on_abstraction(event) {
    tree.abstraction(event);
    this.abstractions += 1;
    this.tokens += event.tokens;
    tell(`Abstraction ${this.abstractions} of ${this.wanted.abstractions}.`);
    this.show();
  }

  on_solution_delta(event) {
    this.solving();
    tree.solution_delta(event);
  }

  on_solution(event) {
    this.solving();
    const leaf = tree.solution(event);
    this.leaves.push(leaf);
    this.tokens += event.tokens;
    tree.colour(leaf, votes.get(event.answer));
    this.show();
  }

  solving() {
    if (this.state === "Solving") return;
    this.state = "Solving";
    tell("Solving.");
    this.show();
  }

  on_vote({ votes: counted, weights }) {
    votes.update(counted);
    if (weights) tree.weigh(weights);
    for (const leaf of this.leaves) tree.colour(leaf, votes.get(leaf.answer));
    tree.tally();
    this.showAnswer(votes.order[0], "so far");
  }

  on_selection({ player, answer, tokens }) {
    this.tokens += tokens;
    tell(answer === null ? `The ${player} cannot read this many answers.` : `The ${player} chose ${answer}.`);
    this.show();
  }

  on_done({ answer, chosen, votes: counted, usage, ms, stopped }) {
    this.on_vote({ votes: counted });
    this.tokens = usage.completion_tokens;
    const winner = votes.get(answer);
    votes.settle(winner);
    if (chosen) tree.choose(chosen, winner);
    this.end(stopped, ms);
    this.showAnswer(winner, agreement(winner, this.leaves));
    const { abstraction, solution, others = {} } = usage;
    const further = Object.entries(others).map(([role, own]) => `, ${count(own.completion_tokens)} by the ${role}`);
    const spent = `${many(abstraction.completion_tokens, "token")} on abstractions, ${count(solution.completion_tokens)} on solutions${further.join("")}`;
    $("spent").textContent = `${spent}; ${count(usage.prompt_tokens)} read as prompts.`;
    tell(answer === null ? "Done: no solution had an answer." : `Done: the answer is ${answer}.`);
  }

  on_error({ error }) {
    this.fail(error.message);
  }

  fail(sentence, status = 0) {
    $("failure").hidden = false;
    $("failure").querySelector("p").textContent = sentence;
    if (status === 401) {
      $("more").open = true;
      $("key").focus();
    }
    this.end("failed");
  }

  end(stopped, ms = performance.now() - this.began) {
    clearInterval(this.clock);
    Object.assign(this, { stopped, ms, state: ENDED[stopped] });
    if (this.started) tree.close(stopped);
    else showPlan();
    if (stopped === "cancelled") tell("Cancelled.");
    this.show();
  }

  tick() {
    $("count-time").textContent = duration(this.ms ?? performance.now() - this.began);
  }

  show() {
    const { stopped, wanted } = this;
    const kind = stopped ? { failed: "failed", cancelled: "idle" }[stopped] ?? "done" : "busy";
    $("state").dataset.state = kind;
    $("state").textContent = this.state;
    const focused = stopped && document.activeElement === $("cancel");
    $("cancel").hidden = Boolean(stopped);
    if (focused) $("solve").focus({ preventScroll: true }); // rather than nowhere
    $("solve").setAttribute("aria-disabled", String(!stopped));
    $("count-abstractions").textContent = `${this.abstractions}/${wanted.abstractions}`;
    $("count-solutions").textContent = `${this.leaves.length}/${(wanted.abstractions || 1) * wanted.solutions}`;
    $("count-tokens").textContent = this.limit ? `${count(this.tokens)}/${count(this.limit)}` : count(this.tokens);
    $("unfold").hidden = this.leaves.length === 0;
    this.tick();
  }

  showAnswer(group, because) {
    $("verdict").hidden = false;
    $("answer").textContent = group ? group.name : "none";
    $("answer").classList.toggle("pending", !this.stopped || !group);
    $("because").textContent = group ? because : "No solution had an answer that could be read.";
  }
}

function tell(words) {
  $("news").textContent = words;
}

function start() {
  if (run && !run.stopped) return;
  const asked = request();
  if (!asked.problem) {
    $("problem").value = ""; // blanks alone are no problem; the browser says so
    $("problem").reportValidity();
    return;
  }
  run = new Run(asked);
  const again = document.activeElement === $("again");
  for (const id of ["failure", "verdict"]) $(id).hidden = true;
  $("run").hidden = false;
  $("spent").textContent = "";
  $("tree-title").textContent = "Tree";
  $("plan").textContent = "";
  setUnfold(false);
  votes.clear();
  tree.plant(asked.problem, asked.abstractions, asked.solutions);
  run.show();
  if (again) $("cancel").focus({ preventScroll: true });
  if ($("bar").getBoundingClientRect().bottom > innerHeight * 0.8) $("bar").scrollIntoView();
  run.follow();
}

function setUnfold(on) {
  $("unfold").setAttribute("aria-pressed", String(on));
  tree.unfold(on);
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
$("cancel").addEventListener("click", () => run.abort.abort());
$("again").addEventListener("click", start);
$("unfold").addEventListener("click", () => setUnfold($("unfold").getAttribute("aria-pressed") !== "true"));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && run && !run.stopped) run.abort.abort();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("ask").requestSubmit();
});
buildForm();
