import { assertEquals } from "@std/assert";
import { CHAT_PATH, TOKEN, UPSTREAM_KEY } from "./candidates/candidate.ts";
import { CheckingUpstream } from "./right_responses.ts";
import { HEADERS } from "./question.ts";

/** Forwards a request to the upstream. */
type Proxy = (request: Request, upstream: string) => Promise<Response>;

const honest: Proxy = async (request, upstream) => {
  const { pathname, search } = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.set("authorization", `Bearer ${UPSTREAM_KEY}`);
  const answer = await fetch(upstream + pathname + search, {
    method: request.method,
    headers,
    body: request.body,
  });
  const answered = new Headers(answer.headers);
  // The fetch of Deno has decoded the body.
  answered.delete("content-encoding");
  answered.delete("content-length");
  return new Response(answer.body, { status: answer.status, headers: answered });
};

async function faultsOf(proxy: Proxy): Promise<string[]> {
  await using upstream = new CheckingUpstream({ eventDeadlineMs: 300 });
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    return proxy(request, upstream.origin);
  });
  using client = Deno.createHttpClient({});
  return await upstream.faultsOf({
    candidate: { name: "tested", kind: "proxy", command: () => Promise.reject(new Error("it runs already")) },
    url: `http://127.0.0.1:${server.addr.port}${CHAT_PATH}`,
    headers: { ...HEADERS, authorization: `Bearer ${TOKEN}` },
  }, client);
}

Deno.test("CheckingUpstream: a transparent proxy has no faults", async () => {
  assertEquals(await faultsOf(honest), []);
});

Deno.test("CheckingUpstream: it finds a proxy that gathers streams", async () => {
  const gathering: Proxy = async (request, upstream) => {
    const response = await honest(request, upstream);
    return new Response(await response.arrayBuffer(), response);
  };
  assertEquals(await faultsOf(gathering), ["streaming"]);
});

Deno.test("CheckingUpstream: it finds a proxy that forwards the token of the client", async () => {
  const leaking: Proxy = (request, upstream) => {
    const { pathname, search } = new URL(request.url);
    return fetch(upstream + pathname + search, request);
  };
  const faults = await faultsOf(leaking);
  assertEquals(faults.slice(0, 2), ["credential", "the client's token stays"]);
});

Deno.test("CheckingUpstream: it finds a proxy that changes the status and joins cookies", async () => {
  const careless: Proxy = async (request, upstream) => {
    const response = await honest(request, upstream);
    return new Response(response.body, { headers: Object.fromEntries(response.headers) });
  };
  assertEquals(await faultsOf(careless), ["status 201", "two cookies", "status 429"]);
});
