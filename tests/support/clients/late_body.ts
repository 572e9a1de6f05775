/** A request whose body comes late: after the proxy has read the head, and waits for the rest. */

import { assertEquals } from "@std/assert";
import { type RawAnswer, RawClient } from "./raw_client.ts";

/** Sends the head. Resolves when the proxy waits for the body, with a function that sends it. */
export async function lateBody(
  url: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: unknown },
): Promise<() => Promise<RawAnswer>> {
  const { host, pathname } = new URL(url);
  const text = JSON.stringify(body);
  const client = await RawClient.connect(url);
  const lines = Object.entries({
    host,
    "content-type": "application/json",
    "content-length": String(new TextEncoder().encode(text).length),
    expect: "100-continue",
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  await client.send(`POST ${pathname} HTTP/1.1\r\n${lines.join("")}\r\n`);
  assertEquals((await client.head()).status, 100);
  return async () => {
    using _ = client;
    await client.send(text);
    return await client.answer("POST");
  };
}
