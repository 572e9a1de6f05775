/** `llm-proxy reload` and `llm-proxy stop`: a running proxy is asked through its management API. */

import * as v from "valibot";
import { hostAndPort } from "../network/host_port.ts";
import * as answers from "../management/api/answers.ts";
import { onApi } from "./manage/calls.ts";
import { configFlags } from "./common_options.ts";
import type { ManageClient } from "./manage/client.ts";
import { type Options, textOf } from "./manage/options.ts";
import { warningLine, writeAnswer } from "./output.ts";
import { ownManagementAddress } from "./own_address.ts";

/** Has the proxy read its configuration again, and says what changed. */
export async function reload(options: Options): Promise<void> {
  await onRunning(options, async (client) => {
    const { changed, warnings } = await client.call("POST", "/reload", { answer: answers.reload });
    writeAnswer(
      { changed, warnings },
      () =>
        (changed.length === 0
          ? "The configuration was read again; nothing changed.\n"
          : `Changed: ${changed.join(", ")}\n`) +
        warnings.map((warning) => warningLine(warning)).join(""),
    );
  });
}

/** Has the proxy end its running requests and exit. */
export async function stop(options: Options): Promise<void> {
  await onRunning(options, async (client) => {
    await client.call("POST", "/stop", { answer: v.null() });
    writeAnswer(
      { stopping: true },
      () => "The proxy takes no new requests, and exits when the running ones have ended.\n",
    );
  });
}

/** The proxy of this machine's configuration, where no other is named. */
export async function onRunning(
  options: Options,
  work: (client: ManageClient) => Promise<void>,
): Promise<void> {
  const given = textOf(options, "url");
  const url = given ?? await ownUrl(textOf(options, "config"));
  const target = given === undefined
    ? { hint: "\nThe address is that of the present configuration: --url names another one." }
    : {};
  await onApi({ ...options, url }, work, target);
}

async function ownUrl(config: string | undefined): Promise<string> {
  const address = await ownManagementAddress(configFlags(config));
  return `${address.tls ? "https" : "http"}://${hostAndPort(address)}`;
}
