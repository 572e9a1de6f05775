/**
 * An upstream on raw sockets: it answers each request with the same JSON and a random request id, as
 * providers do, and reads of the request only where it ends. Its argument is the port. It needs no program
 * but Deno, so `deno task bench --quick` runs on every Linux machine.
 */

import { ANSWER } from "../question.ts";

const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: ";
const ID_BYTES = 16;
const REST = `\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`;
const encoder = new TextEncoder();
const BUFFER_BYTES = 65_536;

async function serve(client: Deno.TcpConn): Promise<void> {
  client.setNoDelay(true);
  const decoder = new TextDecoder("latin1");
  const buffer = new Uint8Array(BUFFER_BYTES);
  let head = "";
  let missing = 0;
  for (let read = await client.read(buffer); read !== null; read = await client.read(buffer)) {
    if (missing === 0) {
      head += decoder.decode(buffer.subarray(0, read));
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) continue;
      missing = end + 4 + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0) - head.length;
      head = "";
    } else missing -= read;
    if (missing > 0) continue;
    const id = crypto.getRandomValues(new Uint8Array(ID_BYTES)).toHex();
    await client.write(encoder.encode(`${HEAD}${id}${REST}`));
  }
}

for await (const client of Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) })) {
  serve(client).catch(() => {}).finally(() => client.close());
}
