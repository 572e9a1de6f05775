import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import { ProxyFault } from "../../src/faults.ts";
import { FramingError } from "../../src/http/framing_error.ts";
import type { Handler } from "../../src/http/message.ts";
import { FetchHandler } from "../../src/server/fetch_handler.ts";
import { PulledSource } from "../../src/streams/pulled_source.ts";

interface Bench {
  readonly ask: (request: Request) => Promise<Response>;
  readonly errors: readonly unknown[];
}

/** A handler for web requests without a server. */
function bench(handler: Handler): Bench {
  const errors: unknown[] = [];
  const fetchHandler = new FetchHandler({
    handler,
    entry: "all",
    limits: () => DEFAULT_SERVER_SETTINGS.connections,
    now: () => performance.now(),
    onUnexpected: (error) => errors.push(error),
  });
  return { ask: (request) => fetchHandler.handle(request, "192.0.2.1"), errors };
}

function respondsWith(
  status: number,
  onRequest: (request: Parameters<Handler>[0]) => void = () => {},
): Handler {
  return (request) => {
    onRequest(request);
    return Promise.resolve({ status, reason: "", fields: [], body: null });
  };
}

const HOST = { host: "proxy.test" };

Deno.test("FetchHandler: the target is what follows the host, byte for byte", async () => {
  const targets: string[] = [];
  const { ask } = bench(respondsWith(200, ({ target, peer }) => targets.push(`${target} ${peer}`)));
  // `Request` itself normalises a URL; the URL of the runtime is not normalised.
  const request = new Request("http://proxy.test/", { headers: HOST });
  Object.defineProperty(request, "url", { value: "http://proxy.test/a/../%2e?q=é" });
  await ask(request);
  assertEquals(targets, ["/a/../%2e?q=\xc3\xa9 192.0.2.1"]);
});

Deno.test("FetchHandler: a body without framing headers is a 400, because only HTTP/2 has such bodies", async () => {
  let isAsked = false;
  const { ask } = bench(respondsWith(200, () => isAsked = true));
  const response = await ask(
    new Request("http://proxy.test/x", { method: "POST", headers: HOST, body: "abc" }),
  );
  assertEquals([response.status, response.headers.get("x-llm-proxy-error"), isAsked], [
    400,
    "bad_request",
    false,
  ]);
  const empty = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
  const request = new Request("http://proxy.test/x", { method: "POST", headers: HOST, body: empty });
  assertEquals((await ask(request)).status, 200, "an empty stream is no body");
});

Deno.test("FetchHandler: a status that Response cannot carry is a 502 that names it", async () => {
  const { ask } = bench(respondsWith(999));
  const response = await ask(new Request("http://proxy.test/x", { headers: HOST }));
  assertEquals([response.status, response.headers.get("x-llm-proxy-error")], [502, "bad_gateway"]);
  assertMatch(await response.text(), /status 999/);
});

Deno.test("FetchHandler: an error of the handler is reported, and the client gets a 500", async () => {
  const { ask, errors } = bench(() => Promise.reject(new TypeError("a bug")));
  assertEquals((await ask(new Request("http://proxy.test/x", { headers: HOST }))).status, 500);
  assertEquals(errors.map(String), ["TypeError: a bug"]);
});

Deno.test("FetchHandler: a body of another length than stated is reported, and is no departure of the client", async () => {
  let reason: () => Error | undefined = () => undefined;
  const body = new PulledSource(() => Promise.resolve(null), { length: 5 });
  const { ask, errors } = bench(({ cancellation }) => {
    reason = () => cancellation.reason;
    return Promise.resolve({ status: 200, reason: "", fields: [], body });
  });
  const answer = await ask(new Request("http://proxy.test/x", { headers: HOST }));
  await assertRejects(() => answer.text(), Error);
  assertEquals(errors.map((error) => error instanceof FramingError), [true]);
  const fault = reason();
  assertEquals(fault instanceof ProxyFault && fault.code, "internal");
});
