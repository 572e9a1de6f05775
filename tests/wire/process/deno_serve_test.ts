/** The proxy as `deno serve src/fetch.ts` runs it, in a separate process. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { unless, withoutUnix } from "../../support/runner/left_out.ts";
import {
  pipedCommand,
  proxyCommand,
  proxyEnv,
  ProxyProcess,
  withBinary,
} from "../../support/processes/proxy_process.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

const ROOT = `${import.meta.dirname}/../../..`;

/** `deno serve` at a port that the system chooses, with the permissions of the program. */
function denoServe(env: Record<string, string>, cwd?: string): Deno.Command {
  const flags = ["--quiet", "--no-prompt", "--config", `${ROOT}/deno.json`, "-P=run"];
  const address = ["--host", "127.0.0.1", "--port", "0"];
  return pipedCommand([Deno.execPath(), "serve", ...flags, ...address, `${ROOT}/src/fetch.ts`], env, cwd);
}

Deno.test({
  ...unless(withBinary() ?? withoutUnix(), "deno serve: forwards, and SIGTERM lets a running request end"),
  async fn() {
    const answer = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    await using upstream = new FakeUpstream({
      script: async (exchange) => {
        await gather(exchange.body());
        if (exchange.request.target.endsWith("/slow")) {
          arrived.resolve();
          await answer.promise;
        }
        await exchange.write(plainAnswer("hello"));
      },
    });
    await using proxy = await ProxyProcess.startCommand(denoServe(proxyEnv({ upstream: upstream.origin })));
    const ask = (path: string) =>
      rawRequest(proxy.url, [
        `POST /openai/v1/${path} HTTP/1.1`,
        `X-Api-Key: ${SECRETS.proxyToken}`,
        "Content-Length: 2",
      ], "{}");
    assertEquals((await ask("fast")).text, "hello");
    assertEquals(upstream.requests[0]?.header("authorization"), `Bearer ${SECRETS.openaiKey}`);
    const slow = ask("slow");
    await arrived.promise;
    proxy.kill("SIGTERM");
    await proxy.logged(({ event }) => event === "draining");
    answer.resolve();
    assertEquals((await slow).text, "hello");
    assertEquals(await proxy.exited(), 0);
    assertStringIncludes(proxy.output, '"event":"stopped"');
  },
});

Deno.test({
  ...unless(
    withBinary(),
    "deno serve: an answer that breaks off is one line on standard error, without a trace",
  ),
  async fn() {
    await using upstream = new FakeUpstream({
      script: async (exchange) => {
        await gather(exchange.body());
        await exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        exchange.close();
      },
    });
    await using proxy = await ProxyProcess.startCommand(denoServe(proxyEnv({ upstream: upstream.origin })));
    const headers = { "x-api-key": SECRETS.proxyToken };
    const isWhole = await fetch(`${proxy.url}/openai/v1/x`, { headers }).then((response) => response.text())
      .then(() => true, () => false);
    assertEquals(isWhole, false);
    await proxy.logged(({ event }) => event === "exchange");
    await proxy.stop();
    const others = proxy.output.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
    assertEquals(others, ["[A response broke off: see the log line of its exchange.]"]);
  },
});

Deno.test({
  ...unless(
    withBinary(),
    "deno serve: all problems of the configuration are printed before a request, with exit code 2",
  ),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(
        `${folder}/config.toml`,
        '[server]\nheader_timeout = "1s"\nadmin_port = 4000\n',
      );
      const { OPENAI_API_KEY: _, ...env } = proxyEnv({ upstream: "http://127.0.0.1:9" });
      const { code, stdout, stderr } = await denoServe({ ...env, TLS_CERT_FILE: "/none" }, folder).output();
      const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assertNoSecrets(`${out}${err}`, "the output");
      assertEquals([code, out], [2, ""]);
      assertMatch(err ?? "", /env OPENAI_API_KEY +is missing/);
      assertMatch(err ?? "", /config\.toml:2: server\.header_timeout +cannot be kept with engine = "deno"/);
      assertMatch(err ?? "", /env TLS_CERT_FILE +cannot be kept with engine = "deno"/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  ...unless(
    withBinary(),
    "deno serve: a separate port for the management plane is a problem of the configuration",
  ),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const env = proxyEnv({ upstream: "http://127.0.0.1:9" });
      const management = { MANAGEMENT_TOKEN: SECRETS.managementToken, ADMIN_PORT: "4000" };
      const { code, stderr } = await denoServe({ ...env, ...management }, folder).output();
      assertEquals(code, 2);
      assertMatch(new TextDecoder().decode(stderr), /server\.admin_port +needs a second port/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  ...unless(withBinary(), "deno serve: the commands reload and stop find the proxy"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const env = proxyEnv({
      upstream: "http://127.0.0.1:9",
      env: { MANAGEMENT_TOKEN: SECRETS.managementToken },
    });
    const run = async (command: string) => {
      const { code, stderr } = await proxyCommand([command], env, folder).output();
      return { code, err: new TextDecoder().decode(stderr) };
    };
    await using proxy = await ProxyProcess.startCommand(denoServe(env, folder));
    assertEquals(await run("reload"), { code: 0, err: "" });
    assertEquals(await run("stop"), { code: 0, err: "" });
    assertEquals(await proxy.exited(), 0);
    await Deno.remove(folder, { recursive: true });
  },
});
