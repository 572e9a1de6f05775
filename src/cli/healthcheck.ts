/** `llm-proxy healthcheck` */

import { checkHealth } from "./health.ts";
import { writeAnswer } from "./output.ts";

/**
 * Asks the proxy that runs on this machine with this environment for `/healthz`, or the proxy at a URL. For
 * container images, which have no shell and no curl. Throws a `CommandError` if the response is not 200.
 */
export async function healthcheck({ url }: { url: string | undefined }): Promise<void> {
  await checkHealth(url);
  // Without --json the exit code alone is the result.
  writeAnswer({ status: "ok" }, () => "");
}
