import { v2BinaryFormatKey, V2BinaryFrameEncoder } from "../protocol/v2_binary_frames.ts";
import { v2FormatKey, V2FrameEncoder } from "../protocol/v2_frames.ts";
import type { V2Encoding, V2Field } from "../protocol/v2_requests.ts";
import type { FrameFormat } from "./frame_pump.ts";

/** What the frames of one topic of a subscription look like. */
export interface V2Shape {
  readonly isBinary: boolean;
  readonly subscription: number;
  /** Of the topic among those of the subscription. */
  readonly topicIndex: number;
  readonly encoding: V2Encoding;
  readonly fields: readonly V2Field[];
  readonly maxBytes: number;
  readonly maxRecords: number;
}

/**
 * The frames of v2, as a pump asks for them. The subscription's number is part of them, so that they
 * are shared by subscribers that have the same number, shape and topics, which most have.
 */
export function v2FrameFormat(shape: V2Shape): FrameFormat {
  const { isBinary, maxRecords, fields, ...rest } = shape;
  const common = {
    ...rest,
    key: fields.includes("key"),
    timestamp: fields.includes("timestamp"),
    headers: fields.includes("headers"),
  };
  const key = isBinary ? v2BinaryFormatKey : v2FormatKey;
  const Encoder = isBinary ? V2BinaryFrameEncoder : V2FrameEncoder;
  return {
    key: (frameBytes) => key({ ...common, frameBytes, maxRecords }),
    encoder: (chunk, from, frameBytes, mostRecords) =>
      new Encoder(chunk, from, {
        ...common,
        frameBytes,
        get maxRecords() {
          return mostRecords === undefined ? maxRecords : Math.min(maxRecords, mostRecords());
        },
      }),
  };
}
