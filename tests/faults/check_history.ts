import type { ConsumerPromise, Entry, History, Owned, Place } from "./history.ts";

/** What a history can show to be wrong. */
export type FindingKind =
  /** A record of the log came to nobody of a consumer. */
  | "lost"
  /** Records were passed over, even if they came later. */
  | "gap"
  /** A record came again, and the guarantee does not allow it. */
  | "duplicate"
  /** A record came after a later one of its partition. */
  | "order"
  /** A record came with another value than it has in the log, or at a place that has none. */
  | "content"
  /** A record that was said to be stored is not there, or is there twice. */
  | "misplaced"
  /** A record that was said to have failed is there. */
  | "failed but stored"
  /** Records of one producer stand in the wrong order. */
  | "written out of order"
  /** A committed position went backwards. */
  | "moved back"
  /** Two members had a partition at one time. */
  | "two owners"
  /** A member got a record of a partition that it had been told it lost. */
  | "after revocation"
  /** A member got a record of a partition that it had not been given. */
  | "not assigned"
  /** A consumer was told that nothing is missing, and something is. */
  | "false recovery"
  /** What was said or seen to be committed was not: records before it came in a later session. */
  | "false commit";

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind;
  readonly who: string;
  readonly text: string;
}

/** What a history shows. */
export interface Verdict {
  /** Records of the log. */
  readonly records: number;
  /** Records that came to consumers, repeats included. */
  readonly received: number;
  readonly lost: number;
  /** Records that came again as the guarantee allows. */
  readonly repeated: number;
  /** Records that came again and should not have. */
  readonly duplicated: number;
  readonly findings: readonly Finding[];
}

/** Findings of one kind and consumer that are told one by one. */
const MOST_TOLD = 5;

/** Decides by the histories alone what was lost, repeated, disordered or wrongly claimed. */
export function checkHistory(history: History): Verdict {
  return new Check(history).verdict();
}

class Check {
  readonly #history: History;
  readonly #entries: readonly Entry[];
  readonly #findings: Finding[] = [];
  readonly #told = new Map<string, number>();
  #received = 0;
  #lost = 0;
  #repeated = 0;
  #duplicated = 0;

  constructor(history: History) {
    this.#history = history;
    this.#entries = withoutStaleLooks(history.entries);
  }

  verdict(): Verdict {
    const { consumers, log } = this.#history;
    for (const [consumer, promise] of consumers) this.#consumer(consumer, promise);
    this.#writers();
    this.#committed();
    this.#owners();
    return {
      records: [...log.values()].reduce((sum, values) => sum + values.length, 0),
      received: this.#received,
      lost: this.#lost,
      repeated: this.#repeated,
      duplicated: this.#duplicated,
      findings: this.#findings,
    };
  }

  #wrong(kind: FindingKind, who: string, text: string): void {
    const key = `${kind} ${who}`;
    const told = (this.#told.get(key) ?? 0) + 1;
    this.#told.set(key, told);
    if (told <= MOST_TOLD) this.#findings.push({ kind, who, text });
  }

  /** One consumer's records: content, order, repeats, gaps, positions. */
  #consumer(consumer: string, promise: ConsumerPromise): void {
    const { guarantee, group } = promise;
    const seen = new Map<number, Uint8Array>();
    for (const [partition, values] of this.#history.log) {
      seen.set(partition, new Uint8Array(values.length));
    }
    /** The offset before the next one, by member or session and partition. */
    const last = new Map<string, bigint>();
    const floors = new Floors([...seen.keys()], group);
    const retention = new Retention();
    /** A claim of `recovered` that the next record of a partition has to bear out. */
    const claims = new Map<number, boolean>();
    const highest = new Map<number, bigint>();
    for (const entry of this.#entries) {
      floors.take(entry, consumer);
      retention.take(entry, consumer);
      if (!("consumer" in entry) || entry.consumer !== consumer) continue;
      if (entry.kind === "claimed") claims.set(entry.partition, entry.recovered);
      if (entry.kind === "assigned") last.delete(`${entry.member} ${entry.partition}`);
      if (entry.kind !== "received" && entry.kind !== "memberReceived") continue;
      this.#received++;
      const { partition, offset, value } = entry;
      const place = `partition ${partition} offset ${offset}`;
      const who = entry.kind === "received" ? `${entry.session}` : entry.member;
      const where = `${who} ${partition}`;
      const before = last.get(where);
      last.set(where, offset);
      const marks = seen.get(partition);
      const expected = this.#history.log.get(partition)?.[Number(offset)];
      if (marks === undefined || expected !== value) {
        this.#wrong("content", consumer, `${place} came as "${value}", not "${expected}"`);
        continue;
      }
      const due = (before ?? highest.get(partition) ?? -1n) + 1n;
      if (offset > due) {
        const text = `${place} came to ${who} where ${due} was due`;
        // A group without a position begins where there is something.
        const isTold = !promise.isUntold && (group === undefined || floors.isCommitted(partition));
        const isExplained = retention.explains(partition, { from: due, to: offset }, isTold);
        if (claims.get(partition) === true) this.#wrong("false recovery", consumer, text);
        else if (!isExplained) this.#wrong("gap", consumer, text);
      }
      claims.delete(partition);
      if (offset > (highest.get(partition) ?? -1n)) highest.set(partition, offset);
      const isBack = before !== undefined && offset <= before;
      const floor = floors.of(where);
      const isNew = marks[Number(offset)]++ === 0;
      if (offset < floor) {
        const text = `${place} came to ${who}, ${floor} was committed before that began`;
        this.#wrong("false commit", consumer, text);
        if (!isNew) this.#duplicated++;
      } else if (isNew) {
        if (isBack) this.#wrong("order", consumer, `${place} came after ${before}`);
      } else if (guarantee === "exactly once" || isBack) {
        this.#wrong("duplicate", consumer, `${place} came again`);
        this.#duplicated++;
      } else {
        this.#repeated++;
      }
    }
    for (const [partition, all] of seen) {
      const reach = Number(highest.get(partition) ?? -1n) + 1;
      const first = Number(retention.first(partition));
      const marks = all.subarray(first, this.#history.isCut ? reach : undefined);
      const missing = marks.indexOf(0);
      if (missing < 0) continue;
      const count = marks.reduce((sum, times) => sum + (times === 0 ? 1 : 0), 0);
      this.#lost += count;
      const text = `partition ${partition}: ${count} of ${marks.length}, ` +
        `the first at ${first + missing}`;
      this.#wrong("lost", consumer, text);
    }
  }

  /** What producers were told, against the log. */
  #writers(): void {
    const places = new Map<string, Place[]>();
    const last = new Map<string, number>();
    for (const [partition, values] of this.#history.log) {
      for (const [offset, value] of values.entries()) {
        const known = places.get(value);
        const place = { partition, offset: BigInt(offset) };
        if (known === undefined) places.set(value, [place]);
        else known.push(place);
        const [writer, number] = value.split(":");
        const key = `${writer} ${partition}`;
        const before = last.get(key) ?? -1;
        if (Number(number) < before) {
          this.#wrong("written out of order", writer, `${value} of partition ${partition}`);
        }
        last.set(key, Math.max(before, Number(number)));
      }
    }
    for (const entry of this.#entries) {
      if (entry.kind !== "written") continue;
      const { value, outcome } = entry;
      const found = places.get(value) ?? [];
      const [writer] = value.split(":");
      if (found.length > 1) {
        this.#wrong("misplaced", writer, `${value} is there ${found.length} times`);
      }
      if (outcome === "unknown") continue;
      if (outcome === "failed") {
        if (found.length > 0) this.#wrong("failed but stored", writer, value);
      } else if (!found.some((place) => isSame(place, outcome))) {
        const { partition, offset } = outcome;
        this.#wrong("misplaced", writer, `${value} is not at partition ${partition} ${offset}`);
      }
    }
  }

  /** Positions as Kafka has them only go forwards, but for a reset by hand. */
  #committed(): void {
    const last = new Map<string, bigint>();
    for (const entry of this.#entries) {
      if (entry.kind === "reset") {
        for (const key of [...last.keys()]) if (key.startsWith(`${entry.group} `)) last.delete(key);
      }
      if (entry.kind !== "looked") continue;
      const { group, partition, offset } = entry;
      const key = `${group} ${partition}`;
      const before = last.get(key);
      if (before !== undefined && offset < before) {
        this.#wrong("moved back", group, `partition ${partition} from ${before} to ${offset}`);
      }
      last.set(key, offset);
    }
  }

  /** Partitions have one owner at a time, who gets nothing after it was told that it is none. */
  #owners(): void {
    const owners = new Map<string, Map<string, Owned>>();
    const lost = new Set<string>();
    for (const entry of this.#entries) {
      if (entry.kind === "memberReceived" && !owners.get(key(entry))?.has(entry.member)) {
        const kind = lost.has(key(entry, entry.member)) ? "after revocation" : "not assigned";
        const text = `${entry.member}: partition ${entry.partition} offset ${entry.offset}`;
        this.#wrong(kind, entry.consumer, text);
      }
      if (entry.kind === "revoked") {
        lost.add(key(entry, entry.member));
        const own = owners.get(key(entry));
        for (const [member, { atMs }] of own ?? []) {
          const mine = own!.get(entry.member);
          if (member === entry.member || mine === undefined) continue;
          const sharedMs = entry.atMs - Math.max(atMs, mine.atMs);
          if (sharedMs > this.#history.overlapMs) {
            const text = `partition ${entry.partition}: ${entry.member} and ${member}, ` +
              `${Math.round(sharedMs)} ms`;
            this.#wrong("two owners", entry.consumer, text);
          }
        }
        own?.delete(entry.member);
      }
      if (entry.kind === "assigned") {
        lost.delete(key(entry, entry.member));
        const own = owners.get(key(entry)) ?? new Map<string, Owned>();
        // Told again of what it has, it has had it since the first time.
        owners.set(key(entry), own.set(entry.member, own.get(entry.member) ?? entry));
      }
    }
    for (const own of owners.values()) {
      if (own.size < 2) continue;
      const [{ consumer, partition }] = own.values();
      const members = [...own.keys()].join(" and ");
      this.#wrong("two owners", consumer, `partition ${partition}: ${members}, at the end`);
    }
  }
}

/** Without what was asked before a reset of its group was done: that says nothing any more. */
function withoutStaleLooks(entries: readonly Entry[]): Entry[] {
  const resetMs = new Map<string, number>();
  return entries.filter((entry) => {
    if (entry.kind === "reset") resetMs.set(entry.group, entry.doneMs);
    return entry.kind !== "looked" || entry.askedMs > (resetMs.get(entry.group) ?? -1);
  });
}

/** From where a session or an ownership may get records: what was committed when it began. */
class Floors {
  readonly #partitions: readonly number[];
  readonly #group: string | undefined;
  readonly #committed = new Map<number, bigint>();
  readonly #floors = new Map<string, bigint>();

  constructor(partitions: readonly number[], group: string | undefined) {
    this.#partitions = partitions;
    this.#group = group;
  }

  take(entry: Entry, consumer: string): void {
    if (entry.kind === "reset" && entry.group === this.#group) {
      this.#committed.clear();
      this.#floors.clear();
    }
    if (entry.kind === "looked" && entry.group === this.#group) {
      this.#raise(entry.partition, entry.offset);
    }
    if (!("consumer" in entry) || entry.consumer !== consumer) return;
    if (entry.kind === "confirmed") this.#raise(entry.partition, entry.next);
    if (entry.kind === "assigned") this.#begin(entry.member, entry.partition);
    if (entry.kind === "began") {
      const own = entry.partition === undefined ? this.#partitions : [entry.partition];
      for (const partition of own) this.#begin(`${entry.session}`, partition);
    }
  }

  /** Whether the group has a position in a partition. */
  isCommitted(partition: number): boolean {
    return this.#committed.has(partition);
  }

  /** Of a session or member, a blank, and a partition. */
  of(where: string): bigint {
    return this.#floors.get(where) ?? 0n;
  }

  #raise(partition: number, next: bigint): void {
    if (next > (this.#committed.get(partition) ?? 0n)) this.#committed.set(partition, next);
  }

  #begin(who: string, partition: number): void {
    this.#floors.set(`${who} ${partition}`, this.#committed.get(partition) ?? 0n);
  }
}

/** What retention has taken of each partition, and what of it a consumer was told. */
class Retention {
  readonly #first = new Map<number, bigint>();
  readonly #told = new Map<number, { from: bigint; to: bigint }>();

  take(entry: Entry, consumer: string): void {
    if (entry.kind === "trimmed") this.#first.set(entry.partition, entry.first);
    if (entry.kind === "missed" && entry.consumer === consumer) {
      this.#told.set(entry.partition, entry);
    }
  }

  /** The first offset that is still there. */
  first(partition: number): bigint {
    return this.#first.get(partition) ?? 0n;
  }

  /** Whether none of these offsets can come any more; where `isTold`, as the consumer was told. */
  explains(
    partition: number,
    { from, to }: { from: bigint; to: bigint },
    isTold: boolean,
  ): boolean {
    if (to > this.first(partition)) return false;
    const told = this.#told.get(partition);
    return !isTold || (told !== undefined && told.from <= from && told.to >= to);
  }
}

function key(
  { consumer, partition }: { consumer: string; partition: number },
  member = "",
): string {
  return `${consumer} ${partition} ${member}`;
}

function isSame(one: Place, other: Place): boolean {
  return one.partition === other.partition && one.offset === other.offset;
}

/** Findings as lines, for the message of a failure. */
export function findingsText({ findings }: Verdict): string {
  return findings.map(({ kind, who, text }) => `${kind}: ${who}: ${text}`).join("\n");
}
