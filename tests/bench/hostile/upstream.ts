/** The upstream behind a proxy under attack, as a program: `upstream.ts PORT`. */

const LARGE_BYTES = 10 * 1024 * 1024;
const LARGE = new Uint8Array(LARGE_BYTES);
const ANSWER = JSON.stringify({ object: "chat.completion", choices: [], usage: { total_tokens: 30 } });

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} }, async (request) => {
  if (request.url.endsWith("/large")) return new Response(LARGE);
  for await (const _ of request.body ?? []) { /* it is taken */ }
  return new Response(ANSWER, { headers: { "content-type": "application/json" } });
});
