import type { Random } from "../support/random.ts";
import type { FaultName } from "./faults.ts";
import type { Scenario } from "./scenario.ts";

/** The fixed dozen of the suite: every fault that is over in seconds, one or two at a time. */
export const SUITE: readonly Scenario[] = [
  { faults: ["broker killed"] },
  { faults: ["broker frozen", "leaders moved"] },
  { faults: ["active controller killed"] },
  { faults: ["group coordinators killed"] },
  { faults: ["proxy killed"] },
  { faults: ["proxy frozen", "client connections cut"] },
  { faults: ["proxy drained"] },
  { faults: ["client connections cut, many times"] },
  { faults: ["Kafka connections cut"] },
  { faults: ["Kafka half-open"] },
  { faults: ["requests to Kafka lost", "answers of Kafka lost"] },
  { faults: ["Kafka slow", "Kafka at 64 KiB/s"] },
];

/** Most faults of a scenario that is drawn. */
const MOST_FAULTS = 4;

/** Draws scenarios without end: each fault comes up once before any comes up again. */
export function* drawn(random: Random, names: readonly FaultName[]): Generator<Scenario> {
  let left: FaultName[] = [];
  for (;;) {
    const faults: FaultName[] = [];
    const count = random.between(1, MOST_FAULTS + 1);
    while (faults.length < count) {
      if (left.length === 0) left = [...names];
      faults.push(...left.splice(random.between(0, left.length), 1));
    }
    yield { faults };
  }
}
