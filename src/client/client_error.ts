/**
 * What goes wrong with a client, a subscription or a produce.
 *
 * `code` is one of the server's error table (`unknown_topic`, `forbidden`, ...), or one of the
 * client's own: `closed` (the connection is over for good, {@linkcode closeCode} says why),
 * `aborted` (a signal), `gap` (records are missing and nobody asked to be told), `bad_frame` (the
 * server said what this client does not understand).
 */
export class ClientError extends Error {
  /** Always `ClientError`, or the name of a class below it. */
  override name = "ClientError";
  /** What went wrong, for programs. */
  readonly code: string;
  /** The close code that ended the connection, where one did. */
  readonly closeCode: number | undefined;

  /** Takes a code, and a message for people. */
  constructor(
    code: string,
    message: string,
    options: { closeCode?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.closeCode = options.closeCode;
  }
}

/** A wait was ended by the caller's signal; its reason is the cause. */
export function aborted(signal: AbortSignal): ClientError {
  return new ClientError("aborted", "Aborted by the caller's signal", { cause: signal.reason });
}
