import { ProxyError } from "../core/proxy_error.ts";
import { quoted } from "../core/quoted.ts";
import { nearName } from "./near_name.ts";

/** A JSON object as it came from a client. */
export type FrameObject = Readonly<Record<string, unknown>>;

/** How a value of a frame is read. */
export interface Kind<T> {
  /** What would be right, for the message. */
  readonly wanted: string;
  /** The value of a piece of JSON, `undefined` when it has none. */
  readonly parse: (value: unknown) => T | undefined;
  /** The value is not shown in messages. */
  readonly isSecret?: boolean;
}

/** A field: its kind, and what stands for its absence. */
export interface FrameField<T> extends Kind<T> {
  readonly isRequired: boolean;
  readonly absent?: T;
}

/** The fields of an object by their names on the wire. */
export type FrameFields<T> = { readonly [Name in keyof T]-?: FrameField<T[Name]> };

/** A field that must be there. */
export function required<T>(kind: Kind<T>): FrameField<T> {
  return { ...kind, isRequired: true };
}

/** A field whose absence is `undefined`. */
export function optional<T>(kind: Kind<T>): FrameField<T | undefined> {
  return { ...kind, isRequired: false };
}

/** A field with a value for its absence. */
export function defaulted<T>(kind: Kind<T>, absent: T): FrameField<T> {
  return { ...kind, isRequired: false, absent };
}

/** Reads the objects of one frame; what is wrong with them is an error that names the frame's id. */
export class FrameReader {
  readonly #type: string | undefined;
  readonly #id: number | undefined;

  /** @param type the frame's type, once it is known to be one */
  constructor(id: number | undefined, type?: string) {
    this.#id = id;
    this.#type = type;
  }

  /**
   * The values of all fields. A field that is not among them is an error.
   *
   * @param index place among the records, for messages
   * @throws {ProxyError} `bad_frame`
   */
  read<T>(object: FrameObject, fields: FrameFields<T>, index?: number): T {
    for (const name in object) {
      if (!Object.hasOwn(fields, name)) throw this.#unknownField(name, Object.keys(fields), index);
    }
    const values: Partial<T> = {};
    for (const name in fields) {
      const field = fields[name];
      const value = Object.hasOwn(object, name) ? object[name] : undefined;
      if (value === undefined) {
        if (field.isRequired) throw this.#missing(name, field, index);
        values[name] = field.absent;
        continue;
      }
      const parsed = field.parse(value);
      if (parsed === undefined) throw this.#wrongValue(name, value, field, index);
      values[name] = parsed;
    }
    return values as T;
  }

  /** An error that says so of this frame. */
  bad(problem: string): ProxyError {
    const frame = this.#type === undefined ? "the frame" : `the "${this.#type}" frame`;
    const details = this.#id === undefined ? undefined : { id: this.#id };
    return new ProxyError("bad_frame", `Cannot read ${frame}: ${problem}`, { details });
  }

  #unknownField(name: string, known: readonly string[], index: number | undefined): ProxyError {
    const near = nearName(name, known);
    const wanted = near === undefined ? `one of ${known.join(", ")}` : `"${near}"`;
    return this.bad(`${quoted(placed(name, index))} is no field, wanted ${wanted}`);
  }

  #missing(name: string, { wanted }: Kind<unknown>, index: number | undefined): ProxyError {
    return this.bad(`"${placed(name, index)}" is missing, wanted ${wanted}`);
  }

  #wrongValue(
    name: string,
    value: unknown,
    { wanted, isSecret }: Kind<unknown>,
    index: number | undefined,
  ): ProxyError {
    const what = isSecret ? "not what it has to be" : shown(value);
    return this.bad(`"${placed(name, index)}" is ${what}, wanted ${wanted}`);
  }
}

/** A piece of JSON in a message: short whatever it is, and without a walk through it. */
export function shown(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** Whether this is a JSON object. */
export function isObject(value: unknown): value is FrameObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function placed(name: string, index: number | undefined): string {
  return index === undefined ? name : `records[${index}].${name}`;
}
