import { fileURLToPath } from "node:url";
import { Random } from "../support/random.ts";
import { mutated } from "./mutate.ts";
import type { FuzzTarget } from "./targets.ts";

const CORPUS = fileURLToPath(new URL("corpus/", import.meta.url));

/** An input may take so long, in ms; the machine may be busy, so that it is tried again. */
const MOST_MS = 500;

/** An input that is taken wrongly. */
export interface FuzzFinding {
  readonly input: Uint8Array;
  readonly why: string;
}

/** What came of one target. */
export interface FuzzResult {
  readonly name: string;
  readonly executions: number;
  /** Inputs that were taken without an error. */
  readonly accepted: number;
  readonly seconds: number;
  readonly slowestMs: number;
  readonly findings: readonly FuzzFinding[];
}

/** The files of a target: inputs of real brokers and clients, and those that once were findings. */
export async function corpusOf({ name }: FuzzTarget): Promise<Uint8Array[]> {
  const inputs: Uint8Array[] = [];
  try {
    for await (const entry of Deno.readDir(folderOf(name))) {
      inputs.push(await Deno.readFile(`${folderOf(name)}/${entry.name}`));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return inputs;
}

/** Where a target's inputs are kept. */
export function folderOf(name: string): string {
  return `${CORPUS}${name.replaceAll(/[^a-z0-9]+/gi, "-")}`;
}

/** Runs every input of the corpus as it is, then changed ones until it is enough. */
export async function fuzz(
  target: FuzzTarget,
  seed: number,
  isEnough: (executions: number) => boolean,
): Promise<FuzzResult> {
  const random = new Random(seed);
  const corpus = [...target.seeds, ...await corpusOf(target)];
  const findings: FuzzFinding[] = [];
  const startMs = performance.now();
  let executions = 0;
  let accepted = 0;
  let slowestMs = 0;
  const run = async (input: Uint8Array) => {
    executions++;
    const beforeMs = performance.now();
    const why = await wrongWith(target, input);
    const tookMs = performance.now() - beforeMs;
    slowestMs = Math.max(slowestMs, tookMs);
    if (why === undefined) accepted++;
    else if (why !== "refused") findings.push({ input, why });
    if (tookMs > MOST_MS && await isSlow(target, input)) {
      findings.push({ input, why: `took ${Math.round(tookMs)} ms` });
    }
  };
  for (const input of corpus) await run(input);
  while (!isEnough(executions)) await run(mutated(corpus, random, target.words));
  const seconds = (performance.now() - startMs) / 1_000;
  return { name: target.name, executions, accepted, seconds, slowestMs, findings };
}

/** Undefined when it was taken, `refused` when it was refused as it should be. */
async function wrongWith({ run, errors }: FuzzTarget, input: Uint8Array) {
  try {
    await run(input);
    return undefined;
  } catch (error) {
    const isClean = errors.some((kind) => error instanceof kind) &&
      (error as { code?: unknown }).code !== "internal";
    if (isClean) return "refused";
    return error instanceof Error ? `${error.name}: ${error.message}` : `${error}`;
  }
}

async function isSlow(target: FuzzTarget, input: Uint8Array): Promise<boolean> {
  let leastMs = Infinity;
  for (let i = 0; i < 3; i++) {
    const startMs = performance.now();
    await wrongWith(target, input);
    leastMs = Math.min(leastMs, performance.now() - startMs);
  }
  return leastMs > MOST_MS;
}
