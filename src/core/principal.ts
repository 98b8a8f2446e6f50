/** What rights are about: reading, writing, groups, looking at the server, steering it. */
export type Operation = "consume" | "produce" | "group" | "observe" | "admin";

/** What a principal's rights leave of the server's limits; absent is the server's own. */
export interface PrincipalLimits {
  /** Most records a second to one socket. */
  readonly recordsPerSecond?: number;
  /** Most sockets at a time. */
  readonly sockets?: number;
  /** The encodings of values it may ask for. */
  readonly encodings?: readonly string[];
}

/** Who a client is, as far as it has proven it, and what it may do. */
export interface Principal {
  /** For logs, limits and rights. */
  readonly name: string;
  /** When its credentials end, in milliseconds since 1970; absent: never. */
  readonly expiresMs?: number;
  /** Aborted when the credentials are withdrawn before that; absent: they never are. */
  readonly revoked?: AbortSignal;
  readonly limits?: PrincipalLimits;
  /**
   * Whether it may do that: `consume` and `produce` with a topic's name, `group` with a group's,
   * `observe` and `admin` without.
   */
  may(operation: Operation, name?: string): boolean;
}

/** Everybody, on a server without credentials. */
export const ANONYMOUS: Principal = { name: "anonymous", may: () => true };
