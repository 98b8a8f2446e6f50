import { parseArgs } from "node:util";

/** What `--help` prints. */
export const USAGE = `Usage: deno task bench:drain [options]

How fast one partition of 100-byte records reaches one reader, in several ways.

  --records N        records in the partition (default 2000000)
  --rounds N         runs of each row, order reversed each time (default 5)
  --row NAME         only this row; may be repeated: proxy, group, kafkajs, java, runtime, kcat
  --kafka HOST:PORT  a broker of your own (default: starts one); the topic is deleted at the end
  --json FILE        all runs and settings as JSON
  --profile          no rows: one run of the proxy under V8's CPU profiler, hottest functions
  --profile-out FILE keeps the profile, for Chrome's developer tools
  --help             this text`;

/** Names of the rows, in their order. */
export const ROW_NAMES = ["proxy", "group", "kafkajs", "java", "runtime", "kcat"] as const;

/** One way to drain the partition. */
export type RowName = typeof ROW_NAMES[number];

/** What the command line asked for. */
export interface DrainOptions {
  readonly records: number;
  readonly rounds: number;
  readonly rows: readonly RowName[];
  /** HOST:PORT; undefined starts a broker. */
  readonly kafka: string | undefined;
  readonly jsonFile: string | undefined;
  readonly isProfile: boolean;
  readonly profileFile: string | undefined;
}

/**
 * Reads the command line; undefined asks for {@linkcode USAGE}.
 *
 * @throws {TypeError} for an option that is unknown or cannot be read
 */
export function readOptions(args: string[]): DrainOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      records: { type: "string", default: "2000000" },
      rounds: { type: "string", default: "5" },
      row: { type: "string", multiple: true, default: [] },
      kafka: { type: "string" },
      json: { type: "string" },
      profile: { type: "boolean", default: false },
      "profile-out": { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    records: wholeNumber("--records", values.records),
    rounds: wholeNumber("--rounds", values.rounds),
    rows: values.row.length === 0 ? ROW_NAMES : values.row.map(rowName),
    kafka: values.kafka,
    jsonFile: values.json,
    isProfile: values.profile,
    profileFile: values["profile-out"],
  };
}

function wholeNumber(flag: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new TypeError(`Cannot use ${flag} ${text}: it takes a whole number from 1`);
}

function rowName(text: string): RowName {
  const found = ROW_NAMES.find((name) => name === text);
  if (found !== undefined) return found;
  throw new TypeError(`Cannot use --row ${text}: it takes one of ${ROW_NAMES.join(", ")}`);
}
