/** Finds a free login name for a person of a provider. */

import { loginOf } from "../people/person.ts";
import type { PeopleStore } from "../storage/people_store.ts";

/** The longest start of a login name, before a number that makes it unique. */
const MAX_BASE = 90;

/**
 * A free login name: the first of the wanted names that can be one, with a number if others have it. Throws a
 * `StoreError`.
 */
export async function freeLogin(
  store: Pick<PeopleStore, "findSignIn">,
  wanted: readonly unknown[],
): Promise<string> {
  const base = wanted.map((text) => typeof text === "string" ? loginOf(text) : undefined)
    .find((login) => login !== undefined)?.slice(0, MAX_BASE) ?? "person";
  for (let number = 1; number <= 20; number++) {
    const login = number === 1 ? base : `${base}-${number}`;
    if (await store.findSignIn(login) === undefined) return login;
  }
  return `${base}-${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
}
