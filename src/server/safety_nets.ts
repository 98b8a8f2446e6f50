import type { Log } from "../observe/events.ts";

/**
 * Keeps the process alive when an error was caught by nobody, and counts and logs it. Without this
 * one rejected promise in a dependency ends every client's connection.
 *
 * It is the whole program's: the command line installs it, a program that uses the library decides
 * for itself. Returns a function that takes it away again.
 */
export function installSafetyNets(events: Log): () => void {
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    events.emit("uncaught_error", { error: event.error ?? event.message });
  };
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    events.emit("unhandled_rejection", { error: event.reason });
  };
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onRejection);
  return () => {
    globalThis.removeEventListener("error", onError);
    globalThis.removeEventListener("unhandledrejection", onRejection);
  };
}
