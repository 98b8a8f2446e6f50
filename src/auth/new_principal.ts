import type { Principal } from "../core/principal.ts";
import { ALL_RIGHTS, allowedBy, limitsOf, type Rights } from "../core/rights.ts";

/** A principal that has proven who it is, with what its rights and its end are made of. */
export interface KnownPrincipal extends Principal {
  /** All of them must allow what it does: those of the credential, and what narrows them. */
  readonly rights: readonly Rights[];
  /** Id of the credential, as `Revocations` knows it; absent: it cannot be withdrawn. */
  readonly credential?: string;
  /** It came by a ticket. */
  readonly byTicket?: true;
}

/** Everybody, on a server without credentials. */
export const EVERYBODY: KnownPrincipal = newPrincipal({ name: "anonymous", rights: [ALL_RIGHTS] });

/** Makes a principal of rights. */
export function newPrincipal(
  known: Omit<KnownPrincipal, "may" | "limits">,
): KnownPrincipal {
  const checks = known.rights.map(allowedBy);
  const limits = limitsOf(known.rights);
  return {
    ...known,
    ...(limits === undefined ? {} : { limits }),
    may: (operation, name) => checks.every((allows) => allows(operation, name)),
  };
}
