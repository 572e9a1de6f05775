/** The management API as the command line uses it: of a running proxy, or directly on the database. */

import * as v from "valibot";
import { systemClock } from "../../time/clock.ts";
import { processSources } from "../../config/sources/env.ts";
import { loadConfig, loadManagement, loadOutboundProxy } from "../../config/load.ts";
import { ConfigError } from "../../config/problem.ts";

import type { ManagementConfig } from "../../config/config.ts";
import { createManageApi, MANAGE_PATH } from "../../management/api/manage.ts";
import { problem } from "../../management/api/answers.ts";
import { openLimiter } from "../../management/spending.ts";
import { openBox } from "../../storage/open_box.ts";
import { isThere, keyFileOf, openStore } from "../../storage/open.ts";
import { type Store, StoreError } from "../../storage/store.ts";
import { CommandError } from "../command_error.ts";
import { configFlags } from "../common_options.ts";
import { withProgress } from "../progress.ts";
import { type Answer, request, type RequestOptions } from "../request.ts";
import { messageOf } from "../../text/error_text.ts";

/** Where the API is looked for. */
export interface ManageTarget {
  /** A database is made where there is none; other commands would only show an empty one. */
  readonly creates?: boolean;
  /** Of a running proxy; absent: the database itself. */
  readonly url?: string;
  readonly config?: string;
  /** Said where no proxy answers. */
  readonly hint?: string;
}

/** Calls of the management API. Each throws a {@link CommandError} with the API's own words. */
export interface ManageClient {
  readonly call: <Schema extends v.GenericSchema>(
    method: "GET" | "POST" | "PATCH" | "DELETE",
    path: string,
    options: { readonly body?: unknown; readonly answer: Schema },
  ) => Promise<v.InferOutput<Schema>>;
  /** An answer as it is, for those who pass it on. */
  readonly text: (path: string) => Promise<string>;
}

/** Opens the API for as long as `work` lasts. */
export async function withManageClient(
  target: ManageTarget,
  work: (client: ManageClient) => Promise<void>,
): Promise<void> {
  const config = await managementConfig(target.config);
  if (target.url !== undefined) {
    return await work(clientOf(await remote(target.url, { token: config.token, hint: target.hint })));
  }
  if (target.creates !== true) checkDatabase(config);
  await mapStoreError(async () => {
    const store = await openStore(config.databaseUrl);
    try {
      await work(clientOf(await direct(store, config, target.config)));
    } finally {
      store.close();
    }
  });
}

/** Throws a {@link CommandError} where the management plane is off. */
export async function managementConfig(path: string | undefined): Promise<ManagementConfig> {
  const config = await loadManagement(processSources, configFlags(path));
  if (config !== undefined) return config;
  throw new CommandError(
    "The management plane is off: set MANAGEMENT_TOKEN, in the environment or in .env.",
    2,
  );
}

/** Throws where there is no database: most likely this is another folder than the proxy's. */
export function checkDatabase({ databaseUrl }: ManagementConfig): void {
  if (isThere(databaseUrl)) return;
  throw new CommandError(
    `There is no database at ${databaseUrl}: run this in the folder that the proxy runs in, or set DATABASE_URL.\n` +
      "The proxy makes it at its first start with MANAGEMENT_TOKEN; so does llm-proxy project create.",
  );
}

/** A failure of the store is the command's. */
export async function mapStoreError(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof StoreError) throw new CommandError(`The database cannot be used: ${error.message}.`);
    throw error;
  }
}

/** A database that sums may take a second of. */
const LARGE_BYTES = 100 * 1024 ** 2;

type Ask = (path: string, init: Pick<RequestOptions, "method" | "json">) => Promise<Answer>;

async function remote(
  url: string,
  { token, hint = "" }: { token: string; hint: string | undefined },
): Promise<Ask> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CommandError(`${JSON.stringify(url)} is not a URL, like http://localhost:33000`, 2);
  }
  const base = url.replace(/\/+$/, "");
  const proxy = await loadOutboundProxy(processSources, new URL(url).origin);
  return async (path, init) => {
    try {
      return await withProgress(
        `Waiting for ${base}`,
        () => request(`${base}${path}`, { ...init, token, proxy }),
      );
    } catch (error) {
      throw new CommandError(
        `No proxy answers at ${base}: ${messageOf(error)}.${hint}`,
      );
    }
  };
}

/** The same API within this program; a running proxy sees what it changes with its next request. */
async function direct(store: Store, config: ManagementConfig, path: string | undefined): Promise<Ask> {
  const { box } = await openBox(store, {
    encryptionKey: config.encryptionKey,
    keyFile: keyFileOf(config.databaseUrl),
  });
  const { limiter } = await openLimiter(store, { clock: systemClock, config });
  const names = await endpointNames(path);
  const isLarge = await store.size() >= LARGE_BYTES;
  let unexpected: unknown;
  const api = createManageApi({
    store,
    box,
    clock: systemClock,
    actor: "command line",
    changed: () => Promise.resolve(),
    flushed: () => Promise.resolve(),
    spent: (key) => limiter.spent(key),
    proxy: undefined,
    endpointNames: () => names,
    ending: new AbortController().signal,
  }, { gate: undefined, onUnexpected: (error) => unexpected = error });
  return async (path, { method = "GET", json }) => {
    const asked = new Request(new URL(path, "http://llm-proxy"), {
      method,
      ...(json !== undefined && { body: json, headers: { "content-type": "application/json" } }),
    });
    const response = await withProgress("Reading the database", (say) => {
      // Its work keeps the thread to itself.
      if (isLarge) say("Reading the database");
      return Promise.resolve(api(asked, { source: "this machine", guessPlace: "header" }));
    });
    if (unexpected !== undefined) throw unexpected;
    return { status: response.status, text: await response.text() };
  };
}

/** Undefined where the rest of the configuration has problems: who opens the database does not need it. */
async function endpointNames(path: string | undefined): Promise<string[] | undefined> {
  try {
    const { config } = await loadConfig(processSources, configFlags(path));
    return config.endpoints.map(({ name }) => name);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}


function clientOf(ask: Ask): ManageClient {
  const answered = async (path: string, init: Parameters<Ask>[1]): Promise<string> => {
    const { status, text } = await ask(`${MANAGE_PATH}${path}`, init);
    if (status < 200 || status > 299) {
      // A bad request comes of a bad option; a configuration that was only looked at is what was asked about.
      const isUsage = status === 400 || (status === 422 && init.method === "GET");
      throw new CommandError(refusalOf(status, text), isUsage ? 2 : 1);
    }
    return text;
  };
  return {
    text: (path) => answered(path, { method: "GET" }),
    async call(method, path, { body, answer }) {
      const json = body === undefined ? undefined : JSON.stringify(body);
      const text = await answered(path, { method, json });
      const result = v.safeParse(answer, text === "" ? null : parsed(text));
      if (result.success) return result.output;
      throw new CommandError("The answer is not that of this version's management API: is --url right?");
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusalOf(status: number, text: string): string {
  const result = v.safeParse(problem, parsed(text));
  if (!result.success) return `The answer was ${status}, and not one of the management API: is --url right?`;
  const { detail, errors = [] } = result.output;
  if (errors.length < 2) return detail;
  return errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("\n");
}
