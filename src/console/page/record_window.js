/** What a window holds at most: the newest, whichever bound is met first. */
export const MOST_RECORDS = 10_000;
export const MOST_BYTES = 64_000_000;

/**
 * The newest of a stream, bounded in number and in bytes; the oldest go first. One record is kept
 * however large it is.
 */
export class RecordWindow {
  #items = [];
  #sizes = [];
  #first = 0;
  #bytes = 0;

  constructor({ mostRecords = MOST_RECORDS, mostBytes = MOST_BYTES } = {}) {
    this.mostRecords = mostRecords;
    this.mostBytes = mostBytes;
  }

  /** Records and gaps that are kept. */
  get count() {
    return this.#items.length - this.#first;
  }

  /** Bytes of keys, values and headers that are kept. */
  get bytes() {
    return this.#bytes;
  }

  /** A copy, oldest first. */
  get items() {
    return this.#items.slice(this.#first);
  }

  add(item) {
    const size = sizeOf(item);
    this.#items.push(item);
    this.#sizes.push(size);
    this.#bytes += size;
    while (this.count > this.mostRecords || (this.#bytes > this.mostBytes && this.count > 1)) {
      this.#bytes -= this.#sizes[this.#first];
      this.#items[this.#first++] = undefined;
    }
    if (this.#first < this.mostRecords) return;
    // The emptied places go all at once: one by one would move the whole array each time.
    this.#items.splice(0, this.#first);
    this.#sizes.splice(0, this.#first);
    this.#first = 0;
  }
}

/** A record of its own: what it was read from is a frame that it would keep whole. */
export function ownRecord({ topic, partition, offset, timestamp, key, value, headers }) {
  return {
    topic,
    partition,
    offset,
    timestamp,
    key: key && key.slice(),
    value: value && value.slice(),
    headers: headers.map(([name, content]) => [name, content && content.slice()]),
  };
}

function sizeOf({ gap, key, value, headers }) {
  if (gap !== undefined) return 0;
  const inHeaders = headers.reduce((sum, [name, content]) => sum + name.length + sized(content), 0);
  return sized(key) + sized(value) + inHeaders;
}

function sized(bytes) {
  return bytes === null ? 0 : bytes.length;
}
