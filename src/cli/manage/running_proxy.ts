/**
 * Finds the proxy that runs with the local database, and sends it signed requests instead of the management
 * token.
 */

import { shownDatabase } from "../../storage/open.ts";
import { readRunFiles } from "../../storage/run_files.ts";
import { StoreError } from "../../storage/store.ts";
import { fieldValue } from "../../http/fields.ts";
import { type ControlAccess, parseAccess } from "../../management/control/control_access.ts";
import { createNonce, credentialOf, isProven, PROOF_HEADER } from "../../management/control/signatures.ts";
import { hostAndPort } from "../../network/host_port.ts";
import { messageOf } from "../../text/error_text.ts";
import { CommandError } from "../command_error.ts";
import { configFlags } from "../common_options.ts";
import { ownManagementAddress } from "../own_address.ts";
import { withProgress } from "../progress.ts";
import { type HttpResponse, request } from "../request.ts";
import type { Send } from "./send.ts";

const URL_HINT =
  "To name a proxy yourself, use --url URL; the command then sends the management token to this URL.";

/**
 * Sends requests to the proxy that runs with a database. Throws a {@link CommandError} if no proxy runs, if
 * several run and none listens where the configuration says, or if a response is not from this proxy.
 */
export async function sendToRunningProxy(
  databaseUrl: string,
  { config }: { config: string | undefined },
): Promise<Send> {
  const access = await findProxy(databaseUrl, config);
  return async (path, { method = "GET" }) => {
    const nonce = createNonce();
    const authorization = await credentialOf(access.secret, { method, path, atMs: Date.now(), nonce });
    const response = await withProgress(
      `Waiting for ${access.url}`,
      () => sendDirectly(access, { method, path, authorization }),
    );
    const { status, text, fields } = response;
    const proof = fieldValue(fields, PROOF_HEADER) ?? "";
    if (!await isProven(access.secret, { nonce, status, text }, proof)) {
      throw new CommandError(
        `The response of ${access.url} (status ${status}) is not from the proxy that has ${
          shownDatabase(databaseUrl)
        } open.\n` +
          "Another program listens there, or the proxy does not allow this address (allowed_ips).\n" +
          `The command sent no token. ${URL_HINT}`,
      );
    }
    return response;
  };
}

/** Sends a request without an outbound proxy: the address is on this machine. */
async function sendDirectly(
  { url, certificates }: ControlAccess,
  { method, path, authorization }: { method: string; path: string; authorization: string },
): Promise<HttpResponse> {
  try {
    return await request(`${url}${path}`, {
      method,
      authorization,
      caCerts: certificates === undefined ? undefined : [certificates],
    });
  } catch (error) {
    throw new CommandError(
      `No proxy answers at ${url}: ${messageOf(error)}.\n` +
        `A proxy wrote this address beside the database. If it runs in a container, run the command there.\n${URL_HINT}`,
    );
  }
}

async function findProxy(databaseUrl: string, config: string | undefined): Promise<ControlAccess> {
  const accesses = readAccesses(databaseUrl);
  const [only, ...others] = accesses;
  if (only === undefined) {
    throw new CommandError(
      `No proxy runs here: no proxy has ${shownDatabase(databaseUrl)} open.\n` +
        `Start the proxy, or run the command in its folder. ${URL_HINT}`,
    );
  }
  if (others.length === 0) return only;
  const { tls, ...address } = await ownManagementAddress(configFlags(config));
  const url = `${tls ? "https" : "http"}://${hostAndPort(address)}`;
  const configured = accesses.find((access) => access.url === url);
  if (configured !== undefined) return configured;
  throw new CommandError(
    `Several proxies have ${shownDatabase(databaseUrl)} open: ${
      accesses.map(({ url }) => url).join(", ")
    }.\n` +
      `None of them listens at ${url}, the address of the configuration. Set the port (PORT) of one.\n${URL_HINT}`,
  );
}

/** The running proxies of a database. Of two at one address, only the newer one can be running. */
function readAccesses(databaseUrl: string): ControlAccess[] {
  try {
    const all = readRunFiles(databaseUrl).map(({ text }) => parseAccess(text)).filter((one) =>
      one !== undefined
    );
    return all.filter(({ url }, index) => all.findIndex((other) => other.url === url) === index);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new CommandError(
      `Cannot find the running proxy: ${error.message}.\n` +
        `Run the command with the account of the proxy. ${URL_HINT}`,
    );
  }
}
