/** `llm-proxy healthcheck`: checks whether the running proxy answers. */

import { checkHealth } from "./health.ts";
import { writeResult } from "./output.ts";

/**
 * Checks the health of the proxy on this machine, or of the proxy at a URL. The command is for container
 * images that have neither a shell nor curl. Throws a `CommandError` if the check fails.
 */
export async function healthcheck({ url }: { url: string | undefined }): Promise<void> {
  await checkHealth(url);
  // Without --json, the result is only the exit code.
  writeResult({ status: "ok" }, () => "");
}
