/**
 * Makes an element: properties are set as such, `aria-*`, `data-*`, `role` and the like as attributes,
 * `on*` as listeners; children are elements or text, never markup.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...unknown} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== false));
  return element;
}

/** Puts these in the place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== undefined));
}

/** A number for people: 1,234,567. Decimal strings of any length stay exact. */
export function digits(value) {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Bytes for people: 1.4 MB. */
export function bytes(value) {
  if (value < 1_000) return `${value} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let at = -1;
  do {
    value /= 1_000;
    at++;
  } while (value >= 999.95 && at < units.length - 1);
  return `${value.toFixed(1)} ${units[at]}`;
}

/** A time of day with milliseconds, in the reader's zone; the number when it is no time at all. */
export function timeOfDay(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return `${ms}`;
  const two = (value) => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${
    String(date.getMilliseconds()).padStart(3, "0")
  }`;
}

/** A table whose head stays and whose body is replaced. */
export function table(caption, columns) {
  const body = h("tbody");
  const head = h(
    "thead",
    {},
    h(
      "tr",
      {},
      columns.map(({ name, isNumber }) =>
        h("th", { scope: "col", className: isNumber ? "number" : "" }, name)
      ),
    ),
  );
  const element = h(
    "div",
    { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    h("table", { "aria-label": caption }, head, body),
  );
  const cells = (values) =>
    h(
      "tr",
      {},
      values.map((value, i) =>
        h("td", { className: columns[i].isNumber ? "number" : "" }, ...[value].flat())
      ),
    );
  const show = (rows) => {
    // What has the focus is replaced by its like, and keeps it.
    const { key } = body.contains(document.activeElement) ? document.activeElement.dataset : {};
    fill(body, rows.map(cells));
    if (key !== undefined) body.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  };
  return { element, show };
}
