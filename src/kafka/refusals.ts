import { ProxyError } from "../core/proxy_error.ts";
import { Backoff } from "../stream/backoff.ts";

/** Pauses before the same credentials are shown to the same broker again, in ms. */
const FIRST_PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 30_000;

interface Refusal {
  fingerprint: string;
  error: ProxyError;
  untilMs: number;
  readonly backoff: Backoff;
}

/**
 * Brokers that have refused our credentials. The same credentials are not shown to them again
 * before a pause that grows, however many sessions ask: a directory behind Kafka may lock an account
 * after some failures. Other credentials are tried at once.
 */
export class Refusals {
  readonly #refused = new Map<string, Refusal>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Addresses of brokers that have refused us, and not taken us since. */
  get addresses(): string[] {
    return [...this.#refused.keys()];
  }

  /**
   * What `connect` gives, unless the same credentials were refused there a moment ago.
   *
   * @throws {ProxyError} `kafka_auth_failed`, now or again; what `connect` throws otherwise
   */
  async pass<T>(address: string, fingerprint: string, connect: () => Promise<T>): Promise<T> {
    const before = this.#refused.get(address);
    if (before?.fingerprint === fingerprint && this.#nowMs() < before.untilMs) throw before.error;
    try {
      const connected = await connect();
      this.#refused.delete(address);
      return connected;
    } catch (cause) {
      const reason = refusedBecause(cause);
      if (reason === undefined) {
        // It cannot be reached, or is no broker any more: nothing is known of our credentials.
        this.#refused.delete(address);
        throw cause;
      }
      const error = new ProxyError(
        "kafka_auth_failed",
        `The broker at ${address} does not accept this server's credentials: ${reason}`,
        { cause },
      );
      this.#refuse(address, fingerprint, error);
      throw error;
    }
  }

  #refuse(address: string, fingerprint: string, error: ProxyError): void {
    const before = this.#refused.get(address);
    const isSame = before?.fingerprint === fingerprint;
    const backoff = isSame ? before.backoff : new Backoff(FIRST_PAUSE_MS, MOST_PAUSE_MS);
    const untilMs = this.#nowMs() + backoff.next();
    this.#refused.set(address, { fingerprint, error, untilMs, backoff });
  }
}

/** Error types of Kafka's that mean it (Kafka protocol guide, "Error Codes"). */
const REFUSED = new Set([
  "SASL_AUTHENTICATION_FAILED",
  "UNSUPPORTED_SASL_MECHANISM",
  "ILLEGAL_SASL_STATE",
]);

/** Alerts of a TLS peer about our certificate (RFC 8446 section 6.2), as rustls names them. */
const ALERT =
  /alert: (BadCertificate|UnsupportedCertificate|CertificateRevoked|CertificateExpired|CertificateUnknown|UnknownCA|AccessDenied|CertificateRequired)/;

function refusedBecause(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message, type } = error as Error & { type?: string };
  const isRefused = name === "KafkaJSSASLAuthenticationError" || REFUSED.has(type ?? "") ||
    ALERT.test(message);
  return isRefused ? message : undefined;
}
