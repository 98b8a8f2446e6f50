/** A server's WebSocket whose buffer and states are set by hand. */
export class FakeWebSocket {
  readyState: number = WebSocket.CONNECTING;
  binaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: { preventDefault(): void }) => void) | null = null;
  /** Everything that was handed over while it was open. */
  readonly sent: (string | Uint8Array)[] = [];
  /** Calls of {@linkcode close}. */
  readonly closes: { code?: number; reason?: string }[] = [];
  #buffered = 0;

  /** Bytes the operating system has not taken; 0 as soon as it is closing, as in Deno. */
  get bufferedAmount(): number {
    return this.readyState === WebSocket.OPEN ? this.#buffered : 0;
  }

  open(): void {
    this.readyState = WebSocket.OPEN;
    this.onopen?.();
  }

  /** The operating system takes so many bytes, or all. */
  take(bytes = this.#buffered): void {
    this.#buffered -= bytes;
  }

  send(data: string | Uint8Array): void {
    if (this.readyState === WebSocket.CONNECTING) throw new DOMException("InvalidStateError");
    if (this.readyState !== WebSocket.OPEN) return;
    this.sent.push(data);
    this.#buffered += new TextEncoder().encode(String(data)).length;
  }

  close(code?: number, reason?: string): void {
    this.closes.push({ code, reason });
    this.readyState = WebSocket.CLOSING;
  }

  /** The peer's close frame has come; Deno answers it before it tells by an event. */
  peerCloses(): void {
    this.readyState = WebSocket.CLOSED;
  }

  /** The runtime is done with it. */
  end(code: number, reason = ""): void {
    this.readyState = WebSocket.CLOSED;
    this.onclose?.({ code, reason });
  }

  /** Itself, as the runtime types it. */
  get asWebSocket(): WebSocket {
    return this as unknown as WebSocket;
  }
}
