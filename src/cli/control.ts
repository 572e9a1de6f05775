/** `llm-proxy reload` and `llm-proxy stop`, which use the management API of the running proxy. */

import * as v from "valibot";
import { hostAndPort } from "../network/host_port.ts";
import * as answers from "../management/api/answers.ts";
import { isInUse } from "../storage/open.ts";
import { CommandError } from "./command_error.ts";
import { onApi } from "./manage/calls.ts";
import { configFlags } from "./common_options.ts";
import type { ManageClient } from "./manage/client.ts";
import { managementConfig } from "./manage/management_config.ts";
import { type Options, textOf } from "./manage/options.ts";
import { warningLine, writeAnswer } from "./output.ts";
import { ownManagementAddress } from "./own_address.ts";

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

/** Runs work with the API of the running proxy: that of `--url`, or of the local configuration. */
export async function onRunning(
  options: Options,
  work: (client: ManageClient) => Promise<void>,
): Promise<void> {
  const given = textOf(options, "url");
  const url = given ?? await ownUrl(textOf(options, "config"));
  const target = given === undefined
    ? { hint: "\nThe address is from the configuration. To use another one: --url URL" }
    : {};
  await onApi({ ...options, url }, work, target);
}

/** The URL of the proxy that runs with the local configuration. */
async function ownUrl(config: string | undefined): Promise<string> {
  const address = await ownManagementAddress(configFlags(config));
  const url = `${address.tls ? "https" : "http"}://${hostAndPort(address)}`;
  await checkIsRunning(config, url);
  return url;
}

/**
 * Throws a {@link CommandError} if no program has the local database open, or if it does not exist. While the proxy is
 * down, any user of this machine can listen on its port, and would get the management token. If this user cannot lock
 * the database, or if the file system has no locks, the check passes.
 */
async function checkIsRunning(config: string | undefined, url: string): Promise<void> {
  const { databaseUrl } = await managementConfig(config);
  if (isInUse(databaseUrl) !== false) return;
  throw new CommandError(
    `No proxy runs here: no program has ${databaseUrl} open, so the management token is not sent to ${url}.\n` +
      "Start the proxy, or name another one with --url URL.",
  );
}
