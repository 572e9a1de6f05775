/**
 * An upstream on raw sockets: it answers each request with the same JSON, and reads of the request only where
 * it ends. Its argument is the port. It needs no program but Deno, so `deno task bench --quick` runs on every
 * Linux machine.
 */

import { ANSWER } from "../question.ts";

const RESPONSE = new TextEncoder().encode(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`,
);
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
    if (missing === 0) await client.write(RESPONSE);
  }
}

for await (const client of Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) })) {
  serve(client).catch(() => {}).finally(() => client.close());
}
