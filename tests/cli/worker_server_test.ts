import { assert, assertEquals, assertRejects } from "@std/assert";
import { WorkerServer } from "../../src/cli/workers/worker_server.ts";
import { loadConfig } from "../../src/config/load.ts";
import { snapshotSources } from "../../src/config/sources/snapshot_sources.ts";
import { createApp } from "../../src/app.ts";
import { openManagement } from "../../src/management/open.ts";
import type { Log } from "../../src/observability/log.ts";
import { systemClock } from "../../src/time/clock.ts";
import { Management } from "../bench/soak/management.ts";
import { gather } from "../support/clients/http_reader.ts";
import { RawClient, rawRequest } from "../support/clients/raw_client.ts";
import { SECRETS } from "../support/data/secrets.ts";
import { CRASH } from "../support/processes/crashing_worker.ts";
import { proxyEnv } from "../support/processes/proxy_process.ts";
import { configSources } from "../support/proxies/config_sources.ts";
import { unless, withoutLinux } from "../support/runner/left_out.ts";
import { until, within } from "../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../support/upstreams/fake_upstream.ts";

const CRASHING = new URL("../support/processes/crashing_worker.ts", import.meta.url);
const STREAMS = 20;

/** Starts a server of two threads. A test ends a thread with the message {@link CRASH}. */
async function crashingServer(upstream: string, env: Record<string, string> = {}) {
  const { sources, snapshot } = snapshotSources(
    configSources(proxyEnv({ upstream, env: { WORKERS: "2", ...env } })),
  );
  const { config } = await loadConfig(sources);
  const loaded = { snapshot: snapshot(), flags: {} };
  const workers: Worker[] = [];
  const events: string[] = [];
  const log: Log = (_level, event, { worker, detail } = {}) => {
    if (worker !== undefined) events.push(`${event} ${worker} ${detail ?? ""}`);
  };
  const management = config.management &&
    await openManagement(config.management, { log, clock: systemClock, onSecrets() {} });
  const app = createApp(config, { log, management });
  const server = await WorkerServer.start(config.server, {
    app,
    log,
    write() {},
    loaded: () => loaded,
    managed: management?.serveThreads(),
    startWorker(name) {
      const worker = new Worker(CRASHING, { type: "module", name });
      workers.push(worker);
      return worker;
    },
  });
  const close = async (): Promise<void> => {
    await server.drain(1_000);
    app.close();
    await management?.close();
  };
  return { workers, events, close, url: `http://127.0.0.1:${server.address.port}` };
}

/**
 * Sends a request on a separate connection. Returns the connection after the head of the response, and the
 * status.
 */
async function opened(url: string): Promise<{ client: RawClient; status: number }> {
  const client = await RawClient.connect(url);
  await client.send(
    `GET /openai/v1/models HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer ${SECRETS.proxyToken}\r\n\r\n`,
  );
  return { client, status: (await client.head()).status };
}

function rest(client: RawClient): Promise<string> {
  return gather(client.reader.body([["transfer-encoding", "chunked"]], { untilClose: false }))
    .then((body) => new TextDecoder().decode(body));
}

Deno.test({
  ...unless(
    withoutLinux(),
    "WorkerServer: a thread that ends is replaced, its streams break off, others go on",
  ),
  async fn() {
    const released = Promise.withResolvers<void>();
    await using upstream = new FakeUpstream({
      async script(exchange) {
        await exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        await released.promise;
        await exchange.write("0\r\n\r\n").catch(() => {});
      },
    });
    const limit = { MAX_CONCURRENT_PER_TOKEN: String(STREAMS), QUEUE_TIMEOUT: "50ms" };
    const { close, workers, events, url } = await crashingServer(upstream.origin, limit);
    const before = await Promise.all(Array.from({ length: STREAMS }, () => opened(url)));
    const full = await opened(url);
    assertEquals(full.status, 503, "the token has all of its slots");
    const whole = Promise.allSettled(before.map(({ client }) => rest(client)));

    workers[0]?.postMessage(CRASH);
    await until(() => events.some((event) => event.startsWith("worker_started 1")), "the next thread");
    assertEquals(events, ["worker_ended 1 Uncaught Error: a test ended this thread", "worker_started 1 "]);
    assertEquals(workers.length, 3);

    released.resolve();
    const ends = (await within(whole, "the ends of all streams")).map(({ status }) => status);
    const broken = ends.filter((end) => end === "rejected").length;
    assert(broken > 0 && broken < STREAMS, `${broken} of ${STREAMS} streams broke off`);
    const after = await Promise.all(Array.from({ length: STREAMS }, () => opened(url)));
    assertEquals(new Set(after.map(({ status }) => status)), new Set([200]), "all slots are free");
    for (const { client } of [...before, ...after, full]) client[Symbol.dispose]();
    await close();
    assertEquals(events.length, 2, "threads that the drain ends are not replaced");
  },
});

Deno.test({
  ...unless(
    withoutLinux(),
    "WorkerServer: exchanges of a thread that ends are recorded, and cost what was reserved",
  ),
  async fn() {
    const released = Promise.withResolvers<void>();
    await using upstream = new FakeUpstream({
      async script(exchange) {
        await gather(exchange.body());
        await released.promise;
        await exchange.write(plainAnswer("{}")).catch(() => {});
      },
    });
    const folder = await Deno.makeTempDir();
    const { close, workers, events, url } = await crashingServer(upstream.origin, {
      MANAGEMENT_TOKEN: SECRETS.managementToken,
      DATABASE_URL: `sqlite:${folder}/test.db`,
      OPENAI_PRICE_PROVIDER: "openai",
    });
    const management = new Management(url);
    const project = await management.ask("POST", "/projects", { name: "lab" });
    const token = await management.ask("POST", "/tokens", {
      project_id: project["id"],
      name: "anna",
      budget: { total_usd: 10 },
    });
    const body = JSON.stringify({
      model: "gpt-4o",
      max_tokens: 100,
      messages: [{ role: "user", content: "hi" }],
    });
    const answers = Promise.allSettled(Array.from({ length: STREAMS }, () =>
      rawRequest(url, [
        "POST /openai/v1/chat/completions HTTP/1.1",
        `Authorization: Bearer ${token["token"]}`,
        "Content-Type: application/json",
        `Content-Length: ${body.length}`,
      ], body)));
    await until(() => upstream.requests.length === STREAMS, "all requests at the upstream");

    workers[0]?.postMessage(CRASH);
    await until(() => events.some((event) => event.startsWith("worker_started 1")), "the next thread");
    assertEquals(await management.inFlight() < STREAMS, true, "the cut exchanges no longer run");
    released.resolve();
    const broken = (await answers).filter(({ status }) => status === "rejected").length;
    const listed = await management.ask("GET", "/exchanges?ending=internal&limit=100");
    const rows = Array.isArray(listed["data"]) ? listed["data"] : [];
    assertEquals(rows.length, broken);
    assert(broken > 0 && broken < STREAMS, `${broken} of ${STREAMS} exchanges were cut`);
    for (const { cost_micros, usage_source, model_asked, endpoint } of rows) {
      assert(cost_micros > 0);
      assertEquals([usage_source, model_asked, endpoint], ["estimated", "gpt-4o", "openai"]);
    }
    const all = await management.ask("GET", "/exchanges?limit=100");
    const costs = (Array.isArray(all["data"]) ? all["data"] : []).map(({ cost_micros }) =>
      Number(cost_micros)
    );
    assertEquals(costs.length, STREAMS);
    const { spent } = await management.ask("GET", `/tokens/${token["id"]}`);
    const total = costs.reduce((sum, cost) => sum + cost, 0);
    assert(JSON.stringify(spent).includes(`"total_micros":${total}`), `${JSON.stringify(spent)}: ${total}`);
    await close();
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  ...unless(withoutLinux(), "WorkerServer: a start that fails ends all threads"),
  async fn() {
    await using upstream = new FakeUpstream();
    const tls = { TLS_CERT: "no certificate", TLS_KEY: "no key" };
    await assertRejects(() => crashingServer(upstream.origin, tls), Error);
  },
});
