/** Reloads while clients are served: no exchange fails. */

import { assert, assertEquals } from "@std/assert";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { unless, withoutUnix } from "../../support/runner/left_out.ts";
import { ask, configFor, says, withProxy } from "../../support/proxies/reloaded_proxy.ts";

Deno.test({
  ...unless(withoutUnix(), "reload: under load, 100 times: every exchange succeeds"),
  async fn() {
    await using upstream = new FakeUpstream({ script: says("well") });
    await withProxy(configFor(upstream), async (proxy) => {
      let running = true;
      let count = 0;
      const failures: string[] = [];
      const worker = async () => {
        while (running) {
          const answer = await ask(proxy).catch(String);
          if (answer !== "200 well") failures.push(answer);
          count++;
        }
      };
      const workers = Array.from({ length: 8 }, worker);
      for (let reloads = 0; reloads < 100; reloads++) {
        const before = proxy.output.split('"event":"reloaded"').length;
        proxy.kill("SIGHUP");
        await proxy.logged(() => proxy.output.split('"event":"reloaded"').length > before);
      }
      running = false;
      await Promise.all(workers);
      assertEquals(failures, []);
      assert(count > 100, `only ${count} exchanges`);
    });
  },
});
