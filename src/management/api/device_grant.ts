/**
 * The two routes by which a command on another machine gets a management token (RFC 8628). They need no
 * credential: a person confirms the request at the admin page, see `device_logins.ts`.
 */

import * as v from "valibot";
import { createDeviceCode, createUserCode, isDeviceCode, shownUserCode } from "../../auth/device_code.ts";
import { createManagementTokenValue } from "../../auth/management_token_value.ts";
import { hashOf, suffixOf } from "../../auth/token_value.ts";
import { addressGroup } from "../../network/ip_ranges.ts";
import type { DeviceLoginStore } from "../../storage/device_login_store.ts";
import type { ManagementTokenOf } from "../../storage/people_store.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import type { Clock } from "../../time/clock.ts";
import type { Caller } from "./caller.ts";
import { createId } from "./create_id.ts";
import * as responses from "./device_responses.ts";
import type { GuessGate } from "./guess_gate.ts";
import type { OpenOperation } from "./openapi.ts";
import { Problem } from "./problem.ts";
import { moment } from "./rules.ts";

/** The path below the API where a command asks for a login. */
export const DEVICE_CODE_PATH = "/device/code";
/** The path below the API where a command asks whether a person has confirmed. */
export const DEVICE_TOKEN_PATH = "/device/token";
/** The `client_id` of the command. There is no other client. */
export const DEVICE_CLIENT = "llm-proxy";
/** The `grant_type` of a poll (RFC 8628, 3.4). */
export const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/** How long a person has to confirm, in milliseconds. */
const LOGIN_MS = 10 * 60_000;
/** The shortest time between two polls, in milliseconds. */
const INTERVAL_MS = 2_000;
/** The most logins that have not expired. More would make guesses of user codes easier. */
const LIMITS = { ofAddressGroup: 20, ofAll: 500 };
/** How long the token is valid, in seconds: 30 days, and what a command may ask for. */
const LIFETIME_S = 30 * 86_400;
const MIN_LIFETIME_S = 60;
const MAX_LIFETIME_S = 90 * 86_400;
/** The longest name of a machine, in characters. */
const MAX_MACHINE = 100;

const codeRequest = v.object({
  client_id: v.literal(DEVICE_CLIENT),
  machine: v.optional(v.pipe(v.string(), v.description("the name of the machine"))),
  lifetime: v.optional(
    v.pipe(v.string(), v.description("how long the token shall be valid, in seconds; 30 days by default")),
  ),
});
const tokenRequest = v.object({
  client_id: v.literal(DEVICE_CLIENT),
  grant_type: v.literal(DEVICE_GRANT),
  device_code: v.string(),
});

/** The routes in the OpenAPI document. */
export const DEVICE_OPERATIONS: readonly OpenOperation[] = [
  {
    path: DEVICE_CODE_PATH,
    summary: "Ask for a management token for a machine, which a person confirms (RFC 8628, 3.1)",
    body: codeRequest,
    response: responses.deviceCode,
    error: responses.deviceError,
  },
  {
    path: DEVICE_TOKEN_PATH,
    summary: "Get the token once a person has confirmed (RFC 8628, 3.4)",
    body: tokenRequest,
    response: responses.deviceToken,
    error: responses.deviceError,
  },
];

/** What {@link DeviceGrant} needs. */
export interface DeviceGrantParts {
  readonly clock: Clock;
  /** Wrong device codes count with wrong tokens. */
  readonly guesses: GuessGate;
  readonly store: Pick<DeviceLoginStore, "addDeviceLogin" | "pollDeviceLogin" | "useDeviceLogin">;
  /** The address by which browsers reach the admin page; `undefined` if the configuration has none. */
  readonly publicUrl: string | undefined;
}

/** The error of an OAuth response (RFC 6749, 5.2). */
class GrantError extends Error {
  constructor(readonly code: v.InferOutput<typeof responses.deviceError>["error"], description: string) {
    super(description);
  }
}

/** Answers commands that ask for a management token. */
export class DeviceGrant {
  readonly #parts: DeviceGrantParts;

  constructor(parts: DeviceGrantParts) {
    this.#parts = parts;
  }

  /**
   * Responds to a request at a path below the API; `undefined` for other paths. Throws a {@link Problem} for
   * a request that a command does not send, and for an address that must wait.
   */
  answer(path: string, request: Request, caller: Caller): Promise<Response> | undefined {
    if (path === DEVICE_CODE_PATH) {
      return this.#answered(request, (form) => this.#begin(form, request, caller));
    }
    if (path === DEVICE_TOKEN_PATH) return this.#answered(request, (form) => this.#poll(form, caller));
    return undefined;
  }

  async #answered(request: Request, work: (form: Form) => Promise<unknown>): Promise<Response> {
    const headers = { "cache-control": "no-store" };
    if (request.method !== "POST") throw new Problem(405, "Use POST.", { headers: { allow: "POST" } });
    // Browsers send one of both with each POST. A page could begin logins in the name of its visitor.
    if (request.headers.has("origin") || request.headers.has("sec-fetch-site")) {
      throw new Problem(403, "Web pages may not use this: it is for llm-proxy login.");
    }
    try {
      return Response.json(await work(await formOf(request)), { headers });
    } catch (error) {
      if (!(error instanceof GrantError)) throw error;
      const body = { error: error.code, error_description: error.message };
      return Response.json(body, { status: 400, headers });
    }
  }

  /** Begins a login, and gives the command its codes. */
  async #begin(form: Form, request: Request, caller: Caller): Promise<unknown> {
    const { clock, guesses, store } = this.#parts;
    guesses.checkWait(caller, { isGuess: false });
    checkClient(form);
    const lifetimeMs = lifetimeOf(form) * 1000;
    const [deviceCode, userCode] = [createDeviceCode(), createUserCode()];
    const now = clock.epochMs();
    const isAdded = await store.addDeviceLogin({
      id: createId("dvc"),
      deviceHash: hashOf(deviceCode),
      userHash: hashOf(userCode),
      machine: harmlessText(form.get("machine")?.trim() || "unnamed machine", MAX_MACHINE),
      address: caller.source,
      addressGroup: addressGroup(caller.source),
      lifetimeMs,
      createdAt: now,
      expiresAt: now + LOGIN_MS,
      intervalMs: INTERVAL_MS,
    }, LIMITS);
    if (!isAdded) {
      throw new Problem(429, "Too many logins wait for a person: try again in ten minutes.", {
        headers: { "retry-after": String(LOGIN_MS / 1000) },
      });
    }
    return {
      device_code: deviceCode,
      user_code: shownUserCode(userCode),
      verification_uri: `${this.#pageOrigin(request, caller)}/admin#device`,
      expires_in: LOGIN_MS / 1000,
      interval: INTERVAL_MS / 1000,
    } satisfies v.InferOutput<typeof responses.deviceCode>;
  }

  /** Gives the command its token, once a person has confirmed. */
  async #poll(form: Form, caller: Caller): Promise<unknown> {
    const { clock, guesses, store } = this.#parts;
    const code = form.get("device_code");
    guesses.checkWait(caller, { isGuess: code !== undefined });
    if (form.get("grant_type") !== DEVICE_GRANT) {
      throw new GrantError("unsupported_grant_type", `The grant_type is not ${DEVICE_GRANT}.`);
    }
    checkClient(form);
    if (code === undefined) throw new GrantError("invalid_request", "The device_code is missing.");
    const hash = hashOf(code);
    const now = clock.epochMs();
    const found = isDeviceCode(code) ? await store.pollDeviceLogin(hash, now) : "unknown";
    switch (found) {
      case "pending":
        throw new GrantError("authorization_pending", "No person has confirmed yet.");
      case "slow_down":
        throw new GrantError("slow_down", "The command asks too often: wait five seconds longer.");
      case "refused":
        throw new GrantError("access_denied", "A person refused the login.");
      case "expired":
        throw new GrantError("expired_token", "The code has expired: no person confirmed in time.");
      case "unknown":
        guesses.recordGuess(caller, { hash: hash.toBase64(), attempt: "device_code" });
        throw new GrantError("invalid_grant", "There is no login with this device code, or it was used.");
      case "confirmed":
        return await this.#token(hash, now, caller);
      default:
        return found satisfies never;
    }
  }

  async #token(hash: Uint8Array, now: number, caller: Caller): Promise<unknown> {
    const value = createManagementTokenValue();
    const made = await this.#parts.store.useDeviceLogin(
      hash,
      { id: createId("mgt"), hash: hashOf(value), suffix: suffixOf(value) },
      { at: now, source: caller.source },
    );
    if (made === undefined) {
      throw new GrantError("access_denied", "The account of the person has changed: begin again.");
    }
    return shownToken(made, value, now);
  }

  /**
   * The origin of the admin page. Without one in the configuration, it is the origin that the command used: a
   * command that names another host deceives only itself.
   */
  #pageOrigin({ headers }: Request, { scheme = "http" }: Caller): string {
    return this.#parts.publicUrl ?? `${scheme}://${headers.get("host") ?? "localhost"}`;
  }
}

function shownToken({ token, person }: ManagementTokenOf, value: string, now: number) {
  const { id, name, role, projects, expiresAt = now } = token;
  const allowed = person?.projects ?? projects;
  if (role === "scim") throw new Error("a login made the token of a directory");
  return {
    access_token: value,
    token_type: "Bearer",
    expires_in: Math.floor((expiresAt - now) / 1000),
    token_id: id,
    name,
    person: person?.login ?? null,
    role: person?.role ?? role,
    projects: allowed === "all" ? "all" : [...allowed],
    expires_at: moment(expiresAt),
  } satisfies v.InferInput<typeof responses.deviceToken>;
}

/** The members of a form, each once. */
type Form = ReadonlyMap<string, string>;

/** Reads a form. A repeated member is an error (RFC 6749, 3.2). An empty one counts as missing. */
async function formOf(request: Request): Promise<Form> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers.get("content-type") ?? "")) {
    throw new Problem(415, "The body must be a form: application/x-www-form-urlencoded.");
  }
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(await request.text())) {
    if (form.has(name)) throw new GrantError("invalid_request", "A member of the form is repeated.");
    if (value !== "") form.set(name, value);
  }
  return form;
}

function checkClient(form: Form): void {
  if (form.get("client_id") === DEVICE_CLIENT) return;
  throw new GrantError("invalid_client", `The client_id is not ${DEVICE_CLIENT}.`);
}

/** The wished lifetime of the token, in seconds. */
function lifetimeOf(form: Form): number {
  const text = form.get("lifetime") ?? String(LIFETIME_S);
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (seconds >= MIN_LIFETIME_S && seconds <= MAX_LIFETIME_S) return seconds;
  throw new GrantError("invalid_request", "The token can be valid for a minute to 90 days.");
}
