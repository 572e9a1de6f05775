/** A client of the management API for the commands. */

import * as v from "valibot";
import { MANAGE_PATH } from "../../management/api/manage.ts";
import { problem } from "../../management/api/responses.ts";
import { openStore } from "../../storage/open.ts";
import { CommandError } from "../command_error.ts";
import { writeNote } from "../output.ts";
import { harmlessLines, responseJson } from "../response_json.ts";
import { loginAddress, onlyLogin, type SavedLogin, savedLogins } from "../login/saved_logins.ts";
import { checkDatabase, checkOn, managementSettings, mapStoreError } from "./management_config.ts";
import { sendToRunningProxy } from "./running_proxy.ts";
import { type Send, sendToDatabase, sendToProxy, sendWithLogin } from "./send.ts";

const NO_TOKEN = "--url needs a token for the management API: llm-proxy login --url URL gets one, or set " +
  "MANAGEMENT_TOKEN.";

/** The management API to use: that of a running proxy, or one on the database. */
export interface ManageTarget {
  /** Whether to create a missing database. If not, a missing database is an error. */
  readonly creates?: boolean;
  /**
   * The URL of a running proxy, which gets the management token of the configuration, or else that of the
   * saved login. Without a URL, the command opens the database of the configuration. Without a configuration,
   * it uses the only saved login.
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

/** Where a client sends its requests. */
interface Place {
  /** The address of the proxy; `undefined` for a database or a proxy on this machine. */
  readonly url?: string;
  /** The saved login whose token the client sends. */
  readonly login?: SavedLogin;
}

/** Calls of the management API. Each throws a {@link CommandError} with the message of the API. */
export interface ManageClient {
  readonly place: Place;
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
  const settings = await managementSettings(target.config);
  const { url } = target;
  if (url !== undefined) {
    if (settings?.token !== undefined) {
      return await work(clientOf(await sendToProxy(url, settings.token), { url }));
    }
    return await work(await loggedIn(loginAt(url)));
  }
  // A command that stops or reloads a proxy must not reach another machine by surprise.
  const isAnywhere = target.needsRunning !== true && target.config === undefined;
  const only = settings === undefined && isAnywhere ? onlyLogin() : undefined;
  if (only !== undefined) {
    writeNote(`At ${only[0]}, by your login:\n`);
    return await work(await loggedIn(only));
  }
  const config = checkOn(settings, target.whenOff);
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

/** The saved login at an address. Throws a {@link CommandError} if no login is saved for it. */
function loginAt(url: string): readonly [url: string, login: SavedLogin] {
  const address = loginAddress(url);
  const login = savedLogins().get(address);
  if (login === undefined) throw new CommandError(NO_TOKEN, 2);
  return [address, login];
}

/** A client with the token of a saved login. */
async function loggedIn([url, login]: readonly [string, SavedLogin]): Promise<ManageClient> {
  const send = await sendWithLogin(url, login);
  return clientOf(async (path, init) => {
    const response = await send(path, init);
    if (response.status !== 401) return response;
    throw new CommandError(
      `Your login at ${url} has ended: it has expired or was revoked. Log in again: llm-proxy login --url ${url}`,
    );
  }, { url, login });
}

function clientOf(send: Send, place: Place = {}): ManageClient {
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
    place,
    text: async (path) => harmlessLines(await bodyOf(path, { method: "GET" })),
    async call(method, path, { body, schema }) {
      const json = body === undefined ? undefined : JSON.stringify(body);
      const text = await bodyOf(path, { method, json });
      const result = v.safeParse(schema, text === "" ? null : responseJson(text));
      if (result.success) return result.output;
      throw new CommandError("The response is not from the management API of this version. Check --url.");
    },
  };
}

function errorText(status: number, text: string): string {
  const result = v.safeParse(problem, responseJson(text));
  if (!result.success) return `The response ${status} is not from the management API. Check --url.`;
  const { detail, errors = [] } = result.output;
  if (errors.length < 2) return detail;
  return errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("\n");
}
