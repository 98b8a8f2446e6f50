/**
 * kafka-proxy: Kafka topics over WebSockets.
 *
 * @module
 */
export { KafkaProxy, type ProxyHooks } from "./server/kafka_proxy.ts";
export type { LibraryOptions } from "./config/library_options.ts";
export { installSafetyNets } from "./server/safety_nets.ts";
