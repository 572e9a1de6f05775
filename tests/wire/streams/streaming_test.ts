import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ProxyProcess } from "../../support/processes/proxy_process.ts";
import { unless, withoutProc } from "../../support/runner/left_out.ts";
import { peakMemoryMb } from "../../support/processes/process_stats.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { within } from "../../support/time/deadline.ts";

const AUTH = { authorization: `Bearer ${SECRETS.proxyToken}`, "content-type": "application/json" };
const EVENTS = 8;

for (const path of ["/openai/v1/chat/completions", "/anthropic/v1/messages"]) {
  Deno.test(`${path}: each chunk of a stream leaves before the next one comes`, async () => {
    // The upstream sends an event only once the client has the one before: what is held back ends in a
    // deadline.
    const seen = Array.from({ length: EVENTS }, () => Promise.withResolvers<string>());
    await using upstream = new FakeUpstream({
      script: async (exchange) => {
        await exchange.write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        for (const [index, { promise }] of seen.entries()) {
          const event = `data: {"n":${index}}\n\n`;
          await exchange.write(`${event.length.toString(16)}\r\n${event}\r\n`);
          await within(promise, `event ${index} at the client`);
        }
        await exchange.write("0\r\n\r\n");
      },
    });
    await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
    const response = await fetch(proxy.url + path, { method: "POST", headers: AUTH, body: "{}" });
    assert(response.body !== null);
    const texts: string[] = [];
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      seen[texts.push(text) - 1]?.resolve(text);
    }
    assertEquals(texts, Array.from({ length: EVENTS }, (_, n) => `data: {"n":${n}}\n\n`));
  });
}

Deno.test("an upload reaches the upstream while the client is still sending it", async () => {
  const firstPiece = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      let text = "";
      for await (const piece of exchange.body()) {
        text += new TextDecoder().decode(piece);
        firstPiece.resolve();
      }
      await exchange.write(plainAnswer(text));
    },
  });
  await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const answer = fetch(`${proxy.url}/openai/v1/files`, { method: "POST", headers: AUTH, body: readable });
  await writer.write(new TextEncoder().encode("one,"));
  await within(firstPiece.promise, "the first piece");
  await writer.write(new TextEncoder().encode("two"));
  await writer.close();
  assertEquals(await (await answer).text(), "one,two");
});

Deno.test({
  ...unless(withoutProc(), "a 50 MB upload and a 200 MB download pass whole with bounded memory"),
  async fn() {
    const piece = new Uint8Array(64 * 1024).map((_, index) => index % 251);
    const uploadPieces = 50 * 16;
    const downloadPieces = 200 * 16;
    let uploaded = 0;
    let intact = true;
    await using upstream = new FakeUpstream({
      script: async (exchange) => {
        for await (const part of exchange.body()) {
          intact &&= part[0] === piece[uploaded % piece.length];
          uploaded += part.length;
        }
        await exchange.write(`HTTP/1.1 200 OK\r\nContent-Length: ${piece.length * downloadPieces}\r\n\r\n`);
        for (let index = 0; index < downloadPieces; index++) await exchange.write(piece);
      },
    });
    await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
    await (await fetch(`${proxy.url}/healthz`)).text();
    const idleMb = peakMemoryMb(proxy.pid);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent++ === uploadPieces) controller.close();
        else controller.enqueue(piece.slice());
      },
    });
    const response = await fetch(`${proxy.url}/openai/v1/files`, { method: "POST", headers: AUTH, body });
    assert(response.body !== null);
    let downloaded = 0;
    for await (const part of response.body) {
      intact &&= part[0] === piece[downloaded % piece.length];
      downloaded += part.length;
    }
    assertEquals(uploaded, piece.length * uploadPieces);
    assertEquals(downloaded, piece.length * downloadPieces);
    assert(intact, "bytes arrived in another order");
    const growthMb = peakMemoryMb(proxy.pid) - idleMb;
    assertGreater(growthMb, 0);
    assertLess(growthMb, 100, "memory grew with the body's size");
  },
});
