/** One row of `encode.ts` in a process of its own: prints an {@linkcode EncodeRun} as JSON. */

import { ENCODE_ROWS, encodeFor } from "./encode_rows.ts";

const [name, seconds] = Deno.args;
console.log(JSON.stringify(encodeFor(ENCODE_ROWS[name], Number(seconds))));
