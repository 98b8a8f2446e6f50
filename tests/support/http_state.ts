import { Access } from "../../src/auth/access.ts";
import { type LibraryOptions, settingsFromOptions } from "../../src/config/library_options.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { guessLimits } from "../../src/server/guess_limits.ts";
import { errorResponse } from "../../src/server/error_response.ts";
import type { HttpState } from "../../src/server/http_routes.ts";
import { EventRecorder } from "./event_recorder.ts";

/** What routes need, with these options of the proxy. */
export function httpState(
  options: Partial<LibraryOptions> = {},
  more: Partial<HttpState> = {},
): HttpState {
  const settings = settingsFromOptions({ wsPort: 9999, kafka: "a:1", ...options });
  const access = more.access ?? new Access(settings, guessLimits());
  return {
    reasons: () => [],
    access,
    pages: () => settings,
    events: new EventRecorder(),
    refused: (error) => errorResponse(ProxyError.from(error), access.authenticator.challenge),
    ...more,
  };
}
