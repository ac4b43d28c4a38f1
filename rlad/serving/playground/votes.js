// The vote: which solutions gave the same answer, in which colour, and how much each answer weighs.

import { count, make, many } from "./dom.js";

const HUES = 8; // colours in playground.css; letters tell further answers apart

const spelling = (answer) => answer.replace(/\s+/g, "");

export class Votes {
  /** `bars` is the list to draw in; `onSpotlight(group or null)` is called when a reader picks an answer. */
  constructor(bars, onSpotlight) {
    this.bars = bars;
    this.onSpotlight = onSpotlight;
    this.clear();
  }

  clear() {
    this.groups = []; // in order of appearance, which their colours and letters follow
    this.order = []; // as the server lists them
    this.known = new Map(); // spelling -> group
    this.cast = []; // finished solutions' leaves whose group the server's next vote will tell
    this.bars.replaceChildren();
  }

  get(answer) {
    return answer === null ? undefined : this.known.get(spelling(answer));
  }

  /** A solution answered; returns its group if it is known already. */
  add(leaf, answer) {
    const group = this.get(answer);
    if (!group) this.cast.push({ leaf, answer });
    return group;
  }

  /** The server's count so far, the selected answer first. Returns [leaf, group] pairs that have become known. */
  update(votes) {
    const unlisted = this.groups.filter((group) => !votes.some((vote) => this.get(vote.answer) === group));
    for (const { answer } of votes) if (!this.get(answer)) this.name(answer, unlisted.pop() ?? this.found(answer));
    const counted = votes.map((vote) => ({ vote, group: this.get(vote.answer) }));
    // An answer that the server does not list is another form of one that it lists: the one that has just gained.
    const gain = ({ vote, group }) => vote.weight - group.weight;
    const riser = counted.reduce((best, each) => (best && gain(best) >= gain(each) ? best : each), null);
    const settled = riser ? this.cast.splice(0) : [];
    for (const { answer } of settled) if (!this.get(answer)) this.known.set(spelling(answer), riser.group);
    for (const { vote, group } of counted) this.weigh(group, vote);
    this.order = counted.map(({ group }) => group);
    return settled.map(({ leaf, answer }) => [leaf, this.get(answer)]);
  }

  /** A new answer's group. */
  found(answer) {
    const index = this.groups.length;
    const letter = index < 26 ? String.fromCharCode(65 + index) : String(index + 1);
    const group = { name: answer, letter, hue: index % HUES, weight: 0, ...this.row(letter, index % HUES) };
    group.button.addEventListener("click", () => this.pick(group));
    this.groups.push(group);
    return group;
  }

  /** The form in which the server lists an answer; a group may be listed under another one later. */
  name(answer, group) {
    group.name = answer;
    group.value.textContent = answer;
    group.value.title = answer;
    this.known.set(spelling(answer), group);
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

  weigh(group, { weight, share }) {
    group.weight = weight;
    group.fill.style.setProperty("--share", share);
    group.votes.textContent = Number.isInteger(weight) ? many(weight, "vote") : `weight ${weight.toFixed(2)}`;
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

/** "5 of 8 solutions agree" */
export function agreement(group, finished, leaves) {
  const same = leaves.filter((leaf) => leaf.group === group).length;
  return `${count(same)} of ${many(finished, "solution")} ${same === 1 ? "says" : "say"} so`;
}
