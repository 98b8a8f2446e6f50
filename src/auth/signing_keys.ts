import { createHash } from "node:crypto";
import type { SigningKey } from "../core/public_keys.ts";

/** A token's header, as far as it chooses a key. */
export interface TokenHeader {
  readonly alg: string;
  readonly kid?: string;
}

/** A key that may have signed a token. */
export interface CandidateKey extends SigningKey {
  /** Of the credential, for `Revocations`. */
  readonly credential: string;
}

/** Keys that tokens may be signed with. */
export interface KeySource {
  /** Ids of the credentials its keys are. */
  readonly credentials: readonly string[];
  /**
   * The keys that may have signed a token: those that are of its algorithm and, where both say one,
   * of its key id.
   *
   * @throws {ProxyError} `credentials_unavailable` when they cannot be had
   */
  candidates(header: TokenHeader): readonly CandidateKey[] | Promise<readonly CandidateKey[]>;
}

/** Shortest secret: as long as the digest (RFC 7518 section 3.2). */
const SECRET_ALGORITHMS = [["HS256", 32], ["HS384", 48], ["HS512", 64]] as const;

/** The keys of the settings. */
export class FixedKeys implements KeySource {
  readonly #keys: readonly CandidateKey[];

  constructor(keys: readonly SigningKey[]) {
    this.#keys = keys.map((key) => ({ ...key, credential: `jwt:${thumbprint(key)}` }));
  }

  get credentials(): readonly string[] {
    return this.#keys.map(({ credential }) => credential);
  }

  candidates(header: TokenHeader): readonly CandidateKey[] {
    return fitting(this.#keys, header);
  }
}

/** A shared secret as a key; which algorithms it is long enough for. */
export function secretKey(secret: string): SigningKey {
  const key = new TextEncoder().encode(secret);
  const algorithms = SECRET_ALGORITHMS.filter(([, bytes]) => key.length >= bytes)
    .map(([algorithm]) => algorithm);
  return { algorithms, key };
}

/** The keys of a set that fit a token's header. */
export function fitting<Key extends SigningKey>(
  keys: readonly Key[],
  { alg, kid }: TokenHeader,
): readonly Key[] {
  return keys.filter((key) =>
    key.algorithms.includes(alg) &&
    (kid === undefined || key.kid === undefined || key.kid === kid)
  );
}

function thumbprint({ key, algorithms }: SigningKey): string {
  const bytes = key instanceof Uint8Array ? key : key.export({ type: "spki", format: "der" });
  return createHash("sha256").update(algorithms.join()).update(bytes).digest("base64url")
    .slice(0, 16);
}
