// Building elements without markup: whatever the models write enters the page as text, never as HTML.

/** make("p", {class: "soft"}, "text", child, ...) -> element. Strings become text nodes. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** 1234 -> "1,234" */
export const count = (number) => Math.round(number).toLocaleString("en");

/** "1 token", "2 tokens" */
export const many = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** 840 -> "840 ms", 12345 -> "12.3 s", 75000 -> "1 min 15 s" */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
