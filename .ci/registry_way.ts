/**
 * `deno run -A .ci/registry_way.ts SOCKET`: an HTTP proxy on a Unix socket that opens tunnels only to the npm registry. It
 * is the only connection of the bare machine to the network.
 */

const [path = ""] = Deno.args;
const output = await new Deno.Command("npm", { args: ["config", "get", "registry"] }).output();
const registry = new URL(new TextDecoder().decode(output.stdout).trim());
const allowed = `${registry.hostname}:${registry.port || 443}`;

await Deno.remove(path).catch(() => {});
const listener = Deno.listen({ transport: "unix", path });
await Deno.chmod(path, 0o666);
for await (const client of listener) void tunnel(client).catch(() => {}).finally(() => closeQuietly(client));

async function tunnel(client: Deno.Conn): Promise<void> {
  const head = await readHead(client);
  const target = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head)?.[1];
  if (target !== allowed) {
    console.error(`rejected: ${head.split("\r\n")[0]}`);
    await client.write(new TextEncoder().encode("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
    return;
  }
  const far = await Deno.connect({ hostname: registry.hostname, port: Number(registry.port || 443) });
  await client.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
  await Promise.allSettled([client.readable.pipeTo(far.writable), far.readable.pipeTo(client.writable)]);
  closeQuietly(far);
}

async function readHead(client: Deno.Conn): Promise<string> {
  let head = "";
  const buffer = new Uint8Array(4096);
  while (!head.includes("\r\n\r\n")) {
    const count = await client.read(buffer);
    if (count === null) throw new Error("the connection ended within the request head");
    head += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return head;
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // The connection is already closed.
  }
}
