/** Castagnoli's polynomial, bits reversed (RFC 3720, appendix B.4). */
const POLYNOMIAL = 0x82f63b78;

/** Bytes that are looked up together. */
const SLICES = 8;

const TABLE = table();

/** CRC-32C of `bytes` from `from` to before `to`, as an unsigned integer. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let crc = -1;
  let at = from;
  for (const last = to - SLICES; at <= last; at += SLICES) {
    crc ^= bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
    crc = TABLE[0x700 | crc & 255] ^ TABLE[0x600 | crc >>> 8 & 255] ^
      TABLE[0x500 | crc >>> 16 & 255] ^ TABLE[0x400 | crc >>> 24] ^
      TABLE[0x300 | bytes[at + 4]] ^ TABLE[0x200 | bytes[at + 5]] ^
      TABLE[0x100 | bytes[at + 6]] ^ TABLE[bytes[at + 7]];
  }
  for (; at < to; at++) crc = TABLE[(crc ^ bytes[at]) & 255] ^ crc >>> 8;
  return ~crc >>> 0;
}

/** Row `n` is what a byte does to the checksum `n` bytes later. */
function table(): Int32Array {
  const rows = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : crc >>> 1 ^ POLYNOMIAL;
    rows[byte] = crc;
  }
  for (let at = 256; at < rows.length; at++) {
    const before = rows[at - 256];
    rows[at] = rows[before & 255] ^ before >>> 8;
  }
  return rows;
}
