// Elements, texts and times. What comes from elsewhere only ever becomes text.

// What would turn the text around it (overrides, embeddings, isolates) shows itself instead.
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;
const texts = (children) => children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false)
  .map((each) => (typeof each === "string" ? each.replace(TURNING, "\ufffd") : each));

export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...texts(children));
  return element;
}

// What has the focus keeps it, if there is something of its kind in its place afterwards.
export function replace(element, ...children) {
  const path = [];
  const focused = document.activeElement;
  for (let each = focused; each && each !== element; each = each.parentElement) {
    if (each.parentElement) path.unshift([...each.parentElement.children].indexOf(each));
  }
  const inside = focused !== element && element.contains(focused);
  element.replaceChildren(...texts(children));
  if (!inside) return;
  const next = path.reduce((each, number) => each?.children[number], element);
  if (next && next.tagName === focused.tagName) next.focus({ preventScroll: true });
}

// Selections and screen readers lose a text that is written again, and a click what is made anew below it.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// How long ago, as a person says it.
export function ago(seconds) {
  if (seconds < 1.5) return "now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

// A unix time on the viewer's own clock.
export function clock(unix) {
  return new Date(unix * 1000).toLocaleTimeString();
}

export function count(number, noun) {
  return `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
}

export function pretty(value) {
  return JSON.stringify(value, null, 2);
}

export function copyButton(text) {
  const button = el("button", { type: "button", class: "quiet" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy by hand";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return button;
}

// An answer that went wrong, for people.
export function problem(error) {
  return el("p", { class: "error", role: "alert" }, error.message, error.hint ? ` (${error.hint})` : "");
}
