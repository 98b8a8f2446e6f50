/**
 * kafka-proxy: Kafka topics over WebSockets.
 *
 * @module
 */
export { KafkaProxy, type ProxyHooks } from "./server/kafka_proxy.ts";
export type { UserSetting } from "./config/access_kinds.ts";
export type { LibraryOptions } from "./config/library_options.ts";
export type { Rights } from "./core/rights.ts";
export type { LogFormat, LogLevelSetting, SaslMechanism } from "./config/settings.ts";
export { installSafetyNets } from "./server/safety_nets.ts";
export type { EventLog, EventLogOptions, OnEvent } from "./observe/log.ts";
export {
  type DeclaredField,
  EVENT_TABLE,
  type EventFields,
  type EventLevel,
  type EventName,
  type EventRow,
  type FieldInput,
  type FieldValue,
  type Log,
} from "./observe/events.ts";
