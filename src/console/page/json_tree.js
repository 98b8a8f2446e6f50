import { h } from "./dom.js";

/** Elements of one level that are shown at once. */
const MOST_CHILDREN = 500;

/** A number as it was written, where a double would change it. */
class Exact {
  constructor(text) {
    this.text = text;
  }
}

/** Levels of a value that is taken apart; a deeper one would exhaust the stack. */
const MOST_LEVELS = 500;

/** Strings, numbers, and what opens or closes a level. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[[\]{}]/g;

/** What numbers are marked with on their way through the parser: no record can know it. */
const MARK = crypto.getRandomValues(new Uint32Array(4)).join(".");

/**
 * JSON with its numbers as they were written: 64 bits and more stay intact. Undefined when it is none,
 * or is nested more than 500 deep.
 *
 * Numbers that a double would change pass the parser as marked strings; its own way to a number's
 * text (`context.source`) is missing in browsers that are still about.
 */
export function parseExact(text) {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  let level = 0;
  let deepest = 0;
  const marked = text.replace(TOKENS, (found) => {
    if (found === "[" || found === "{") deepest = Math.max(deepest, ++level);
    else if (found === "]" || found === "}") level--;
    else if (found[0] !== '"' && String(Number(found)) !== found) return `"${MARK}${found}"`;
    return found;
  });
  if (deepest > MOST_LEVELS) return undefined;
  return {
    value: JSON.parse(marked, (_, value) => {
      const isMarked = typeof value === "string" && value.startsWith(MARK);
      return isMarked ? new Exact(value.slice(MARK.length)) : value;
    }),
  };
}

/** JSON as text again, numbers as they were. */
export function formatted(value, indent = "") {
  if (value instanceof Exact) return value.text;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const deeper = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((each) => deeper + formatted(each, deeper))
    : Object.entries(value).map(([name, each]) =>
      `${deeper}${JSON.stringify(name)}: ${formatted(each, deeper)}`
    );
  const [left, right] = Array.isArray(value) ? "[]" : "{}";
  return parts.length === 0 ? left + right : `${left}\n${parts.join(",\n")}\n${indent}${right}`;
}

/** A tree that opens by level, the first two at once; deeper ones are made when they are opened. */
export function jsonTree(value, name, depth = 0) {
  const label = name === undefined ? "" : [h("span", { className: "name" }, name), ": "];
  if (value === null || typeof value !== "object" || value instanceof Exact) {
    const [kind, text] = value instanceof Exact
      ? ["number", value.text]
      : [value === null ? "null" : typeof value, JSON.stringify(value)];
    return h("div", { className: "leaf" }, ...label, h("span", { className: kind }, text));
  }
  const entries = Array.isArray(value)
    ? value.map((each, i) => [String(i), each])
    : Object.entries(value);
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  const element = h("details", {}, h("summary", {}, ...label, size));
  const open = () => {
    if (element.childElementCount > 1) return;
    element.append(
      ...entries.slice(0, MOST_CHILDREN).map(([key, each]) => jsonTree(each, key, depth + 1)),
    );
    if (entries.length > MOST_CHILDREN) {
      element.append(h("div", { className: "leaf" }, `… ${entries.length - MOST_CHILDREN} more`));
    }
  };
  element.addEventListener("toggle", open);
  if (depth < 2) {
    open();
    element.open = true;
  }
  return element;
}
