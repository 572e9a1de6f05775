/** `llm-proxy reload` and `llm-proxy stop`. Both use the management API of the running proxy. */

import * as v from "valibot";
import * as responses from "../management/api/responses.ts";
import { onApi } from "./manage/calls.ts";
import type { ManageClient } from "./manage/client.ts";
import type { Options } from "./manage/options.ts";
import { warningLine, writeResult } from "./output.ts";

/** Makes the proxy reload its configuration, and prints the changed settings. */
export async function reload(options: Options): Promise<void> {
  await onRunning(options, async (client) => {
    const { changed, warnings } = await client.call("POST", "/reload", { schema: responses.reload });
    writeResult(
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
    await client.call("POST", "/stop", { schema: v.null() });
    writeResult(
      { stopping: true },
      () => "The proxy takes no new requests, finishes the running ones, and exits.\n",
    );
  });
}

/**
 * Runs `work` with the API of the running proxy. The proxy is that of `--url`, or the running proxy of the
 * local database. Throws a `CommandError` with the message `whenOff` if the management API is off.
 */
export async function onRunning(
  options: Options,
  work: (client: ManageClient) => Promise<void>,
  { whenOff }: { whenOff?: string } = {},
): Promise<void> {
  await onApi(options, work, { needsRunning: true, whenOff });
}
