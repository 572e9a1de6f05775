/**
 * The least that a proxy in JavaScript does: it copies bytes between two sockets and replaces the credential.
 * Each connection of a client has one connection to the upstream. It finds the end of a request's head and
 * reads its `content-length`; it does not look at responses at all. It uses no file of `src`, so the other
 * figures of a run can be compared with it. Arguments: the address to listen at, the origin of the upstream,
 * and a file of certificates to trust.
 */

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");
const KEY = "authorization: Bearer upstream-key\r\n";
const BUFFER_BYTES = 65_536;

const [listen = "", upstream = "", certificates] = Deno.args;
const { hostname, port, protocol } = new URL(upstream);
const target = { hostname, port: Number(port || (protocol === "https:" ? 443 : 80)) };
const caCerts = certificates === undefined ? [] : [await Deno.readTextFile(certificates)];

function connected(): Promise<Deno.TcpConn | Deno.TlsConn> {
  return protocol === "https:" ? Deno.connectTls({ ...target, caCerts }) : Deno.connect(target);
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let left = bytes; left.length > 0;) left = left.subarray(await to.write(left));
}

/** Copies responses until one side ends. */
async function copyResponses(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let read = await from.read(buffer); read !== null; read = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, read));
  }
}

/** Copies requests, each with another credential, until one side ends. */
async function copyRequests(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  let head = "";
  let bodyBytes = 0;
  for (let read = await from.read(buffer); read !== null; read = await from.read(buffer)) {
    let left = buffer.subarray(0, read);
    while (left.length > 0) {
      if (bodyBytes > 0) {
        const part = left.subarray(0, bodyBytes);
        await writeAll(to, part);
        bodyBytes -= part.length;
        left = left.subarray(part.length);
        continue;
      }
      const before = head.length;
      head += latin1.decode(left);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) break;
      const changed = head.slice(0, end + 2).replace(/^(?:authorization|host):.*\r\n/gim, "") +
        `host: ${target.hostname}:${target.port}\r\n${KEY}\r\n`;
      bodyBytes = Number(/^content-length: *(\d+)/im.exec(changed)?.[1] ?? 0);
      left = left.subarray(end + 4 - before);
      head = "";
      const part = left.subarray(0, bodyBytes);
      const bytes = new Uint8Array(changed.length + part.length);
      encoder.encodeInto(changed, bytes);
      bytes.set(part, changed.length);
      await writeAll(to, bytes);
      bodyBytes -= part.length;
      left = left.subarray(part.length);
    }
  }
}

async function serve(client: Deno.TcpConn): Promise<void> {
  client.setNoDelay(true);
  const server = await connected();
  if ("setNoDelay" in server) server.setNoDelay(true);
  const copies = [copyRequests(client, server), copyResponses(server, client)];
  // The first side that ends, ends the other one too.
  await Promise.race(copies).catch(() => {});
  for (const connection of [client, server]) connection.close();
  await Promise.allSettled(copies);
}

const [host = "", listenPort] = listen.split(":");
for await (const client of Deno.listen({ hostname: host, port: Number(listenPort) })) {
  serve(client).catch(() => client.close());
}
