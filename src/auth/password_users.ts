import { Buffer } from "node:buffer";
import type { PasswordHash } from "../core/password_hash.ts";
import type { KnownPrincipal } from "./new_principal.ts";
import type { PasswordGuard } from "./password_guard.ts";
import { nobodysHash } from "./passwords.ts";

/** A user of the settings. */
export interface PasswordUser {
  readonly hash: PasswordHash;
  readonly principal: KnownPrincipal;
}

/** Longest `Authorization` header that is looked at, in characters. */
const MAX_HEADER = 8192;

/** Users with passwords, by `Basic` (RFC 7617, UTF-8). */
export class PasswordUsers {
  readonly #users: ReadonlyMap<string, PasswordUser>;
  readonly #guard: PasswordGuard;
  readonly #nobody: PasswordHash;

  constructor(users: ReadonlyMap<string, PasswordUser>, guard: PasswordGuard) {
    this.#users = users;
    const [first] = users.values();
    this.#nobody = nobodysHash(first?.hash);
    this.#guard = guard;
  }

  /**
   * Whose password the value of an `Authorization` header proves to know; `undefined` for nobody's.
   * A user that does not exist takes as long as a wrong password.
   *
   * @throws {ProxyError} `too_many_requests`, `overloaded`
   */
  async principal(
    authorization: string | null,
    address: string,
  ): Promise<KnownPrincipal | undefined> {
    if (authorization === null || authorization.length > MAX_HEADER) return undefined;
    const encoded = /^basic +([A-Za-z0-9+/_-]+={0,2})$/i.exec(authorization)?.[1];
    if (encoded === undefined) return undefined;
    const text = Buffer.from(encoded, "base64").toString("utf8");
    const colon = text.indexOf(":");
    if (colon < 1) return undefined;
    const [name, password] = [text.slice(0, colon), text.slice(colon + 1)];
    const user = this.#users.get(name);
    const hash = user?.hash ?? this.#nobody;
    const isRight = await this.#guard.check(name, password, hash, address);
    return isRight ? user?.principal : undefined;
  }
}
