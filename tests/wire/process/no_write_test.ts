/**
 * The right to write files is given up once the proxy listens, unless the management plane keeps its
 * database.
 */

import { assertEquals } from "@std/assert";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { unless, withoutUnix } from "../../support/runner/left_out.ts";
import { fromSource, pipedCommand, proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const reason = withoutUnix();

const PROGRAM = fromSource(new URL("../../support/processes/serve_and_write.ts", import.meta.url).pathname);

/** Whether the running proxy can write. */
async function tryToWrite(proxy: ProxyProcess, times: number): Promise<unknown> {
  proxy.kill("SIGUSR2");
  let seen = 0;
  const line = await proxy.logged(({ event }) => event === "write_tried" && ++seen === times);
  return line["outcome"];
}

async function assertServes(proxy: ProxyProcess): Promise<void> {
  const headers = { authorization: `Bearer ${SECRETS.proxyToken}` };
  const response = await fetch(`${proxy.url}/openai/v1/models`, { headers });
  assertEquals((await response.json()).object, "list");
}

Deno.test({
  ...unless(
    reason,
    "serve: without the management plane nothing can be written, and a reload goes on working",
  ),
  async fn() {
    await using upstream = new FakeUpstream();
    const folder = await Deno.makeTempDir();
    const file = `${folder}/config.toml`;
    await Deno.writeTextFile(file, "[endpoints.openai]\n");
    const env = { ...proxyEnv({ upstream: upstream.origin }), CONFIG_PATH: file, ENDPOINTS: "openai" };
    {
      await using proxy = await ProxyProcess.startCommand(pipedCommand(PROGRAM, env, folder));
      assertEquals(await tryToWrite(proxy, 1), "refused");
      await assertServes(proxy);
      // It asks for the plane, which takes a restart; until then nothing may be written.
      await Deno.writeTextFile(
        file,
        `[management]\ntoken = "${SECRETS.managementToken}"\ndatabase_url = "sqlite:${folder}/x.db"\n[endpoints.openai]\n`,
      );
      proxy.kill("SIGHUP");
      const { detail } = await proxy.logged(({ event }) => event === "restart_needed");
      assertEquals(detail, "management changed: restart the proxy to use the new value");
      assertEquals(await tryToWrite(proxy, 2), "refused");
      await assertServes(proxy);
    }
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["config.toml"]);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  ...unless(reason, "serve: with the management plane it can be written, since its database is"),
  async fn() {
    await using upstream = new FakeUpstream();
    const folder = await Deno.makeTempDir();
    const env = proxyEnv({
      upstream: upstream.origin,
      env: { MANAGEMENT_TOKEN: SECRETS.managementToken, DATABASE_URL: `sqlite:${folder}/x.db` },
    });
    {
      await using proxy = await ProxyProcess.startCommand(pipedCommand(PROGRAM, env, folder));
      assertEquals(await tryToWrite(proxy, 1), "done");
      await assertServes(proxy);
    }
    await Deno.remove(folder, { recursive: true });
  },
});
