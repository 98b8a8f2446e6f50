const DECODER = new TextDecoder();

/** Bytes as text for people; what is no UTF-8 shows as U+FFFD. */
export function textOf(bytes) {
  return bytes === null ? null : DECODER.decode(bytes);
}

/** Whether bytes are text; of the beginning of some, whose last character may be cut, too. */
export function isText(bytes, { isBeginning = false } = {}) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: isBeginning });
    return true;
  } catch {
    return false;
  }
}

/** A record's time for people and as it is: producers write what they like, nanoseconds say. */
export function timeOf(timestamp) {
  const date = new Date(timestamp);
  return Number.isNaN(date.getTime()) ? `${timestamp}` : `${date.toISOString()} (${timestamp})`;
}

/** Bytes as a dump: place, hex, text. */
export function hexDump(bytes, most = 4_096) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, most); at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = part.map((byte) => byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text.join("")}`);
  }
  if (bytes.length > most) lines.push(`… ${bytes.length - most} bytes more`);
  return lines.join("\n");
}

/** A record as JSON: text where it is text, base64 where it is not; the offset exact. */
export function asJson({ topic, partition, offset, timestamp, key, value, headers }) {
  const said = (bytes) =>
    bytes === null ? null : isText(bytes) ? textOf(bytes) : { base64: base64(bytes) };
  return JSON.stringify(
    {
      topic,
      partition,
      offset: String(offset),
      timestamp,
      key: said(key),
      value: said(value),
      headers: headers.map(([name, bytes]) => [name, said(bytes)]),
    },
    null,
    2,
  );
}

/**
 * The line that shows this record, and those after it, in a shell, through the proxy. Credentials are
 * left to a variable of the shell, `AUTHORIZATION` as the header has it: a clipboard is no place for them.
 */
export function asWscat({ topic, partition, offset }, { isSignedIn = false } = {}) {
  const url = new URL("/", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = new URLSearchParams({ topic, consumerGroup: "", partition, offset });
  const header = isSignedIn ? ' -H "authorization: $AUTHORIZATION"' : "";
  return `npx -y wscat@6.1.0 --connect ${quoted(url.href)}${header}`;
}

/** The line that shows this record in a shell, from Kafka itself: `KAFKA` says where that is. */
export function asKcat({ topic, partition, offset }) {
  return `kcat -C -b "$KAFKA" -t ${quoted(topic)} -p ${partition} -o ${offset} -c 1`;
}

/** Whether a record has a text in its key, its headers or its value; `key:`, `header:`, `value:` narrow. */
export function matcher(filter) {
  const [, where, text] = /^(?:(key|header|value):)?(.*)$/s.exec(filter.trim());
  if (text === "") return undefined;
  const wanted = text.toLowerCase();
  const has = (bytes) => bytes !== null && DECODER.decode(bytes).toLowerCase().includes(wanted);
  const checks = {
    key: ({ key }) => has(key),
    header: ({ headers }) =>
      headers.some(([name, bytes]) => name.toLowerCase().includes(wanted) || has(bytes)),
    value: ({ value }) => has(value),
  };
  if (where !== undefined) return checks[where];
  return (record) => checks.key(record) || checks.value(record) || checks.header(record);
}

function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
