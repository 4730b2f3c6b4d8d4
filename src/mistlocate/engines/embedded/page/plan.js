// A floor on a canvas: its plan or a grid, every device at its place, pan, zoom, selection.

const FADE_FROM = 60;
const FADED_AT = 360;
const CIRCLES_AT_MOST = 300;
const MOVE_MS = 900;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

export class Plan {
  // `onSelect(record or null)` is called when a device is chosen, and says how much of the canvas is then covered at
  // its foot (pixels); `onHover(record or null, x, y)` while pointing.
  constructor(canvas, { onSelect, onHover }) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.onSelect = onSelect;
    this.onHover = onHover;
    this.devices = new Map();
    this.size = { width: 100, height: 100 };
    this.picture = null;
    this.perMetre = 0;
    this.offset = 0;
    this.frames = [];
    this.reset();
    this.listen();
    this.observer = new ResizeObserver(() => { this.fit(); this.draw(); });
    this.observer.observe(canvas);
  }

  reset() {
    this.devices.clear();
    this.selected = null;
    this.fitted = false;
    this.view = { x: 0, y: 0, scale: 1 };
  }

  destroy() {
    this.observer.disconnect();
    cancelAnimationFrame(this.pending);
  }

  // -- what is shown --------------------------------------------------------------------------

  show(size, picture) {
    const changed = size.width !== this.size.width || size.height !== this.size.height;
    this.size = size;
    this.picture = picture;
    // Who moved or zoomed the plan keeps their view of it.
    if (!this.fitted || (changed && !this.touched)) this.fit(true);
    this.draw();
  }

  // The records of the floor as they are now; who moved glides there.
  update(records, now) {
    const before = this.devices;
    this.devices = new Map();
    for (const record of records) {
      if (record.x === null || record.y === null) continue;
      const known = before.get(record.mac);
      const stays = known && known.record.x === record.x && known.record.y === record.y;
      // Who is on the way goes on, whatever else changes on the floor meanwhile.
      if (stays) this.devices.set(record.mac, { ...known, record });
      else if (known && !STILL.matches) this.devices.set(record.mac, { record, from: this.place(known), at: performance.now() });
      else this.devices.set(record.mac, { record, from: { x: record.x, y: record.y }, at: 0 });
    }
    this.offset = now - performance.now() / 1000;
    if (this.selected && !this.devices.has(this.selected)) this.select(null);
    this.draw();
  }

  place(device) {
    const { record, from, at } = device;
    const done = at ? Math.min(1, (performance.now() - at) / MOVE_MS) : 1;
    if (done >= 1) return { x: record.x, y: record.y };
    const eased = done * (2 - done);
    return { x: from.x + (record.x - from.x) * eased, y: from.y + (record.y - from.y) * eased };
  }

  age(record) {
    return Math.max(0, performance.now() / 1000 + this.offset - record.last_seen);
  }

  // `centre`: go there, and near enough; `reveal`: go there if it is not to be seen.
  select(mac, { centre = false, reveal = false } = {}) {
    this.selected = mac;
    const device = this.devices.get(mac);
    const covered = this.onSelect(device ? device.record : null) || 0;
    if (device && (centre || (reveal && !this.sees(device.record, covered)))) {
      const box = this.canvas.getBoundingClientRect();
      if (centre) this.view.scale = Math.max(this.view.scale, this.fitScale() * 2);
      this.touched = true;
      this.view.x = box.width / 2 - device.record.x * this.view.scale;
      this.view.y = (box.height - covered) / 2 - device.record.y * this.view.scale;
    }
    this.draw();
  }

  sees({ x, y }, covered) {
    const box = this.canvas.getBoundingClientRect();
    const [left, top] = [x * this.view.scale + this.view.x, y * this.view.scale + this.view.y];
    return left >= 0 && top >= 0 && left <= box.width && top <= box.height - covered;
  }

  // -- where it is shown ----------------------------------------------------------------------

  fitScale() {
    const box = this.canvas.getBoundingClientRect();
    return Math.min(box.width / this.size.width, box.height / this.size.height) * 0.96 || 1;
  }

  fit(force = false) {
    const box = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(box.width * ratio) || this.canvas.height !== Math.round(box.height * ratio)) {
      this.canvas.width = Math.round(box.width * ratio);
      this.canvas.height = Math.round(box.height * ratio);
      force = force || !this.touched;
    }
    if (!force || !box.width) return;
    const scale = this.fitScale();
    this.view = { scale, x: (box.width - this.size.width * scale) / 2, y: (box.height - this.size.height * scale) / 2 };
    this.fitted = true;
    this.touched = false;
  }

  zoom(factor, x, y) {
    const scale = Math.min(Math.max(this.view.scale * factor, this.fitScale() * 0.5), this.fitScale() * 40);
    const real = scale / this.view.scale;
    this.view = { scale, x: x - (x - this.view.x) * real, y: y - (y - this.view.y) * real };
    this.touched = true;
    this.draw();
  }

  pan(dx, dy) {
    this.view.x += dx;
    this.view.y += dy;
    this.touched = true;
    this.draw();
  }

  nearest(x, y, within = 14) {
    let best = null;
    let distance = within;
    for (const [mac, device] of this.devices) {
      const place = this.place(device);
      const away = Math.hypot(place.x * this.view.scale + this.view.x - x, place.y * this.view.scale + this.view.y - y);
      if (away < distance) { best = mac; distance = away; }
    }
    return best;
  }

  // The next device in reading order, for those who do not point.
  step(direction) {
    const order = [...this.devices.values()]
      .sort((a, b) => a.record.y - b.record.y || a.record.x - b.record.x)
      .map((each) => each.record.mac);
    if (!order.length) return;
    const at = order.indexOf(this.selected);
    // Who begins with the step back begins at the end.
    this.select(order[(Math.max(at, direction < 0 ? 0 : -1) + direction + order.length) % order.length], { reveal: true });
  }

  listen() {
    const { canvas } = this;
    const fingers = new Map();
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.onHover(null, 0, 0);
      fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
      moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const finger = fingers.get(event.pointerId);
      if (!finger) {
        const mac = this.nearest(event.offsetX, event.offsetY);
        this.onHover(mac ? this.devices.get(mac).record : null, event.offsetX, event.offsetY);
        return;
      }
      const [dx, dy] = [event.offsetX - finger.x, event.offsetY - finger.y];
      moved += Math.abs(dx) + Math.abs(dy);
      if (fingers.size === 2) {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const spread = Math.hypot(finger.x - other.x, finger.y - other.y);
        const now = Math.hypot(event.offsetX - other.x, event.offsetY - other.y);
        if (spread > 0) this.zoom(now / spread, (event.offsetX + other.x) / 2, (event.offsetY + other.y) / 2);
      } else this.pan(dx, dy);
      Object.assign(finger, { x: event.offsetX, y: event.offsetY });
    });
    const up = (event) => {
      if (fingers.delete(event.pointerId) && moved < 6 && event.type === "pointerup") {
        this.select(this.nearest(event.offsetX, event.offsetY, event.pointerType === "touch" ? 28 : 14));
      }
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => this.onHover(null, 0, 0));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      // Some browsers count the wheel in lines.
      this.zoom(Math.exp((-event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1)) / 400), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const box = this.canvas.getBoundingClientRect();
    const actions = {
      ArrowLeft: () => this.pan(60, 0), ArrowRight: () => this.pan(-60, 0),
      ArrowUp: () => this.pan(0, 60), ArrowDown: () => this.pan(0, -60),
      "+": () => this.zoom(1.3, box.width / 2, box.height / 2), "=": () => this.zoom(1.3, box.width / 2, box.height / 2),
      "-": () => this.zoom(1 / 1.3, box.width / 2, box.height / 2),
      0: () => { this.fit(true); this.draw(); },
      n: () => this.step(1), p: () => this.step(-1), Escape: () => this.select(null),
    };
    if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  // -- drawing --------------------------------------------------------------------------------

  draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => { this.pending = 0; this.paint(); });
  }

  paint() {
    const started = performance.now();
    const { pen, canvas, view } = this;
    const ratio = window.devicePixelRatio || 1;
    const style = getComputedStyle(canvas);
    // A plan is drawn on white: what lies on it keeps its light colours, whatever those of the page are.
    const on = this.picture ? "-on-white" : "";
    const colour = (name) => (style.getPropertyValue(name + on) || style.getPropertyValue(name)).trim();
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = colour("--tint");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.setTransform(view.scale * ratio, 0, 0, view.scale * ratio, view.x * ratio, view.y * ratio);
    this.ground(colour);
    const moving = this.people(colour, ratio);
    this.frames.push(performance.now() - started);
    if (this.frames.length > 600) this.frames.shift();
    if (moving) this.draw();
  }

  ground(colour) {
    const { pen, size, view } = this;
    pen.fillStyle = colour("--paper");
    pen.fillRect(0, 0, size.width, size.height);
    if (this.picture) {
      pen.drawImage(this.picture, 0, 0, size.width, size.height);
      return;
    }
    const step = 10 ** Math.floor(Math.log10(Math.max(size.width, size.height) / 4)) || 1;
    pen.strokeStyle = colour("--line");
    pen.lineWidth = 1 / view.scale;
    pen.beginPath();
    for (let x = 0; x <= size.width + 0.001; x += step) { pen.moveTo(x, 0); pen.lineTo(x, size.height); }
    for (let y = 0; y <= size.height + 0.001; y += step) { pen.moveTo(0, y); pen.lineTo(size.width, y); }
    pen.stroke();
    pen.strokeRect(0, 0, size.width, size.height);
  }

  people(colour, ratio) {
    const { pen, view, canvas } = this;
    const visible = [];
    const now = performance.now();
    let moving = false;
    for (const device of this.devices.values()) {
      const age = this.age(device.record);
      moving = moving || (device.at && now - device.at < MOVE_MS);
      const place = this.place(device);
      const x = place.x * view.scale + view.x;
      const y = place.y * view.scale + view.y;
      if (x < -50 || y < -50 || x > canvas.width / ratio + 50 || y > canvas.height / ratio + 50) continue;
      const fade = age < FADE_FROM ? 1 : 1 - 0.7 * Math.min(1, (age - FADE_FROM) / (FADED_AT - FADE_FROM));
      visible.push({ device, x, y, fade });
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.circles(visible, colour);
    const radius = visible.length > 800 ? 3.5 : 5;
    // What may have changed since is hollow: colour alone does not tell everybody.
    for (const stale of [true, false]) {
      pen.fillStyle = colour(stale ? "--paper" : "--accent");
      pen.strokeStyle = colour("--stale");
      pen.lineWidth = 2;
      for (const { device, x, y, fade } of visible) {
        if (Boolean(device.record.stale) !== stale) continue;
        pen.globalAlpha = fade;
        pen.beginPath();
        pen.arc(x, y, radius, 0, 6.2832);
        pen.fill();
        if (stale) pen.stroke();
      }
    }
    pen.globalAlpha = 1;
    const chosen = visible.find((each) => each.device.record.mac === this.selected);
    if (chosen) {
      pen.strokeStyle = colour("--ink");
      pen.lineWidth = 2.5;
      pen.beginPath();
      pen.arc(chosen.x, chosen.y, radius + 5, 0, 6.2832);
      pen.stroke();
    }
    return moving;
  }

  // How far off each may be: of all of them while they are few, of the chosen one always.
  circles(visible, colour) {
    const { pen, size, view } = this;
    const few = visible.length <= CIRCLES_AT_MOST;
    pen.save();
    pen.beginPath();
    pen.rect(view.x, view.y, size.width * view.scale, size.height * view.scale);
    pen.clip();
    pen.fillStyle = pen.strokeStyle = colour("--accent");
    pen.lineWidth = 1;
    for (const { device, x, y } of visible) {
      const chosen = device.record.mac === this.selected;
      if (!chosen && !few) continue;
      const radius = device.record.variance * this.perMetre * this.view.scale;
      if (!(radius > 0) || radius > 2000) continue;
      pen.beginPath();
      pen.arc(x, y, radius, 0, 6.2832);
      pen.globalAlpha = 0.2;
      if (chosen) pen.fill();
      pen.globalAlpha = chosen ? 0.7 : 0.14;
      pen.stroke();
    }
    pen.restore();
  }
}
