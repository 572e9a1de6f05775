/** Projects and managed tokens in memory, by the hash of each token's value. */

import { type Principal, projectCountKey, type Subject, tokenKey } from "../principal.ts";
import type { Project, Token } from "../storage/access_store.ts";

/** The provider keys of a project by endpoint. Null if the key cannot be decrypted. */
export type OpenedKeys = ReadonlyMap<string, string | null>;

/** A project with its decrypted provider keys. */
export interface OpenedProject {
  readonly project: Project;
  readonly keys: OpenedKeys;
}

/** The value of a token, or the value before its last rotation. */
export interface TokenValue {
  readonly token: Token;
  /**
   * The end of the overlap, in milliseconds since 1970. `undefined` if no rotation has replaced the value.
   */
  readonly acceptedUntil: number | undefined;
  /** The last result of {@link AccessTable.principalOf}, and the project that it was made from. */
  made?: { readonly of: OpenedProject; readonly principal: Principal };
}

/** The projects and tokens. A change costs as much as the changed rows, not as all of them. */
export class AccessTable {
  readonly #projects = new Map<string, OpenedProject>();
  /** The projects by their names, which are unique. `undefined` until it is used after a change. */
  #byName: Map<string, OpenedProject> | undefined;
  readonly #tokens = new Map<string, Token>();
  /** The values of all tokens, by the hash in hexadecimal digits. */
  readonly #values = new Map<string, TokenValue>();
  #secrets: readonly string[] = [];

  /** The provider keys of all projects. The same array as before if no key has changed. */
  get secrets(): readonly string[] {
    return this.#secrets;
  }

  /** Adds or replaces projects and tokens, and deletes others by their ids. */
  apply({ projects, tokens, deletedProjects, deletedTokens }: {
    readonly projects: readonly OpenedProject[];
    readonly tokens: readonly Token[];
    readonly deletedProjects: readonly string[];
    readonly deletedTokens: readonly string[];
  }): void {
    for (const id of deletedTokens) this.#deleteToken(id);
    // All old values are deleted before the first new one is added, because a value can move to another
    // token.
    for (const { id } of tokens) this.#deleteToken(id);
    for (const token of tokens) this.#addToken(token);
    const hadKeys = [...deletedProjects, ...projects.map(({ project }) => project.id)]
      .some((id) => (this.#projects.get(id)?.keys.size ?? 0) > 0);
    for (const id of deletedProjects) this.#projects.delete(id);
    for (const opened of projects) this.#projects.set(opened.project.id, opened);
    this.#byName = undefined;
    if (hadKeys || projects.some(({ keys }) => keys.size > 0)) this.#collectSecrets();
  }

  /** Finds a token by the hash of a value, in hexadecimal digits. */
  find(hash: string): TokenValue | undefined {
    return this.#values.get(hash);
  }

  /** The owner of a token, by the id of the token. */
  ownerOf(id: string): string | undefined {
    return this.#tokens.get(id)?.ownerId;
  }

  /** The project of a token. */
  projectOf({ projectId }: Token): OpenedProject | undefined {
    return this.#projects.get(projectId);
  }

  /** A project by its name. */
  projectNamed(name: string): OpenedProject | undefined {
    this.#byName ??= new Map([...this.#projects.values()].map((opened) => [opened.project.name, opened]));
    return this.#byName.get(name);
  }

  /** The principal of a token. It is kept until its token or its project changes. */
  principalOf(value: TokenValue, of: OpenedProject): Principal {
    if (value.made?.of !== of) value.made = { of, principal: principalOf(value.token, of) };
    return value.made.principal;
  }

  #collectSecrets(): void {
    const keys = [...this.#projects.values()].flatMap(({ keys }) => [...keys.values()]);
    this.#secrets = keys.filter((key) => key !== null);
  }

  #addToken(token: Token): void {
    this.#tokens.set(token.id, token);
    const { previous } = token;
    if (previous !== undefined) {
      this.#values.set(previous.hash.toHex(), { token, acceptedUntil: previous.expiresAt });
    }
    this.#values.set(token.hash.toHex(), { token, acceptedUntil: undefined });
  }

  #deleteToken(id: string): void {
    const token = this.#tokens.get(id);
    if (token === undefined) return;
    this.#tokens.delete(id);
    this.#values.delete(token.hash.toHex());
    if (token.previous !== undefined) this.#values.delete(token.previous.hash.toHex());
  }
}

function principalOf(token: Token, { project, keys }: OpenedProject): Principal {
  const key = tokenKey({ tokenId: token.id, name: token.name });
  const subjects: Subject[] = [
    { key, what: "token", rules: token.rules },
    { key: projectCountKey(project.id), what: "project", rules: project.rules },
  ];
  return { kind: "token", key, name: token.name, tokenId: token.id, projectId: project.id, subjects, keys };
}
