import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { PasswordHash } from "../core/password_hash.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { addressKey } from "./address_key.ts";
import { isPassword, MAX_PASSWORD } from "./passwords.ts";

/** What guessing may cost. */
export interface GuessLimits {
  /** Runs work when it is its turn. */
  readonly turns: { run<Result>(work: () => Promise<Result>): Promise<Result> };
  /** Whether one more check from an address may be made now. */
  readonly attempts: { take(address: string, nowMs: number): boolean };
}

/** Checks that may wait for their turn, over all addresses. */
const MAX_WAITING = 32;

/**
 * Checks passwords so that guessing does not burn the processor: one check at a time, a limit for
 * each address, and what was right is remembered (as a keyed digest), so that those who know their
 * password wait for nobody.
 */
export class PasswordGuard {
  readonly #key = randomBytes(32);
  /** By user: what its last right password was checked against, and the digest of both. */
  readonly #right = new Map<string, Uint8Array>();
  readonly #limits: GuessLimits;
  readonly #isPassword: typeof isPassword;
  #waiting = 0;

  /** @param check for tests */
  constructor(limits: GuessLimits, check: typeof isPassword = isPassword) {
    this.#limits = limits;
    this.#isPassword = check;
  }

  /**
   * Whether it is the password.
   *
   * @param hash of a user that exists; otherwise one that no password has
   * @throws {ProxyError} `too_many_requests` for this address, `overloaded`
   */
  async check(
    user: string,
    password: string,
    hash: PasswordHash,
    address: string,
  ): Promise<boolean> {
    if (password.length > MAX_PASSWORD) return false;
    const digest = this.#digest(user, password, hash);
    const right = this.#right.get(user);
    if (right !== undefined && timingSafeEqual(right, digest)) return true;
    if (!this.#limits.attempts.take(addressKey(address), performance.now())) {
      throw new ProxyError(
        "too_many_requests",
        "Cannot authenticate: too many passwords from this address",
      );
    }
    if (this.#waiting >= MAX_WAITING) {
      throw new ProxyError("overloaded", "Cannot authenticate: too many passwords at a time");
    }
    this.#waiting++;
    try {
      const isRight = await this.#limits.turns.run(() => this.#isPassword(password, hash));
      if (isRight) this.#right.set(user, digest);
      return isRight;
    } finally {
      this.#waiting--;
    }
  }

  /** Forgets those who are not among these. */
  keep(users: ReadonlySet<string>): void {
    for (const user of this.#right.keys()) if (!users.has(user)) this.#right.delete(user);
  }

  #digest(user: string, password: string, hash: PasswordHash): Uint8Array {
    const text = JSON.stringify([user, password.normalize("NFC")]);
    return createHmac("sha256", this.#key).update(hash.salt).update(hash.hash).update(text)
      .digest();
  }
}
