import { assertEquals, assertRejects } from "@std/assert";
import { Cancellation, ClientGone } from "../../src/cancellation.ts";
import { DIRECT } from "../../src/config/values/defaults.ts";
import { dial, parseOrigin } from "../../src/forwarding/transport/dial.ts";
import { SystemRoots } from "../../src/forwarding/transport/system_roots.ts";
import { FaultyUpstream } from "../support/upstreams/faulty_upstream.ts";

const TRIES = 500;

const systemRoots = new SystemRoots(undefined);

Deno.test("dial: a connection that opens just after it was abandoned is closed", async () => {
  await using upstream = new FaultyUpstream(() => {});
  const origin = parseOrigin(upstream.origin);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const cancellation = new Cancellation();
    const dialing = dial(origin, { connection: DIRECT, cancellation, systemRoots, onPhase() {} });
    const left = new Promise<void>((resolve) =>
      setTimeout(() => {
        cancellation.cancel(new ClientGone("the client left"));
        resolve();
      }, 0)
    );
    // The program is busy, and hears of both at the same time.
    const until = performance.now() + attempt % 10 / 10;
    while (performance.now() < until) { /* nothing else is done */ }
    await dialing.then((connection) => connection.close(), () => {});
    await left;
  }
  await upstream.allClosed();
  assertEquals(upstream.openConnections, 0);
});

Deno.test("dial: a client that leaves while the connection opens does not wait for it", async () => {
  await using upstream = new FaultyUpstream(() => {});
  const cancellation = new Cancellation();
  const dialing = dial(parseOrigin(upstream.origin), {
    connection: DIRECT,
    cancellation,
    systemRoots,
    onPhase() {},
  });
  cancellation.cancel(new ClientGone("the client left"));
  await assertRejects(() => dialing, ClientGone);
});
