import type { Lease, Pin } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { sleep } from "../stream/sleep.ts";
import { subscription } from "./assignors.ts";
import { claimClientId, type ClaimId, isNewer, newClaim, readClaim } from "./claim_id.ts";
import type { GroupCoordinators } from "./group_coordinators.ts";
import { describeMembers, type MemberInfo } from "./group_positions.ts";
import { Membership, takeOut } from "./membership.ts";

/** How leases are named and paced. */
export interface LeaseOptions {
  /** Leases live in groups named `<prefix><group>.<topic>.<partition>`. */
  readonly prefix: string;
  readonly clientId: string;
}

/** A holder proves so often that it lives and nobody newer is there, in ms. */
const BEAT_MS = 500;

/**
 * A lease is sure for so long after its last proof, in ms. Less than {@linkcode EVICT_MS}: a
 * process that was stopped and wakes up doubts before anybody could have taken its place.
 */
const SURE_MS = 1_500;

/** An older holder gets so long to hand over before it counts as dead and is taken out, in ms. */
const EVICT_MS = 2_000;

/** Pause between two looks at who is still there, in ms. */
const LOOK_MS = 50;

const SESSION_TIMEOUT_MS = 10_000;

/**
 * The claim of one process on one pin, against all others: membership in a Kafka group of its own.
 *
 * Whoever is alone there, by what the coordinator shows, holds the pin. A newcomer finds nobody and
 * starts at once, joining in the background; or it joins, which makes the holder look, and waits
 * until the holder has gone, or is dead and gets taken out. A holder that finds a newer claim than
 * its own has lost.
 */
export class PinLease implements Lease {
  readonly lost: Promise<ProxyError>;
  readonly #pin: Pin;
  readonly #group: string;
  readonly #coordinators: GroupCoordinators;
  readonly #options: LeaseOptions;
  readonly #ending = new AbortController();
  readonly #waiting = new Set<() => void>();
  #settleLost!: (error: ProxyError) => void;
  #lostError: ProxyError | undefined;
  #claim: ClaimId | undefined;
  #membership: Membership | undefined;
  #isJoined = false;
  #isBeating = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** When the last proof was asked for that came back well. */
  #provenMs = -Infinity;
  #doubts = 0;

  constructor(pin: Pin, coordinators: GroupCoordinators, options: LeaseOptions) {
    this.#pin = pin;
    this.#group = leaseGroup(pin, options.prefix);
    this.#coordinators = coordinators;
    this.#options = options;
    this.lost = new Promise((resolve) => this.#settleLost = resolve);
  }

  /** For a while after a loss too: a newcomer waits for the older holder to commit. */
  get isSure(): boolean {
    return performance.now() - this.#provenMs < SURE_MS;
  }

  get isLost(): boolean {
    return this.#lostError !== undefined;
  }

  get doubts(): number {
    return this.#doubts;
  }

  /** Resolves when the pin is ours. */
  async acquire(): Promise<void> {
    const startMs = performance.now();
    const seen = await this.#others();
    const claim = this.#claim = newClaim(claimsOf(seen), Date.now());
    const membership = this.#membership = new Membership(this.#coordinators, {
      group: this.#group,
      clientId: claimClientId(this.#options.clientId, claim),
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: SESSION_TIMEOUT_MS,
      protocols: [{ name: "range", metadata: subscription(this.#pin.topic) }],
    });
    this.#join(membership);
    this.#provenMs = seen.length === 0 ? startMs : await this.#untilAlone(startMs, claim);
    if (this.#ending.signal.aborted) return;
    this.#timer = setInterval(() => void this.#beat(membership, claim), BEAT_MS);
  }

  async sure(signal: AbortSignal): Promise<void> {
    if (this.isSure || this.isLost || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        signal.removeEventListener("abort", end);
        this.#waiting.delete(end);
        resolve();
      };
      signal.addEventListener("abort", end);
      this.#waiting.add(end);
    });
  }

  async release(): Promise<void> {
    this.#ending.abort();
    clearInterval(this.#timer);
    this.#wake();
    await this.#membership?.leave();
  }

  /** Joins in the background; the coordinator shows us as soon as the request is there. */
  #join(membership: Membership): void {
    this.#isJoined = false;
    membership.join((_protocol, members) =>
      Promise.resolve(members.map(({ memberId }) => ({ memberId, memberAssignment: NOTHING })))
    ).then(
      () => this.#isJoined = true,
      (error) => {
        if (!this.#ending.signal.aborted) this.#lose(ProxyError.from(error));
      },
    );
  }

  /** Returns when the look began that found nobody else. */
  async #untilAlone(startMs: number, claim: ClaimId): Promise<number> {
    for (;;) {
      const lookMs = performance.now();
      const others = await this.#others();
      this.#checkNewer(others, claim);
      if (this.#lostError !== undefined) throw this.#lostError;
      if (this.#ending.signal.aborted) throw new ProxyError("leaving", "The session has ended");
      if (others.length === 0) return lookMs;
      if (performance.now() - startMs > EVICT_MS) {
        await Promise.all(
          others.map(({ memberId }) => takeOut(this.#coordinators, this.#group, memberId)),
        );
      }
      await sleep(LOOK_MS, this.#ending.signal);
    }
  }

  /** Proves the lease, or finds that it is gone. Failures leave it in doubt until the next one. */
  async #beat(membership: Membership, claim: ClaimId): Promise<void> {
    if (this.#isBeating || this.#ending.signal.aborted || this.isLost) return;
    this.#isBeating = true;
    const sentMs = performance.now();
    try {
      const state = this.#isJoined ? await membership.heartbeat() : "joining";
      if (state !== "ok") await this.#look(state, membership, claim);
      if (!this.isLost && !this.#ending.signal.aborted) this.#prove(sentMs);
    } catch {
      // Kafka did not answer: the lease is in doubt until it does.
    } finally {
      this.#isBeating = false;
    }
  }

  /** Something is going on in the group: sees who is there, and joins again if we may stay. */
  async #look(
    state: "rebalance" | "lost" | "joining",
    membership: Membership,
    claim: ClaimId,
  ): Promise<void> {
    this.#checkNewer(await this.#others(), claim);
    if (this.isLost || state === "joining") return;
    if (state === "lost") {
      // Somebody took us out, or Kafka forgot us. Whether that one has been and gone, only the
      // committed positions can tell: the doubt makes sessions compare them.
      this.#doubts++;
      membership.reset();
    }
    this.#join(membership);
  }

  #checkNewer(others: readonly MemberInfo[], own: ClaimId): void {
    if (!claimsOf(others).some((claim) => isNewer(claim, own))) return;
    const { group, topic, partition } = this.#pin;
    this.#lose(
      new ProxyError(
        "taken_over",
        `taken over: a newer client reads "${topic}" partition ${partition} for group "${group}"`,
      ),
    );
  }

  #prove(sentMs: number): void {
    if (sentMs - this.#provenMs >= SURE_MS) this.#doubts++;
    this.#provenMs = sentMs;
    if (this.isSure) this.#wake();
  }

  #lose(error: ProxyError): void {
    if (this.isLost) return;
    this.#lostError = error;
    clearInterval(this.#timer);
    this.#settleLost(error);
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  async #others(): Promise<MemberInfo[]> {
    const members = await describeMembers(this.#coordinators, this.#group);
    const own = this.#claim?.nonce;
    return members.filter(({ clientId }) =>
      own === undefined || readClaim(clientId)?.nonce !== own
    );
  }
}

const NOTHING = subscription("").subarray(0, 0);

/** The group that stands for a pin. */
export function leaseGroup({ group, topic, partition }: Pin, prefix: string): string {
  return `${prefix}${group}.${topic}.${partition}`;
}

function claimsOf(members: readonly MemberInfo[]): ClaimId[] {
  return members.map(({ clientId }) => readClaim(clientId)).filter((claim) => claim !== undefined);
}
