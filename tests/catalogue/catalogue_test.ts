import { assertEquals } from "@std/assert";
import { Catalogue, type CatalogueEvent, type ModelListStore } from "../../src/catalogue/catalogue.ts";
import type { Endpoint } from "../../src/config/config.ts";
import { type Transport, TransportError } from "../../src/forwarding/transport/transport.ts";
import { bodyOf } from "../../src/streams/bytes.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { until } from "../support/time/deadline.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const HOUR_MS = 3_600_000;
const REFRESH = { refreshMs: HOUR_MS, localRefreshMs: HOUR_MS };

function endpoint(name: string, origins: readonly string[] = [`http://${name}.test`], extra = {}): Endpoint {
  return testEndpoint(
    name,
    origins.map((origin) => testBackend(origin, { key: { mode: "none" }, ...extra })),
  );
}

/**
 * A catalogue in front of upstreams that the test plays: by origin a list of ids, a status, or a broken
 * connection.
 */
class CatalogueBench {
  readonly clock = new FakeClock();
  readonly events: CatalogueEvent[] = [];
  readonly asked: string[] = [];
  readonly catalogue: Catalogue;

  constructor(answers: Record<string, readonly string[] | number | "broken">, store?: ModelListStore) {
    const send: Transport["send"] = ({ origin, target }) => {
      this.asked.push(origin + target);
      const answer = answers[origin] ?? 404;
      if (answer === "broken") {
        const facts = {
          phase: "connect",
          sent: false,
          received: false,
          reused: false,
          elapsedMs: 1,
        } as const;
        return Promise.reject(new TransportError("it refused the connection", facts));
      }
      const [status, text] = typeof answer === "number"
        ? [answer, ""]
        : [200, JSON.stringify({ data: answer.map((id) => ({ id })) })];
      const body = bodyOf(new TextEncoder().encode(text));
      return Promise.resolve({ status, reason: "", fields: [], body });
    };
    this.catalogue = new Catalogue({
      transport: { send },
      clock: this.clock,
      store,
      onEvent: (event) => this.events.push(event),
    });
  }

  configure(...endpoints: readonly Endpoint[]): void {
    this.catalogue.configure(
      endpoints.map((endpoint) => ({
        endpoint,
        isLocal: false,
        isNeeded: true,
        sharesApi: true,
        ownList: endpoint.preset === "ollama" ? "/api/tags" : undefined,
      })),
      REFRESH,
    );
  }
}

Deno.test("Catalogue: the first backend that sends a list counts, and models that the configuration replaces", async () => {
  const bench = new CatalogueBench({ "http://a.test": 500, "http://b.test": ["x:latest"] });
  const model = { byName: new Map([["own", "x"]]), otherwise: undefined };
  bench.configure(endpoint("lab", ["http://a.test", "http://b.test"], { model }));
  await until(() => bench.events.length > 0, "the list");
  assertEquals(bench.asked, ["http://a.test/v1/models", "http://b.test/v1/models"]);
  assertEquals(["x:latest", "x", "own", "y"].map((name) => bench.catalogue.has("lab", name)), [
    true,
    true,
    true,
    false,
  ]);
  bench.catalogue.close();
});

Deno.test("Catalogue: lists are read again after a while, and a failure keeps the last one and is logged once", async () => {
  const answers: Record<string, readonly string[] | number | "broken"> = { "http://lab.test": ["x"] };
  const bench = new CatalogueBench(answers);
  bench.configure(endpoint("lab"));
  for (const [count, answer] of (["broken", 503, ["y"], ["y"]] as const).entries()) {
    await until(() => bench.clock.pending > 0, "the next refresh");
    answers["http://lab.test"] = answer;
    bench.clock.pass(HOUR_MS);
    await until(() => bench.asked.length === count + 2, "the refresh");
  }
  await until(() => bench.catalogue.has("lab", "y"), "the new list");
  assertEquals(bench.catalogue.has("lab", "x"), false);
  assertEquals(bench.events.map(({ kind, detail }) => `${kind}: ${detail}`), [
    "listed: one model",
    "failing: lab.test: it refused the connection",
    "listed: one model",
  ]);
  bench.catalogue.close();
});

Deno.test("Catalogue: a list is kept over restarts, for the same addresses alone", async () => {
  const kept = new Map<string, string>();
  const store: ModelListStore = {
    load: (name) => Promise.resolve(kept.get(name)),
    save: (name, text) => void kept.set(name, text),
  };
  const before = new CatalogueBench({ "http://lab.test": ["x"] }, store);
  before.configure(endpoint("lab"));
  await until(() => kept.size === 1, "the list is kept");
  before.catalogue.close();
  const after = new CatalogueBench({ "http://lab.test": "broken" }, store);
  after.configure(endpoint("lab"));
  await until(() => after.events.length === 1, "the failure");
  assertEquals(after.catalogue.list("lab"), [{ id: "x" }]);
  after.catalogue.close();
  const moved = new CatalogueBench({}, store);
  moved.configure(endpoint("lab", ["http://elsewhere.test"]));
  await until(() => moved.events.length === 1, "the failure");
  assertEquals(moved.catalogue.list("lab"), undefined);
  moved.catalogue.close();
});

Deno.test("Catalogue: a backend with the client's key is not asked, and a reload keeps the list of the same addresses", async () => {
  const bench = new CatalogueBench({ "http://lab.test": ["x"], "http://own.test": ["y"] });
  const own = endpoint("own", undefined, { key: { mode: "passthrough" } });
  bench.configure(endpoint("lab"), own);
  await until(() => bench.events.length === 1, "the list");
  bench.configure(endpoint("lab"), own);
  assertEquals([bench.catalogue.has("lab", "x"), bench.catalogue.has("own", "y")], [true, false]);
  await until(() => bench.asked.length === 2, "the list again");
  assertEquals(bench.asked, ["http://lab.test/v1/models", "http://lab.test/v1/models"]);
  assertEquals(bench.events.length, 1);
  bench.catalogue.close();
});

Deno.test("Catalogue: models that several endpoints list are reported once", async () => {
  const bench = new CatalogueBench({ "http://a.test": ["x", "y"], "http://b.test": ["y", "x", "z"] });
  bench.configure(endpoint("a"), endpoint("b"));
  await until(() => bench.events.length === 3, "the lists");
  assertEquals(bench.events.at(-1), {
    kind: "shared",
    detail:
      "several endpoints list 2 models, and the first of the file gets the requests: x (a, b), y (a, b)",
  });
  bench.catalogue.close();
});

Deno.test("Catalogue: Ollama's own list is read, and OpenAI's if the server does not have it", async () => {
  const bench = new CatalogueBench({ "http://desk.test": ["qwen3:4b"], "http://old.test": 404 });
  const versioned = { baseUrl: { origin: "http://desk.test", path: "/v1", besideVersion: ["/api"] } };
  bench.configure(
    { ...endpoint("desk", undefined, versioned), preset: "ollama" },
    { ...endpoint("old"), preset: "ollama" },
  );
  await until(() => bench.events.length > 1, "both results");
  assertEquals(bench.asked.toSorted(), [
    "http://desk.test/api/tags",
    "http://old.test/api/tags",
    "http://old.test/v1/models",
  ]);
  bench.catalogue.close();
});
