/** The people of accounts whose tokens clients send. */

import type { JwtAccount, KnownPerson } from "../auth/jwt/client_jwt.ts";
import { providerSubject } from "../people/person.ts";
import type { PeopleStore } from "../storage/people_store.ts";

/** Finds the people of accounts in the database, and gives them the usage of their accounts. */
export class AccountPeople {
  readonly #store: Pick<PeopleStore, "findProviderPerson" | "touchTokenOwner">;
  /** The people by the ids under which usage is counted. */
  readonly #owners = new Map<string, string>();

  constructor(store: Pick<PeopleStore, "findProviderPerson" | "touchTokenOwner">) {
    this.#store = store;
  }

  /** The person of an account. `undefined` if the person has never signed in. Throws a `StoreError`. */
  async personOf({ issuer, subject, tokenId }: JwtAccount): Promise<KnownPerson | undefined> {
    if (subject === "") return undefined;
    const person = await this.#store.findProviderPerson(providerSubject({ issuer, subject }));
    if (person !== undefined && this.#owners.get(tokenId) !== person.id) {
      await this.#store.touchTokenOwner(tokenId, person.id);
      this.#owners.set(tokenId, person.id);
    }
    return person;
  }

  /** The person to whom the usage of an account belongs; `undefined` if this process knows none. */
  ownerOf(tokenId: string | undefined): string | undefined {
    return tokenId === undefined ? undefined : this.#owners.get(tokenId);
  }
}
