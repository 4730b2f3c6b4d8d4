// Searching for people as one types. Who is not to be shown is not found.

import { ago, el, replace } from "./dom.js";

const WAIT_MS = 200;

export class Search {
  // `onFound({user, location})` is called with what was chosen.
  constructor(page, onFound) {
    this.page = page;
    this.onFound = onFound;
    this.turn = 0;
    this.input = el("input", {
      type: "search", id: "search", autocomplete: "off", spellcheck: "false", role: "combobox",
      "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list",
      placeholder: page.may("support") ? "Name, e-mail or MAC" : "E-mail or user name, then Enter",
    });
    this.results = el("ul", { id: "found", role: "listbox", "aria-label": "People found", hidden: true });
    this.note = el("p", { class: "soft", role: "status", tabindex: "-1" });
    this.element = el("div", { class: "search" },
      el("label", { for: "search" }, "Search"), this.input, this.results, this.note);
    this.input.addEventListener("input", () => (this.page.may("support") ? this.later() : this.forget()));
    this.input.addEventListener("keydown", (event) => this.key(event));
    // Who goes on elsewhere has what is below the list again; who only points at it has not left.
    this.results.addEventListener("pointerdown", (event) => event.preventDefault());
    this.element.addEventListener("focusout", (event) => this.element.contains(event.relatedTarget) || this.fold(true));
    this.input.addEventListener("focus", () => this.fold(false));
  }

  fold(folded) {
    this.results.hidden = folded || !this.found?.length;
    this.input.setAttribute("aria-expanded", String(!this.results.hidden));
  }

  close() {
    clearTimeout(this.timer);
    this.turn++;
  }

  // What was asked and not answered yet is not wanted any more, nor is what was found.
  forget() {
    clearTimeout(this.timer);
    this.turn++;
    this.show([], "");
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT_MS);
  }

  async ask() {
    clearTimeout(this.timer);
    const text = this.input.value.trim();
    const turn = ++this.turn;
    this.asked = text;
    if (text.length < 2) return this.show([], "");
    let found;
    try {
      found = this.page.may("support") ? await this.page.locate("search", [text, 12]) : await this.exact(text);
    } catch (error) {
      if (turn === this.turn) this.show([], error.message, false);
      return;
    }
    // An answer that was overtaken by a later question says nothing any more.
    if (turn === this.turn) this.show(found, found.length ? "" : "Nobody of this name is known here.");
  }

  async exact(text) {
    const [location] = await this.page.locate("locate_user", [text, text]);
    return location ? [{ user: text, location }] : [];
  }

  // Where there was no answer (`answered` is false), there is no reason of it to ask for.
  show(found, note, answered = true) {
    this.found = found;
    this.at = -1;
    replace(this.results, found.map((each, number) => el("li", {
      role: "option", id: `found-${number}`, "aria-selected": "false",
      "aria-disabled": each.location ? null : "true",
      onclick: () => this.choose(number),
    }, el("b", {}, each.user), el("span", {}, this.describe(each.location)))));
    this.fold(!this.element.contains(document.activeElement));
    this.input.removeAttribute("aria-activedescendant");
    replace(this.note, note, note && answered && this.page.may("support") && this.input.value.trim()
      ? el("button", { type: "button", class: "quiet", onclick: () => this.explain() }, "Why not?") : null);
  }

  key(event) {
    if (event.key === "Escape") return this.forget();
    if (event.key === "Enter") {
      event.preventDefault();
      if (this.asked !== this.input.value.trim()) return this.ask();
      return this.at >= 0 ? this.choose(this.at) : this.found?.length === 1 ? this.choose(0) : this.ask();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return undefined;
    event.preventDefault();
    const options = [...this.results.children];
    if (!options.length) return undefined;
    this.at = (this.at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length;
    options.forEach((each, number) => each.setAttribute("aria-selected", String(number === this.at)));
    this.input.setAttribute("aria-activedescendant", `found-${this.at}`);
    options[this.at].scrollIntoView({ block: "nearest" });
    return undefined;
  }

  choose(number) {
    const chosen = this.found[number];
    if (!chosen?.location) return;
    this.input.value = chosen.user;
    this.asked = null;
    this.forget();
    // A keyboard on the screen would hide what was found.
    if (matchMedia("(pointer: coarse)").matches) this.input.blur();
    this.onFound(chosen);
  }

  async explain() {
    const { turn } = this;
    const found = await this.page.locate("explain", [this.asked]).catch((error) => ({ because: [error.message] }));
    // Why somebody is not found says nothing of who was asked for meanwhile.
    if (turn !== this.turn) return;
    if (this.note.contains(document.activeElement)) this.note.focus();
    replace(this.note, found.because.join("; "));
  }

  describe(location) {
    if (!location) return "known, and not located now";
    const name = location.level_name || (location.level && this.page.zoneName(location.level));
    const level = name && this.page.levelName(name, location.building);
    const where = [location.building && this.page.zoneName(location.building), level].filter(Boolean).join(", ");
    const age = Math.max(0, this.page.now() - location.last_seen);
    return [where, ago(age), `give or take ${Math.round(location.variance)} m`].filter(Boolean).join(", ");
  }
}
