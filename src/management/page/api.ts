/** The management API as the page calls it. */

import type { InferOutput } from "valibot";
import type * as answers from "../api/answers.ts";
import { isAttended } from "./attention.ts";
import { fetchOrThrow, problemOf } from "./http.ts";
import { signedInAgain } from "./session.ts";

/** What the API gives; the same schemas make its documentation. */
export type Project = InferOutput<typeof answers.project>;
export type Token = InferOutput<typeof answers.token>;
export type NewToken = InferOutput<typeof answers.newToken>;
export type Exchange = InferOutput<typeof answers.exchange>;
export type AuditEntry = InferOutput<typeof answers.auditEntry>;
export type Endpoint = InferOutput<typeof answers.endpoint>;
export type Trial = InferOutput<typeof answers.trial>;
export type Health = InferOutput<typeof answers.health>;
export type Connectable = InferOutput<typeof answers.connectable>;
export type Settings = InferOutput<typeof answers.settings>;
export type QrCode = InferOutput<typeof answers.qrCode>;
export type UsageRow = InferOutput<typeof answers.usageRow>;

/** A part of a list. */
export interface Listed<Item> {
  readonly data: readonly Item[];
  readonly next_cursor: string | null;
}

/** Where the page finds it. */
export const API = "/admin/api";

/** An answer with the version that a change of it has to name. */
export interface Answer<Body> {
  readonly body: Body;
  readonly etag: string | null;
}

/** A request's body, and the version that it changes. */
export interface CallOptions {
  readonly body?: unknown;
  readonly etag?: string | null;
  readonly signal?: AbortSignal;
}

/**
 * Calls the API. Where the session has ended it waits until somebody has signed in again and goes on, so that
 * nothing that was typed is lost. Throws an {@link ApiError} or {@link Unreachable}.
 */
export async function call<Body>(
  method: string,
  path: string,
  { body, etag, signal }: CallOptions = {},
): Promise<Answer<Body>> {
  const response = await fetchOrThrow(`${API}${path}`, {
    method,
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(etag != null && { "if-match": etag }),
      ...(!isAttended() && { "x-llm-proxy-unattended": "1" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  if (response.status === 401) {
    await signedInAgain();
    return await call(method, path, { body, etag: etag ?? null, ...(signal && { signal }) });
  }
  const text = await response.text();
  if (!response.ok) throw problemOf(response.status, text);
  // The answer is what its schema says: both come from one program.
  return { body: (text === "" ? undefined : JSON.parse(text)) as Body, etag: response.headers.get("etag") };
}

/** Reads. */
export async function get<Body>(path: string, signal?: AbortSignal): Promise<Body> {
  return (await call<Body>("GET", path, signal ? { signal } : {})).body;
}

/** All parts of a list, up to a number that a page can bear. */
export async function getAll<Item>(path: string, signal?: AbortSignal): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `&cursor=${cursor}`;
    const part: Listed<Item> = await get(
      `${path}${path.includes("?") ? "&" : "?"}limit=1000${query}`,
      signal,
    );
    items.push(...part.data);
    cursor = part.next_cursor;
  } while (cursor !== null && items.length < 10_000);
  return items;
}
