// How a Mist map lies on the building's own plan: three clicks on each, in pairs.

import { image, picture } from "./api.js";
import { el, replace } from "./dom.js";

const COLOURS = ["#d1242f", "#1a7f37", "#8250df"];

export class Align {
  // `onDone({align, width, height})` is called with what was set, `{}` to take it away.
  constructor(page, map, mapping, onDone) {
    this.map = map;
    this.onDone = onDone;
    this.pixels = (mapping.align || []).map((each) => each.pixel);
    this.fractions = (mapping.align || []).map((each) => each.fraction);
    this.size = mapping.align ? { width: mapping.width, height: mapping.height } : {};
    this.left = this.board("Mist map", { width: map.width, height: map.height }, () => this.pixels,
      (x, y) => [round(x * map.width, 1), round(y * map.height, 1)], ([x, y]) => [x / map.width, y / map.height]);
    this.right = this.board("The building's own plan", null, () => this.fractions, (x, y) => [round(x, 4), round(y, 4)], (each) => each);
    this.hint = el("p", { role: "status" });
    const file = el("input", { type: "file", accept: "image/*", "aria-label": "Image of the building's own plan" });
    file.addEventListener("change", () => file.files[0] && this.choose(file.files[0]));
    this.wrong = el("p", { class: "error", role: "alert", hidden: true });
    this.done = el("button", { type: "button", onclick: () => this.finish() }, "Use this");
    this.element = el("dialog", { class: "align", "aria-label": `Align ${map.name}` },
      el("h2", {}, `Align ${map.name}`),
      el("p", { class: "soft" }, "Mark the same three points on both plans, far apart and not on one line. The image of the building's plan stays in this browser."),
      el("div", { class: "boards" }, el("figure", {}, el("figcaption", {}, "Mist map"), this.left.element),
        el("figure", {}, el("figcaption", {}, "Building's plan", file), this.right.element)),
      this.hint, this.wrong,
      el("div", { class: "actions" }, this.done,
        el("button", { type: "button", class: "quiet", onclick: () => { this.pixels.length = this.fractions.length = 0; this.draw(); } }, "Start over"),
        el("button", { type: "button", class: "quiet", onclick: () => { this.onDone({}); this.element.close(); } }, "Not aligned"),
        el("button", { type: "button", class: "quiet", onclick: () => this.element.close() }, "Cancel")));
    this.element.addEventListener("close", () => this.element.remove());
    if (map.has_image) image(`/systems/${page.system}/${page.mist}/assets/map/${map.id}`).catch(() => null).then((found) => found && this.left.take(found));
    this.draw();
  }

  // Of two files, the one that was chosen last counts, however long the other one takes.
  async choose(file) {
    this.chosen = file;
    const found = await picture(file);
    if (this.chosen !== file) return;
    this.wrong.hidden = Boolean(found);
    this.wrong.textContent = found ? "" : `${file.name} is no image that this browser can show.`;
    if (found) this.right.take(found);
  }

  // One of the two plans. Points are kept in its own unit; the board works in fractions.
  board(label, size, points, toPoint, toFraction) {
    const canvas = el("canvas", { width: 640, height: 400, tabindex: "0", role: "application",
      "aria-label": `${label}: click to mark the next point, or arrow keys and Enter` });
    const pen = canvas.getContext("2d");
    const board = { element: canvas, picture: null, cursor: [0.5, 0.5] };
    const mark = (x, y) => {
      if (points().length >= 3) points().length = 0;
      points().push(toPoint(Math.min(Math.max(x, 0), 1), Math.min(Math.max(y, 0), 1)));
      this.draw();
    };
    canvas.addEventListener("click", (event) => mark(event.offsetX / canvas.clientWidth, event.offsetY / canvas.clientHeight));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (step) board.cursor = board.cursor.map((at, axis) => Math.min(Math.max(at + step[axis] * 0.01, 0), 1));
      else if (event.key === "Enter") mark(...board.cursor);
      else return;
      event.preventDefault();
      this.draw();
    });
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.draw());
    board.take = (found) => {
      board.picture = found;
      if (!size) this.size = { width: found.naturalWidth, height: found.naturalHeight };
      this.draw();
    };
    board.draw = () => {
      const shape = size || (this.size.width ? this.size : { width: 16, height: 10 });
      canvas.height = Math.round((canvas.width * (shape.height || 10)) / (shape.width || 16));
      pen.fillStyle = "#8884";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      if (board.picture) pen.drawImage(board.picture, 0, 0, canvas.width, canvas.height);
      else this.empty(canvas, pen, size ? "This map has no image" : "Choose an image, or mark on the empty plan");
      points().forEach((point, number) => {
        const [x, y] = toFraction(point);
        pen.fillStyle = COLOURS[number];
        pen.beginPath();
        pen.arc(x * canvas.width, y * canvas.height, 8, 0, 6.2832);
        pen.fill();
        pen.fillStyle = "#fff";
        pen.font = "bold 11px sans-serif";
        pen.textAlign = "center";
        pen.fillText(number + 1, x * canvas.width, y * canvas.height + 4);
      });
      if (document.activeElement === canvas) {
        pen.strokeStyle = "#888";
        const [x, y] = [board.cursor[0] * canvas.width, board.cursor[1] * canvas.height];
        pen.strokeRect(x - 6, y - 6, 12, 12);
      }
    };
    return board;
  }

  empty(canvas, pen, text) {
    pen.fillStyle = getComputedStyle(canvas).color;
    pen.font = "20px sans-serif";
    pen.textAlign = "center";
    pen.fillText(text, canvas.width / 2, canvas.height / 2);
  }

  draw() {
    this.left?.draw();
    this.right?.draw();
    if (!this.hint) return;
    const open = this.pixels.length < 3 ? `Mark point ${this.pixels.length + 1} on the Mist map.`
      : this.fractions.length < 3 ? `Mark point ${this.fractions.length + 1} on the building's plan.`
        : flat(this.pixels, this.map.width) || flat(this.fractions, 1) ? "The points lie on one line: start over with others." : "";
    replace(this.hint, open || "Ready.");
    this.done.disabled = Boolean(open);
  }

  finish() {
    const align = this.pixels.map((pixel, number) => ({ pixel, fraction: this.fractions[number] }));
    this.onDone({ align, ...(this.size.width ? this.size : {}) });
    this.element.close();
  }
}

function round(value, digits) {
  return Number(value.toFixed(digits));
}

function flat([a, b, c], unit) {
  const area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
  return Math.abs(area) < 0.001 * unit * unit;
}
