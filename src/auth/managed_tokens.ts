/** The managed tokens as requests meet them: all in memory, read again when they have changed. */

import type { Clock } from "../time/clock.ts";
import type { Principal, Subject } from "../principal.ts";
import type { SecretBox } from "../storage/secret_box.ts";
import type { Project, Store, Token } from "../storage/store.ts";
import type { Recognised } from "./shared_token.ts";
import { hashOf, isTokenValue } from "./token_value.ts";

/** What a sealed provider key belongs to. */
export function keyContext(projectId: string, endpoint: string): string {
  return `${projectId}/${endpoint}`;
}

const MAX_MET = 1_000;

interface Entry {
  readonly token: Token;
  readonly isProjectActive: boolean;
  readonly principal: Principal;
  /** This value was rotated out, and is taken until then. */
  readonly takenUntil: number | undefined;
}

/** Recognises managed tokens. */
export class ManagedTokens {
  readonly #store: Pick<Store, "readAccess" | "changedElsewhere">;
  readonly #box: SecretBox;
  readonly #clock: Clock;
  readonly #onUnreadable: (what: string) => void;
  #entries: ReadonlyMap<string, Entry> = new Map();
  /** Values that were presented and known: to hash one takes as long as all the rest. Guesses are never among them. */
  readonly #met = new Map<string, Entry>();
  #secrets: readonly string[] = [];
  #refreshing: Promise<void> | undefined;
  #nextRefresh: Promise<void> | undefined;

  /** `onUnreadable` is told of provider keys that another encryption key sealed. */
  constructor(
    store: Pick<Store, "readAccess" | "changedElsewhere">,
    { box, clock, onUnreadable }: { box: SecretBox; clock: Clock; onUnreadable: (what: string) => void },
  ) {
    this.#store = store;
    this.#box = box;
    this.#clock = clock;
    this.#onUnreadable = onUnreadable;
  }

  /** The provider keys of all projects, which must not appear anywhere. */
  get secrets(): readonly string[] {
    return this.#secrets;
  }

  /**
   * Whether the tokens in memory may be older than the store: another program has changed the store since the last call,
   * or the tokens are being read. A change is reported once, so only one caller may ask.
   */
  consumeChange(): boolean {
    return this.#refreshing !== undefined || this.#store.changedElsewhere();
  }

  /** Reads everything again. Those who ask while it is being read share the next reading: theirs may be newer. */
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

  /** Whose token a value is; undefined: nobody's. */
  check(candidate: string): Recognised | undefined {
    const entry = this.#met.get(candidate) ?? this.#find(candidate);
    if (entry === undefined) return undefined;
    const { token, isProjectActive, principal, takenUntil } = entry;
    const now = this.#clock.epochMs();
    if (token.revokedAt !== undefined) {
      return { refused: "token_revoked", message: "This token has been revoked." };
    }
    if (!token.active) return { refused: "token_revoked", message: "This token is not active." };
    if (!isProjectActive) {
      return { refused: "token_revoked", message: "The project of this token is not active." };
    }
    if (takenUntil !== undefined && now >= takenUntil) {
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
    if (this.#met.size >= MAX_MET) this.#met.clear();
    this.#met.set(candidate, entry);
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
      entries.set(token.hash.toHex(), { ...entry, takenUntil: undefined });
      if (token.previous !== undefined) {
        entries.set(token.previous.hash.toHex(), { ...entry, takenUntil: token.previous.expiresAt });
      }
    }
    this.#entries = entries;
    this.#met.clear();
    this.#secrets = [...opened.values()].flatMap(({ keys }) => [...keys.values()]).filter((key) =>
      key !== null
    );
  }

  async #openKeys(project: Project): Promise<Map<string, string | null>> {
    const keys = new Map<string, string | null>();
    for (const { endpoint, sealed } of project.keys) {
      const key = await this.#box.open(sealed, keyContext(project.id, endpoint));
      if (key === undefined) this.#onUnreadable(`the key of ${project.name} for ${endpoint}`);
      // Never the endpoint's own instead: that is somebody else's money.
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
