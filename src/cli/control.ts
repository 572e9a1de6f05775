/** `llm-proxy reload` and `llm-proxy stop`, which use the management API of the running proxy. */

import * as v from "valibot";
import type { ManagementConfig } from "../config/config.ts";
import { type ListenAddress, loadManagement, loadManagementAddress } from "../config/load.ts";
import { processSources } from "../config/sources/env.ts";
import { hostAndPort } from "../network/host_port.ts";
import * as answers from "../management/api/answers.ts";
import { isInUse } from "../storage/open.ts";
import { CommandError } from "./command_error.ts";
import { configFlags } from "./common_options.ts";
import { type ManageClient, type RunningProxy, withProxyClient } from "./manage/client.ts";
import { required } from "./manage/management_config.ts";
import { type Options, textOf } from "./manage/options.ts";
import { warningLine, writeAnswer } from "./output.ts";
import { managementAddress } from "./own_address.ts";

/** Makes the proxy reload its configuration, and prints the changed settings. */
export async function reload(options: Options): Promise<void> {
  await onRunning(options, async (client) => {
    const { changed, warnings } = await client.call("POST", "/reload", { answer: answers.reload });
    writeAnswer(
      { changed, warnings },
      () =>
        (changed.length === 0
          ? "The proxy reloaded its configuration. Nothing changed.\n"
          : `Changed: ${changed.join(", ")}\n`) +
        warnings.map((warning) => warningLine(warning)).join(""),
    );
  });
}

/** Makes the proxy finish its running requests and exit. */
export async function stop(options: Options): Promise<void> {
  await onRunning(options, async (client) => {
    await client.call("POST", "/stop", { answer: v.null() });
    writeAnswer(
      { stopping: true },
      () => "The proxy takes no new requests, finishes the running ones, and exits.\n",
    );
  });
}

/**
 * Runs work with the API of the running proxy: that of `--url`, or of the local configuration. Throws a
 * {@link CommandError} with the message `whenOff` if the management API is off.
 */
export async function onRunning(
  options: Options,
  work: (client: ManageClient) => Promise<void>,
  { whenOff }: { whenOff?: string } = {},
): Promise<void> {
  const url = textOf(options, "url");
  const flags = configFlags(textOf(options, "config"));
  if (url !== undefined) {
    const { token } = required(await loadManagement(processSources, flags), whenOff);
    return await withProxyClient({ url, token }, work);
  }
  const { address, management } = await loadManagementAddress(processSources, flags);
  await withProxyClient(ownProxy(address, required(management, whenOff)), work);
}

/**
 * The proxy that runs with the local configuration. Throws a {@link CommandError} if no program has the local
 * database open, or if the database does not exist. While the proxy is down, any user of this machine can
 * listen on its port, and would get the management token. If this user cannot lock the database, or if the
 * file system has no locks, the check passes.
 */
function ownProxy(listening: ListenAddress, { databaseUrl, token }: ManagementConfig): RunningProxy {
  const address = managementAddress(listening);
  const url = `${address.tls ? "https" : "http"}://${hostAndPort(address)}`;
  if (isInUse(databaseUrl) === false) {
    throw new CommandError(
      `No proxy runs here: no program has ${databaseUrl} open, so the management token is not sent to ${url}.\n` +
        "Start the proxy, or name another one with --url URL.",
    );
  }
  return { url, token, hint: "\nThe address is from the configuration. To use another one: --url URL" };
}
