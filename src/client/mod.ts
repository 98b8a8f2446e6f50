/**
 * The client library of kafka-proxy, for browsers, Deno and Node: subscriptions that outlive their
 * connections, acknowledgements, and producing.
 *
 * @module
 */
export { ClientError } from "./client_error.ts";
export type { ComebackPauses } from "./comeback.ts";
export type { ConsumedRecord } from "./consumed_record.ts";
export { type ClientOptions, KafkaProxyClient } from "./kafka_proxy_client.ts";
export type { TokenSource } from "./token_source.ts";
export {
  type Content,
  type NotProduced,
  type Produced,
  ProduceError,
  type ProduceRecord,
} from "./produce_records.ts";
export type { RecordHeader } from "./record_header.ts";
export type { SocketConstructor, SocketLike } from "./socket_like.ts";
export type { ClientState } from "./client_state.ts";
export type { Gap, SubscribeFrom, SubscribeOptions } from "./subscribe_options.ts";
export type { Subscription } from "./subscription.ts";
