import { parseArgs } from "node:util";
import { VALUE_BYTES } from "./produce_load.ts";

/** What `--help` prints. */
export const PRODUCE_USAGE = `Usage: deno task bench:produce [options]

How fast records of ${VALUE_BYTES} bytes reach a topic, in several ways.

  --records N        records of each run (default 1000000)
  --rounds N         runs of each row, order reversed each time (default 5)
  --partitions N     partitions of the topic (default 1)
  --json FILE        all runs and settings as JSON
  --help             this text`;

/** What the command line asked for. */
export interface ProduceOptions {
  readonly records: number;
  readonly rounds: number;
  readonly partitions: number;
  readonly jsonFile: string | undefined;
}

/**
 * Reads the command line; undefined asks for {@linkcode PRODUCE_USAGE}.
 *
 * @throws {TypeError} for an option that is unknown or cannot be read
 */
export function readProduceOptions(args: string[]): ProduceOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      records: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "5" },
      partitions: { type: "string", default: "1" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const number = (name: "records" | "rounds" | "partitions") => {
    const value = Number(values[name]);
    if (Number.isSafeInteger(value) && value > 0) return value;
    throw new TypeError(`Cannot use --${name} ${values[name]}: it takes a whole number from 1`);
  };
  return {
    records: number("records"),
    rounds: number("rounds"),
    partitions: number("partitions"),
    jsonFile: values.json,
  };
}
