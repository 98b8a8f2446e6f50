import type { Random } from "../support/random.ts";
import { type EndName, ENDS, type FaultName } from "./faults.ts";
import type { Scenario } from "./scenario.ts";

/** The fixed dozen of the suite: sixteen of the faults, one or two at a time, and both ends. */
export const SUITE: readonly Scenario[] = [
  { faults: ["broker killed"] },
  { faults: ["broker frozen", "leaders moved"] },
  { faults: ["active controller killed"] },
  { faults: ["group coordinators killed"] },
  { faults: ["proxy killed"] },
  { faults: ["proxy frozen", "client connections cut"] },
  { faults: ["proxy drained", "partitions added"] },
  { faults: ["client connections cut, many times"], end: "topic deleted" },
  { faults: ["Kafka connections cut", "retention passes everybody"] },
  { faults: ["Kafka half-open"], end: "topic deleted and made anew" },
  { faults: ["requests to Kafka lost", "answers of Kafka lost"] },
  { faults: ["Kafka slow", "Kafka at 64 KiB/s"] },
];

/** Most faults of a scenario that is drawn. */
const MOST_FAULTS = 4;

/** Every so many scenarios has one fault, which lasts long if it is of those that last at all. */
const LONG_EVERY = 5;

/** Draws scenarios without end: each fault comes up once before any comes up again. */
export function* drawn(random: Random, names: readonly FaultName[]): Generator<Scenario> {
  let left: FaultName[] = [];
  const draw = () => {
    if (left.length === 0) left = [...names];
    return left.splice(random.between(0, left.length), 1)[0];
  };
  const ends: (EndName | undefined)[] = [...Object.keys(ENDS) as EndName[], undefined, undefined];
  for (let drawn = 1;; drawn++) {
    if (drawn % LONG_EVERY === 0) {
      yield { faults: [draw()], isLong: true };
      continue;
    }
    const count = random.between(1, MOST_FAULTS + 1);
    yield { faults: Array.from({ length: count }, draw), end: random.pick(ends) };
  }
}
