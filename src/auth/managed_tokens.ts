/** The managed tokens, all in memory. Their changes are read when the database has changed. */

import type { SecretBox } from "../storage/secret_box.ts";
import type { AccessStore, Project } from "../storage/access_store.ts";
import { inNextTurn } from "../streams/turn.ts";
import type { Clock } from "../time/clock.ts";
import { AccessTable, type OpenedKeys, type OpenedProject, type TokenValue } from "./access_table.ts";
import type { TokenCheckResult } from "./shared_token.ts";
import { hashOf, isTokenValue } from "./token_value.ts";

/** The context that the seal of a provider key is bound to: its project and its endpoint. */
export function keyContext(projectId: string, endpoint: string): string {
  return `${projectId}/${endpoint}`;
}

/** The most values that are kept in clear to avoid hashing them. */
const MAX_KNOWN_VALUES = 1_000;

/** Looks up managed tokens, and opens the provider keys of their projects. */
export class ManagedTokens {
  readonly #store: AccessStore;
  readonly #box: Pick<SecretBox, "open">;
  readonly #clock: Clock;
  readonly #onUnreadable: (what: string) => void;
  #table = new AccessTable();
  /** The position in the store's changes that the table includes. `undefined` before the first read. */
  #position: number | undefined;
  /**
   * Valid values that clients have sent, to avoid hashing, the costliest part of a check. Guesses are not
   * kept.
   */
  readonly #knownValues = new Map<string, TokenValue>();
  #refreshing: Promise<void> | undefined;
  #nextRefresh: Promise<void> | undefined;
  #isCheckedInTurn = false;
  readonly #onNextTurn = (): void => {
    this.#isCheckedInTurn = false;
  };

  /** `onUnreadable` is called with a name of each provider key that the encryption key cannot open. */
  constructor(
    store: AccessStore,
    { box, clock, onUnreadable }: {
      box: Pick<SecretBox, "open">;
      clock: Clock;
      onUnreadable: (what: string) => void;
    },
  ) {
    this.#store = store;
    this.#box = box;
    this.#clock = clock;
    this.#onUnreadable = onUnreadable;
  }

  /**
   * The provider keys of all projects, which must not appear in the log. The same array as before if no key
   * has changed.
   */
  get secrets(): readonly string[] {
    return this.#table.secrets;
  }

  /**
   * Whether the tokens in memory may be outdated: another process changed them, or a refresh is running. Asks
   * the store once in each turn of the event loop: all requests of one turn may see the same state, because
   * none of them can be a reaction to a change that came after the check.
   */
  mayHaveChanged(): boolean {
    if (this.#refreshing !== undefined) return true;
    if (this.#isCheckedInTurn) return false;
    const hasChanged = this.#position === undefined || this.#store.hasAccessChanged(this.#position);
    this.#isCheckedInTurn = true;
    inNextTurn(this.#onNextTurn);
    return hasChanged;
  }

  /**
   * Reads the changes from the store. Calls during a refresh share the next refresh, because the running one
   * may have missed their change.
   */
  async refresh(): Promise<void> {
    if (this.#refreshing === undefined) {
      this.#refreshing = this.#read().finally(() => this.#refreshing = undefined);
      return await this.#refreshing;
    }
    this.#nextRefresh ??= this.#refreshing.catch(() => {}).then(() => {
      this.#nextRefresh = undefined;
      return this.refresh();
    });
    await this.#nextRefresh;
  }

  /** Looks up a value. Returns undefined if the value is not a managed token. */
  check(candidate: string): TokenCheckResult | undefined {
    const value = this.#knownValues.get(candidate) ?? this.#find(candidate);
    const project = value && this.#table.projectOf(value.token);
    if (value === undefined || project === undefined) return undefined;
    const { token, acceptedUntil } = value;
    const now = this.#clock.epochMs();
    if (token.revokedAt !== undefined) {
      return { rejected: "token_revoked", message: "This token has been revoked." };
    }
    if (!token.active) return { rejected: "token_revoked", message: "This token is not active." };
    if (!project.project.active) {
      return { rejected: "token_revoked", message: "The project of this token is not active." };
    }
    if (acceptedUntil !== undefined && now >= acceptedUntil) {
      return { rejected: "token_revoked", message: "This token has been replaced by a new one." };
    }
    if (token.expiresAt !== undefined && now >= token.expiresAt) {
      return {
        rejected: "token_expired",
        message: `This token expired at ${new Date(token.expiresAt).toISOString()}.`,
      };
    }
    return { principal: this.#table.principalOf(value, project) };
  }

  /** The person whose token it is; `undefined` if it has no owner, and for an unknown id. */
  ownerOf(tokenId: string | undefined): string | undefined {
    return tokenId === undefined ? undefined : this.#table.ownerOf(tokenId);
  }

  /** A project by its name, with its provider keys. */
  projectNamed(name: string): OpenedProject | undefined {
    return this.#table.projectNamed(name);
  }

  #find(candidate: string): TokenValue | undefined {
    if (!isTokenValue(candidate)) return undefined;
    const value = this.#table.find(hashOf(candidate).toHex());
    if (value === undefined) return undefined;
    if (this.#knownValues.size >= MAX_KNOWN_VALUES) this.#knownValues.clear();
    this.#knownValues.set(candidate, value);
    return value;
  }

  async #read(): Promise<void> {
    const changes = this.#position === undefined
      ? undefined
      : await this.#store.readAccessChanges(this.#position);
    const { projects, tokens, position } = changes ?? await this.#store.readAccess();
    const opened: OpenedProject[] = [];
    for (const project of projects) opened.push({ project, keys: await this.#openKeys(project) });
    // No await follows, so that a request sees all changes or none.
    if (changes === undefined) this.#table = new AccessTable();
    this.#table.apply({
      projects: opened,
      tokens,
      deletedProjects: changes?.deletedProjects ?? [],
      deletedTokens: changes?.deletedTokens ?? [],
    });
    this.#position = position;
    this.#knownValues.clear();
  }

  async #openKeys(project: Project): Promise<OpenedKeys> {
    const keys = new Map<string, string | null>();
    for (const { endpoint, sealed } of project.keys) {
      const key = await this.#box.open(sealed, keyContext(project.id, endpoint));
      if (key === undefined) this.#onUnreadable(`the key of ${project.name} for ${endpoint}`);
      // The endpoint's own key is no substitute, because others pay for that key.
      keys.set(endpoint, key ?? null);
    }
    return keys;
  }
}
