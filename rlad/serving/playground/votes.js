// The vote: which solutions gave the same answer, in which colour, and how much each answer weighs.

import { count, make, many } from "./dom.js";

const HUES = 8; // colours in playground.css; letters tell further answers apart

export class Votes {
  /** `bars` is the list to draw in; `onSpotlight(group or null)` is called when a reader picks an answer. */
  constructor(bars, onSpotlight) {
    this.bars = bars;
    this.onSpotlight = onSpotlight;
    this.clear();
  }

  /** For a new run; `counting`: its rule counts votes, and does not weigh them. */
  clear(counting = true) {
    this.counting = counting;
    this.groups = []; // in order of appearance, which their colours and letters follow
    this.order = []; // as the server lists them
    this.known = new Map(); // every form of an answer -> its group
    this.bars.replaceChildren();
  }

  /** The group of a solution's answer; undefined while the server has not counted it. */
  get(answer) {
    return this.known.get(answer);
  }

  /** The server's count so far, the selected answer first. A group may be listed under another form than before. */
  update(votes) {
    this.order = votes.map((vote) => {
      const group = vote.forms.map((form) => this.get(form)).find(Boolean) ?? this.found();
      for (const form of vote.forms) this.known.set(form, group);
      this.show(group, vote);
      return group;
    });
    for (const group of this.groups) group.item.hidden = !this.order.includes(group);
  }

  /** A new answer's group. */
  found() {
    const index = this.groups.length;
    const letter = index < 26 ? String.fromCharCode(65 + index) : String(index + 1);
    const group = { letter, hue: index % HUES, ...this.row(letter, index % HUES) };
    group.button.addEventListener("click", () => this.pick(group));
    this.groups.push(group);
    return group;
  }

  row(letter, hue) {
    const fill = make("div", { class: "fill" });
    const votes = make("span", { class: "votes" });
    const badge = make("span", { class: "badge", "aria-hidden": "true" }, letter);
    const value = make("span", { class: "value" });
    const track = make("div", { class: "track", "aria-hidden": "true" }, fill);
    const button = make("button", { type: "button", "aria-pressed": "false", "data-hue": hue }, badge, value, track, votes);
    const item = make("li", {}, button);
    this.bars.append(item);
    return { fill, votes, value, button, item };
  }

  show(group, { answer, weight, share }) {
    group.name = answer;
    group.value.textContent = answer;
    group.value.title = answer;
    group.fill.style.setProperty("--share", share);
    group.votes.textContent = this.counting ? many(weight, "vote") : `weight ${Number(weight.toPrecision(3))}`;
  }

  pick(group) {
    const on = group.button.getAttribute("aria-pressed") !== "true";
    for (const other of this.groups) other.button.setAttribute("aria-pressed", String(on && other === group));
    this.onSpotlight(on ? group : null);
  }

  /** The run is over: in the server's order, and the winner stands out. Whoever had the keyboard's focus keeps it. */
  settle(winner) {
    const focused = document.activeElement;
    this.bars.append(...this.order.map((group) => group.item));
    if (this.bars.contains(focused)) focused.focus();
    if (!winner) return;
    winner.item.classList.add("winner");
    winner.votes.textContent = `✓ ${winner.votes.textContent}`;
  }
}

/** "5 of 8 solutions say so" */
export function agreement(group, leaves) {
  const same = leaves.filter((leaf) => leaf.group === group).length;
  return `${count(same)} of ${many(leaves.length, "solution")} ${same === 1 ? "says" : "say"} so`;
}
