import { Access } from "../../src/auth/access.ts";
import { EVERYBODY } from "../../src/auth/new_principal.ts";
import { settingsFromOptions } from "../../src/config/library_options.ts";
import type { UserSetting } from "../../src/config/access_kinds.ts";
import { guessLimits } from "../../src/server/guess_limits.ts";
import { claims, newKeys, signed } from "./signed_tokens.ts";

/** A server's access with every way in switched on, and credentials that are right for it. */
export async function testAccess(users?: Readonly<Record<string, UserSetting>>) {
  const keys = newKeys("ES256");
  const access = new Access(
    settingsFromOptions({
      wsPort: 0,
      kafka: "a:1",
      auth: "thisisapassword",
      users,
      jwtKey: keys.pem,
      jwtSecret: "a secret that tokens are signed with",
      jwtAudience: "us",
      accessTokenInUrl: "on",
    }),
    guessLimits(),
  );
  const token = await signed(keys, claims());
  return { access, token, ticket: access.tickets.issue(EVERYBODY).ticket };
}
