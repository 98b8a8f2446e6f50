/**
 * A claim on a pin, as it stands in the client id of its member, where `DescribeGroups` shows it in
 * every state of the group: `<client>.claim.<epoch>.<nonce>`.
 *
 * Epochs count like the clock, in ms since 1970, but always past the highest that was seen: the
 * newest claim has the highest one, whatever the clocks say.
 */
export interface ClaimId {
  readonly epoch: number;
  /** Tells claims of the same millisecond apart. */
  readonly nonce: string;
}

/** A claim above all of `seen`. */
export function newClaim(seen: readonly ClaimId[], nowMs: number): ClaimId {
  const highest = seen.reduce((most, { epoch }) => Math.max(most, epoch), 0);
  return { epoch: Math.max(nowMs, highest + 1), nonce: crypto.randomUUID().slice(0, 8) };
}

/** The client id that carries a claim. */
export function claimClientId(client: string, { epoch, nonce }: ClaimId): string {
  return `${client}.claim.${epoch}.${nonce}`;
}

/** The claim in a client id; undefined for members that are not ours. */
export function readClaim(clientId: string): ClaimId | undefined {
  const found = /\.claim\.(\d{1,15})\.([0-9a-f]{8})$/.exec(clientId);
  return found === null ? undefined : { epoch: Number(found[1]), nonce: found[2] };
}

/** Whether one claim beats another. */
export function isNewer(one: ClaimId, other: ClaimId): boolean {
  return one.epoch > other.epoch || (one.epoch === other.epoch && one.nonce > other.nonce);
}
