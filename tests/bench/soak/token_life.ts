/** Managed tokens that come and go while they are in use. */

import type { Credential, Credentials } from "./credentials.ts";
import type { Management } from "./management.ts";

/** So many are in use at the same time. */
const IN_USE = 8;
/** A value that was rotated out holds for so long, where it is given an overlap at all. */
const OVERLAP_MS = 60_000;
/** Both clocks are read, at different moments. */
const TOLERANCE_MS = 2_000;

export class TokenLife {
  readonly #management: Management;
  readonly #credentials: Credentials;
  /** Asks with a value that has just ended. */
  readonly #tryEnded: (credential: Credential) => Promise<void>;
  #projectId = "";
  #turn = 0;
  /** What was done, by its name. */
  readonly done = { created: 0, revoked: 0, rotated: 0 };

  constructor(
    management: Management,
    { credentials, tryEnded }: {
      credentials: Credentials;
      tryEnded: (credential: Credential) => Promise<void>;
    },
  ) {
    this.#management = management;
    this.#tryEnded = tryEnded;
    this.#credentials = credentials;
  }

  /** The project and the first tokens. */
  async start(): Promise<void> {
    this.#projectId = String((await this.#management.ask("POST", "/projects", { name: "soak" }))["id"]);
    while (this.#credentials.active.length < IN_USE) await this.#create();
  }

  /** A token of its own kind, which stays. */
  async make(rules: Record<string, unknown>): Promise<Credential> {
    const made = await this.#management.ask("POST", "/tokens", { project_id: this.#projectId, ...rules });
    return this.#credentials.make(String(made["token"]), String(made["id"]));
  }

  /** Does one thing; the next time another. */
  async step(): Promise<void> {
    this.#credentials.sort(performance.now());
    switch (this.#turn++ % 4) {
      case 0:
        return await this.#create();
      case 1:
        return await this.#rotate(0);
      case 2:
        return await this.#revoke();
      default:
        return await this.#rotate(OVERLAP_MS);
    }
  }

  async #create(): Promise<void> {
    this.#credentials.active.push(await this.make({}));
    this.done.created++;
  }

  async #revoke(): Promise<void> {
    const credential = this.#pick(0);
    if (credential === undefined) return await this.#create();
    const { tokenId } = credential;
    const hasEnded = this.#credentials.ending(tokenId);
    await this.#management.ask("DELETE", `/tokens/${tokenId}`);
    await Promise.all(hasEnded().map(this.#tryEnded));
    this.done.revoked++;
  }

  async #rotate(overlapMs: number): Promise<void> {
    const credential = this.#pick(2);
    if (credential === undefined) return await this.#create();
    const { tokenId } = credential;
    const hasEnded = overlapMs === 0 ? this.#credentials.ending(tokenId) : undefined;
    const path = `/tokens/${tokenId}/rotate`;
    const made = await this.#management.ask("POST", path, { overlap_minutes: overlapMs / 60_000 });
    const now = performance.now();
    const ended = hasEnded?.() ?? [];
    if (hasEnded === undefined) {
      credential.ends = { asked: now + overlapMs - TOLERANCE_MS, answered: now + overlapMs + TOLERANCE_MS };
    }
    this.#credentials.active.push(this.#credentials.make(String(made["token"]), tokenId));
    await Promise.all(ended.map(this.#tryEnded));
    this.done.rotated++;
  }

  /** One of the oldest of those that have one value alone. */
  #pick(at: number): Credential | undefined {
    const { active } = this.#credentials;
    const managed = active.filter(({ tokenId }) => tokenId !== undefined);
    const single = managed.filter(({ tokenId }) =>
      managed.filter((other) => other.tokenId === tokenId).length === 1
    );
    return single[at] ?? single[0];
  }
}
