/** The managed tokens, all in memory. They are read again when the database has changed. */

import type { Clock } from "../time/clock.ts";
import type { Principal, Subject } from "../principal.ts";
import type { SecretBox } from "../storage/secret_box.ts";
import type { Project, Store, Token } from "../storage/store.ts";
import type { TokenCheckResult } from "./shared_token.ts";
import { hashOf, isTokenValue } from "./token_value.ts";

/** The context that the seal of a provider key is bound to: its project and its endpoint. */
export function keyContext(projectId: string, endpoint: string): string {
  return `${projectId}/${endpoint}`;
}

/** The most values that are kept in clear to avoid hashing them. */
const MAX_KNOWN_VALUES = 1_000;

interface Entry {
  readonly token: Token;
  readonly isProjectActive: boolean;
  readonly principal: Principal;
  /** The end of the overlap if a rotation replaced the value, in milliseconds since 1970; else undefined. */
  readonly acceptedUntil: number | undefined;
}

/** Looks up managed tokens, and opens the provider keys of their projects. */
export class ManagedTokens {
  readonly #store: Pick<Store, "readAccess" | "consumeExternalChange">;
  readonly #box: SecretBox;
  readonly #clock: Clock;
  readonly #onUnreadable: (what: string) => void;
  #entries: ReadonlyMap<string, Entry> = new Map();
  /**
   * Valid values that clients have sent, to avoid hashing, the costliest part of a check. Guesses are not
   * kept.
   */
  readonly #knownValues = new Map<string, Entry>();
  #secrets: readonly string[] = [];
  #refreshing: Promise<void> | undefined;
  #nextRefresh: Promise<void> | undefined;

  /** `onUnreadable` is called with a name of each provider key that the encryption key cannot open. */
  constructor(
    store: Pick<Store, "readAccess" | "consumeExternalChange">,
    { box, clock, onUnreadable }: { box: SecretBox; clock: Clock; onUnreadable: (what: string) => void },
  ) {
    this.#store = store;
    this.#box = box;
    this.#clock = clock;
    this.#onUnreadable = onUnreadable;
  }

  /** The provider keys of all projects, which must not appear in the log. */
  get secrets(): readonly string[] {
    return this.#secrets;
  }

  /**
   * Whether the tokens in memory may be outdated: another process changed the store since the last call, or a
   * refresh is running. Each change is reported once, so that only one caller may call it.
   */
  consumeChange(): boolean {
    return this.#refreshing !== undefined || this.#store.consumeExternalChange();
  }

  /**
   * Reads all tokens again. Calls during a refresh share the next refresh, because the running one may have
   * missed their change.
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

  /** Looks up a value. Undefined: it is not a managed token. */
  check(candidate: string): TokenCheckResult | undefined {
    const entry = this.#knownValues.get(candidate) ?? this.#find(candidate);
    if (entry === undefined) return undefined;
    const { token, isProjectActive, principal, acceptedUntil } = entry;
    const now = this.#clock.epochMs();
    if (token.revokedAt !== undefined) {
      return { refused: "token_revoked", message: "This token has been revoked." };
    }
    if (!token.active) return { refused: "token_revoked", message: "This token is not active." };
    if (!isProjectActive) {
      return { refused: "token_revoked", message: "The project of this token is not active." };
    }
    if (acceptedUntil !== undefined && now >= acceptedUntil) {
      return { refused: "token_revoked", message: "This token has been replaced by a new one." };
    }
    if (token.expiresAt !== undefined && now >= token.expiresAt) {
      return {
        refused: "token_expired",
        message: `This token expired at ${new Date(token.expiresAt).toISOString()}.`,
      };
    }
    return { principal };
  }

  #find(candidate: string): Entry | undefined {
    if (!isTokenValue(candidate)) return undefined;
    const entry = this.#entries.get(hashOf(candidate).toHex());
    if (entry === undefined) return undefined;
    if (this.#knownValues.size >= MAX_KNOWN_VALUES) this.#knownValues.clear();
    this.#knownValues.set(candidate, entry);
    return entry;
  }

  async #read(): Promise<void> {
    const { projects, tokens } = await this.#store.readAccess();
    const opened = new Map<string, { project: Project; keys: Map<string, string | null> }>();
    for (const project of projects) opened.set(project.id, { project, keys: await this.#openKeys(project) });
    const entries = new Map<string, Entry>();
    for (const token of tokens) {
      const of = opened.get(token.projectId);
      if (of === undefined) continue;
      const principal = principalOf(token, of);
      const entry = { token, isProjectActive: of.project.active, principal };
      entries.set(token.hash.toHex(), { ...entry, acceptedUntil: undefined });
      if (token.previous !== undefined) {
        entries.set(token.previous.hash.toHex(), { ...entry, acceptedUntil: token.previous.expiresAt });
      }
    }
    this.#entries = entries;
    this.#knownValues.clear();
    this.#secrets = [...opened.values()].flatMap(({ keys }) => [...keys.values()]).filter((key) =>
      key !== null
    );
  }

  async #openKeys(project: Project): Promise<Map<string, string | null>> {
    const keys = new Map<string, string | null>();
    for (const { endpoint, sealed } of project.keys) {
      const key = await this.#box.open(sealed, keyContext(project.id, endpoint));
      if (key === undefined) this.#onUnreadable(`the key of ${project.name} for ${endpoint}`);
      // Not the endpoint's own key instead: others pay for that key.
      keys.set(endpoint, key ?? null);
    }
    return keys;
  }
}

function principalOf(
  token: Token,
  { project, keys }: { project: Project; keys: ReadonlyMap<string, string | null> },
): Principal {
  const subjects: Subject[] = [
    { key: `token:${token.id}`, what: "token", rules: token.rules },
    { key: `project:${project.id}`, what: "project", rules: project.rules },
  ];
  return {
    kind: "token",
    name: token.name,
    tokenId: token.id,
    projectId: project.id,
    subjects,
    keys,
  };
}
