/** The people of accounts whose tokens clients send. */

import type { JwtAccount, KnownPerson } from "../auth/jwt/client_jwt.ts";
import { providerSubject } from "../people/person.ts";
import type { PeopleStore } from "../storage/people_store.ts";
import { messageOf } from "../text/error_text.ts";

/** The most accounts that a process remembers. */
const MAX_ACCOUNTS = 10_000;

/** What {@link AccountPeople} needs of the database. */
export type AccountPeopleStore = Pick<PeopleStore, "findProviderPerson" | "touchAccount">;

/** Finds the people of accounts in the database, and gives them the usage of their accounts. */
export class AccountPeople {
  readonly #store: AccountPeopleStore;
  readonly #onFailed: (reason: string) => void;
  /** What the database knows of accounts, by the ids under which usage is counted. */
  readonly #noted = new Map<string, { readonly name: string; readonly ownerId: string | undefined }>();

  /** `onFailed` is called with the reason if the database does not take the name of an account. */
  constructor(store: AccountPeopleStore, onFailed: (reason: string) => void) {
    this.#store = store;
    this.#onFailed = onFailed;
  }

  /** The person of an account. `undefined` if the person has never signed in. Throws a `StoreError`. */
  async personOf({ issuer, subject, tokenId, name }: JwtAccount): Promise<KnownPerson | undefined> {
    const person = subject === ""
      ? undefined
      : await this.#store.findProviderPerson(providerSubject({ issuer, subject }));
    await this.#note({ tokenId, name, ownerId: person?.id });
    return person;
  }

  /** The person to whom the usage of an account belongs; `undefined` if this process knows none. */
  ownerOf(tokenId: string | undefined): string | undefined {
    return tokenId === undefined ? undefined : this.#noted.get(tokenId)?.ownerId;
  }

  /** Notes the account once. A failure is no reason to refuse its token. */
  async #note(account: { tokenId: string; name: string; ownerId: string | undefined }): Promise<void> {
    const { tokenId, name, ownerId } = account;
    const noted = this.#noted.get(tokenId);
    if (noted !== undefined && noted.name === name && noted.ownerId === ownerId) return;
    try {
      await this.#store.touchAccount(account);
      const [oldest] = this.#noted.keys();
      if (this.#noted.size >= MAX_ACCOUNTS && oldest !== undefined) this.#noted.delete(oldest);
      this.#noted.set(tokenId, { name, ownerId });
    } catch (error) {
      this.#onFailed(messageOf(error));
    }
  }
}
