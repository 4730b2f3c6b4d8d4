// Forms from JSON Schema: one field for each argument or setting, checked where it is typed.

import { el, replace } from "./dom.js";

// The one schema of a value that may be null, and whether it may.
function unwrapped(schema) {
  const all = schema.anyOf || schema.oneOf;
  if (!all) return { schema, nullable: schema.type === "null" };
  const real = all.filter((each) => each.type !== "null");
  return { schema: real.length === 1 ? { ...schema, anyOf: undefined, ...real[0] } : { description: schema.description }, nullable: real.length < all.length };
}

let ids = 0;

export class Field {
  constructor(name, schema, { required = false, value } = {}) {
    const { schema: real, nullable } = unwrapped(schema);
    Object.assign(this, { name, schema: real, nullable, required });
    this.id = `field-${++ids}`;
    this.error = el("p", { class: "field-error", id: `${this.id}-error`, role: "alert", hidden: true });
    this.given = value !== undefined && value !== null;
    this.help = schema.description || real.description;
    this.input = this.control(value);
    this.input.addEventListener("input", () => this.check());
    this.element = el("div", { class: "field" },
      el("label", { for: this.id }, name, required ? el("span", { "aria-hidden": "true" }, " *") : ""),
      this.input,
      this.help ? el("p", { class: "soft", id: `${this.id}-help` }, this.help) : null,
      this.error);
  }

  control(value) {
    const { schema } = this;
    const common = { id: this.id, "aria-describedby": `${this.help ? `${this.id}-help ` : ""}${this.id}-error`, required: this.required };
    if (schema.enum || schema.type === "boolean") {
      const options = schema.enum || [true, false];
      const select = el("select", common,
        this.required ? null : el("option", { value: "" }, `default (${JSON.stringify(schema.default ?? null)})`),
        options.map((each) => el("option", { value: JSON.stringify(each) }, String(each))));
      if (value !== undefined && value !== null) select.value = JSON.stringify(value);
      return select;
    }
    if (schema.type === "integer" || schema.type === "number") {
      const input = el("input", { ...common, type: "number", step: schema.type === "integer" ? "1" : "any" });
      for (const [limit, attribute] of [["minimum", "min"], ["maximum", "max"]]) {
        if (schema[limit] !== undefined) input.setAttribute(attribute, schema[limit]);
      }
      if (value !== undefined && value !== null) input.value = value;
      else if (schema.default !== undefined && schema.default !== null) input.placeholder = schema.default;
      return input;
    }
    if (schema.type === "string") {
      const secret = schema.format === "password" || schema.writeOnly;
      const input = el("input", { ...common, type: secret ? "password" : "text", autocomplete: "off", spellcheck: "false" });
      if (value !== undefined && value !== null) input.value = value;
      else if (typeof schema.default === "string") input.placeholder = schema.default;
      return input;
    }
    const lines = schema.type === "array" && schema.items?.type === "string";
    const area = el("textarea", { ...common, rows: lines ? "3" : "6", spellcheck: "false", placeholder: lines ? "one on each line" : "JSON" });
    if (value !== undefined && value !== null) area.value = lines ? value.join("\n") : JSON.stringify(value, null, 2);
    this.lines = lines;
    return area;
  }

  // The value as the engine wants it; undefined where nothing was typed. Throws with what is wrong.
  read() {
    const text = this.input.value;
    if (this.input.validity.badInput) throw new Error("Not a number of this kind.");
    if (text.trim() === "") {
      // A list that was emptied is an empty list, and not what stands there by default.
      if (this.lines && this.given) return [];
      if (this.required) throw new Error("This is needed.");
      return undefined;
    }
    if (this.input.tagName === "SELECT") return JSON.parse(text);
    if (this.lines) return text.split("\n").map((each) => each.trim()).filter(Boolean);
    if (this.schema.type === "string") {
      const { pattern, maxLength } = this.schema;
      if (pattern && !new RegExp(pattern).test(text)) throw new Error("This has not the expected form.");
      if (maxLength && text.length > maxLength) throw new Error(`At most ${maxLength} characters.`);
      return text;
    }
    if (this.schema.type === "integer" || this.schema.type === "number") return this.number(Number(text));
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`No JSON: ${error.message}`);
    }
  }

  number(value) {
    const { type, minimum, maximum, exclusiveMinimum } = this.schema;
    if (!Number.isFinite(value) || (type === "integer" && !Number.isInteger(value))) throw new Error("Not a number of this kind.");
    if (minimum !== undefined && value < minimum) throw new Error(`At least ${minimum}.`);
    if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) throw new Error(`More than ${exclusiveMinimum}.`);
    if (maximum !== undefined && value > maximum) throw new Error(`At most ${maximum}.`);
    return value;
  }

  check() {
    try {
      this.value = this.read();
      this.blame("");
      return true;
    } catch (error) {
      this.blame(error.message);
      return false;
    }
  }

  blame(text) {
    // The same mistake is not read out at every letter.
    if (this.error.textContent === text && this.input.hasAttribute("aria-invalid")) return;
    this.error.hidden = !text;
    replace(this.error, text);
    this.input.setAttribute("aria-invalid", String(Boolean(text)));
  }
}

// What the engine says of settings is one text; each part that names a field goes there. Returns what is left.
export function blameFields(fields, message) {
  const left = [];
  for (const part of message.split("; ")) {
    const field = fields.find((each) => new RegExp(`(^|[ :])${each.name}(\\.[^:]*)?:`).test(part));
    if (field) field.blame(part);
    else left.push(part);
  }
  return left.join("; ");
}
