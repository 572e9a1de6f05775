import { assertEquals, assertThrows } from "@std/assert";
import { type ListenAddress, openSockets } from "../../src/network/listen_everywhere.ts";
import { unless, withoutIpv6 } from "../support/runner/left_out.ts";

interface FakeSocket {
  readonly addr: Deno.NetAddr;
}

/** A machine whose attempts to listen on some hosts fail. */
function machine(failures: Readonly<Record<string, Error>>) {
  const open = new Set<string>();
  const name = ({ hostname, port }: ListenAddress) => `${hostname} ${port}`;
  return {
    open,
    kind: {
      open({ hostname, port }: ListenAddress): FakeSocket {
        const failure = failures[hostname];
        if (failure !== undefined) throw failure;
        const addr = { transport: "tcp", hostname, port: port || 4711 } as const;
        open.add(name(addr));
        return { addr };
      },
      close: ({ addr }: FakeSocket) => void open.delete(name(addr)),
    },
  };
}

const TAKEN = new Deno.errors.AddrInUse("in use");

for (
  const [what, failures, expected] of [
    ["with one socket for both", { "0.0.0.0": TAKEN }, [":: 4711"]],
    ["with a socket for each", {}, [":: 4711", "0.0.0.0 4711"]],
    ["without IPv6", { "::": new Error("Address family not supported") }, ["0.0.0.0 4711"]],
    ["with rights for IPv4 only", { "::": new Deno.errors.NotCapable("net") }, ["0.0.0.0 4711"]],
    ["with rights for :: only", { "0.0.0.0": new Deno.errors.NotCapable("net") }, [":: 4711"]],
  ] as const
) {
  Deno.test(`openSockets: every address of a machine ${what}`, () => {
    const { open, kind } = machine(failures);
    const sockets = openSockets({ hostname: "::", port: 0 }, kind, { needsSecond: false });
    assertEquals([...open], [...expected]);
    assertEquals(sockets.map(({ addr: { hostname, port } }) => `${hostname} ${port}`), [...expected]);
  });
}

for (
  const [what, host, failure, needsSecond] of [
    ["the port is taken", "::", TAKEN, false],
    ["the account may not use the port", "::", new Deno.errors.PermissionDenied("no"), false],
    ["another program has the port for IPv4", "0.0.0.0", TAKEN, true],
  ] as const
) {
  Deno.test(`openSockets: throws, and leaves no socket open, if ${what}`, () => {
    const { open, kind } = machine({ [host]: failure });
    assertThrows(
      () => openSockets({ hostname: "::", port: 33_000 }, kind, { needsSecond }),
      Error,
      failure.message,
    );
    assertEquals([...open], []);
  });
}

Deno.test("openSockets: another host opens one socket", () => {
  for (const hostname of ["0.0.0.0", "127.0.0.1", "::1"]) {
    const { open, kind } = machine({});
    openSockets({ hostname, port: 1 }, kind, { needsSecond: true });
    assertEquals([...open], [`${hostname} 1`]);
  }
});

for (const hostname of ["127.0.0.1", "::1", "localhost"]) {
  Deno.test({
    ...unless(
      hostname === "::1" ? withoutIpv6() : undefined,
      `openSockets: a client reaches :: by ${hostname}`,
    ),
    async fn() {
      const sockets = openSockets({ hostname: "::", port: 0 }, {
        open: (address) => Deno.listen(address),
        close: (socket) => socket.close(),
      });
      const accepted = Promise.any(sockets.map((socket) => socket.accept()));
      const client = await Deno.connect({ hostname, port: sockets[0].addr.port });
      (await accepted).close();
      client.close();
      for (const socket of sockets) socket.close();
    },
  });
}
