/** Calls of the management API, and the types of its responses. */

import type { InferOutput } from "valibot";
import type * as devices from "../api/device_responses.ts";
import type * as people from "../api/people_responses.ts";
import type * as responses from "../api/responses.ts";
import { fetchOrThrow, problemOf } from "./http.ts";
import { MAX_ITEMS } from "./list_limit.ts";
import { waitForSignIn } from "./session.ts";
import { isUserActive } from "./user_activity.ts";

/** A project, with its rules and spending. */
export type Project = InferOutput<typeof responses.project>;
/** A token, without its value. */
export type Token = InferOutput<typeof responses.token>;
/** A created or rotated token, with its value. */
export type NewToken = InferOutput<typeof responses.newToken>;
/** A request to the proxy that has ended, with its response and usage. */
export type Exchange = InferOutput<typeof responses.exchange>;
/** An entry of the audit log. */
export type AuditEntry = InferOutput<typeof responses.auditEntry>;
/** An endpoint with its backends and their states. */
export type Endpoint = InferOutput<typeof responses.endpoint>;
/** The result of a probe of one backend. */
export type ProbeResult = InferOutput<typeof responses.probeResult>;
/** The state of the proxy and its database. */
export type SystemState = InferOutput<typeof responses.system>;
/** The clients that the proxy can write settings for, and its addresses. */
export type Connectable = InferOutput<typeof responses.connectable>;
/** The settings of a client, each with the place where they belong. */
export type ConnectSettings = InferOutput<typeof responses.settings>;
/** A QR code as a path of SVG. */
export type QrCode = InferOutput<typeof responses.qrCode>;
/** The usage of one group and period. */
export type UsageRow = InferOutput<typeof responses.usageRow>;

/** Who is signed in, with the role and the projects. */
export type Self = InferOutput<typeof people.self>;
/** A person who can sign in. */
export type Person = InferOutput<typeof people.person>;
/** A link by which a person sets a passphrase. */
export type Invitation = InferOutput<typeof people.invitation>;
/** The login of a command on another machine, which waits for a decision. */
export type DeviceLogin = InferOutput<typeof devices.deviceLogin>;
/** A token for the management API, without its value. */
export type ManagementToken = InferOutput<typeof people.managementToken>;
/** A passkey with which a person signs in. */
export type Passkey = InferOutput<typeof people.passkey>;
/** A session of the admin page. */
export type Session = InferOutput<typeof people.session>;

/** One page of a list. `next_cursor` is null at the end of the list. */
export interface Listed<Item> {
  readonly data: readonly Item[];
  readonly next_cursor: string | null;
}

/** The path under which the admin page reaches the management API. */
export const API = "/admin/api";

/** A response body, with the ETag that a change of the resource must send. */
export interface ApiResponse<Body> {
  readonly body: Body;
  readonly etag: string | null;
}

/** A request's body, the ETag of the version that it changes, and a signal that aborts it. */
export interface CallOptions {
  readonly body?: unknown;
  readonly etag?: string | null;
  readonly signal?: AbortSignal;
}

/**
 * Sends a request to the API. Where the session has ended, it asks for a sign-in and then repeats the
 * request: a form loses nothing that was typed. Throws an `ApiError` or `Unreachable`.
 */
export function call<Body>(
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<ApiResponse<Body>> {
  return send(method, API + path, options);
}

/** Sends a request like {@link call}, to a path that may be outside of the API. */
export async function send<Body>(
  method: string,
  path: string,
  { body, etag, signal }: CallOptions,
): Promise<ApiResponse<Body>> {
  const response = await fetchOrThrow(path, {
    method,
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(etag != null && { "if-match": etag }),
      ...(!isUserActive() && { "x-llm-proxy-unattended": "1" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  if (response.status === 401) {
    await waitForSignIn("ended");
    return await send(method, path, { body, etag: etag ?? null, ...(signal && { signal }) });
  }
  const text = await response.text();
  if (!response.ok) {
    const problem = problemOf(response.status, text);
    if (problem.code !== "sign_in_again") throw problem;
    // What cannot be undone needs a proof that the user is still there. A new session is one.
    await waitForSignIn("confirm");
    return await send(method, path, { body, etag: etag ?? null, ...(signal && { signal }) });
  }
  // The schema describes the response: the same program defines both.
  return { body: (text === "" ? undefined : JSON.parse(text)) as Body, etag: response.headers.get("etag") };
}

/** Reads a resource. Throws an `ApiError` or `Unreachable`. */
export async function get<Body>(path: string, signal?: AbortSignal): Promise<Body> {
  return (await call<Body>("GET", path, signal ? { signal } : {})).body;
}

/**
 * Reads all pages of a list, up to {@link MAX_ITEMS} items. Show `limitNotice` beside a list that may be
 * longer.
 */
export async function getAll<Item>(path: string, signal?: AbortSignal): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `&cursor=${cursor}`;
    const page: Listed<Item> = await get(
      `${path}${path.includes("?") ? "&" : "?"}limit=1000${query}`,
      signal,
    );
    items.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null && items.length < MAX_ITEMS);
  return items;
}
