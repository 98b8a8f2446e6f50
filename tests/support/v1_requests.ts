import { parseV1Request, type V1Request } from "../../src/protocol/v1_request.ts";
import { TOPIC } from "./array_reader.ts";

/** A v1 client's request for the fake cluster's topic, from the rest of its query. */
export function v1Request(query: string): V1Request {
  const url = new URL(`ws://127.0.0.1:9999/?${query}`);
  if (!url.searchParams.has("topic")) url.searchParams.set("topic", TOPIC);
  return parseV1Request(url, {
    defaultPartition: 0,
    maxBytes: 500_000,
    idleTimeoutMs: 0,
    rate: undefined,
  });
}
