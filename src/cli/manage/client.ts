/** A client of the management API for the commands. */

import * as v from "valibot";
import { MANAGE_PATH } from "../../management/api/manage.ts";
import { problem } from "../../management/api/responses.ts";
import { openStore } from "../../storage/open.ts";
import { CommandError } from "../command_error.ts";
import { checkDatabase, managementConfig, mapStoreError } from "./management_config.ts";
import { sendToRunningProxy } from "./running_proxy.ts";
import { type Send, sendToDatabase, sendToProxy } from "./send.ts";

const NO_TOKEN = "--url needs a token for the management API: set MANAGEMENT_TOKEN to its value.";

/** The management API to use: that of a running proxy, or one on the database. */
export interface ManageTarget {
  /** Whether to create a missing database. If not, a missing database is an error. */
  readonly creates?: boolean;
  /**
   * The URL of a running proxy, which gets the management token. Without it, the command opens the database.
   */
  readonly url?: string;
  /**
   * Without a URL, the command uses the proxy that runs with the database, and does not open the database.
   */
  readonly needsRunning?: boolean;
  /** The configuration file of `--config`. */
  readonly config?: string;
  /** The message of the error if the management API is off; `undefined` for the usual message. */
  readonly whenOff?: string | undefined;
}

/** Calls of the management API. Each throws a {@link CommandError} with the message of the API. */
export interface ManageClient {
  /**
   * Sends a request, and parses the body of the response with `schema`. An empty body is parsed as `null`.
   */
  readonly call: <Schema extends v.GenericSchema>(
    method: "GET" | "POST" | "PATCH" | "DELETE",
    path: string,
    options: { readonly body?: unknown; readonly schema: Schema },
  ) => Promise<v.InferOutput<Schema>>;
  /** Requests a path with GET, and returns the body as text. Throws a {@link CommandError}. */
  readonly text: (path: string) => Promise<string>;
}

/** Runs work with a client of the API, and closes the database afterwards. */
export async function withManageClient(
  target: ManageTarget,
  work: (client: ManageClient) => Promise<void>,
): Promise<void> {
  const config = await managementConfig(target.config, target.whenOff);
  if (target.url !== undefined) {
    if (config.token === undefined) throw new CommandError(NO_TOKEN, 2);
    return await work(clientOf(await sendToProxy(target.url, config.token)));
  }
  if (target.needsRunning === true) {
    return await work(clientOf(await sendToRunningProxy(config.databaseUrl, { config: target.config })));
  }
  if (target.creates !== true) checkDatabase(config);
  await mapStoreError(async () => {
    const store = await openStore(config.databaseUrl);
    try {
      await work(clientOf(await sendToDatabase(store, config, target.config)));
    } finally {
      await store.close();
    }
  });
}

function clientOf(send: Send): ManageClient {
  const bodyOf = async (path: string, init: Parameters<Send>[1]): Promise<string> => {
    const { status, text } = await send(`${MANAGE_PATH}${path}`, init);
    if (status < 200 || status > 299) {
      // 400 means a wrong option. 422 for a GET means that `check --changed` found a wrong configuration.
      const isUsage = status === 400 || (status === 422 && init.method === "GET");
      throw new CommandError(errorText(status, text), isUsage ? 2 : 1);
    }
    return text;
  };
  return {
    text: (path) => bodyOf(path, { method: "GET" }),
    async call(method, path, { body, schema }) {
      const json = body === undefined ? undefined : JSON.stringify(body);
      const text = await bodyOf(path, { method, json });
      const result = v.safeParse(schema, text === "" ? null : jsonOf(text));
      if (result.success) return result.output;
      throw new CommandError("The response is not from the management API of this version. Check --url.");
    },
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorText(status: number, text: string): string {
  const result = v.safeParse(problem, jsonOf(text));
  if (!result.success) return `The response ${status} is not from the management API. Check --url.`;
  const { detail, errors = [] } = result.output;
  if (errors.length < 2) return detail;
  return errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("\n");
}
