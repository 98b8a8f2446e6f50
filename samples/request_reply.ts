/**
 * Requests and replies over two topics: a server that reads questions and writes answers, and a
 * client that asks. What belongs together says so in a header. See `HELP`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type RecordsFrame, type SocketRecord, V2Socket } from "./v2_socket.ts";

const HELP = `Usage: deno run -P=duplex samples/request_reply.ts serve [flags]
       deno run -P=duplex samples/request_reply.ts ask TEXT... [flags]

  --questions TOPIC   topic of the questions (default questions)
  --answers TOPIC     topic of the answers (default answers)
  -u, --url URL       the proxy (default ws://127.0.0.1:9999/)
  -h, --help          this text

serve answers every question with its text in capitals, until it is stopped. A question is
acknowledged when its answer is written, so that none is lost with a server that dies; servers
share the questions. ask prints the answer of each text and ends.`;

interface Topics {
  readonly questions: string;
  readonly answers: string;
}

/** The value of a header, or undefined. */
function header({ headers = [] }: SocketRecord, name: string): string | undefined {
  return headers.find(([found]) => found === name)?.[1] ?? undefined;
}

async function serve(url: string, { questions, answers }: Topics): Promise<number> {
  const socket = await V2Socket.open(url, (frame) => {
    if (frame.type === "records") void answer(frame);
  });
  await socket.ask({ type: "subscribe", topics: [questions], group: "answering", ack: "client" });
  console.log(`answering ${questions}`);

  async function answer({ subscription, topic, partition, records }: RecordsFrame): Promise<void> {
    for (const record of records) {
      const id = header(record, "id");
      const value = String(record.value).toUpperCase();
      await socket.produce(answers, [{ value, headers: [["id", id ?? null]] }]);
      const { offset } = record;
      socket.send({ type: "ack", subscription, topic, partition, offset });
    }
  }

  const { code, reason } = await socket.closed;
  console.error(`closed with ${code} ${reason}`);
  return 1;
}

async function ask(url: string, { questions, answers }: Topics, texts: string[]): Promise<number> {
  const waiting = new Map<string, (answer: string) => void>();
  const socket = await V2Socket.open(url, (frame) => {
    if (frame.type !== "records") return;
    for (const record of frame.records) {
      waiting.get(header(record, "id") ?? "")?.(String(record.value));
    }
  });
  // Before the questions: an answer that comes at once is not missed.
  await socket.ask({ type: "subscribe", topics: [answers], from: "latest" });
  for (const value of texts) {
    const id = crypto.randomUUID();
    const answered = new Promise<string>((resolve) => waiting.set(id, resolve));
    await socket.produce(questions, [{ value, headers: [["id", id]] }]);
    console.log(await answered);
  }
  socket.close();
  return 0;
}

async function main(): Promise<number> {
  const { values, positionals: [what, ...texts] } = parseArgs({
    allowPositionals: true,
    options: {
      questions: { type: "string", default: "questions" },
      answers: { type: "string", default: "answers" },
      url: { type: "string", short: "u", default: "ws://127.0.0.1:9999/" },
      help: { type: "boolean", short: "h" },
    },
  });
  const { url, ...topics } = values;
  if (what === "serve" && !values.help) return await serve(url, topics);
  if (what === "ask" && texts.length > 0 && !values.help) return await ask(url, topics, texts);
  console.log(HELP);
  return values.help ? 0 : 2;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
