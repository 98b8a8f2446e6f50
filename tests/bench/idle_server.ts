/**
 * Program: a WebSocket server that does nothing, as a control. Prints its port when it is ready.
 *
 * @module
 */
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(port),
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = () => {};
  return response;
});
