import { ProxyError } from "../core/proxy_error.ts";
import { readPublicKeys, type SigningKey } from "../core/public_keys.ts";
import { type CandidateKey, fitting, type KeySource, type TokenHeader } from "./signing_keys.ts";

/** How long keys are believed, in ms. */
const FRESH_MS = 10 * 60_000;

/** While the address does not answer, keys are believed for so long, in ms. */
const STALE_MS = 24 * 60 * 60_000;

/** Tokens with unknown keys do not make it ask more often than this, in ms. */
const PAUSE_MS = 10_000;

/** For one answer, in ms. */
const TIMEOUT_MS = 5_000;

/** Largest answer, in bytes. */
const MAX_BYTES = 1_048_576;

/** What stands before the keys' address. */
export interface RemoteKeysOptions {
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds that do not go back. */
  readonly nowMs?: () => number;
}

/**
 * The keys at an address (a JWK Set, RFC 7517), kept for ten minutes. A token signed with a key that
 * is not among them has it ask again, at most every ten seconds: so a new key works at once. While
 * the address does not answer, the keys it gave last go on for a day.
 */
export class RemoteKeys implements KeySource {
  readonly credentials: readonly string[];
  readonly #url: string;
  readonly #fetch: NonNullable<RemoteKeysOptions["fetch"]>;
  readonly #nowMs: () => number;
  #keys: readonly SigningKey[] | undefined;
  #gotMs = -Infinity;
  #askedMs = -Infinity;
  #asking: Promise<void> | undefined;

  constructor(url: string, { fetch = globalThis.fetch, nowMs }: RemoteKeysOptions = {}) {
    this.#url = url;
    this.#fetch = fetch;
    this.#nowMs = nowMs ?? (() => performance.now());
    this.credentials = [`jwks:${url}`];
  }

  async candidates(header: TokenHeader): Promise<readonly CandidateKey[]> {
    if (this.#age() > FRESH_MS) await this.#ask();
    let found = fitting(this.#usable(), header);
    if (found.length === 0) {
      await this.#ask();
      found = fitting(this.#usable(), header);
    }
    return found.map((key) => ({ ...key, credential: this.credentials[0] }));
  }

  #age(): number {
    return this.#nowMs() - this.#gotMs;
  }

  #usable(): readonly SigningKey[] {
    if (this.#keys !== undefined && this.#age() <= STALE_MS) return this.#keys;
    throw new ProxyError(
      "credentials_unavailable",
      "Cannot authenticate: the keys that tokens are checked with cannot be had now",
    );
  }

  /** One request at a time, with a pause between two; never rejects. */
  #ask(): Promise<void> {
    if (this.#asking !== undefined) return this.#asking;
    if (this.#nowMs() - this.#askedMs < PAUSE_MS) return Promise.resolve();
    this.#askedMs = this.#nowMs();
    this.#asking = this.#get().then((keys) => {
      this.#keys = keys;
      this.#gotMs = this.#nowMs();
    }, () => {}).finally(() => this.#asking = undefined);
    return this.#asking;
  }

  async #get(): Promise<readonly SigningKey[]> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await this.#fetch(this.#url, { signal, redirect: "error" });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`The address of the keys answers ${response.status}`);
    }
    return readPublicKeys(await boundedText(response));
  }
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error("The address of the keys answers too much");
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}
