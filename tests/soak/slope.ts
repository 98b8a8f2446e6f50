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
 * Growth an hour between the middles of the first and of the last third of the points, a middle
 * being the mean of the inner half (after Tukey's resistant line). A few outliers do not move it,
 * and a count that went up once, by one, and stayed there is seen; the median of the slopes between
 * all pairs is blind to that.
 *
 * @param points by their time, ascending
 * @throws {RangeError} for fewer than two points
 */
export function slopePerHour(points: readonly Point[]): number {
  if (points.length < 2) throw new RangeError("A slope needs two points at least");
  const third = Math.max(1, Math.floor(points.length / 3));
  const [first, last] = [points.slice(0, third), points.slice(-third)].map((own) => ({
    seconds: middle(own.map(({ seconds }) => seconds)),
    value: middle(own.map(({ value }) => value)),
  }));
  return (last.value - first.value) / (last.seconds - first.seconds) * 3_600;
}

/** The mean of the inner half. */
function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const quarter = Math.floor(sorted.length / 4);
  const inner = sorted.slice(quarter, sorted.length - quarter);
  return inner.reduce((sum, value) => sum + value, 0) / inner.length;
}
