/**
 * A load on raw sockets: over each connection one request after the other. Its argument is JSON: url,
 * headers, body, seconds and connections. Prints the number of responses. It needs no program but Deno.
 */

const { url, headers, body, seconds, connections }: {
  url: string;
  headers: Record<string, string>;
  body: string;
  seconds: number;
  connections: number;
} = JSON.parse(Deno.args[0] ?? "");
const { hostname, port, host, pathname } = new URL(url);
const fields = Object.entries({ host, ...headers, "content-length": body.length });
const head = [`POST ${pathname} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)].join(
  "\r\n",
);
const request = new TextEncoder().encode(`${head}\r\n\r\n${body}`);

async function load(end: number): Promise<number> {
  const connection = await Deno.connect({ hostname, port: Number(port) });
  connection.setNoDelay(true);
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder("latin1");
  let responses = 0;
  for (; performance.now() < end; responses++) {
    await connection.write(request);
    let missing: number | undefined;
    for (let text = ""; missing !== 0;) {
      const read = await connection.read(buffer);
      if (read === null) throw new Error("the proxy has ended the connection");
      if (missing !== undefined) {
        missing -= read;
        continue;
      }
      text += decoder.decode(buffer.subarray(0, read));
      const headEnd = text.indexOf("\r\n\r\n");
      if (headEnd < 0) continue;
      const [, length] = /^content-length: *(\d+)/im.exec(text) ?? [];
      if (!text.startsWith("HTTP/1.1 200 ") || length === undefined) throw new Error(text);
      missing = headEnd + 4 + Number(length) - text.length;
    }
  }
  connection.close();
  return responses;
}

const end = performance.now() + seconds * 1_000;
const counts = await Promise.all(Array.from({ length: connections }, () => load(end)));
console.log(counts.reduce((sum, count) => sum + count, 0));
