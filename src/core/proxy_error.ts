import { ERROR_TABLE, type ErrorCode, type ErrorRow } from "./error_table.ts";

/**
 * The one error a client can see: a `code` of the table, and a message that names the value that
 * was wrong and what would be right.
 *
 * @example
 * ```ts
 * import { ProxyError } from "./proxy_error.ts";
 *
 * const error = new ProxyError("unknown_topic", `Cannot read "ordres": no such topic`);
 * console.assert(error.row.status === 404);
 * ```
 */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
  /** Row of the error table. */
  readonly code: ErrorCode;
  /** What a program may want to know beside the message: the valid range of offsets, say. */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }

  /** Status, close code and meaning of {@linkcode code}. */
  get row(): ErrorRow {
    return ERROR_TABLE[this.code];
  }

  /** The error itself when it already is one of ours, otherwise `internal` around it. */
  static from(error: unknown): ProxyError {
    if (error instanceof ProxyError) return error;
    return new ProxyError("internal", "The server failed; its log says why", { cause: error });
  }
}
