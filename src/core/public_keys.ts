import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";

/** A key that signatures are checked with, and the algorithms it may be used with. */
export interface SigningKey {
  /** Names it in tokens; absent: it may be any token's. */
  readonly kid?: string;
  /** JOSE names (RFC 7518, RFC 8037); a token's own choice is among these or refused. */
  readonly algorithms: readonly string[];
  readonly key: KeyObject | Uint8Array;
}

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/** By the type of an elliptic curve's key, each curve has its own algorithm. */
const CURVES: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ["ES256"],
  secp384r1: ["ES384"],
  secp521r1: ["ES512"],
};

/** RSA keys shorter than this can be broken, and RFC 7518 section 3.3 forbids them. */
const MIN_RSA_BITS = 2048;

/** More keys than that are no set of an issuer's. */
const MAX_KEYS = 100;

/**
 * Reads public keys: PEM blocks (`-----BEGIN PUBLIC KEY-----`), a JSON Web Key, or a set of those.
 *
 * Private and symmetric keys are refused: one does not belong here, and the other would make every
 * holder of the file an issuer.
 *
 * @throws {RangeError} with what is wrong, to be put after the setting's name
 */
export function readPublicKeys(text: string): SigningKey[] {
  const keys = text.trimStart().startsWith("{") ? keysOfJson(text) : keysOfPem(text);
  if (keys.length === 0) throw new RangeError("has no key");
  if (keys.length > MAX_KEYS) throw new RangeError(`has more than ${MAX_KEYS} keys`);
  return keys;
}

function keysOfPem(text: string): SigningKey[] {
  const blocks = text.match(/-----BEGIN [A-Z ]+-----[^-]*-----END [A-Z ]+-----/g) ?? [];
  if (blocks.length === 0) throw new RangeError("is neither PEM nor a JSON Web Key");
  return blocks.map((block) => {
    if (!/^-----BEGIN (RSA )?PUBLIC KEY-----/.test(block)) {
      throw new RangeError(`has a block other than "PUBLIC KEY": give the public key only`);
    }
    return signingKey(made(() => createPublicKey(block)), undefined, undefined);
  });
}

function keysOfJson(text: string): SigningKey[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new RangeError("is no JSON");
  }
  const set = (json as { keys?: unknown }).keys;
  const keys = set === undefined ? [json] : set;
  if (!Array.isArray(keys)) throw new RangeError("has no list of keys");
  return keys.filter((key) => key?.use === undefined || key.use === "sig").map((jwk) => {
    if (typeof jwk !== "object" || jwk === null) throw new RangeError("has a key that is none");
    const { kty, kid, alg, d } = jwk as JsonWebKey & { kid?: unknown; alg?: unknown };
    if (kty === "oct") throw new RangeError("has a symmetric key, which is no public one");
    if (d !== undefined) throw new RangeError("has a private key: give the public one only");
    return signingKey(
      made(() => createPublicKey({ key: jwk as JsonWebKey, format: "jwk" })),
      typeof kid === "string" ? kid : undefined,
      typeof alg === "string" ? alg : undefined,
    );
  });
}

function made(make: () => KeyObject): KeyObject {
  try {
    return make();
  } catch {
    throw new RangeError("has a key that cannot be read");
  }
}

function signingKey(
  key: KeyObject,
  kid: string | undefined,
  alg: string | undefined,
): SigningKey {
  const able = algorithmsOf(key);
  const algorithms = alg === undefined ? able : able.filter((each) => each === alg);
  if (algorithms.length === 0) throw new RangeError("has a key of a kind that is not supported");
  return { ...(kid === undefined ? {} : { kid }), algorithms, key };
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  switch (asymmetricKeyType) {
    case "rsa":
      if ((asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA_BITS) {
        throw new RangeError(`has an RSA key of less than ${MIN_RSA_BITS} bits`);
      }
      return RSA;
    case "ec":
      return CURVES[asymmetricKeyDetails?.namedCurve ?? ""] ?? [];
    case "ed25519":
      return ["EdDSA", "Ed25519"];
    default:
      return [];
  }
}
