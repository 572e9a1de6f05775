import { assert, assertEquals, assertRejects } from "@std/assert";
import { Certificate } from "../../src/server/certificate.ts";
import { Listener } from "../../src/server/listener.ts";
import { within } from "../support/deadline.ts";
import { pem } from "../support/tls_upstream.ts";

const TLS = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };

function listenerOn(events: { deaf: string[] }): Listener {
  return new Listener({ hostname: "127.0.0.1", port: 0, tls: TLS }, {
    onConnection: (connection) => connection.close(),
    onFailed() {},
    onDeaf: (reason) => events.deaf.push(reason),
  });
}

async function canConnect(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("Listener: an address that cannot be had again for a while is asked for until it can, and that is said once", async () => {
  const events = { deaf: [] as string[] };
  const listener = listenerOn(events);
  const { listenTls } = Deno;
  let failures = 0;
  // What cannot be brought about on purpose: no descriptors, or an address that went away.
  Object.assign(Deno, {
    listenTls(options: Deno.ListenTlsOptions & Deno.TlsCertifiedKeyPem) {
      if (options.port === listener.address.port && failures++ < 7) throw new Deno.errors.AddrInUse("in use");
      return listenTls(options);
    },
  });
  try {
    await listener.renew(TLS);
  } finally {
    Object.assign(Deno, { listenTls });
  }
  assertEquals([failures, events.deaf], [8, ["in use"]]);
  assert(await canConnect(listener.address.port));
  await listener.renew(TLS);
  assert(await canConnect(listener.address.port));
  await listener.close();
  assertEquals(await canConnect(listener.address.port), false);
});

Deno.test("Listener: a certificate that cannot be used changes nothing", async () => {
  const listener = listenerOn({ deaf: [] });
  await assertRejects(() => listener.renew({ ...TLS, key: "-----BEGIN PRIVATE KEY-----" }), Error);
  assert(await canConnect(listener.address.port));
  await listener.close();
});

Deno.test("Listener: closed while it looks for its address, it stops looking", async () => {
  const listener = listenerOn({ deaf: [] });
  const { listenTls } = Deno;
  const tried = Promise.withResolvers<void>();
  Object.assign(Deno, {
    listenTls(options: Deno.ListenTlsOptions & Deno.TlsCertifiedKeyPem) {
      if (options.port !== listener.address.port) return listenTls(options);
      tried.resolve();
      throw new Deno.errors.AddrInUse("in use");
    },
  });
  try {
    const renewing = listener.renew(TLS);
    await within(tried.promise, "the second try");
    await listener.close();
    await renewing;
  } finally {
    Object.assign(Deno, { listenTls });
  }
});

Deno.test("Certificate: exchanges come one after the other, and what is refused is said once", async () => {
  let running = 0;
  const used: string[] = [];
  const said: string[] = [];
  const certificate = new Certificate({ cert: "a", key: "a", files: ["cert", "key"] }, {
    readTextFile: () => Promise.resolve("from the files"),
    async use({ cert }) {
      assertEquals(++running, 1, "two at once");
      await Promise.resolve();
      running--;
      if (cert === "bad") throw new Error("no use");
      used.push(cert);
    },
    onRenewed: () => said.push("renewed"),
    onRefused: (reason) => said.push(`refused: ${reason}`),
  });
  const pair = (text: string) => ({ cert: text, key: text, files: ["cert", "key"] });
  await Promise.all([
    certificate.exchange(pair("a\n")),
    certificate.exchange(pair("b")),
    certificate.look(),
    certificate.exchange(pair("bad")),
    certificate.exchange(pair("bad")),
    certificate.exchange(pair("c")),
  ]);
  assertEquals(used, ["b", "from the files", "c"]);
  assertEquals(said, ["renewed", "renewed", "refused: no use", "renewed"]);
});
