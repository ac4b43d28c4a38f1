// The tree: problem, abstractions, solutions. Places for all of them are set out at the start, so nothing jumps about
// while they fill.

import { duration, make, many } from "./dom.js";
import { Links } from "./links.js";

const BARE = "bare"; // the branch of solutions without an abstraction
const PLAN_HEIGHT = 20; // rem, of the small drawing before a run
const LONG = 280; // characters of an abstraction that fit its box without scrolling
const TAIL = 90; // characters of a solution shown while it is being written

/** Why a place stayed empty, by how the run ended. */
const UNUSED = {
  complete: "no further one was found",
  decided: "not needed",
  settled: "not worth its tokens",
  budget: "the budget was spent",
  cancelled: "cancelled",
  failed: "not reached",
};

export class Tree {
  constructor(host) {
    this.host = host;
    this.links = new Links(host);
    host.addEventListener("keydown", (event) => this.walk(event));
    host.addEventListener("click", (event) => {
      const closed = event.target.closest("summary") && event.target.closest("[data-state=waiting], [data-state=unused]");
      if (closed) event.preventDefault(); // there is nothing to unfold yet
    });
  }

  /** Sets out an empty tree; `plan` draws it small, as what a budget would buy. */
  plant(problem, abstractions, solutions, plan = false) {
    this.branches = new Map();
    this.host.replaceChildren();
    this.links.clear();
    this.host.classList.toggle("plan", plan);
    const rows = (abstractions || 1) * (solutions + 1);
    this.host.style.setProperty("--pitch", `${Math.min(0.95, PLAN_HEIGHT / rows)}rem`);
    const text = make("p", problem ? {} : { class: "empty" }, problem || "Your problem");
    this.root = make("div", { class: "root node" }, make("div", { class: "label" }, "Problem"), text);
    this.list = make("ol", { class: "branches" });
    this.host.append(this.root, this.list);
    this.room = solutions;
    if (abstractions === 0) this.branch(BARE);
    for (let i = 0; i < abstractions; i += 1) this.branch(i);
  }

  setProblem(problem) {
    const text = this.root.querySelector("p");
    text.textContent = problem || "Your problem";
    text.classList.toggle("empty", !problem);
  }

  /** The branch of an abstraction's index (null: solved without one), made on demand with its empty places. */
  branch(index) {
    const key = index ?? BARE;
    if (this.branches.has(key)) return this.branches.get(key);
    const name = key === BARE ? "No abstraction" : `Abstraction ${key + 1}`;
    const cost = make("span", { class: "cost" });
    const text = make("p", {}, key === BARE ? "solved directly" : "");
    const pips = make("div", { class: "pips" });
    const weight = make("span", { class: "weight" });
    const label = make("div", { class: "label" }, make("span", {}, name), weight, cost);
    const node = make("div", { class: "abstraction node", "data-state": key === BARE ? "done" : "waiting" }, label, text, pips);
    const places = make("ol", { class: "solutions", "aria-label": `Solutions, ${name.toLowerCase()}` });
    const branch = { node, text, cost, weight, pips, places, solutions: [] };
    this.branches.set(key, branch);
    this.list.append(make("li", { class: "branch" }, node, places));
    this.links.add(this.root, node);
    for (let j = 0; j < this.room; j += 1) this.place(branch, j);
    return branch;
  }

  /** The place of a solution under its branch. */
  place(branch, index) {
    while (branch.solutions.length <= index) branch.solutions.push(this.leaf(branch));
    return branch.solutions[index];
  }

  leaf(branch) {
    const leaf = { badge: make("span", { class: "badge" }), value: make("span", { class: "value" }), text: "" };
    leaf.peek = make("span", { class: "peek" });
    leaf.cost = make("span", { class: "cost" });
    leaf.full = make("pre");
    const summary = make("summary", { tabindex: "-1" }, leaf.badge, leaf.value, leaf.peek, leaf.cost);
    leaf.node = make("details", { class: "solution node", "data-state": "waiting" }, summary, leaf.full);
    leaf.pip = make("i");
    branch.pips.append(leaf.pip);
    branch.places.append(make("li", {}, leaf.node));
    this.links.add(branch.node, leaf.node);
    return leaf;
  }

  abstraction({ index, text, tokens, leak }) {
    const branch = this.branch(index);
    branch.text.textContent = text;
    branch.cost.textContent = many(tokens, "token");
    if (leak) branch.cost.before(make("span", { class: "leak" }, "gives the answer away"));
    branch.node.classList.toggle("long", text.length > LONG);
    this.become(branch.node, "done");
  }

  solution_delta({ abstraction, solution, text }) {
    const leaf = this.place(this.branch(abstraction), solution);
    if (leaf.node.dataset.state === "waiting") this.become(leaf.node, "writing");
    leaf.text += text;
    leaf.full.textContent = leaf.text;
    leaf.peek.textContent = leaf.text.slice(-TAIL);
  }

  /** A finished solution; returns its leaf, for the vote to colour. */
  solution({ abstraction, solution, text, answer, tokens, ms }) {
    const leaf = this.place(this.branch(abstraction), solution);
    Object.assign(leaf, { text, answer });
    leaf.full.textContent = text;
    leaf.peek.textContent = text.slice(0, 200);
    leaf.value.textContent = answer ?? "no answer";
    leaf.value.classList.toggle("missing", answer === null);
    leaf.cost.textContent = `${many(tokens, "token")}, ${duration(ms)}`;
    this.become(leaf.node, "done");
    return leaf;
  }

  /** Gives a leaf the colour and letter of its answer; without one it stays grey. */
  colour(leaf, group) {
    leaf.group = group;
    leaf.badge.textContent = group ? group.letter : "–";
    for (const node of [leaf.node, leaf.pip]) node.dataset.hue = group ? group.hue : "none";
    this.links.soon();
  }

  /** Says at every abstraction which part of the vote its own solutions have. */
  weigh(shares) {
    for (const [index, share] of shares.entries()) {
      this.branch(index).weight.textContent = `${Math.round(100 * share)} % of the vote`;
    }
  }

  /** Says under every abstraction what its own solutions answer. */
  tally() {
    for (const branch of this.branches.values()) {
      const counts = new Map();
      for (const { group } of branch.solutions) if (group) counts.set(group, (counts.get(group) ?? 0) + 1);
      const words = [...counts].map(([group, times]) => (times > 1 ? `${group.name} ×${times}` : group.name));
      branch.pips.querySelector(".says")?.remove();
      if (words.length) branch.pips.append(make("span", { class: "says" }, words.join(", ")));
    }
  }

  become(node, state) {
    node.dataset.state = state;
    node.classList.add("fresh");
    node.querySelector("summary")?.removeAttribute("tabindex");
    this.links.soon();
  }

  /** Marks what was chosen, and the way that led there. */
  choose(chosen, group) {
    const branch = this.branch(chosen.abstraction);
    const leaf = this.place(branch, chosen.solution);
    leaf.cost.before(make("span", { class: "chosen" }, "✓", make("span", {}, " chosen")));
    leaf.node.classList.add("wins");
    branch.node.classList.add("wins");
    if (group) branch.node.dataset.hue = group.hue;
    this.links.soon();
  }

  /** No more will come: empty places say why. */
  close(stopped) {
    for (const branch of this.branches.values()) {
      if (branch.node.dataset.state === "waiting") {
        branch.node.dataset.state = "unused";
        branch.text.textContent = UNUSED[stopped];
        if (branch.solutions.every((leaf) => leaf.node.dataset.state === "waiting")) branch.places.remove();
      }
      for (const leaf of branch.solutions) this.closeLeaf(leaf, stopped);
    }
    this.links.soon();
  }

  closeLeaf(leaf, stopped) {
    const { state } = leaf.node.dataset;
    if (state === "waiting") leaf.peek.textContent = UNUSED[stopped];
    if (state === "writing") leaf.value.textContent = "unfinished";
    if (state === "writing") leaf.value.classList.add("missing");
    if (state === "waiting" || state === "writing") leaf.node.dataset.state = state === "waiting" ? "unused" : "done";
  }

  /** Dims every solution that does not answer with `group`; null shows all again. */
  spotlight(group) {
    for (const branch of this.branches.values()) {
      for (const leaf of branch.solutions) leaf.node.classList.toggle("aside", Boolean(group) && leaf.group !== group);
      const beside = Boolean(group) && !branch.solutions.some((leaf) => leaf.group === group);
      branch.node.classList.toggle("aside", beside);
    }
    this.links.soon();
  }

  unfold(open) {
    for (const node of this.host.querySelectorAll("details[data-state=done], details[data-state=writing]")) node.open = open;
  }

  /** Arrow keys, Home and End go from solution to solution. */
  walk(event) {
    const rows = [...this.host.querySelectorAll("summary:not([tabindex])")];
    const at = rows.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (at < 0 || to === undefined || !rows[to]) return;
    event.preventDefault();
    rows[to].focus();
  }
}
