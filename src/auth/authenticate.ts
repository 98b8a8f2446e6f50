import { ANONYMOUS, type Principal } from "../core/principal.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { SharedSecret } from "./shared_secret.ts";

/** One way to prove who one is. */
export interface AuthScheme {
  /** Its challenge in `WWW-Authenticate` (RFC 9110 section 11.6.1). */
  readonly challenge: string;
  /** What to send, for the message of a 401. */
  readonly hint: string;
  /** Who the headers prove the client to be; `undefined` when they do not by this scheme. */
  principal(headers: Headers): Principal | undefined | Promise<Principal | undefined>;
}

/** Whoever knows the one secret may do everything, as with the original. */
const SHARED: Principal = { name: "shared-secret", may: () => true };

/** The scheme of {@linkcode SharedSecret}: whoever knows the secret is `shared-secret`. */
export function sharedSecretScheme(secret: string): AuthScheme {
  const shared = new SharedSecret(secret);
  return {
    challenge: 'Basic realm="kafka-proxy", charset="UTF-8"',
    hint: '"Authorization: basic SECRET"',
    principal: (headers) => shared.accepts(headers.get("Authorization")) ? SHARED : undefined,
  };
}

/**
 * Decides who a client is: the first scheme that knows it wins, and with no schemes at all everybody
 * is {@linkcode ANONYMOUS}.
 *
 * @example
 * ```ts
 * import { Authenticator, sharedSecretScheme } from "./authenticate.ts";
 *
 * const authenticator = new Authenticator([sharedSecretScheme("thisisapassword")]);
 * const headers = new Headers({ authorization: "basic thisisapassword" });
 * console.assert((await authenticator.authenticate(headers)).name === "shared-secret");
 * ```
 */
export class Authenticator {
  readonly #schemes: readonly AuthScheme[];

  /** Takes the schemes in the order in which they are asked. */
  constructor(schemes: readonly AuthScheme[]) {
    this.#schemes = schemes;
  }

  /** Value of `WWW-Authenticate` for a 401; `undefined` when there is nothing to prove. */
  get challenge(): string | undefined {
    if (this.#schemes.length === 0) return undefined;
    return this.#schemes.map(({ challenge }) => challenge).join(", ");
  }

  /**
   * Who sent these headers.
   *
   * @throws {ProxyError} `unauthorized`; what was sent is never repeated
   */
  async authenticate(headers: Headers): Promise<Principal> {
    if (this.#schemes.length === 0) return ANONYMOUS;
    for (const scheme of this.#schemes) {
      const principal = await scheme.principal(headers);
      if (principal !== undefined) return principal;
    }
    const wanted = this.#schemes.map(({ hint }) => hint).join(" or ");
    throw new ProxyError(
      "unauthorized",
      headers.has("Authorization")
        ? `Cannot authenticate: the credentials are wrong, wanted ${wanted}`
        : `Cannot authenticate: the Authorization header is missing, wanted ${wanted}`,
    );
  }
}
