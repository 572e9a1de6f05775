import { assertEquals } from "@std/assert";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import { Http2Gateway } from "../../src/server/http2/gateway.ts";

Deno.test("Http2Gateway: another program on this machine that finds its port gets a 403", async () => {
  const gateway = new Http2Gateway({ now: () => 0 });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const accepted = await listener.accept();
  let handled = 0;
  const connection = await gateway.open(accepted, {
    handler: () => {
      handled++;
      return Promise.resolve({ status: 200, reason: "OK", fields: [], body: null });
    },
    peer: "192.0.2.1",
    entry: "all",
    limits: () => DEFAULT_SERVER_SETTINGS.connections,
    now: () => 0,
  });
  const serving = connection.serve();
  const stranger = await fetch(`http://127.0.0.1:${gateway.port}/openai/v1/models`);
  assertEquals([stranger.status, await stranger.text(), handled], [403, "", 0]);
  client.close();
  await serving;
  await gateway.shutdown();
});
