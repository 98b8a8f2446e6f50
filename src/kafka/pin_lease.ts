import type { Lease, Pin } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { Moment } from "../stream/moment.ts";
import { sleep } from "../stream/sleep.ts";
import { Ticker } from "../stream/ticker.ts";
import { subscription } from "./assignors.ts";
import { claimClientId, type ClaimId, isNewer, newClaim, readClaim } from "./claim_id.ts";
import type { GroupCoordinators } from "./group_coordinators.ts";
import type { GroupLook, GroupLooks, MemberInfo } from "./group_looks.ts";
import { Membership, takeOut } from "./membership.ts";

/** How leases are named and paced. */
export interface LeaseOptions {
  /** Leases live in groups named `<prefix><group>:<topic>:<partition>`. */
  readonly prefix: string;
  readonly clientId: string;
}

/** A holder proves so often that it lives and nobody newer is there, in ms. */
const BEAT_MS = 250;

/**
 * A lease is sure for so long after its last proof, in ms. Less than {@linkcode EVICT_MS}: a
 * process that was stopped and wakes up doubts before anybody could have taken its place.
 */
const SURE_MS = 1_250;

/**
 * An older holder gets so long to hand over before it counts as dead and is taken out, in ms,
 * counted from when the newcomer can be seen: the holder's last proof is from before that.
 */
const EVICT_MS = 1_600;

/** Pause between two looks at who is still there, in ms. */
const LOOK_MS = 50;

/** The same, until the look finds us, which takes no longer than to connect and to ask to join. */
const FIRST_LOOK_MS = 5;

const SESSION_TIMEOUT_MS = 10_000;

/** The beats of all leases of this process: they look at their groups together. */
const BEATS = new Ticker(BEAT_MS);

/** The lease's group as its coordinator shows it. */
interface Look {
  readonly others: readonly MemberInfo[];
  /** Whether we are in it: whoever comes now finds us. */
  readonly isShown: boolean;
}

/**
 * The claim of one process on one pin, against all others: membership in a Kafka group of its own.
 *
 * Whoever is shown alone there by the coordinator holds the pin. A newcomer asks to join and looks
 * until it is shown, which does not wait for the broker's delays; then the newest claim has it. An
 * older holder finds the newer claim at its next beat, hands over and leaves, or is dead and gets
 * taken out.
 *
 * Never two at a time: of two who are shown, the older claim gives way, and who is not shown does
 * not hold. A holder that was taken out alive has stopped before: its last proof is older than
 * {@linkcode SURE_MS}, because at each proof the newcomer was not there yet, and the newcomer waits
 * for {@linkcode EVICT_MS} from when it was. Only that the clocks run alike is taken on trust.
 */
export class PinLease implements Lease {
  readonly lost: Promise<ProxyError>;
  readonly #pin: Pin;
  readonly #group: string;
  readonly #coordinators: GroupCoordinators;
  readonly #looks: GroupLooks;
  readonly #options: LeaseOptions;
  readonly #ending = new AbortController();
  readonly #waiting = new Set<() => void>();
  readonly #doubting = new Set<() => void>();
  #settleLost!: (error: ProxyError) => void;
  #lostError: ProxyError | undefined;
  #claim: ClaimId | undefined;
  #membership: Membership | undefined;
  #isJoined = false;
  #beating: Promise<void> | undefined;
  #stopBeats = () => {};
  /** When the last proof was asked for that came back well; undefined after we were out. */
  #proven: Moment | undefined;
  #doubts = 0;
  #isDoubtNew = false;

  constructor(
    pin: Pin,
    coordinators: GroupCoordinators,
    looks: GroupLooks,
    options: LeaseOptions,
  ) {
    this.#pin = pin;
    this.#group = leaseGroup(pin, options.prefix);
    this.#coordinators = coordinators;
    this.#looks = looks;
    this.#options = options;
    this.lost = new Promise((resolve) => this.#settleLost = resolve);
  }

  /** For a while after a loss too: a newcomer waits for the older holder to commit. */
  get isSure(): boolean {
    return this.#proven !== undefined && this.#proven.ageMs < SURE_MS;
  }

  get isLost(): boolean {
    return this.#lostError !== undefined;
  }

  get doubts(): number {
    return this.#doubts;
  }

  /** Calls back after each doubt, when the lease is sure again; returns how to end that. */
  onDoubt(listener: () => void): () => void {
    this.#doubting.add(listener);
    return () => this.#doubting.delete(listener);
  }

  /** Resolves when the pin is ours. */
  async acquire(): Promise<void> {
    const { others } = await this.#look();
    this.#checkEnding();
    const claim = this.#claim = newClaim(claimsOf(others), Date.now());
    const membership = this.#membership = new Membership(this.#coordinators, {
      group: this.#group,
      clientId: claimClientId(this.#options.clientId, claim),
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: SESSION_TIMEOUT_MS,
      protocols: [{ name: "range", metadata: subscription([this.#pin.topic]) }],
    });
    void this.#join(membership);
    this.#proven = await this.#untilAlone(claim);
    this.#checkEnding();
    this.#stopBeats = BEATS.every(() => void this.#beat());
  }

  /** Looks now whether it still holds, for a user that may be newer than whoever has taken it. */
  async confirm(): Promise<void> {
    await this.#beating;
    await this.#beat();
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
    this.#stopBeats();
    this.#wake();
    await this.#membership?.leave();
  }

  /** Joins in the background; the coordinator shows us as soon as the request is there. */
  async #join(membership: Membership): Promise<void> {
    this.#isJoined = false;
    try {
      await membership.join((_protocol, members) =>
        Promise.resolve(members.map(({ memberId }) => ({ memberId, memberAssignment: NOTHING })))
      );
      this.#isJoined = true;
    } catch (error) {
      if (!this.#ending.signal.aborted) this.#lose(ProxyError.from(error));
    }
  }

  /** Returns when the look began that found us, and nobody else. */
  async #untilAlone(claim: ClaimId): Promise<Moment> {
    let shown: Moment | undefined;
    for (;;) {
      const start = new Moment();
      const { others, isShown } = await this.#look();
      this.#checkEnding();
      this.#checkNewer(others, claim);
      if (this.#lostError !== undefined) throw this.#lostError;
      if (isShown && others.length === 0) return start;
      if (isShown) shown ??= new Moment();
      if (shown !== undefined && shown.ageMs > EVICT_MS) {
        await Promise.all(
          others.map(({ memberId }) => takeOut(this.#coordinators, this.#group, memberId)),
        );
      } else await sleep(isShown ? LOOK_MS : FIRST_LOOK_MS, this.#ending.signal);
    }
  }

  /** Proves the lease, or finds that it is gone. Failures leave it in doubt until the next one. */
  #beat(): Promise<void> {
    if (this.#ending.signal.aborted || this.isLost) return Promise.resolve();
    return this.#beating ??= this.#beatOnce();
  }

  async #beatOnce(): Promise<void> {
    const sent = new Moment();
    const isJoined = this.#isJoined;
    try {
      const group = await this.#looks.look(this.#group);
      const isAlone = isJoined && group.members.length === 1;
      const holds = isAlone && this.#membership!.isSettled(group) ||
        await this.#holds(group, isJoined);
      if (holds && !this.#ending.signal.aborted) this.#prove(sent);
    } catch {
      // Kafka did not answer: the lease is in doubt until it does.
    } finally {
      this.#beating = undefined;
    }
  }

  /** Whether we are in the group, where newcomers see us, and no newer one is. */
  async #holds(group: GroupLook, isJoined: boolean): Promise<boolean> {
    const membership = this.#membership!;
    const { others, isShown } = this.#sort(group);
    // Somebody took us out, or Kafka forgot us. Whether that one has been and gone, only the
    // committed positions can tell: the doubt makes sessions compare them.
    if (isJoined && !isShown) this.#proven = undefined;
    this.#checkNewer(others, this.#claim!);
    if (this.isLost || this.#ending.signal.aborted) return false;
    if (!isJoined) return isShown;
    const state = await membership.stay(group);
    if (state === "ok") return isShown;
    if (this.#ending.signal.aborted) return false;
    if (state === "lost") membership.reset();
    void this.#join(membership).then(() => this.#beat());
    return state === "rebalance";
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

  #checkEnding(): void {
    if (this.#ending.signal.aborted) throw new ProxyError("leaving", "The session has ended");
  }

  #prove(sent: Moment): void {
    if (this.#proven === undefined || sent.since(this.#proven) >= SURE_MS) {
      this.#doubts++;
      this.#isDoubtNew = true;
    }
    this.#proven = sent;
    if (!this.isSure) return; // the answer took too long
    this.#wake();
    if (!this.#isDoubtNew) return;
    this.#isDoubtNew = false;
    for (const listener of [...this.#doubting]) listener();
  }

  #lose(error: ProxyError): void {
    if (this.isLost) return;
    this.#lostError = error;
    this.#stopBeats();
    this.#settleLost(error);
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  async #look(): Promise<Look> {
    return this.#sort(await this.#looks.look(this.#group));
  }

  #sort({ members }: GroupLook): Look {
    const own = this.#membership?.clientId;
    const others = members.filter(({ clientId }) => clientId !== own);
    return { others, isShown: others.length < members.length };
  }
}

const NOTHING = subscription([]).subarray(0, 0);

/** The group that stands for a pin; names of groups and topics may have dots, but no colons. */
export function leaseGroup({ group, topic, partition }: Pin, prefix: string): string {
  return `${prefix}${group}:${topic}:${partition}`;
}

function claimsOf(members: readonly MemberInfo[]): ClaimId[] {
  return members.map(({ clientId }) => readClaim(clientId)).filter((claim) => claim !== undefined);
}
