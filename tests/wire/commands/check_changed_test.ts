/**
 * `check --changed`: what a reload would change in a running proxy, and what is said where it cannot be
 * asked.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

interface Place {
  readonly write: (text: string) => Promise<void>;
  readonly serve: () => Promise<ProxyProcess>;
  readonly check: (...args: string[]) => Promise<{ code: number; out: string; err: string }>;
}

async function inPlace(
  test: (place: Place) => Promise<void>,
  { hasManagement = true }: { hasManagement?: boolean } = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const env = {
    ...(hasManagement && { MANAGEMENT_TOKEN: SECRETS.managementToken }),
    PROXY_TOKEN: SECRETS.proxyToken,
    KEY: SECRETS.openaiKey,
    LOG_FORMAT: "json",
  };
  await test({
    write: (text) => Deno.writeTextFile(`${folder}/config.toml`, text),
    serve: () => ProxyProcess.startCommand(proxyCommand([], env, folder)),
    async check(...args) {
      const { code, stdout, stderr } = await proxyCommand(["check", "--changed", ...args], env, folder)
        .output();
      const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assertNoSecrets(out + err, "check --changed");
      return { code, out, err };
    },
  });
  await Deno.remove(folder, { recursive: true });
}

function configOf(endpoint: string, port = "0"): string {
  return `[server]\nhost = "127.0.0.1"\nport = ${port}\n[endpoints.lab]\nbase_url = "http://127.0.0.1:9/v1"\n${endpoint}`;
}

Deno.test("check --changed: nothing, then each setting with both values, and the settings that need a restart", () =>
  inPlace(async ({ write, serve, check }) => {
    await write(configOf('api_key = "${KEY}"\n'));
    await using proxy = await serve();
    const same = await check("--url", proxy.url);
    assertEquals(same, {
      code: 0,
      out: "A reload would change nothing: the proxy already uses the settings of config.toml.\n",
      err: "",
    });
    await write(configOf(`api_key = "${SECRETS.anthropicKey}"\nretries = 3\n`, "1"));
    const { code, out } = await check("--url", proxy.url, "--json");
    assertEquals(code, 0);
    const answer = JSON.parse(out);
    assertEquals(answer, {
      file: "config.toml",
      changed: [
        { key: "server.port", before: "0", after: "1" },
        { key: "endpoints.lab.api_key", before: "[redacted]", after: "[redacted]" },
        { key: "endpoints.lab.retries", before: "0", after: "3" },
      ],
      restart: ["server.port"],
      warnings: answer.warnings,
    });
    const shown = (await check("--url", proxy.url)).out.split("\n").map((line) =>
      line.split(/ {2,}/).join("|")
    );
    assertEquals(shown.slice(0, 4), [
      "setting|now|after a reload",
      "server.port|0|1",
      "endpoints.lab.api_key|[redacted]|(changed)",
      "endpoints.lab.retries|0|3",
    ]);
    assertEquals(shown.includes("These settings need a restart: server.port."), true, shown.join("\n"));
    assertEquals(proxy.output.includes('"reloaded"'), false, "the proxy runs what it ran");
    await write(configOf("retris = 3\n"));
    const wrong = await check("--url", proxy.url);
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.err, "endpoints.lab.retris is not a known key; did you mean retries?");
  }));

Deno.test("check --changed: a proxy that does not run, and a proxy without management", async () => {
  await inPlace(async ({ write, check }) => {
    await write(configOf("", "1"));
    const { code, out, err } = await check();
    assertEquals([code, out], [1, ""]);
    assertStringIncludes(err, "No proxy runs here: no proxy has sqlite:./data/llm-proxy.db open");
    const other = await check("--url", "http://127.0.0.1:1");
    assertEquals([other.code, other.out], [1, ""]);
    assertStringIncludes(other.err, "No proxy answers at http://127.0.0.1:1");
  });
  await inPlace(async ({ write, check }) => {
    await write(configOf(""));
    const { code, err } = await check();
    assertEquals(code, 2);
    assertStringIncludes(err, "After kill -HUP, the log names the changed settings");
  }, { hasManagement: false });
});
