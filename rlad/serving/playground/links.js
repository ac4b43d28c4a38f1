// The lines of the tree, as one SVG behind its boxes.

const SVG = "http://www.w3.org/2000/svg";
const FOLLOWED = ["state", "hue"]; // a line looks like the box it leads to

export class Links {
  /** `host` is the positioned element that holds all boxes; lines are measured from its corner. */
  constructor(host) {
    this.host = host;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("aria-hidden", "true");
    this.pairs = [];
    this.wide = matchMedia("(min-width: 62.01rem)");
    new ResizeObserver(() => this.soon()).observe(host);
    addEventListener("scroll", () => this.soon(), { passive: true }); // the root sticks to the window
  }

  clear() {
    this.pairs = [];
    this.svg.replaceChildren();
    this.host.prepend(this.svg);
  }

  add(parent, child) {
    const path = document.createElementNS(SVG, "path");
    this.svg.append(path);
    this.pairs.push({ parent, child, path });
    this.soon();
  }

  /** Draws before the next frame, however often it is asked to. */
  soon() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.draw();
    });
  }

  draw() {
    for (const { child, path } of this.pairs) if (!child.isConnected) path.remove();
    this.pairs = this.pairs.filter(({ child }) => child.isConnected);
    const origin = this.host.getBoundingClientRect();
    const wide = this.wide.matches || this.host.classList.contains("plan");
    const boxes = new Map();
    const box = (node) => boxes.get(node) ?? boxes.set(node, measure(node, origin, wide)).get(node);
    const shapes = this.pairs.map(({ parent, child }) => {
      const beside = wide && box(parent).right < box(child).left;
      return (beside ? curve : elbow)(box(parent), box(child));
    });
    this.pairs.forEach(({ child, path }, i) => {
      path.setAttribute("d", shapes[i]);
      for (const name of FOLLOWED) {
        if (child.dataset[name] === undefined) delete path.dataset[name];
        else path.dataset[name] = child.dataset[name];
      }
      for (const name of ["wins", "aside"]) path.classList.toggle(name, child.classList.contains(name));
      if (path.classList.contains("wins") && path.nextSibling) this.svg.append(path); // above its neighbours
    });
  }
}

/** Edges of a box in the host's pixels; `y` is where lines meet it: the middle of its first row, or of a wide box. */
function measure(node, origin, wide) {
  const all = node.getBoundingClientRect();
  const row = (node.querySelector(wide ? "summary" : "summary, .label") ?? node).getBoundingClientRect();
  const first = row.height ? row : all;
  return {
    left: all.left - origin.left,
    right: all.right - origin.left,
    bottom: all.bottom - origin.top,
    y: first.top + first.height / 2 - origin.top,
  };
}

function curve(from, to) {
  const middle = (from.right + to.left) / 2;
  return `M${from.right} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.left} ${to.y}`;
}

/** Down a rail at the parent's left, round a corner, into the child. */
function elbow(from, to) {
  const rail = from.left + 10;
  const corner = Math.max(0, Math.min(8, to.left - rail, to.y - from.bottom));
  return `M${rail} ${from.bottom}V${to.y - corner}Q${rail} ${to.y} ${rail + corner} ${to.y}H${to.left}`;
}
