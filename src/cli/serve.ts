import { createApp } from "../app.ts";
import { processSources } from "../config/env.ts";
import { type Flags, loadConfig } from "../config/load.ts";
import { secretsOf } from "../config/redact.ts";
import { createLog } from "../observability/log.ts";
import { VERSION } from "../version.ts";
import { bannerText, lanAddresses, serverUrls } from "./banner.ts";
import { gatheringOut, writeOut } from "./output.ts";
import { runServer } from "./run_server.ts";

/** `llm-proxy [serve]`: serves until it is told to end. */
export async function serve(flags: Flags): Promise<void> {
  const config = await loadConfig(processSources, flags);
  const log = createLog(config.log, { write: gatheringOut(), secrets: secretsOf(config) });
  await runServer(createApp(config, { log }), {
    server: config.server,
    log,
    onListening({ port }) {
      const facts = { port, lanAddresses: lanAddresses() };
      if (config.log.format === "pretty") return writeOut(`${bannerText(config, facts)}\n`);
      log("info", "started", {
        version: VERSION,
        address: serverUrls(config, facts).join(" "),
        endpoints: config.endpoints.map(({ name, backend }) => `${name}=${backend.baseUrl.origin}`).join(" "),
      });
    },
  });
  log("info", "stopped");
}
