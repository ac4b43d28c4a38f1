// Draws every <figure data-chart="id"> from the JSON in #charts. No library: the page must open offline, years from now.
(() => {
  "use strict";
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const point = ([x, y, low = null, high = null, note = ""]) => ({ x, y, low, high, note });
  for (const chart of Object.values(charts)) for (const series of chart.series) series.points = series.points.map(point);
  const NS = "http://www.w3.org/2000/svg";

  function add(parent, name, attributes, text) {
    const node = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent.appendChild(node);
    return node;
  }
  const color = (series) => (series.color === "ink" ? "var(--ink)" : `var(--${series.color})`);

  function niceTicks(low, high, count) {
    const rough = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough);
    const ticks = [];
    for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + step * 1e-9; t += step) ticks.push(t);
    return ticks;
  }
  // An axis with one or two numbers on it cannot be read: closer ticks, as long as their labels have room.
  function widthTicks(low, high, width) {
    const tried = [90, 70, 55, 45].map((room) => niceTicks(low, high, width / room));
    return tried.find((ticks) => ticks.length > 2) || tried.at(-1);
  }
  // Steps are whole; an axis with fewer than two whole numbers on it measures something else.
  function stepTicks(ticks) {
    const whole = ticks.filter((t) => Number.isInteger(t));
    return whole.length > 1 ? whole : ticks;
  }
  function logTicks(low, high) {
    const ticks = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
      for (const f of [1, 2, 5]) ticks.push(f * 10 ** p);
    return ticks.filter((t) => t >= low * 0.999 && t <= high * 1.001);
  }
  function number(value, percent, digits, precision = 3) {
    if (percent) return (100 * value).toFixed(digits) + " %";
    const size = Math.abs(value);
    if (size >= 1000) return Math.round(value).toLocaleString("en-US");
    return String(Number(value.toPrecision(precision)));
  }

  function scales(chart, width, height) {
    const points = chart.series.flatMap((s) => s.points);
    const xs = points.map((p) => p.x);
    const ys = points.flatMap((p) => (p.low === null ? [p.y] : [p.low, p.high]));
    let [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const log = chart.log_x && x0 > 0;
    if (log) [x0, x1] = [x0 / 1.15, x1 * 1.25];
    else if (x0 === x1) [x0, x1] = [x0 - 1, x1 + 1];
    const flat = y1 - y0 <= 1e-9 * Math.max(Math.abs(y0), Math.abs(y1)); // means of equal numbers differ in the last bit
    const pad = flat ? Math.abs(y1) * 0.1 || 1 : (y1 - y0) * 0.06;
    const roof = chart.percent && y1 <= 1 ? 1.015 : Infinity; // no share is above 100 %
    [y0, y1] = [y0 >= 0 ? Math.max(0, y0 - pad) : y0 - pad, Math.min(roof, y1 + pad)];
    const box = { left: 46, right: width - 12, top: 22, bottom: height - 38 };
    const along = log ? (x) => Math.log(x / x0) / Math.log(x1 / x0) : (x) => (x - x0) / (x1 - x0);
    return {
      box,
      x: (x) => box.left + along(x) * (box.right - box.left),
      y: (y) => box.bottom - ((y - y0) / (y1 - y0)) * (box.bottom - box.top),
      xTicks: log && logTicks(x0, x1).length > 1 ? logTicks(x0, x1) : stepTicks(widthTicks(x0, x1, width)),
      yTicks: niceTicks(y0, y1, 5),
    };
  }

  function axes(svg, chart, at) {
    const { box } = at;
    const span = at.yTicks.length > 1 ? at.yTicks[1] - at.yTicks[0] : 1;
    for (const t of at.yTicks) {
      add(svg, "line", { x1: box.left, x2: box.right, y1: at.y(t), y2: at.y(t), stroke: "var(--line)" });
      const precision = Math.max(3, Math.ceil(Math.log10(Math.max(Math.abs(t), span) / span)) + 1); // neighbours differ
      const label = number(Math.abs(t) < span * 1e-6 ? 0 : t, chart.percent, span < 0.0099 ? 1 : 0, precision);
      add(svg, "text", { x: box.left - 6, y: at.y(t) + 4, "text-anchor": "end" }, label);
    }
    add(svg, "line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, stroke: "var(--soft)" });
    for (const t of at.xTicks) {
      add(svg, "line", { x1: at.x(t), x2: at.x(t), y1: box.bottom, y2: box.bottom + 4, stroke: "var(--soft)" });
      add(svg, "text", { x: at.x(t), y: box.bottom + 16, "text-anchor": "middle" }, number(t));
    }
    add(svg, "text", { x: (box.left + box.right) / 2, y: box.bottom + 32, "text-anchor": "middle" }, chart.x_label);
    add(svg, "text", { x: 2, y: 12 }, chart.y_label);
  }

  function mark(svg, shape, x, y, series) {
    const paint = { fill: series.dashed ? "var(--raised)" : color(series), stroke: color(series), "stroke-width": 1.6 };
    if (shape === "circle") add(svg, "circle", { cx: x, cy: y, r: 3.6, ...paint });
    else if (shape === "square") add(svg, "rect", { x: x - 3.4, y: y - 3.4, width: 6.8, height: 6.8, ...paint });
    else add(svg, "path", { d: `M${x} ${y - 4.6}L${x + 4.6} ${y}L${x} ${y + 4.6}L${x - 4.6} ${y}Z`, ...paint });
  }

  const sure = (series) => series.points.filter((p) => p.low !== null); // measured, with an interval

  function lines(svg, chart, at) {
    const path = (pairs) => pairs.map(([x, y], i) => `${i ? "L" : "M"}${at.x(x).toFixed(1)} ${at.y(y).toFixed(1)}`).join("");
    for (const series of chart.series) {
      const known = sure(series);
      if (known.length > 1) {
        const edge = [...known.map((p) => [p.x, p.high]), ...known.toReversed().map((p) => [p.x, p.low])];
        add(svg, "path", { d: path(edge) + "Z", fill: color(series), opacity: 0.13 });
      } else
        for (const p of known)
          add(svg, "line", { x1: at.x(p.x), x2: at.x(p.x), y1: at.y(p.low), y2: at.y(p.high), stroke: color(series), opacity: 0.6 });
    }
    for (const series of chart.series) {
      if (series.scatter) {
        for (const p of series.points) add(svg, "circle", { cx: at.x(p.x), cy: at.y(p.y), r: 2.6, fill: color(series), opacity: 0.75 });
        continue;
      }
      const style = { fill: "none", stroke: color(series), "stroke-width": 2, "stroke-linejoin": "round" };
      if (series.dashed) style["stroke-dasharray"] = "6 4";
      add(svg, "path", { d: path(series.points.map((p) => [p.x, p.y])), ...style });
      if (series.mark) for (const p of sure(series)) mark(svg, series.mark, at.x(p.x), at.y(p.y), series);
      if (series.notes)
        for (const p of series.points) add(svg, "text", { x: at.x(p.x) + 6, y: at.y(p.y) + (series.mark === "square" ? -7 : 14) }, p.note);
    }
  }

  // What the pointer or the arrow keys can stop at: single measured points, or all lines at one step.
  function stops(chart) {
    if (chart.series.some((s) => s.mark || s.scatter))
      return chart.series
        .flatMap((s) => s.points.map((p) => ({ x: p.x, y: p.y, rows: [[s, p]] })))
        .sort((a, b) => a.x - b.x);
    const at = new Map();
    for (const s of chart.series) for (const p of s.points) at.set(p.x, [...(at.get(p.x) || []), [s, p]]);
    return [...at].sort((a, b) => a[0] - b[0]).map(([x, rows]) => ({ x, y: null, rows }));
  }

  function describe(tip, chart, stop) {
    tip.replaceChildren();
    const head = document.createElement("div");
    head.className = "soft";
    head.textContent = `${number(stop.x)} ${chart.x_label}`;
    tip.append(head);
    for (const [series, p] of stop.rows) {
      const row = document.createElement("div");
      const value = document.createElement("strong");
      value.textContent = number(p.y, chart.percent, 1);
      value.style.color = color(series);
      const range = p.low === null ? "" : ` (${number(p.low, chart.percent, 1)} to ${number(p.high, chart.percent, 1)})`;
      row.append(value, `${range} ${series.label}${p.note ? ", " + p.note : ""}`);
      tip.append(row);
    }
  }

  function legend(figure, chart) {
    if (chart.series.length < 2) return;
    const list = document.createElement("ul");
    list.className = "legend";
    for (const series of chart.series) {
      const item = document.createElement("li");
      const swatch = document.createElementNS(NS, "svg");
      swatch.setAttribute("viewBox", "0 0 26 10");
      swatch.setAttribute("aria-hidden", "true");
      const style = { x1: 0, x2: 26, y1: 5, y2: 5, stroke: color(series), "stroke-width": 2 };
      if (series.dashed) style["stroke-dasharray"] = "6 4";
      if (series.scatter) add(swatch, "circle", { cx: 13, cy: 5, r: 3, fill: color(series) });
      else add(swatch, "line", style);
      if (series.mark) mark(swatch, series.mark, 13, 5, series);
      item.append(swatch, series.label);
      list.append(item);
    }
    figure.append(list);
  }

  function build(figure) {
    const chart = charts[figure.dataset.chart];
    const plot = document.createElement("div");
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    tip.setAttribute("aria-live", "polite");
    plot.tabIndex = 0;
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", `${chart.title}: chart, arrow keys read its values`);
    figure.append(plot);
    legend(figure, chart);
    figure.append(tip);
    const all = stops(chart);
    let at, cursor, current = -1;

    function draw() {
      const width = Math.max(240, plot.clientWidth);
      const height = Math.round(Math.min(360, Math.max(210, width * 0.62)));
      at = scales(chart, width, height);
      const svg = document.createElementNS(NS, "svg");
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("aria-hidden", "true");
      axes(svg, chart, at);
      lines(svg, chart, at);
      cursor = add(svg, "line", { y1: at.box.top, y2: at.box.bottom, stroke: "var(--soft)", "stroke-dasharray": "2 3", visibility: "hidden" });
      plot.replaceChildren(svg);
      hide();
    }
    function hide() {
      current = -1;
      tip.hidden = true;
      cursor.setAttribute("visibility", "hidden");
    }
    function show(index) {
      current = index;
      const stop = all[index];
      const x = at.x(stop.x);
      for (const [key, value] of Object.entries({ x1: x, x2: x, visibility: "visible" })) cursor.setAttribute(key, value);
      describe(tip, chart, stop);
      tip.hidden = false;
      const right = figure.clientWidth - tip.offsetWidth - 4;
      tip.style.left = `${Math.max(4, Math.min(right, plot.offsetLeft + x + 12))}px`;
      tip.style.top = `${Math.max(4, plot.offsetTop + (stop.y === null ? at.box.top : at.y(stop.y)) - tip.offsetHeight - 10)}px`;
    }
    plot.addEventListener("pointermove", (event) => {
      const area = plot.getBoundingClientRect();
      const [px, py] = [event.clientX - area.left, event.clientY - area.top];
      const far = (s) => Math.abs(at.x(s.x) - px) + (s.y === null ? 0 : Math.abs(at.y(s.y) - py));
      let best = 0;
      all.forEach((stop, i) => { if (far(stop) < far(all[best])) best = i; });
      if (best !== current) show(best);
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (move) {
        event.preventDefault();
        show(Math.max(0, Math.min(all.length - 1, current + move)));
      } else if (event.key === "Escape") hide();
    });
    let width = 0;
    new ResizeObserver(() => {
      if (plot.clientWidth !== width) { width = plot.clientWidth; draw(); }
    }).observe(plot);
  }

  document.querySelectorAll("figure[data-chart]").forEach(build);
})();
