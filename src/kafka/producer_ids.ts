import type { BatchIdentity } from "./batch_encoder.ts";
import type { ClusterClient } from "./cluster_client.ts";
import { kafkaError } from "./kafka_error.ts";

/** A partition's numbers end here (i16 and i32 on the wire). */
const LAST_EPOCH = 0x7fff;
export const LAST_SEQUENCE = 0x7fffffff;

interface InitProducerIdAnswer {
  readonly errorCode: number;
  readonly producerId: string;
}

/**
 * The producer id of this process, under which each partition counts epochs and sequence numbers of
 * its own: a broker keeps them by partition too, and without transactions nobody else does (KIP-98,
 * KIP-360).
 */
export class ProducerIds {
  readonly #cluster: ClusterClient;
  #current: bigint | undefined;
  #firstEpoch = 0;
  #asking: Promise<void> | undefined;

  constructor(cluster: ClusterClient) {
    this.#cluster = cluster;
  }

  /** Whether {@linkcode first} can be called. */
  get isReady(): boolean {
    return this.#current !== undefined;
  }

  /**
   * Asks for an id if there is none.
   *
   * @throws {ProxyError} `forbidden`, `kafka_unavailable`
   */
  ask(): Promise<void> {
    if (this.isReady) return Promise.resolve();
    return this.#asking ??= this.#ask().finally(() => this.#asking = undefined);
  }

  /** What a partition that has no numbers begins with. */
  first(): BatchIdentity {
    if (this.#current === undefined) throw new TypeError("Cannot number a batch: no producer id");
    return { producerId: this.#current, epoch: this.#firstEpoch, sequence: 0 };
  }

  /**
   * What follows when a batch with these numbers may not be followed by the next: a later epoch,
   * which also keeps that batch out, should it still be under way. `undefined` when a new producer
   * id has to be asked for.
   */
  after({ producerId, epoch }: BatchIdentity): BatchIdentity | undefined {
    if (epoch < LAST_EPOCH) return { producerId, epoch: epoch + 1, sequence: 0 };
    this.#retire(producerId);
    return undefined;
  }

  /** A partition's numbers are forgotten, so none may begin with them again. */
  forget({ producerId, epoch }: BatchIdentity): void {
    if (producerId !== this.#current) return;
    this.#firstEpoch = Math.max(this.#firstEpoch, epoch + 1);
    if (this.#firstEpoch > LAST_EPOCH) this.#retire(producerId);
  }

  #retire(producerId: bigint): void {
    if (producerId === this.#current) this.#current = undefined;
  }

  async #ask(): Promise<void> {
    const answer = await this.#cluster.any((link) =>
      link.send<InitProducerIdAnswer>("InitProducerId", {
        transactionalId: null,
        transactionTimeout: 60_000,
      })
    );
    if (answer.errorCode !== 0) {
      throw kafkaError(answer.errorCode, "Cannot write: no producer id (right IdempotentWrite)");
    }
    this.#current = BigInt(answer.producerId);
    this.#firstEpoch = 0;
  }
}
