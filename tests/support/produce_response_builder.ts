import { Buffer } from "node:buffer";
import type { ProduceAnswer } from "../../src/kafka/produce_request.ts";

/** A partition's part of an answer; what is left out is as in a refusal without words. */
export type ProduceAnswerInput =
  & Pick<ProduceAnswer, "topic" | "partition">
  & Partial<ProduceAnswer>;

/** A Produce response (version 3 to 8) as a broker sends it, after the correlation id. */
export function buildProduceResponse(
  version: number,
  answers: readonly ProduceAnswerInput[],
  throttledMs = 0,
): Buffer {
  const topics = Map.groupBy(answers, ({ topic }) => topic);
  const parts: Buffer[] = [int32(topics.size)];
  for (const [topic, own] of topics) {
    parts.push(string(topic), int32(own.length));
    for (const answer of own) {
      parts.push(
        int32(answer.partition),
        int16(answer.errorCode ?? 0),
        int64(answer.baseOffset ?? -1n),
        int64(answer.logAppendTimeMs ?? -1n),
      );
      if (version >= 5) parts.push(int64(0n));
      if (version < 8) continue;
      const { recordErrors = [] } = answer;
      parts.push(int32(recordErrors.length));
      for (const { index, message } of recordErrors) parts.push(int32(index), string(message));
      parts.push(string(answer.errorMessage));
    }
  }
  return Buffer.concat([...parts, int32(throttledMs)]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

function string(text: string | undefined): Buffer {
  if (text === undefined) return int16(-1);
  const bytes = Buffer.from(text);
  return Buffer.concat([int16(bytes.length), bytes]);
}
