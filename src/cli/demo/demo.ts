/** `llm-proxy demo`: runs the proxy with a fake provider. */

import * as v from "valibot";
import { createApp } from "../../app.ts";
import { processSources } from "../../config/sources/env.ts";
import { portSchema } from "../../config/values/address_values.ts";
import { DEFAULT_PORT } from "../../config/values/defaults.ts";
import { demoHistory } from "../../demo/history.ts";
import { createDemoUpstream } from "../../demo/upstream.ts";
import { createLog } from "../../observability/log.ts";
import { systemClock } from "../../time/clock.ts";
import { CommandError } from "../command_error.ts";
import { bufferedStdout, writeErr, writeOut } from "../output.ts";
import { portsOf, runServer } from "../run_server.ts";
import { DEMO_KEYS, demoConfig, demoManagement, HOST } from "./demo_config.ts";
import { demoText } from "./demo_text.ts";

/**
 * The pause between two words of a stream, in milliseconds. The stream is as fast as that of a small model,
 * and slow enough to watch.
 */
const PACE_MS = 60;

/** Runs the proxy with a built-in upstream. It needs no keys, configuration or network. */
export async function demo({ port }: { port: number | undefined }): Promise<void> {
  const chosen = port ?? environmentPort() ?? freePort(DEFAULT_PORT);
  const upstream = Deno.serve(
    { hostname: HOST, port: 0, onListen() {} },
    createDemoUpstream({ keys: DEMO_KEYS, paceMs: PACE_MS }),
  );
  const folder = await Deno.makeTempDir({ prefix: "llm-proxy-demo-" });
  // If a second signal or a failure ends the process, this listener runs, and the end of this function does
  // not.
  globalThis.addEventListener("unload", () => removeFolder(folder));
  const management = demoManagement(folder);
  await writeHistory(management.databaseUrl);
  const config = demoConfig({
    port: chosen,
    adminPort: chosen === 0 || chosen === 65_535 ? 0 : freePort(chosen + 1),
    upstreamPort: upstream.addr.port,
    management,
  });
  const log = createLog(config.log, { write: bufferedStdout(), secrets: [] });
  const { openManagement } = await import("../../management/open.ts");
  const opened = await openManagement(management, { log, clock: systemClock, onSecrets() {} });
  await runServer(createApp(config, { log, management: opened }), {
    server: config.server,
    drainMs: () => config.server.drainMs,
    log,
    isHangup: () => true,
    onListening(running) {
      const ports = portsOf(running);
      opened.onListening(ports);
      writeOut(demoText(`http://${HOST}:${ports.port}`, `http://${HOST}:${ports.adminPort}/admin`, folder));
    },
  });
  await opened.close();
  removeFolder(folder);
  await upstream.shutdown();
}

/** Returns the variable `PORT`. `undefined` if it is not set. */
function environmentPort(): number | undefined {
  const text = processSources.get("PORT");
  if (text === undefined || text === "") return undefined;
  const { success, output, issues } = v.safeParse(portSchema, text);
  if (success) return output;
  throw new CommandError(`env PORT ${issues[0].message}`, 2);
}

/** Removes the folder. It may already be removed. */
function removeFolder(folder: string): void {
  try {
    Deno.removeSync(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) writeErr(`Cannot remove ${folder}: ${error}\n`);
  }
}

/**
 * Writes the invented history of the demo. Call it before the management plane opens, because the plane adds
 * up the spending when it opens.
 */
async function writeHistory(databaseUrl: string): Promise<void> {
  const { openStore } = await import("../../storage/open.ts");
  const { hashOf } = await import("../../auth/token_value.ts");
  const store = await openStore(databaseUrl);
  const { projects, tokens, exchanges } = demoHistory(Date.now(), hashOf);
  const created = (action: string, { id, createdAt }: { id: string; createdAt: number }) => ({
    at: createdAt,
    actor: "demo",
    source: HOST,
    action,
    subjectId: id,
    changes: {},
  });
  for (const project of projects) await store.addProject(project, created("project.create", project));
  for (const token of tokens) await store.addToken(token, created("token.create", token));
  await store.addExchanges(exchanges.toSorted((one, other) => one.startedAt - other.startedAt));
  await store.close();
}

/** Returns the wanted port, or 0 (any port) if another program uses it. */
function freePort(wanted: number): number {
  try {
    Deno.listen({ hostname: HOST, port: wanted }).close();
    return wanted;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return 0;
    throw error;
  }
}
