/** A real nginx in front of the proxy: what an upstream says gives it no orders. */

import { assertEquals } from "@std/assert";
import { command } from "../../support/processes/command.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { unless, without } from "../../support/runner/left_out.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { freePort, listening } from "../../support/processes/port.ts";
import { SECRETS } from "../../support/data/secrets.ts";

Deno.test({
  ...unless(without("nginx"), "nginx in front: an upstream's x-accel-redirect serves no internal location"),
  async fn() {
    await using upstream = new FakeUpstream({
      script: (exchange) =>
        exchange.write(
          plainAnswer('{"from":"upstream"}', {
            headers:
              "Content-Type: application/json\r\nX-Accel-Redirect: /internal/secret.txt\r\nX-Accel-Expires: 60\r\n",
          }),
        ),
    });
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
    await using nginx = await startNginx({ proxy: proxy.url, unguarded: upstream.origin });
    const answers = (path: string) =>
      fetch(`http://127.0.0.1:${nginx.port}${path}`, {
        headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
      });
    // Without the proxy between them nginx does obey: the location is there.
    assertEquals(await (await answers("/unguarded")).text(), "the secret");
    const response = await answers("/openai/v1/models");
    assertEquals([response.status, await response.text()], [200, '{"from":"upstream"}']);
  },
});

async function startNginx(
  { proxy, unguarded }: { proxy: string; unguarded: string },
): Promise<AsyncDisposable & { port: number }> {
  const port = freePort();
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/internal`);
  await Deno.writeTextFile(`${folder}/internal/secret.txt`, "the secret");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join("\n");
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    `daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  ${temporary}
  server {
    listen 127.0.0.1:${port};
    location /internal/ { internal; root ${folder}; }
    location /unguarded { proxy_pass ${unguarded}; }
    location / { proxy_pass ${proxy}; }
  }
}
`,
  );
  // The workers of a master that runs as root must get at the folder.
  await Deno.chmod(folder, 0o755);
  const child = command("nginx", {
    args: ["-c", `${folder}/nginx.conf`, "-p", folder],
    stdout: "null",
    stderr: "null",
  }).spawn();
  await listening(port);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
