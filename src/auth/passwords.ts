import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { memoryOf, type PasswordHash, passwordHashText } from "../core/password_hash.ts";

/** What a new hash costs: 32 MiB and three passes, OWASP's recommendation for scrypt. */
const COST = { costLog2: 15, blockSize: 8, parallelization: 3 };

/** Longest password, in UTF-16 units. */
export const MAX_PASSWORD = 1024;

/**
 * Makes the text that stands for a password in the configuration; slow on purpose.
 *
 * @param cost for tests, which have no time
 */
export async function hashPassword(password: string, cost = COST): Promise<string> {
  const salt = randomBytes(16);
  const wanted: PasswordHash = { ...cost, salt, hash: new Uint8Array(32) };
  return passwordHashText({ ...wanted, hash: await derived(password, wanted) });
}

/** Whether a hash is this password's. It takes the same time for every password. */
export async function isPassword(password: string, hash: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derived(password, hash), hash.hash);
}

/**
 * A hash that no password has, for users that do not exist: they are to take as long as others.
 *
 * @param like what the others' cost
 */
export function nobodysHash(like: Omit<PasswordHash, "salt" | "hash"> = COST): PasswordHash {
  return { ...like, salt: randomBytes(16), hash: randomBytes(32) };
}

function derived(password: string, wanted: PasswordHash): Promise<Uint8Array> {
  const { costLog2, blockSize: r, parallelization: p, salt, hash } = wanted;
  const options = { N: 2 ** costLog2, r, p, maxmem: memoryOf(wanted) + 2 ** 24 };
  return new Promise((resolve, reject) =>
    scrypt(password.normalize("NFC"), salt, hash.length, options, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    })
  );
}
