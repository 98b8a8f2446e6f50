/** Makes a WebSocket whose handshake sends headers, as Deno's can and browsers' cannot. */
type Constructor = new (url: string, protocols: string[]) => WebSocket;

/** The client library's option for connections that send these headers. */
export function clientSocket(
  headers: Readonly<Record<string, string>>,
): { readonly WebSocket: Constructor } {
  return {
    WebSocket: class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, { protocols, headers: { ...headers } });
      }
    },
  };
}
