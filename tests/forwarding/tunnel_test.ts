import { assertRejects } from "@std/assert";
import { openTunnel, TunnelRefused } from "../../src/forwarding/transport/tunnel.ts";
import { inputOf, latin1 } from "../support/clients/byte_input.ts";
import { fakeConnection } from "../support/upstreams/upstream_exchange.ts";

const END = { hostname: "api.test", port: 443 };
const OPENED = {
  http: "HTTP/1.1 200 Connection established\r\n\r\n",
  socks5: "\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00",
} as const;

for (const scheme of ["http", "socks5"] as const) {
  Deno.test(`openTunnel: bytes that a ${scheme} proxy sends behind its answer do not count as the upstream's`, async () => {
    const open = (answer: string) => {
      const bytes = latin1(answer);
      const proxy = { scheme, hostname: "proxy.test", port: 3128 } as const;
      return openTunnel(fakeConnection(inputOf(bytes, bytes.length, "silence")), proxy, END);
    };
    await open(OPENED[scheme]);
    const forged = `${OPENED[scheme]}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`;
    await assertRejects(() => open(forged), TunnelRefused, "more than its response");
  });
}
