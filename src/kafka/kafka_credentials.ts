import { createHash } from "node:crypto";
import type { KafkaSecurity } from "../config/kafka_security.ts";
import { type SaslOptions, type SaslProvider, saslProviders } from "./kafkajs_internals.ts";
import { type ReadText, SecretFile } from "./secret_file.ts";

/** What one connection shows, and what it trusts. */
export interface Access {
  /** Options of `node:tls`; absent is plain text. */
  readonly tls?: Readonly<Record<string, string>>;
  /** Absent: brokers do not ask. */
  readonly sasl?: SaslOptions;
  /** Differs when anything of it does. */
  readonly fingerprint: string;
}

/**
 * Our credentials at the brokers, as the files have them now: they are read again for each
 * connection, and secrets for each authentication of a connection too (KIP-368), so that what was
 * changed is taken up without a restart.
 */
export class KafkaCredentials {
  readonly #tls: Readonly<Record<string, SecretFile>> | undefined;
  readonly #sasl: KafkaSecurity["sasl"];
  readonly #secretFile: SecretFile | undefined;
  readonly #onSecret: (secret: string) => void;

  /** @param onSecret told every secret before it is used, for whoever keeps it out of the log */
  constructor(
    { tls, sasl }: KafkaSecurity,
    onSecret: (secret: string) => void = () => {},
    readText: ReadText = (path) => Deno.readTextFile(path),
  ) {
    const files = { ca: tls?.caFile, cert: tls?.certFile, key: tls?.keyFile };
    this.#tls = tls && Object.fromEntries(
      Object.entries(files).flatMap(([name, path]) =>
        path === undefined ? [] : [[name, new SecretFile(path, FILES[name], readText)]]
      ),
    );
    this.#sasl = sasl;
    const secretPath = sasl?.passwordFile ?? sasl?.tokenFile;
    if (secretPath !== undefined) {
      const what = sasl?.tokenFile === undefined ? FILES.password : FILES.token;
      this.#secretFile = new SecretFile(secretPath, what, readText);
    }
    this.#onSecret = onSecret;
  }

  /**
   * What a connection that is made now shows.
   *
   * @throws {ProxyError} `kafka_auth_failed` when a file cannot be read and never could
   */
  async access(): Promise<Access> {
    const tls: Record<string, string> = {};
    for (const [name, file] of Object.entries(this.#tls ?? {})) tls[name] = await file.text();
    const sasl = this.#sasl;
    const secret = sasl === undefined ? "" : await this.#secret();
    const all = JSON.stringify([tls, sasl?.mechanism, sasl?.user, secret]);
    return {
      ...(this.#tls !== undefined && { tls }),
      ...(sasl !== undefined && { sasl: this.#saslOptions(sasl) }),
      fingerprint: createHash("sha256").update(all).digest("base64"),
    };
  }

  /** KafkaJS keeps the options and asks the provider each time it authenticates. */
  #saslOptions({ mechanism, user }: NonNullable<KafkaSecurity["sasl"]>): SaslOptions {
    const authenticationProvider: SaslProvider = (exchange) => ({
      authenticate: async () => {
        const secret = await this.#secret();
        const provider = saslProviders[mechanism]({
          mechanism,
          username: user,
          password: secret,
          oauthBearerProvider: () => Promise.resolve({ value: secret }),
        });
        await provider(exchange).authenticate();
      },
    });
    return { mechanism, authenticationProvider };
  }

  async #secret(): Promise<string> {
    const secret = await this.#secretFile?.text() ?? this.#sasl?.password ?? "";
    this.#onSecret(secret);
    return secret;
  }
}

const FILES: Readonly<Record<string, string>> = {
  ca: "the file of trusted certificates",
  cert: "the certificate's file",
  key: "the private key's file",
  password: "the password's file",
  token: "the token's file",
};
