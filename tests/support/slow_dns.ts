import { Buffer } from "node:buffer";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";

/**
 * On loopback, one for each process: the file that names a server has no ports, and everybody's name
 * servers may be on the first addresses.
 */
const ADDRESS = `127.153.${(Deno.pid >> 8) & 0xff}.${Deno.pid & 0xff || 1}`;
const PORT = 53;

/** What to do where it is not possible. */
export const SLOW_DNS_ADVICE = "a name server of our own needs root, for its port and for a mount";

const HEADER_BYTES = 12;
const TYPE_A = 1;

/** Response, recursion available; and the same for a name that does not exist (RFC 1035, 4.1.1). */
const FLAGS_FOUND = 0x8180;
const FLAGS_NO_SUCH_NAME = 0x8183;

/** An answer that points to the name asked for, of class IN, for no time, with four bytes. */
const ANSWER_HEAD = [0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4];
const LOOPBACK = [127, 0, 0, 1];

/**
 * A name server that knows one name, 127.0.0.1, and answers when it likes. It is asked by programs
 * that {@linkcode asked} starts, and by no other program of the machine.
 *
 * Needs root, for its port and for a mount of that program's own.
 */
export class SlowDns implements AsyncDisposable {
  /** Every answer waits so long, in ms. */
  delayMs = 0;
  /** Questions so far. */
  questions = 0;
  readonly #name: string;
  readonly #socket: Socket;
  readonly #folder: string;
  readonly #waiting = new Set<ReturnType<typeof setTimeout>>();

  private constructor(name: string, socket: Socket, folder: string) {
    this.#name = name;
    this.#socket = socket;
    this.#folder = folder;
    socket.on("message", (question, asker) => this.#take(question, asker));
  }

  /** Whether this process may do that. */
  static get isPossible(): boolean {
    if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
    return new Deno.Command("unshare", { args: ["--mount", "true"] }).outputSync().success;
  }

  static async start(name: string): Promise<SlowDns> {
    const socket = createSocket("udp4");
    socket.bind(PORT, ADDRESS);
    await once(socket, "listening");
    const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-dns-" });
    await Deno.writeTextFile(`${folder}/resolv.conf`, `nameserver ${ADDRESS}\n`);
    return new SlowDns(name, socket, folder);
  }

  /** What goes before a command, so that it asks here; its process id stays the same. */
  get asked(): readonly string[] {
    const script = `mount --bind "$0" /etc/resolv.conf && exec "$@"`;
    return ["unshare", "--mount", "sh", "-c", script, `${this.#folder}/resolv.conf`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#waiting) clearTimeout(timer);
    this.#socket.close();
    await Deno.remove(this.#folder, { recursive: true });
  }

  #take(question: Buffer, asker: RemoteInfo): void {
    this.questions++;
    const answer = answerTo(question, this.#name);
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      this.#socket.send(answer, asker.port, asker.address);
    }, this.delayMs);
    this.#waiting.add(timer);
  }
}

/** A message with the question and what is known: nothing for addresses of IPv6. */
function answerTo(question: Buffer, name: string): Buffer {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  while (question[at] !== 0) {
    labels.push(question.toString("latin1", at + 1, at + 1 + question[at]));
    at += 1 + question[at];
  }
  const type = question.readUInt16BE(at + 1);
  // The name's end, type and class; an extension behind them (EDNS) is not repeated.
  const answer = Buffer.from(question.subarray(0, at + 5));
  const isKnown = labels.join(".").toLowerCase() === name;
  const isAnswered = isKnown && type === TYPE_A;
  answer.writeUInt16BE(isKnown ? FLAGS_FOUND : FLAGS_NO_SUCH_NAME, 2);
  answer.writeUInt16BE(1, 4);
  answer.writeUInt16BE(isAnswered ? 1 : 0, 6);
  answer.writeUInt32BE(0, 8);
  return isAnswered ? Buffer.from([...answer, ...ANSWER_HEAD, ...LOOPBACK]) : answer;
}
