// Bun.serve in front of fetch. Bodies of known length are gathered before they are sent on; streams are
// streamed. deno-lint-ignore-file
const [listen = "", upstream = ""] = process.argv.slice(2);
const [hostname, port] = listen.split(":");
Bun.serve({
  hostname,
  port: Number(port),
  idleTimeout: 0,
  async fetch(request: Request) {
    const url = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.delete("host");
    headers.set("authorization", "Bearer upstream-key");
    const hasBody = request.method !== "GET" && request.method !== "HEAD";
    const answer = await fetch(upstream + url.pathname + url.search, {
      method: request.method,
      headers,
      body: hasBody ? await request.arrayBuffer() : undefined,
      redirect: "manual",
      signal: request.signal,
      tls: { rejectUnauthorized: false },
      decompress: false,
    });
    const out = new Headers(answer.headers);
    out.delete("transfer-encoding");
    const body = answer.headers.has("content-length") ? await answer.arrayBuffer() : answer.body;
    return new Response(body, { status: answer.status, headers: out });
  },
});
