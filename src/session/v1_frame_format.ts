import { type V1Format, v1FormatKey, V1FrameEncoder } from "../protocol/v1_frames.ts";
import type { FrameFormat } from "./frame_pump.ts";

/** The frames of v1, as a pump asks for them; a v1 client has no credit to keep to. */
export function v1FrameFormat(shape: Omit<V1Format, "frameBytes">): FrameFormat {
  return {
    key: (frameBytes) => v1FormatKey({ ...shape, frameBytes }),
    encoder: (chunk, from, frameBytes) => new V1FrameEncoder(chunk, from, { ...shape, frameBytes }),
  };
}
