/** The configuration is read again while the proxy serves; on a process of its own, by signals and files. */

import { assert, assertEquals } from "@std/assert";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { unless, withoutUnix } from "../../support/runner/left_out.ts";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { ask, configFor, says, TOKEN, withProxy } from "../../support/proxies/reloaded_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const reason = withoutUnix();

Deno.test({
  ...unless(reason, "reload: SIGHUP brings a new configuration; a running exchange ends on the old one"),
  async fn() {
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    await using one = new FakeUpstream({
      script: async (exchange) => {
        await exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nold");
        await mayEnd;
        await exchange.write("end");
      },
    });
    await using two = new FakeUpstream({ script: says("new") });
    await withProxy(configFor(one), async (proxy, file) => {
      using client = await RawClient.connect(proxy.url);
      // A token in the wrong place: it must not be logged, also when it is not the token any more.
      await client.send(`GET /chat/${SECRETS.proxyToken} HTTP/1.1\r\nHost: p\r\n${TOKEN}\r\n\r\n`);
      await client.head();
      const changed = configFor(two).replace("[endpoints.chat]", "[endpoints.talk]");
      await Deno.writeTextFile(
        file,
        changed.replace(`"${SECRETS.proxyToken}"`, '"another-token-of-the-proxy"'),
      );
      proxy.kill("SIGHUP");
      await proxy.logged(({ event }) => event === "reloaded");
      const newToken = "Authorization: Bearer another-token-of-the-proxy";
      const status = async (path: string, token: string) =>
        (await rawRequest(proxy.url, [`GET ${path} HTTP/1.1`, token])).status;
      assertEquals([await status("/talk/x", newToken), await status("/talk/x", TOKEN)], [200, 401]);
      assertEquals(await status("/chat/x", newToken), 404);
      await status("/talk/another-token-of-the-proxy", newToken);
      await proxy.logged(({ path }) => path === "/talk/[redacted]");
      end();
      const whole = new TextDecoder().decode(
        await gather(client.reader.body([["content-length", "6"]], { untilClose: false })),
      );
      assertEquals(whole, "oldend");
      await client.send(`GET /talk/x HTTP/1.1\r\nHost: p\r\n${newToken}\r\n\r\n`);
      assertEquals((await client.answer()).text, "new", "the kept connection follows");
    });
  },
});

Deno.test({
  ...unless(reason, "reload: a broken file is refused with every problem, and the old configuration goes on"),
  async fn() {
    await using upstream = new FakeUpstream({ script: says("old") });
    await withProxy(configFor(upstream), async (proxy, file) => {
      await Deno.writeTextFile(file, `${configFor(upstream)}stratgy = 1\nretries = "x"\n`);
      proxy.kill("SIGHUP");
      const problems = await Promise.all(
        ["stratgy", "retries"].map((key) =>
          proxy.logged(({ event, problem }) => event === "reload_refused" && String(problem).includes(key))
        ),
      );
      assert(String(problems[0]?.["problem"]).includes("did you mean strategy?"));
      assertEquals(await ask(proxy), "200 old");
      await Deno.writeTextFile(
        file,
        configFor(upstream, "drain_seconds = 2").replace("port = 0", "port = 1"),
      );
      proxy.kill("SIGHUP");
      const needed = await proxy.logged(({ event }) => event === "restart_needed");
      assertEquals(needed["detail"], "server.port changed: restart the proxy to use the new value");
      assertEquals(await ask(proxy), "200 old");
      await Deno.remove(file);
      proxy.kill("SIGHUP");
      await proxy.logged(({ event, problem }) =>
        event === "reload_refused" && String(problem).includes("no such file")
      );
      assertEquals(await ask(proxy), "200 old");
    });
  },
});

Deno.test({
  ...unless(reason, "reload: with --watch a file that is replaced is read again"),
  async fn() {
    await using one = new FakeUpstream({ script: says("old") });
    await using two = new FakeUpstream({ script: says("new") });
    await withProxy(configFor(one), async (proxy, file) => {
      assertEquals(await ask(proxy), "200 old");
      // As editors do it: a new file in the place of the old one.
      await Deno.writeTextFile(`${file}.new`, configFor(two));
      await Deno.rename(`${file}.new`, file);
      await proxy.logged(({ event }) => event === "reloaded");
      assertEquals(await ask(proxy), "200 new");
    }, ["serve", "--watch"]);
  },
});

Deno.test({
  ...unless(reason, "reload: .env is watched too; what changed is named, a secret without its value"),
  async fn() {
    await using upstream = new FakeUpstream({ script: says("hello") });
    const folder = await Deno.makeTempDir();
    const write = (text: string) => Deno.writeTextFile(`${folder}/.env`, text);
    await write("LOG_LEVEL=info\n");
    const env = {
      ENDPOINTS: "openai",
      OPENAI_BASE_URL: upstream.origin,
      OPENAI_API_KEY: SECRETS.openaiKey,
      HOST: "127.0.0.1",
      PORT: "0",
      LOG_FORMAT: "json",
    };
    {
      await write(`PROXY_TOKEN=${SECRETS.proxyToken}\n`);
      await using proxy = await ProxyProcess.startCommand(proxyCommand(["serve", "--watch"], env, folder));
      await write("PROXY_TOKEN=another-token-of-the-proxy\nLOG_LEVEL=debug\n");
      const { detail } = await proxy.logged(({ event }) => event === "reloaded");
      assertEquals(String(detail).split(/: |, /).sort(), ["auth.token", "changed", "log.level"]);
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  ...unless(reason, "reload: a reload that finds the old text says so"),
  async fn() {
    await using upstream = new FakeUpstream({ script: says("hello") });
    await withProxy(configFor(upstream), async (proxy) => {
      proxy.kill("SIGHUP");
      const { detail } = await proxy.logged(({ event }) => event === "reloaded");
      assert(String(detail).includes("nothing changed"));
    });
  },
});
