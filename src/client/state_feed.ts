import type { ClientState } from "./client_state.ts";
import { type Deferred, deferred } from "./deferred.ts";

/** Changes an iterator keeps for a slow reader; older ones are forgotten. */
const MOST_KEPT = 32;

interface Reader {
  readonly kept: ClientState[];
  waiting: Deferred<void> | undefined;
}

/** The present state, and its changes for whoever wants to follow. */
export class StateFeed {
  #state: ClientState = "connecting";
  readonly #readers = new Set<Reader>();

  get state(): ClientState {
    return this.#state;
  }

  set(state: ClientState): void {
    if (state === this.#state || this.#state === "closed") return;
    this.#state = state;
    for (const reader of this.#readers) {
      reader.kept.push(state);
      if (reader.kept.length > MOST_KEPT) reader.kept.shift();
      reader.waiting?.resolve();
    }
  }

  /** The state now, then each change; ends after `closed`, and when the signal is aborted. */
  changes(signal?: AbortSignal): AsyncIterableIterator<ClientState> {
    const reader: Reader = { kept: [this.#state], waiting: undefined };
    this.#readers.add(reader);
    let isOver = false;
    const end = () => {
      isOver = true;
      this.#readers.delete(reader);
      signal?.removeEventListener("abort", end);
      reader.waiting?.resolve();
    };
    if (signal?.aborted) end();
    signal?.addEventListener("abort", end);
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: async () => {
        while (!isOver) {
          const state = reader.kept.shift();
          if (state === "closed") end();
          if (state !== undefined) return { done: false, value: state };
          reader.waiting = deferred();
          await reader.waiting.promise;
        }
        return { done: true, value: undefined };
      },
      return: () => {
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}
