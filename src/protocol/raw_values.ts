/**
 * The values of a frame's records as they stand in its text, in the order of the records: from
 * `{"records":[{"value":1.0},{"value":{"b":1, "a":2}}]}` come `1.0` and `{"b":1, "a":2}`. A name that
 * is there twice counts where it stands last, as for `JSON.parse()`.
 *
 * `frame` has to be a valid JSON object whose records are objects with a value; this is not checked
 * again. The time is linear in its length.
 */
export function rawValues(frame: string): string[] {
  return new ValueScanner(frame).records();
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;

/** Finds where the parts of valid JSON begin and end, without making values of them. */
class ValueScanner {
  readonly #text: string;
  /** Start of the next token, once blanks are skipped. */
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  records(): string[] {
    let values: string[] = [];
    this.#blanks();
    this.#members("records", () => values = this.#elements());
    return values;
  }

  /** The values of the objects of an array; anything else that is no array has none. */
  #elements(): string[] {
    const values: string[] = [];
    if (this.#here() !== OPEN_BRACKET) {
      this.#value();
      return values;
    }
    this.#step();
    while (this.#here() !== CLOSE_BRACKET) {
      values.push(this.#valueMember());
      if (this.#here() === COMMA) this.#step();
    }
    this.#step();
    return values;
  }

  #valueMember(): string {
    let start = 0;
    let end = 0;
    if (this.#here() !== OPEN_BRACE) {
      this.#value();
      return "";
    }
    this.#members("value", () => {
      start = this.#at;
      end = this.#value();
    });
    return this.#text.slice(start, end);
  }

  /** Passes an object; `found` is called at the value of `name` and has to pass it. */
  #members(name: string, found: () => void): void {
    this.#step();
    while (this.#here() !== CLOSE_BRACE) {
      const nameAt = this.#at;
      const isFound = this.#isName(name, nameAt, this.#value());
      this.#step(); // the colon
      if (isFound) found();
      else this.#value();
      if (this.#here() === COMMA) this.#step();
    }
    this.#step();
  }

  #isName(name: string, start: number, end: number): boolean {
    const raw = this.#text.slice(start + 1, end - 1);
    return raw === name || (raw.includes("\\") && JSON.parse(`"${raw}"`) === name);
  }

  /** Passes one value and the blanks after it; returns where it ended. */
  #value(): number {
    const end = this.#valueEnd();
    this.#at = end;
    this.#blanks();
    return end;
  }

  #valueEnd(): number {
    const text = this.#text;
    let at = this.#at;
    const first = text.charCodeAt(at);
    if (first === QUOTE) return this.#stringEnd(at);
    if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
      while (at < text.length && !endsLiteral(text.charCodeAt(at))) at++;
      return at;
    }
    let depth = 0;
    do {
      const char = text.charCodeAt(at);
      if (char === QUOTE) {
        at = this.#stringEnd(at);
        continue;
      }
      if (char === OPEN_BRACE || char === OPEN_BRACKET) depth++;
      else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) depth--;
      at++;
    } while (depth > 0);
    return at;
  }

  /** The place after a string's closing quote: the first with an even number of backslashes before it. */
  #stringEnd(start: number): number {
    const text = this.#text;
    let quote = text.indexOf('"', start + 1);
    for (;;) {
      let before = quote - 1;
      while (text.charCodeAt(before) === BACKSLASH) before--;
      if ((quote - before) % 2 === 1) return quote + 1;
      quote = text.indexOf('"', quote + 1);
    }
  }

  #here(): number {
    return this.#text.charCodeAt(this.#at);
  }

  /** Passes one character and the blanks after it. */
  #step(): void {
    this.#at++;
    this.#blanks();
  }

  #blanks(): void {
    while (this.#text.charCodeAt(this.#at) <= SPACE) this.#at++;
  }
}

function endsLiteral(char: number): boolean {
  return char <= SPACE || char === COMMA || char === CLOSE_BRACE || char === CLOSE_BRACKET;
}
