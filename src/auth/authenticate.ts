import { ProxyError } from "../core/proxy_error.ts";
import { ALL_RIGHTS } from "../core/rights.ts";
import type { JwtTokens } from "./jwt_tokens.ts";
import { EVERYBODY, type KnownPrincipal, newPrincipal } from "./new_principal.ts";
import type { PasswordUsers } from "./password_users.ts";
import { type CredentialCarriers, presentedToken } from "./presented_token.ts";
import type { SharedSecret } from "./shared_secret.ts";
import type { Tickets } from "./tickets.ts";

/** The ways to prove who one is; those that are absent are not offered. */
export interface AuthMethods {
  /** Whether somebody who cannot prove anything is refused; so it is with any method. */
  readonly isRequired?: boolean;
  /** Whoever knows the one secret may do everything, as with the original. */
  readonly shared?: {
    readonly secret: SharedSecret;
    readonly credential?: string;
    readonly revoked?: AbortSignal;
  };
  readonly users?: PasswordUsers;
  readonly jwt?: JwtTokens;
  readonly tickets?: Tickets;
  /** Whether the parameter `access_token` counts. */
  readonly accessTokenInUrl?: boolean;
}

/** A request that somebody sent, as far as credentials go. */
export interface CredentialRequest extends CredentialCarriers {
  /** The client's address, for limits. */
  readonly address: string;
}

const REALM = 'realm="kafka-proxy"';

/**
 * Decides who a client is. With no methods everybody is {@linkcode EVERYBODY}, whatever they send.
 *
 * @example
 * ```ts
 * import { Authenticator } from "./authenticate.ts";
 * import { SharedSecret } from "./shared_secret.ts";
 *
 * const secret = new SharedSecret("thisisapassword");
 * const authenticator = new Authenticator({ shared: { secret } });
 * const principal = await authenticator.authenticate({
 *   headers: new Headers({ authorization: "basic thisisapassword" }),
 *   url: new URL("ws://localhost/?topic=test"),
 *   address: "127.0.0.1",
 * });
 * console.assert(principal.name === "shared-secret");
 * ```
 */
export class Authenticator {
  readonly #methods: AuthMethods;
  readonly #shared: KnownPrincipal | undefined;

  constructor(methods: AuthMethods) {
    this.#methods = methods;
    const { shared } = methods;
    this.#shared = shared === undefined ? undefined : newPrincipal({
      name: "shared-secret",
      rights: [ALL_RIGHTS],
      ...(shared.credential === undefined ? {} : { credential: shared.credential }),
      ...(shared.revoked === undefined ? {} : { revoked: shared.revoked }),
    });
  }

  /** False when everybody is let in. */
  get isRequired(): boolean {
    const { isRequired, shared, users, jwt } = this.#methods;
    return isRequired === true || shared !== undefined || users !== undefined || jwt !== undefined;
  }

  /** Value of `WWW-Authenticate` for a 401; `undefined` when there is nothing to prove. */
  get challenge(): string | undefined {
    if (!this.isRequired) return undefined;
    const { shared, users, jwt } = this.#methods;
    const basic = shared !== undefined || users !== undefined || jwt === undefined;
    return [
      ...basic ? [`Basic ${REALM}, charset="UTF-8"`] : [],
      ...jwt !== undefined ? [`Bearer ${REALM}`] : [],
    ].join(", ");
  }

  /**
   * Who sent this. A ticket is used up by it.
   *
   * @throws {ProxyError} `unauthorized`, `bad_request` for more than one credential,
   * `too_many_requests`, `overloaded`, `credentials_unavailable`; what was sent is never repeated
   */
  async authenticate({ headers, url, address }: CredentialRequest): Promise<KnownPrincipal> {
    if (!this.isRequired) return EVERYBODY;
    const inUrl = this.#methods.accessTokenInUrl === true;
    const presented = presentedToken({ headers, url }, { inUrl });
    if (presented !== undefined) return await this.ofToken(presented.token);
    const authorization = headers.get("Authorization");
    const { shared, users } = this.#methods;
    if (shared?.secret.accepts(authorization)) return this.#shared ?? EVERYBODY;
    const user = await users?.principal(authorization, address);
    if (user !== undefined) return user;
    throw this.#refused(
      authorization === null ? "the Authorization header is missing" : "the credentials are wrong",
    );
  }

  /**
   * Who a token or a ticket is of, as a client renews its credentials with it.
   *
   * @throws {ProxyError} `unauthorized`, `credentials_unavailable`
   */
  async ofToken(token: string): Promise<KnownPrincipal> {
    if (!this.isRequired) return EVERYBODY;
    const { tickets, jwt } = this.#methods;
    if (tickets?.isTicket(token)) return tickets.use(token);
    if (jwt !== undefined) return await jwt.principal(token);
    throw this.#refused("the credentials are wrong");
  }

  #refused(what: string): ProxyError {
    const { shared, users, jwt } = this.#methods;
    const wanted = [
      ...shared === undefined ? [] : ['"Authorization: basic SECRET"'],
      ...users === undefined ? [] : ['"Authorization: Basic" with user and password'],
      ...jwt === undefined ? [] : ['"Authorization: Bearer TOKEN"'],
    ];
    const then = wanted.length === 0
      ? "nobody is let in now"
      : `${what}, wanted ${wanted.join(" or ")}`;
    return new ProxyError("unauthorized", `Cannot authenticate: ${then}`);
  }
}
