import { Buffer } from "node:buffer";
import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { type JWTPayload, SignJWT } from "jose";
import { hashPassword } from "../../src/auth/passwords.ts";

/** A key pair, its public half as settings have it. */
export interface TestKeys {
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** `-----BEGIN PUBLIC KEY-----` and so on. */
  readonly pem: string;
}

/** Makes the keys of an algorithm. */
export function newKeys(alg: "RS256" | "ES256" | "ES384" | "EdDSA"): TestKeys {
  const { privateKey, publicKey } = pairOf(alg);
  return {
    alg,
    privateKey,
    publicKey,
    pem: `${publicKey.export({ type: "spki", format: "pem" })}`,
  };
}

function pairOf(alg: string): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (alg) {
    case "RS256":
      return generateKeyPairSync("rsa", { modulusLength: 2048 });
    case "ES256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" });
    case "ES384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" });
    default:
      return generateKeyPairSync("ed25519");
  }
}

/** A JSON Web Key of the public half. */
export function jwkOf({ publicKey, alg }: TestKeys, kid?: string): Record<string, unknown> {
  return { ...publicKey.export({ format: "jwk" }), alg, use: "sig", ...(kid && { kid }) };
}

/** Seconds since 1970. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Claims of somebody, good for five minutes for the audience `us`. */
export function claims(more: JWTPayload = {}): JWTPayload {
  return { sub: "alice", aud: "us", exp: nowSeconds() + 300, ...more };
}

/** A token signed with these keys; `undefined` as a claim leaves it out. */
export function signed(
  { alg, privateKey }: TestKeys,
  payload: JWTPayload,
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg, ...header }).sign(privateKey);
}

/** A token with any header, signed as HMAC with any bytes, or not at all. */
export function forged(header: unknown, payload: unknown, hmacKey?: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part(header)}.${part(payload)}`;
  const signature = hmacKey === undefined
    ? ""
    : createHmac("sha256", hmacKey).update(text).digest("base64url");
  return `${text}.${signature}`;
}

/** A token as browsers send it, among the subprotocols. */
export function asSubprotocol(token: string): string {
  return `bearer.${Buffer.from(token).toString("base64url")}`;
}

/** A password's hash that takes no time, for settings. */
export function cheapHash(password: string): Promise<string> {
  return hashPassword(password, { costLog2: 10, blockSize: 1, parallelization: 1 });
}
