/** The `ws` package, for a Node that has no WebSocket of its own. */
export { WebSocket } from "ws";
