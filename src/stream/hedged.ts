/**
 * The first success of several ways to get the same thing: each is tried when the one before has
 * failed, or has not come to an end within `slowMs`. Those that are overtaken go on by themselves,
 * and what becomes of them is dropped.
 *
 * @throws what the last failure threw, when all have failed
 *
 * @example
 * ```ts
 * import { hedged } from "./hedged.ts";
 *
 * const never = () => new Promise<string>(() => {});
 * console.assert(await hedged([never, () => Promise.resolve("b")], 1) === "b");
 * ```
 */
export function hedged<T>(ways: readonly (() => Promise<T>)[], slowMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let started = 0;
    let running = 0;
    let isOver = false;
    const start = (failure: unknown) => {
      clearTimeout(timer);
      if (isOver) return;
      if (started === ways.length) {
        if (running === 0) reject(failure);
        return;
      }
      running++;
      timer = setTimeout(start, slowMs);
      ways[started++]().then((result) => {
        isOver = true;
        clearTimeout(timer);
        resolve(result);
      }, (error) => {
        running--;
        start(error);
      });
    };
    start(new Error("there is no way to try"));
  });
}
