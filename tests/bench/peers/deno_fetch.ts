/**
 * `Deno.serve` in front of `fetch`. Both bodies are streamed. Arguments: where to listen, the upstream, its
 * authority.
 */

const [listen = "", upstream = "", certificates = ""] = Deno.args;
const [hostname = "", port] = listen.split(":");
const client = Deno.createHttpClient({
  caCerts: [await Deno.readTextFile(certificates)],
  poolMaxIdlePerHost: 4096,
  http2: false,
});

Deno.serve({ hostname, port: Number(port) }, async (request) => {
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.delete("host");
  headers.set("authorization", "Bearer upstream-key");
  const answer = await fetch(upstream + url.pathname + url.search, {
    method: request.method,
    headers,
    body: request.body,
    redirect: "manual",
    signal: request.signal,
    client,
  });
  const answered = new Headers(answer.headers);
  // Deno's fetch has already decoded the body.
  if (answered.has("content-encoding")) {
    answered.delete("content-encoding");
    answered.delete("content-length");
  }
  return new Response(answer.body, { status: answer.status, headers: answered });
});
