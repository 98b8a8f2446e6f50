import { digits, h, timeOfDay } from "./dom.js";
import { textOf } from "./record_text.js";

const ROW_PX = 28;

/** Characters of a value that a row shows. */
const MOST_CHARS = 300;

/**
 * A list of records of any length: only the rows in view are in the page, and they are used again.
 * Arrow keys choose a record, Enter or a click opens it.
 */
export class RecordList {
  #items = [];
  #rows = [];
  #chosen;
  #isFollowing = true;
  #isDirty = true;
  #height = 0;

  /** @param {{ onChoose: (item: object | undefined) => void, onScrollBack: () => void }} events */
  constructor(events) {
    this.events = events;
    this.spacer = h("div");
    this.element = h(
      "div",
      {
        className: "list",
        tabIndex: 0,
        role: "listbox",
        "aria-label": "Records, the newest last",
        onscroll: () => this.#scrolled(),
        onwheel: () => this.hasTouched = true,
        ontouchmove: () => this.hasTouched = true,
        onpointerdown: () => this.hasTouched = true,
        onkeydown: (event) => this.#key(event),
        onclick: (event) => this.#click(event),
      },
      this.spacer,
    );
    this.observer = new ResizeObserver(() => {
      this.#height = this.element.clientHeight;
      this.#isDirty = true;
    });
    this.observer.observe(this.element);
  }

  get isFollowing() {
    return this.#isFollowing;
  }

  set isFollowing(value) {
    this.#isFollowing = value;
    this.#isDirty = true;
  }

  /** Shows these from the next frame on; the array is not copied. */
  show(items) {
    this.#items = items;
    this.#isDirty = true;
  }

  /** Draws what has changed; once a frame. */
  draw() {
    if (!this.#isDirty || this.#height === 0) return;
    this.#isDirty = false;
    const { element, spacer } = this;
    const total = this.#items.length * ROW_PX;
    if (this.total !== total) {
      this.total = total;
      spacer.style.height = `${total}px`;
    }
    const bottom = Math.max(0, total - this.#height);
    if (this.#isFollowing && Math.abs(element.scrollTop - bottom) > 1) element.scrollTop = bottom;
    const first = Math.max(0, Math.floor(element.scrollTop / ROW_PX) - 2);
    const count = Math.min(this.#items.length - first, Math.ceil(this.#height / ROW_PX) + 5);
    for (let i = 0; i < count; i++) this.#drawRow(i, first + i);
    for (let i = Math.max(count, 0); i < this.#rows.length; i++) this.#rows[i].hide();
    const chosen = this.#rows.find(({ item, isShown }) => isShown && item === this.#chosen);
    if (chosen === undefined) element.removeAttribute("aria-activedescendant");
    else element.setAttribute("aria-activedescendant", chosen.element.id);
  }

  choose(item) {
    this.#chosen = item;
    this.#isDirty = true;
    this.events.onChoose(item);
    this.#reveal(this.#items.indexOf(item));
  }

  end() {
    this.observer.disconnect();
  }

  #drawRow(at, index) {
    let row = this.#rows[at];
    if (row === undefined) {
      row = new Row(`record-row-${at}`);
      this.#rows.push(row);
      this.element.append(row.element);
    }
    const item = this.#items[index];
    row.show(item, index, item === this.#chosen, this.#items.length);
  }

  #scrolled() {
    this.#isDirty = true;
    const bottom = this.#items.length * ROW_PX - this.#height;
    const isAtEnd = this.element.scrollTop >= bottom - ROW_PX;
    if (this.#isFollowing && !isAtEnd && this.hasTouched) this.events.onScrollBack();
    this.hasTouched = false;
  }

  #click({ target }) {
    const row = this.#rows.find(({ element }) => element.contains(target));
    if (row !== undefined) this.choose(row.item);
  }

  #key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9 };
    const step = steps[event.key];
    if (step === undefined || this.#items.length === 0) return;
    event.preventDefault();
    this.events.onScrollBack();
    const now = this.#items.indexOf(this.#chosen);
    const from = now < 0 ? this.#items.length : now;
    const to = Math.min(Math.max(from + step, 0), this.#items.length - 1);
    this.choose(this.#items[to]);
  }

  #reveal(index) {
    if (index < 0) return;
    const top = index * ROW_PX;
    const { element } = this;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW_PX > element.scrollTop + this.#height) {
      element.scrollTop = top + ROW_PX - this.#height;
    }
  }
}

/** One row in view; its texts are replaced, not its nodes. */
class Row {
  isShown = false;

  constructor(id) {
    this.time = h("span", { className: "time" });
    this.place = h("span", { className: "place" });
    this.key = h("span", { className: "key" });
    this.value = h("span", { className: "value" });
    this.element = h(
      "div",
      { className: "row", role: "option", id },
      this.time,
      this.place,
      this.key,
      this.value,
    );
  }

  show(item, index, isChosen, total) {
    if (!this.isShown) this.element.hidden = false;
    this.isShown = true;
    if (this.index !== index) {
      this.index = index;
      this.element.style.top = `${index * ROW_PX}px`;
      this.element.setAttribute("aria-posinset", index + 1);
    }
    if (this.total !== total) {
      this.total = total;
      this.element.setAttribute("aria-setsize", total);
    }
    if (this.isChosen !== isChosen) {
      this.isChosen = isChosen;
      this.element.setAttribute("aria-selected", isChosen);
    }
    if (this.item === item) return;
    this.item = item;
    this.element.className = item.gap === undefined ? "row" : "row gap";
    this.time.textContent = item.gap === undefined ? timeOfDay(item.timestamp) : "";
    this.place.textContent = `${item.partition}:${item.offset}`;
    this.key.textContent = item.gap === undefined ? short(item.key) : "missing";
    this.value.textContent = item.gap ?? short(item.value, "null (a tombstone)");
  }

  hide() {
    if (!this.isShown) return;
    this.isShown = false;
    this.element.hidden = true;
  }
}

function short(bytes, forNull = "") {
  if (bytes === null) return forNull;
  const text = textOf(bytes.length > MOST_CHARS ? bytes.subarray(0, MOST_CHARS) : bytes);
  return text.replace(/[\r\n\t]+/g, " ");
}

/** What stands for records that will not come. */
export function gapItem({ partition, from, to, reason }) {
  return {
    partition,
    offset: from,
    gap: `${digits(to - from)} records up to ${to} will not come (${reason})`,
  };
}
