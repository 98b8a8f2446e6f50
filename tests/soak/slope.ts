import { median } from "../bench/statistics.ts";

/** A figure at a time. */
export interface Point {
  /** Seconds since the run began. */
  readonly seconds: number;
  readonly value: number;
}

/** The least of each window: what is in use once the garbage of that time is gone. */
export function leastOfEach(points: readonly Point[], windowSeconds: number): Point[] {
  const windows = Map.groupBy(points, ({ seconds }) => Math.floor(seconds / windowSeconds));
  return [...windows.values()].map((own) =>
    own.reduce((least, point) => point.value < least.value ? point : least)
  );
}

/**
 * Growth an hour by Theil and Sen: the median of the slopes between all pairs of points, which no
 * single outlier moves.
 *
 * @throws {RangeError} for fewer than two points
 */
export function slopePerHour(points: readonly Point[]): number {
  const slopes: number[] = [];
  for (const [i, one] of points.entries()) {
    for (const other of points.slice(i + 1)) {
      if (other.seconds === one.seconds) continue;
      slopes.push((other.value - one.value) / (other.seconds - one.seconds) * 3_600);
    }
  }
  if (slopes.length === 0) throw new RangeError("A slope needs two points at least");
  return median(slopes);
}
