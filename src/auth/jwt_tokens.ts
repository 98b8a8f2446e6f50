import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import { ProxyError } from "../core/proxy_error.ts";
import { type KnownPrincipal, newPrincipal } from "./new_principal.ts";
import type { Revocations } from "./revocations.ts";
import { rightsOfClaim, type Roles } from "./rights_claim.ts";
import type { CandidateKey, KeySource, TokenHeader } from "./signing_keys.ts";

/** What a token must be like. */
export interface JwtRules {
  readonly sources: readonly KeySource[];
  /** One of them must be the token's. */
  readonly audiences: readonly string[];
  /** Absent: anybody's whose key it is. */
  readonly issuer: string | undefined;
  readonly toleranceSeconds: number;
  /** Name of the claim with the rights. */
  readonly rightsClaim: string;
  readonly roles: Roles;
}

/** Keys that are tried for one token; more would be work for strangers. */
const MAX_TRIES = 4;

/** Longest name of a principal, in UTF-16 units. */
const MAX_NAME = 200;

/**
 * JSON Web Tokens (RFC 7519) as credentials.
 *
 * A key is used only with algorithms of its own kind, whatever the token's header says: neither
 * `none` nor a public key taken for an HMAC secret gets through (RFC 8725 sections 3.1 and 3.2). A
 * token must say who (`sub`), for whom (`aud`) and until when (`exp`).
 */
export class JwtTokens {
  readonly #rules: JwtRules;
  readonly #revocations: Revocations;

  constructor(rules: JwtRules, revocations: Revocations) {
    this.#rules = rules;
    this.#revocations = revocations;
  }

  /**
   * Whom the token is of.
   *
   * @throws {ProxyError} `unauthorized` saying why, `expired`, `credentials_unavailable`
   */
  async principal(token: string): Promise<KnownPrincipal> {
    const header = headerOf(token);
    let failure = refused("no key of this server fits its algorithm and key id");
    let tries = 0;
    for (const source of this.#rules.sources) {
      for (const candidate of await source.candidates(header)) {
        if (++tries > MAX_TRIES) throw failure;
        try {
          return await this.#verified(token, candidate);
        } catch (error) {
          failure = failureOf(error);
          if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw failure;
        }
      }
    }
    throw failure;
  }

  async #verified(token: string, { key, algorithms, credential }: CandidateKey) {
    const { audiences, issuer, toleranceSeconds, rightsClaim, roles } = this.#rules;
    const { payload } = await jwtVerify(token, key, {
      algorithms: [...algorithms],
      audience: [...audiences],
      ...(issuer === undefined ? {} : { issuer }),
      clockTolerance: toleranceSeconds,
      requiredClaims: ["sub", "exp"],
    });
    const { sub, exp } = payload;
    if (typeof sub !== "string" || sub === "" || sub.length > MAX_NAME) {
      throw refused('its claim "sub" names nobody');
    }
    const rights = rightsOfClaim(payload, rightsClaim, roles);
    if (rights === undefined) throw refused(`its claim "${rightsClaim}" is not understood`);
    const revoked = this.#revocations.signal(credential);
    if (revoked === undefined) throw refused("its key is not used any more");
    return newPrincipal({
      name: sub,
      expiresMs: (Number(exp) + toleranceSeconds) * 1000,
      rights: [rights],
      credential,
      revoked,
    });
  }
}

function headerOf(token: string): TokenHeader {
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    if (typeof alg === "string" && (kid === undefined || typeof kid === "string")) {
      return { alg, ...(kid === undefined ? {} : { kid }) };
    }
  } catch {
    // What is no token is said below.
  }
  throw refused("it is malformed");
}

/** By jose's code of the error. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "its signature is wrong",
  ERR_JOSE_ALG_NOT_ALLOWED: "its algorithm is not one of its key's",
};

/** By the claim that was not as wanted. */
const CLAIMS: Readonly<Record<string, string>> = {
  aud: "it is for another audience",
  iss: "it is of another issuer",
  nbf: "it is not valid yet",
};

function failureOf(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  if (error instanceof errors.JWTExpired) return refused("it has expired", "expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === "missing") return refused(`it has no claim "${error.claim}"`);
    return refused(CLAIMS[error.claim] ?? `its claim "${error.claim}" is wrong`);
  }
  return refused(error instanceof errors.JOSEError ? REASONS[error.code] : undefined);
}

function refused(
  why = "it is malformed",
  code: "unauthorized" | "expired" = "unauthorized",
): ProxyError {
  return new ProxyError(code, `Cannot authenticate: the token is refused: ${why}`);
}
