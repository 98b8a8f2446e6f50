import { ProxyError } from "../../core/proxy_error.ts";

/**
 * The error for input that no compressor writes: truncated, or contradicting itself.
 *
 * @param state what was found, and where it helps, what would be right
 */
export function corruptBatch(codec: string, state: string, cause?: unknown): ProxyError {
  return new ProxyError("corrupt_batch", `Cannot decompress a ${codec} batch: ${state}`, { cause });
}

/** The error for output over the limit, found out before that output is held. */
export function batchTooLarge(codec: string, maxBytes: number): ProxyError {
  return new ProxyError(
    "batch_too_large",
    `Cannot decompress a ${codec} batch: it is larger than the limit of ${maxBytes} bytes`,
    { details: { maxBytes } },
  );
}
