/**
 * What a browser keeps while the person is at the provider: a sealed cookie. So any replica with the same
 * encryption key can finish a sign-in that another one began, and nothing is stored for strangers.
 */

import * as v from "valibot";
import { SESSION_COOKIE } from "../../http/session_cookie.ts";
import type { Clock } from "../../time/clock.ts";
import type { Checks } from "./identity_provider.ts";

/** How long a person may be at the provider. */
export const PENDING_MS = 600_000;
/** How many finished sign-ins are remembered. Beyond that, the oldest is forgotten. */
const MAX_USED = 10_000;

/** A sign-in that has begun. */
export interface Pending extends Checks {
  /** The name of the provider where it began. */
  readonly provider: string;
  /** The page to which the person returns. */
  readonly returnTo: string;
  /** Whether the provider shall ask the person to prove again who they are. */
  readonly isFresh?: true | undefined;
}

/** A sign-in of which a browser came back. */
export interface Returned extends Pending {
  /** In milliseconds since 1970. */
  readonly begunAt: number;
}

/** Encrypts texts, like the `SecretBox` of the database. All replicas have the same key. */
export interface Sealer {
  readonly seal: (text: string, context: string) => Promise<Uint8Array>;
  /** Returns `undefined` if the text was sealed with another key or context, or was changed. */
  readonly open: (sealed: Uint8Array, context: string) => Promise<string | undefined>;
}

const pendingSchema = v.strictObject({
  state: v.string(),
  nonce: v.string(),
  verifier: v.string(),
  provider: v.string(),
  returnTo: v.string(),
  isFresh: v.optional(v.literal(true)),
  /** Milliseconds since 1970. */
  endsAt: v.number(),
});

/** Writes and reads the cookies, and accepts each of them once. */
export class PendingSignIns {
  readonly #sealer: Sealer;
  readonly #clock: Pick<Clock, "epochMs">;
  readonly #publicUrl: URL;
  /** The end of finished sign-ins by their state, the oldest first. */
  readonly #used = new Map<string, number>();

  constructor(
    { sealer, clock, publicUrl }: {
      readonly sealer: Sealer;
      readonly clock: Pick<Clock, "epochMs">;
      readonly publicUrl: string;
    },
  ) {
    this.#sealer = sealer;
    this.#clock = clock;
    this.#publicUrl = new URL(publicUrl);
  }

  /** The value of `set-cookie` for a sign-in that begins. */
  async cookie(pending: Pending): Promise<string> {
    const text = JSON.stringify({ ...pending, endsAt: this.#clock.epochMs() + PENDING_MS });
    const sealed = await this.#sealer.seal(text, contextOf(pending.provider));
    const value = sealed.toBase64({ alphabet: "base64url", omitPadding: true });
    return this.#setCookie(pending.provider, value, PENDING_MS / 1000);
  }

  /** The value of `set-cookie` that removes the cookie. */
  removal(provider: string): string {
    return this.#setCookie(provider, "", 0);
  }

  /**
   * The sign-in of the cookie, if a browser comes back from a provider with a state. `undefined` if this
   * browser began no such sign-in, or finished it, or took too long.
   */
  async take(
    cookies: string | null,
    { provider, state }: { readonly provider: string; readonly state: string | null },
  ): Promise<Returned | undefined> {
    const value = cookieValue(cookies ?? "", this.#cookieName(provider));
    if (value === undefined || state === null) return undefined;
    const { endsAt, ...pending } = await this.#opened(value, provider) ?? { endsAt: 0 };
    if (!("state" in pending) || pending.provider !== provider || pending.state !== state) return undefined;
    const now = this.#clock.epochMs();
    if (now >= endsAt || this.#used.has(state)) return undefined;
    this.#remember(state, endsAt);
    return { ...pending, begunAt: endsAt - PENDING_MS };
  }

  async #opened(value: string, provider: string): Promise<v.InferOutput<typeof pendingSchema> | undefined> {
    try {
      const sealed = Uint8Array.fromBase64(value, { alphabet: "base64url" });
      const text = await this.#sealer.open(sealed, contextOf(provider));
      const { success, output } = v.safeParse(pendingSchema, JSON.parse(text ?? "null"));
      return success ? output : undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  #remember(state: string, endsAt: number): void {
    const now = this.#clock.epochMs();
    for (const [used, end] of this.#used) {
      if (end > now && this.#used.size < MAX_USED) break;
      this.#used.delete(used);
    }
    this.#used.set(state, endsAt);
  }

  #setCookie(provider: string, value: string, maxAgeS: number): string {
    const secure = this.#publicUrl.protocol === "https:" ? "; Secure" : "";
    // Lax: the provider sends the browser back from another site.
    return `${this.#cookieName(provider)}=${value}; Path=/admin/sign-in/${provider}; Max-Age=${maxAgeS}; ` +
      `HttpOnly; SameSite=Lax${secure}`;
  }

  /**
   * Starts like the session cookie, so that the proxy keeps it from upstreams. All ports of a host share
   * cookies.
   */
  #cookieName(provider: string): string {
    return `${SESSION_COOKIE}_sign_in_${this.#publicUrl.port}_${provider}`;
  }
}

function contextOf(provider: string): string {
  return `sign-in ${provider}`;
}

/** The value of a cookie. If a browser sends two with the name, the first counts. */
function cookieValue(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(";")) {
    const at = pair.indexOf("=");
    if (at !== -1 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}
