import { joinedRights, type Rights, RIGHTS_SCHEMA } from "../core/rights.ts";

/** Rights by the name of a role. */
export type Roles = ReadonlyMap<string, Rights>;

/**
 * The rights a token's claim gives: an object is rights as the configuration has them; a text or an
 * array of texts is roles (those the configuration does not know are somebody else's and give
 * nothing); no claim is no rights. `undefined` for a claim that is none of it.
 *
 * A name with dots is a path where no claim has that very name (`realm_access.roles`).
 */
export function rightsOfClaim(
  claims: Readonly<Record<string, unknown>>,
  name: string,
  roles: Roles,
): Rights | undefined {
  const claim = claimNamed(claims, name);
  if (claim === undefined) return {};
  const names = typeof claim === "string" ? claim.split(" ") : claim;
  if (Array.isArray(names)) {
    if (!names.every((each) => typeof each === "string")) return undefined;
    const known = names.map((each) => roles.get(each)).filter((each) => each !== undefined);
    return joinedRights(known);
  }
  const parsed = RIGHTS_SCHEMA.safeParse(claim);
  return parsed.success ? parsed.data : undefined;
}

function claimNamed(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let at: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string, unknown>)[part];
  }
  return at;
}
