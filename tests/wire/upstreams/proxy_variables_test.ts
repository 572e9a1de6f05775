/** `HTTP_PROXY` and its like: who obeys them, and that nothing on this machine is asked for through them. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ForwardProxy } from "../../support/upstreams/forward_proxy.ts";
import { proxyCommand, proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";

/** Every spelling that a runtime may read. */
function variables(
  proxy: ForwardProxy,
  names: readonly string[] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"],
): Record<string, string> {
  const url = `http://127.0.0.1:${proxy.port}`;
  return Object.fromEntries(names.flatMap((name) => [[name, url], [name.toLowerCase(), url]]));
}

async function run(args: readonly string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await proxyCommand(args, env).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("HTTP_PROXY: health checks, the command line and forwarding reach loopback without it", async () => {
  await using forward = new ForwardProxy({ scheme: "http", refusal: "403 Forbidden" });
  await using upstream = new FakeUpstream();
  const folder = await Deno.makeTempDir();
  const env = {
    ...proxyEnv({ upstream: upstream.origin }),
    ...variables(forward),
    MANAGEMENT_TOKEN: SECRETS.managementToken,
    DATABASE_URL: `sqlite:${folder}/x.db`,
  };
  {
    await using proxy = await ProxyProcess.startWith(env);
    const { port } = new URL(proxy.url);
    const own = { ...env, PORT: port };
    assertEquals(await run(["healthcheck"], own), { code: 0, text: "" });
    assertStringIncludes((await run(["service", "status"], own)).text, `:${port}/healthz: healthy\n`);
    for (const host of ["127.0.0.1", "localhost"]) {
      const url = `http://${host}:${port}`;
      assertEquals(await run(["healthcheck", "--url", url], env), { code: 0, text: "" }, host);
      const listed = await run(["project", "list", "--url", url, "--json"], env);
      assertEquals(listed.code, 0, listed.text);
    }
    const made = await run(["project", "create", "home", "--url", proxy.url], env);
    assertStringIncludes(made.text, "Created the project home (prj_");
    const headers = { authorization: `Bearer ${SECRETS.proxyToken}` };
    const answer = await fetch(`${proxy.url}/openai/v1/models`, { headers });
    assertEquals((await answer.json()).object, "list");
  }
  assertEquals(forward.asked, []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("HTTP_PROXY: --url of another machine goes through it, NO_PROXY exempts, a health check is direct", async () => {
  await using upstream = new FakeUpstream();
  const folder = await Deno.makeTempDir();
  {
    const env = {
      ...proxyEnv({ upstream: upstream.origin }),
      MANAGEMENT_TOKEN: SECRETS.managementToken,
      DATABASE_URL: `sqlite:${folder}/x.db`,
    };
    await using proxy = await ProxyProcess.startWith(env);
    const port = Number(new URL(proxy.url).port);
    await using forward = new ForwardProxy({ scheme: "http", hosts: { "nas.invalid": port } });
    // By the others the runtime may look for packages, where the program runs from source.
    const behind = { ...env, ...variables(forward, ["HTTP_PROXY"]) };
    const there = ["project", "list", "--url", "http://nas.invalid:33000"];
    const listed = await run(there, behind);
    assertEquals([listed.code, forward.relayed], [0, ["nas.invalid:33000"]], listed.text);

    const exempt = await run(there, { ...behind, NO_PROXY: ".invalid" });
    assertStringIncludes(exempt.text, "its name could not be resolved");
    const health = await run(["healthcheck", "--url", "http://nas.invalid:33000"], behind);
    assertStringIncludes(health.text, "its name could not be resolved");
    assertEquals([exempt.code, health.code, forward.relayed.length], [1, 1, 1]);

    const wrong = await run(there, { ...env, HTTP_PROXY: "ftp://p.invalid" });
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.text, "HTTP_PROXY");
  }
  await Deno.remove(folder, { recursive: true });
});
