import { setImmediate } from "node:timers";

/** Lets the event loop turn so many times: everything that needs no timer has happened then. */
export async function eventLoopTurns(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** Whether a promise has settled by now, without waiting for it. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const waiting = Symbol("waiting");
  const first = await Promise.race([
    promise.catch(() => {}),
    eventLoopTurns(1).then(() => waiting),
  ]);
  return first !== waiting;
}
