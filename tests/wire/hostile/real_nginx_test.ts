/** A real nginx in front of the proxy: what an upstream says gives it no orders. */

import { assertEquals } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { unless, without } from "../../support/runner/left_out.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { startNginx } from "../../support/processes/nginx.ts";
import { freePort } from "../../support/processes/port.ts";
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
    const port = freePort();
    await using _nginx = await startNginx({
      port,
      files: { "internal/secret.txt": "the secret" },
      servers: (folder) =>
        `server {
    listen 127.0.0.1:${port};
    location /internal/ { internal; root ${folder}; }
    location /unguarded { proxy_pass ${upstream.origin}; }
    location / { proxy_pass ${proxy.url}; }
  }`,
    });
    const answers = (path: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
      });
    // Without the proxy between them nginx does obey: the location is there.
    assertEquals(await (await answers("/unguarded")).text(), "the secret");
    const response = await answers("/openai/v1/models");
    assertEquals([response.status, await response.text()], [200, '{"from":"upstream"}']);
  },
});
