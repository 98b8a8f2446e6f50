import { type Asset, CLIENT_ASSETS, CONSOLE_ASSETS } from "../console/assets.ts";
import type { HttpRoutes } from "./http_routes.ts";

/**
 * Adds the client library: `/client.js` and, beside it, its types. Any page may load it; what it may
 * then do is decided when it connects.
 */
export function clientRoutes(routes: HttpRoutes): void {
  for (const [path, asset] of Object.entries(CLIENT_ASSETS)) {
    routes.get(path, ({ req }) => {
      const response = assetResponse(asset, req.raw);
      // Deno takes the types of a script from there.
      if (path === "/client.js") response.headers.set("x-typescript-types", "/client.d.ts");
      response.headers.set("access-control-allow-origin", "*");
      response.headers.set("cross-origin-resource-policy", "cross-origin");
      return response;
    });
  }
}

/** Everything from here, nothing inline, nothing from elsewhere, in nobody's frame. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Adds the console: the page at `/`, and its files below `/console/`. */
export function consoleRoutes(routes: HttpRoutes): void {
  for (const [path, asset] of Object.entries(CONSOLE_ASSETS)) {
    routes.get(path, ({ req }) => {
      const response = assetResponse(asset, req.raw);
      response.headers.set("content-security-policy", POLICY);
      response.headers.set("referrer-policy", "no-referrer");
      response.headers.set("cross-origin-opener-policy", "same-origin");
      response.headers.set("cross-origin-resource-policy", "same-origin");
      return response;
    });
  }
}

/** Whether a request for `/` is somebody who opens it in a browser, and not a WebSocket. */
export function wantsPage({ method, headers }: Request): boolean {
  return method === "GET" && !headers.has("upgrade") &&
    (headers.get("accept") ?? "").includes("text/html");
}

/** The asset, or 304 when the browser has it: asked for each time, sent once. */
export function assetResponse({ type, text, tag }: Asset, request: Request): Response {
  const headers = {
    "cache-control": "no-cache",
    etag: tag,
    "x-content-type-options": "nosniff",
  };
  if (request.headers.get("if-none-match") === tag) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(text, { headers: { ...headers, "content-type": type } });
}
