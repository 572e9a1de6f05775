/**
 * Two ways to send a request to the management API: to the URL of a proxy, or to the API within this program.
 * `running_proxy.ts` has the third, to the proxy that runs with the local database.
 */

import type { ManagementConfig } from "../../config/config.ts";
import { loadConfig, loadOutboundProxy } from "../../config/load.ts";
import { ConfigError } from "../../config/problem.ts";
import { adminOrigins, lanAddresses } from "../../config/server_urls.ts";
import { processSources, shellSources } from "../../config/sources/env.ts";
import { GuessGate } from "../../management/api/guess_gate.ts";
import { lasting } from "../../management/api/identity.ts";
import { createManageApi } from "../../management/api/manage.ts";
import { openLimiter } from "../../management/spending.ts";
import { COMMAND_LINE } from "../../people/actor.ts";
import { keyFileOf } from "../../storage/open.ts";
import { openBox } from "../../storage/open_box.ts";
import type { Store } from "../../storage/store.ts";
import { messageOf } from "../../text/error_text.ts";
import { systemClock } from "../../time/clock.ts";
import { CommandError } from "../command_error.ts";
import { configFlags } from "../common_options.ts";
import type { SavedLogin } from "../login/saved_logins.ts";
import { withProgress } from "../progress.ts";
import { type HttpResponse, request, type RequestOptions } from "../request.ts";
import { unreachable } from "../unreachable.ts";

/** Sends a request to a path of the management API. */
export type Send = (
  path: string,
  init: Pick<RequestOptions, "method" | "json">,
) => Promise<Pick<HttpResponse, "status" | "text">>;

/** The size in bytes of a database in which a query may take a second. */
const LARGE_BYTES = 100 * 1024 ** 2;

/**
 * Sends requests with the token of a saved login. Throws a {@link CommandError} if the file of the authority
 * is unreadable.
 */
export async function sendWithLogin(url: string, { token, ca }: SavedLogin): Promise<Send> {
  return await sendToProxy(url, token, { ca, isLogin: true });
}

/**
 * Sends requests with a management token to a URL that the user named. `ca` is the file of an authority to
 * trust besides those of the system. `isLogin` is whether the token is that of a saved login: a `.env` of the
 * working folder then chooses no outbound proxy. Throws a {@link CommandError} if the URL is invalid or the
 * file is unreadable.
 */
export async function sendToProxy(
  url: string,
  token: string,
  { ca, isLogin = false }: { readonly ca?: string | undefined; readonly isLogin?: boolean } = {},
): Promise<Send> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CommandError(`${JSON.stringify(url)} is not a URL like http://localhost:33000`, 2);
  }
  const base = url.replace(/\/+$/, "");
  const proxy = await loadOutboundProxy(isLogin ? shellSources : processSources, new URL(url).origin);
  const caCerts = ca === undefined ? undefined : [readAuthority(ca)];
  const trust = isLogin ? "log in again with --ca FILE" : "set SSL_CERT_FILE to its ca.pem";
  return async (path, init) => {
    try {
      return await withProgress(
        `Waiting for ${base}`,
        () => request(`${base}${path}`, { ...init, token, proxy, caCerts }),
      );
    } catch (error) {
      throw unreachable(base, error, ca === undefined ? trust : undefined);
    }
  };
}

/** Reads certificates in PEM form. Throws a {@link CommandError} if the file is unreadable. */
export function readAuthority(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new CommandError(`Cannot read ${path}: ${messageOf(error)}.`, 2);
  }
}

/**
 * Runs the API within this program, on the database. A running proxy sees the changes with its next request.
 */
export async function sendToDatabase(
  store: Store,
  config: ManagementConfig,
  path: string | undefined,
): Promise<Send> {
  const { box } = await openBox(store, {
    encryptionKey: config.encryptionKey,
    keyFile: keyFileOf(config.databaseUrl),
  });
  const { limiter } = await openLimiter(store, { clock: systemClock, config });
  const { names, origins } = await configured(path, config);
  const isLarge = await store.size() >= LARGE_BYTES;
  let unexpected: unknown;
  const api = createManageApi({
    store,
    box,
    clock: systemClock,
    changed: () => Promise.resolve(),
    flushed: () => Promise.resolve(),
    spent: (key) => limiter.spent(key),
    proxy: undefined,
    endpointNames: () => names,
    adminOrigins: () => origins,
    hasPublicUrl: config.publicUrl !== undefined,
    ownerOf: () => undefined,
    guesses: new GuessGate({ clock: systemClock }),
    hasBootstrap: config.token !== undefined,
    sessionIdleMs: () => config.adminIdleMs,
    passphrases: undefined,
    sessionEnded: () => {},
    ending: new AbortController().signal,
  }, { onUnexpected: (error) => unexpected = error });
  return async (path, { method = "GET", json }) => {
    const apiRequest = new Request(new URL(path, "http://llm-proxy"), {
      method,
      ...(json !== undefined && { body: json, headers: { "content-type": "application/json" } }),
    });
    const response = await withProgress("Reading the database", (show) => {
      // A query blocks the thread, so the timer of the progress line cannot run.
      if (isLarge) show("Reading the database");
      const caller = { source: "this machine", guessPlace: "header" } as const;
      return Promise.resolve(api(apiRequest, caller, lasting(COMMAND_LINE)));
    });
    if (unexpected !== undefined) throw unexpected;
    return { status: response.status, text: await response.text() };
  };
}

/**
 * The names of the endpoints, and the addresses of the admin page. An invalid configuration is no error of
 * the command: the names are then `undefined`.
 */
async function configured(
  path: string | undefined,
  { publicUrl }: Pick<ManagementConfig, "publicUrl">,
): Promise<{ names: readonly string[] | undefined; origins: readonly string[] }> {
  const known = publicUrl === undefined ? undefined : [publicUrl];
  try {
    const { config: { endpoints, server } } = await loadConfig(processSources, configFlags(path));
    return {
      names: endpoints.map(({ name }) => name),
      origins: known ?? adminOrigins(server, { port: server.port, lanAddresses: lanAddresses() }),
    };
  } catch (error) {
    if (error instanceof ConfigError) return { names: undefined, origins: known ?? [] };
    throw error;
  }
}
