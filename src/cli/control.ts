/** `llm-proxy reload` and `llm-proxy stop`, which use the management API of the running proxy. */

import * as v from "valibot";
import { hostAndPort } from "../network/host_port.ts";
import * as answers from "../management/api/answers.ts";
import { onApi } from "./manage/calls.ts";
import { configFlags } from "./common_options.ts";
import type { ManageClient } from "./manage/client.ts";
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

async function ownUrl(config: string | undefined): Promise<string> {
  const address = await ownManagementAddress(configFlags(config));
  return `${address.tls ? "https" : "http"}://${hostAndPort(address)}`;
}
