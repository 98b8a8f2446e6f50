import { X509Certificate } from "node:crypto";
import type { Log } from "../observe/events.ts";
import { sleep } from "../stream/sleep.ts";

/** The certificate and the key of the listener, PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Where the two are. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Pause between two looks at the files, in ms. */
const LOOK_MS = 10_000;

/** Before its end a certificate is complained of for so long, in ms. */
const WARN_MS = 14 * 86_400_000;

/**
 * Reads the files. Deno cannot take a new certificate under a running listener: {@linkcode
 * CertificateWatch} says when there is one.
 *
 * @throws what reading throws
 */
export async function readCertificate(
  { certFile, keyFile }: CertificateFiles,
): Promise<ServerCertificate> {
  const [cert, key] = await Promise.all([certFile, keyFile].map((it) => Deno.readTextFile(it)));
  return { cert, key };
}

/** Looks at the files now and then, and reports a certificate that changed or comes to its end. */
export class CertificateWatch {
  readonly #files: CertificateFiles;
  readonly #served: ServerCertificate;
  readonly #events: Log;
  readonly #everyMs: number;
  readonly #stopping = new AbortController();
  #isChanged = false;
  /** Said each day once. */
  #warnedDays: number | undefined;

  constructor(
    files: CertificateFiles,
    served: ServerCertificate,
    events: Log,
    everyMs: number = LOOK_MS,
  ) {
    this.#files = files;
    this.#served = served;
    this.#events = events;
    this.#everyMs = everyMs;
  }

  /** Looks until {@linkcode stop}. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    this.#checkEnd();
    while (!signal.aborted) {
      await sleep(this.#everyMs, signal);
      if (!signal.aborted) await this.#look();
    }
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #look(): Promise<void> {
    this.#checkEnd();
    const { certFile: file } = this.#files;
    try {
      const { cert, key } = await readCertificate(this.#files);
      const isChanged = cert !== this.#served.cert || key !== this.#served.key;
      if (isChanged && !this.#isChanged) this.#events.emit("certificate_changed", { file });
      this.#isChanged = isChanged;
    } catch {
      // It is being written, or gone: what is served goes on, and the next look tells.
    }
  }

  #checkEnd(): void {
    const endMs = endOf(this.#served.cert);
    const leftMs = endMs - Date.now();
    if (leftMs > WARN_MS) return;
    const days = Math.floor(leftMs / 86_400_000);
    if (days === this.#warnedDays) return;
    this.#warnedDays = days;
    this.#events.emit("certificate_ends", { file: this.#files.certFile, days });
  }
}

/** When it ends, in ms since 1970; never, for what cannot be read. */
function endOf(pem: string): number {
  try {
    const endMs = Date.parse(new X509Certificate(pem).validTo);
    return Number.isNaN(endMs) ? Infinity : endMs;
  } catch {
    return Infinity;
  }
}
