/** What is used of a WebSocket: that of browsers, Deno and Node 22, or the `ws` package's. */
export interface SocketLike {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** 1 while frames can be sent. */
  readonly readyState: number;
  /** The handshake is done. */
  onopen: ((event: never) => void) | null;
  /** A message came. */
  onmessage: ((event: never) => void) | null;
  /** Before `onclose`, when the connection broke. */
  onerror: ((event: never) => void) | null;
  /** The connection is over. */
  onclose: ((event: never) => void) | null;
  /** Queues a text message. */
  send(text: string): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** Makes a WebSocket: the constructor of a runtime or a package. */
export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;
