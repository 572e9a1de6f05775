/** `llm-proxy service status`: prints whether the service is installed and answers. */

import { hostAndPort } from "../../network/host_port.ts";
import type { ServicePlan } from "../../service/service.ts";
import { CommandError } from "../command_error.ts";
import { isAccessDenied } from "../files.ts";
import { checkHealth } from "../health.ts";
import { writeResult } from "../output.ts";
import { ownAddress } from "../own_address.ts";

/**
 * Prints which files of a service exist, and whether the proxy answers. Throws a {@link CommandError} if a
 * file is missing or the proxy does not answer.
 */
export async function printStatus({ files }: ServicePlan): Promise<void> {
  const states = files.map(({ path, mode }) => ({ path, state: fileState(path, mode) }));
  const address = await ownAddress();
  const url = `${address.tls ? "https" : "http"}://${hostAndPort(address)}/healthz`;
  const problem = await healthProblem();
  const health = { url, ok: problem === undefined, detail: problem ?? "healthy" };
  writeResult(
    { files: states, health },
    () => states.map(({ path, state }) => `${path}: ${state}\n`).join("") + `${url}: ${health.detail}\n`,
  );
  if (!health.ok || states.some(({ state }) => state !== "present")) {
    throw new CommandError("The service is not installed, or it does not answer.");
  }
}

/** Returns the reason why the proxy does not answer. `undefined` if it answers. */
async function healthProblem(): Promise<string | undefined> {
  try {
    await checkHealth(undefined);
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
}

function fileState(path: string, mode: number): string {
  try {
    const { mode: actual } = Deno.statSync(path);
    const isOpen = actual !== null && mode === 0o600 && (actual & 0o077) !== 0;
    return isOpen ? `other users can read it: chmod 600 ${path}` : "present";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    if (isAccessDenied(error)) return "not visible to this user";
    throw error;
  }
}
