import { Buffer } from "node:buffer";

/** A password's hash with what it takes to make it again (scrypt, RFC 7914). */
export interface PasswordHash {
  /** Logarithm of the cost N. */
  readonly costLog2: number;
  /** Block size, r. */
  readonly blockSize: number;
  /** Parallelization, p. */
  readonly parallelization: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** What a hash may cost: 128 MiB of memory (128 N r bytes), and p at most 16. */
const BOUNDS = { costLog2: [10, 17], blockSize: [1, 16], parallelization: [1, 16] } as const;

const MAX_MEMORY = 128 * 1024 * 1024;

/** As other tools write it (PHC string format), the numbers in one spelling. */
const FORMAT =
  /^\$scrypt\$ln=([1-9]\d?),r=([1-9]\d?),p=([1-9]\d?)\$([A-Za-z0-9+/]{16,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Reads `$scrypt$ln=15,r=8,p=3$SALT$HASH`; `undefined` for what is none, or costs too much. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt, hash] = FORMAT.exec(text) ?? [];
  if (hash === undefined) return undefined;
  const parsed = {
    costLog2: Number(ln),
    blockSize: Number(r),
    parallelization: Number(p),
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
  for (const [name, [min, max]] of Object.entries(BOUNDS)) {
    const number = parsed[name as keyof typeof BOUNDS];
    if (number < min || number > max) return undefined;
  }
  return memoryOf(parsed) > MAX_MEMORY ? undefined : parsed;
}

/** Bytes of memory that making it takes. */
export function memoryOf({ costLog2, blockSize }: PasswordHash): number {
  return 128 * 2 ** costLog2 * blockSize;
}

/** The text of {@linkcode parsePasswordHash}. */
export function passwordHashText(hash: PasswordHash): string {
  const { costLog2, blockSize, parallelization } = hash;
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64").replaceAll("=", "");
  return `$scrypt$ln=${costLog2},r=${blockSize},p=${parallelization}$${base64(hash.salt)}$${
    base64(hash.hash)
  }`;
}
