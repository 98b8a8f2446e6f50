import { createHash } from "node:crypto";
import { parsePasswordHash } from "../core/password_hash.ts";
import { readPublicKeys } from "../core/public_keys.ts";
import { joinedRights, type Rights } from "../core/rights.ts";
import { Authenticator } from "./authenticate.ts";
import { JwtTokens } from "./jwt_tokens.ts";
import { newPrincipal } from "./new_principal.ts";
import { type GuessLimits, PasswordGuard } from "./password_guard.ts";
import { type PasswordUser, PasswordUsers } from "./password_users.ts";
import { RemoteKeys } from "./remote_keys.ts";
import { Revocations } from "./revocations.ts";
import { SharedSecret } from "./shared_secret.ts";
import { FixedKeys, type KeySource, secretKey } from "./signing_keys.ts";
import { Tickets } from "./tickets.ts";

/** A user of the settings. */
export interface UserSettings {
  /** As `kafka-proxy hash-password` makes it. */
  readonly password: string;
  readonly roles?: readonly string[];
  readonly rights?: Rights;
}

/** The settings that say who may come in, and what they may do. */
export interface AccessSettings {
  readonly auth: string | undefined;
  readonly users: Readonly<Record<string, UserSettings>> | undefined;
  readonly roles: Readonly<Record<string, Rights>>;
  readonly jwtKey: string | undefined;
  readonly jwtSecret: string | undefined;
  readonly jwksUrl: string | undefined;
  readonly jwtIssuer: string | undefined;
  readonly jwtAudience: readonly string[];
  readonly jwtToleranceSeconds: number;
  readonly jwtRightsClaim: string;
  readonly ticketKey: string | undefined;
  readonly accessTokenInUrl: "on" | "off";
}

/**
 * Who may come in, as the settings say it now.
 *
 * After {@linkcode update} every credential that is not as it was is withdrawn: a user who is gone or
 * has another password or other rights, a changed secret, a removed key. Those it let in are told by
 * their principal's `revoked`, and so are those who came by a ticket given for it.
 */
export class Access {
  readonly tickets: Tickets;
  readonly #revocations = new Revocations();
  readonly #guard: PasswordGuard;
  #remote: { readonly url: string; readonly keys: RemoteKeys } | undefined;
  #authenticator: Authenticator;
  #asks = false;

  constructor(settings: AccessSettings, limits: GuessLimits) {
    this.#guard = new PasswordGuard(limits);
    this.tickets = new Tickets(this.#revocations);
    this.#authenticator = this.#build(settings);
  }

  /** Decides who a client is, by the settings of now. */
  get authenticator(): Authenticator {
    return this.#authenticator;
  }

  /**
   * Takes other settings over. A server that has asked for credentials does not stop to because the
   * settings have none any more: nobody is let in until it starts anew.
   */
  update(settings: AccessSettings): void {
    this.#authenticator = this.#build(settings);
  }

  #build(settings: AccessSettings): Authenticator {
    const { auth, users: given = {}, jwtIssuer, jwtAudience, jwtToleranceSeconds, jwtRightsClaim } =
      settings;
    const roles = new Map(Object.entries(settings.roles));
    const names = new Set(Object.keys(given));
    this.#guard.keep(names);
    const sources = this.#sources(settings);
    const secretId = auth === undefined ? undefined : credentialId("secret", auth);
    const users = Object.entries(given).map(([name, user]) => {
      const own = user.roles?.map((role) => roles.get(role)).filter((role) => role !== undefined);
      const rights = joinedRights([
        ...own ?? [],
        ...user.rights === undefined ? [] : [user.rights],
      ]);
      const id = credentialId("user", JSON.stringify([name, user.password, rights]));
      return { name, id, rights, password: user.password };
    });
    this.#revocations.replace([
      ...secretId === undefined ? [] : [secretId],
      ...users.map(({ id }) => id),
      ...sources.flatMap(({ credentials }) => credentials),
    ]);
    const signal = (id: string) => this.#revocations.signal(id);
    const known = users.flatMap(({ name, id, rights, password }): [string, PasswordUser][] => {
      const hash = parsePasswordHash(password);
      const principal = newPrincipal({
        name,
        rights: [rights],
        credential: id,
        revoked: signal(id),
      });
      return hash === undefined ? [] : [[name, { hash, principal }]];
    });
    this.tickets.useKey(settings.ticketKey);
    this.#asks ||= auth !== undefined || settings.users !== undefined || sources.length > 0;
    return new Authenticator({
      isRequired: this.#asks,
      shared: auth === undefined || secretId === undefined
        ? undefined
        : { secret: new SharedSecret(auth), credential: secretId, revoked: signal(secretId) },
      users: known.length === 0 ? undefined : new PasswordUsers(new Map(known), this.#guard),
      jwt: sources.length === 0 ? undefined : new JwtTokens({
        sources,
        audiences: jwtAudience,
        issuer: jwtIssuer,
        toleranceSeconds: jwtToleranceSeconds,
        rightsClaim: jwtRightsClaim,
        roles,
      }, this.#revocations),
      tickets: this.tickets,
      accessTokenInUrl: settings.accessTokenInUrl === "on",
    });
  }

  /** The address' keys are kept over an update that does not change it. */
  #sources({ jwtKey, jwtSecret, jwksUrl }: AccessSettings): KeySource[] {
    if (this.#remote?.url !== jwksUrl) {
      this.#remote = jwksUrl === undefined
        ? undefined
        : { url: jwksUrl, keys: new RemoteKeys(jwksUrl) };
    }
    const fixed = [
      ...jwtKey === undefined ? [] : readPublicKeys(jwtKey),
      ...jwtSecret === undefined ? [] : [secretKey(jwtSecret)],
    ];
    return [
      ...fixed.length === 0 ? [] : [new FixedKeys(fixed)],
      ...this.#remote === undefined ? [] : [this.#remote.keys],
    ];
  }
}

/** Another one for everything else it is made of; says nothing about it. */
function credentialId(kind: string, madeOf: string): string {
  return `${kind}:${createHash("sha256").update(madeOf).digest("base64url").slice(0, 16)}`;
}
