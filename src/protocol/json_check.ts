/** Values that nest deeper are not embedded: readers in some languages would end their process. */
export const MAX_JSON_DEPTH = 512;

/** What {@linkcode checkJson} found. */
export const NOT_JSON = 0;
/** JSON, all of it ASCII. */
export const ASCII_JSON = 1;
/** JSON, if what is inside its strings is UTF-8. */
export const UNCHECKED_JSON = 2;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LETTER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** What a byte is inside a string: 0 plain, 1 beyond ASCII, 2 quote, backslash or control. */
const IN_STRING = new Uint8Array(256);
IN_STRING.fill(1, 0x80);
IN_STRING.fill(2, 0, 0x20);
IN_STRING[QUOTE] = IN_STRING[BACKSLASH] = 2;

const IS_BLANK = table(" \t\n\r");
const IS_DIGIT = table("0123456789");
const IS_HEX = table("0123456789abcdefABCDEF");
const IS_ESCAPE = table('"\\/bfnrtu');

/** Whether each open container is an object. */
const isObject = new Uint8Array(MAX_JSON_DEPTH);

/** Whether a string of the value that is being looked at has bytes beyond ASCII. */
let isBeyondAscii = false;

/**
 * Looks whether bytes are one JSON text (RFC 8259), which `JSON.parse()` takes, with at most
 * {@linkcode MAX_JSON_DEPTH} containers inside each other. The time is linear, without recursion.
 */
export function checkJson(src: Uint8Array, start: number, length: number): number {
  const end = start + length;
  let depth = 0;
  let at = blanks(src, start, end);
  isBeyondAscii = false;
  for (;;) {
    // A value begins here.
    const byte = at < end ? src[at] : 0;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      const isOpenObject = byte === OPEN_BRACE;
      if (depth === MAX_JSON_DEPTH) return NOT_JSON;
      at = blanks(src, at + 1, end);
      if (at < end && src[at] === (isOpenObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
        at++;
      } else {
        isObject[depth++] = isOpenObject ? 1 : 0;
        if (isOpenObject && (at = name(src, at, end)) < 0) return NOT_JSON;
        continue;
      }
    } else if ((at = byte === QUOTE ? string(src, at, end) : literal(src, at, end)) < 0) {
      return NOT_JSON;
    }
    // A value ended here, and so may have what it is in.
    for (;;) {
      at = blanks(src, at, end);
      if (depth === 0) return at < end ? NOT_JSON : isBeyondAscii ? UNCHECKED_JSON : ASCII_JSON;
      if (at >= end) return NOT_JSON;
      const isInObject = isObject[depth - 1] === 1;
      const next = src[at++];
      if (next === COMMA) {
        at = blanks(src, at, end);
        if (isInObject && (at = name(src, at, end)) < 0) return NOT_JSON;
        break;
      }
      if (next !== (isInObject ? CLOSE_BRACE : CLOSE_BRACKET)) return NOT_JSON;
      depth--;
    }
  }
}

/** Passes the name of a member, its colon and the blanks after; -1 when there is none. */
function name(src: Uint8Array, at: number, end: number): number {
  if (at >= end || src[at] !== QUOTE || (at = string(src, at, end)) < 0) return -1;
  at = blanks(src, at, end);
  return at < end && src[at] === COLON ? blanks(src, at + 1, end) : -1;
}

function string(src: Uint8Array, at: number, end: number): number {
  for (at++; at < end; at++) {
    const byte = src[at];
    const what = IN_STRING[byte];
    if (what === 0) continue;
    if (what === 1) {
      isBeyondAscii = true;
      continue;
    }
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH || ++at >= end || IS_ESCAPE[src[at]] === 0) return -1;
    if (src[at] !== LETTER_U) continue;
    for (let i = 0; i < 4; i++) if (++at >= end || IS_HEX[src[at]] === 0) return -1;
  }
  return -1;
}

/** Passes a number, `true`, `false` or `null`. */
function literal(src: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  switch (src[at]) {
    case 0x74:
      return word(src, at, end, TRUE);
    case 0x66:
      return word(src, at, end, FALSE);
    case 0x6e:
      return word(src, at, end, NULL);
    default:
      return number(src, at, end);
  }
}

function word(src: Uint8Array, at: number, end: number, text: Uint8Array): number {
  if (at + text.length > end) return -1;
  for (let i = 0; i < text.length; i++) if (src[at + i] !== text[i]) return -1;
  return at + text.length;
}

function number(src: Uint8Array, at: number, end: number): number {
  if (src[at] === MINUS) at++;
  if (at < end && src[at] === ZERO) at++;
  else if ((at = digits(src, at, end)) < 0) return -1;
  if (at < end && src[at] === POINT && (at = digits(src, at + 1, end)) < 0) return -1;
  if (at < end && (src[at] | 0x20) === 0x65) {
    at++;
    if (at < end && (src[at] === MINUS || src[at] === 0x2b)) at++;
    return digits(src, at, end);
  }
  return at;
}

/** Passes one digit or more. */
function digits(src: Uint8Array, at: number, end: number): number {
  const first = at;
  while (at < end && IS_DIGIT[src[at]] === 1) at++;
  return at > first ? at : -1;
}

function blanks(src: Uint8Array, at: number, end: number): number {
  while (at < end && IS_BLANK[src[at]] === 1) at++;
  return at;
}

function table(chars: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const char of chars) set[char.charCodeAt(0)] = 1;
  return set;
}

const TRUE = new TextEncoder().encode("true");
const FALSE = new TextEncoder().encode("false");
const NULL = new TextEncoder().encode("null");
