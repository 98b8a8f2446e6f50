import { processCpuSeconds } from "./process_cpu.ts";
import type { RowName } from "./drain_options.ts";

/** One way to drain the partition, in fresh processes each time. */
export interface Row {
  readonly name: RowName;
  /** Whatever differs between rows. */
  readonly settings: Readonly<Record<string, string>>;
  /** Drains it once; `round` counts from 1. */
  run(round: number): Promise<RowRun>;
}

/** What one run took. */
export interface RowRun {
  /** Records a second by line of the table, the row's own line first. */
  readonly recordsPerSecond: Readonly<Record<string, number>>;
  /** Processor time of the process that serves the reader, in seconds. */
  readonly serverCpuSeconds?: number;
  /** Processor time of the reader, in seconds. */
  readonly readerCpuSeconds?: number;
  /** Whatever else was seen. */
  readonly details?: Readonly<Record<string, number | undefined>>;
}

/** Processor time a process uses while `work` runs. */
export async function withCpu<T>(
  pid: number | undefined,
  work: () => Promise<T>,
): Promise<{ result: T; cpuSeconds: number | undefined }> {
  const before = processCpuSeconds(pid);
  const result = await work();
  const after = processCpuSeconds(pid);
  const cpuSeconds = before === undefined || after === undefined ? undefined : after - before;
  return { result, cpuSeconds };
}
