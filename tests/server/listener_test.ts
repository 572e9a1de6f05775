import { assert, assertEquals, assertRejects } from "@std/assert";
import { Certificate } from "../../src/server/certificate.ts";
import { Listener } from "../../src/server/listener.ts";
import { within } from "../support/time/deadline.ts";
import { pem } from "../support/upstreams/tls_upstream.ts";

const TLS = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };

function listenerOn(events: { bindFailures: string[] }): Listener {
  return new Listener({ hostname: "127.0.0.1", port: 0, tls: TLS }, {
    onConnection: (connection) => connection.close(),
    onAcceptFailed() {},
    onBindFailed: (reason) => events.bindFailures.push(reason),
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

Deno.test("Listener: the listener tries to bind its address again until it can, and reports the failure once", async () => {
  const events = { bindFailures: [] as string[] };
  const listener = listenerOn(events);
  const { listenTls } = Deno;
  let failures = 0;
  // A test cannot cause the real failures: no file descriptors, or a missing address.
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
  assertEquals([failures, events.bindFailures], [8, ["in use"]]);
  assert(await canConnect(listener.address.port));
  await listener.renew(TLS);
  assert(await canConnect(listener.address.port));
  await listener.close();
  assertEquals(await canConnect(listener.address.port), false);
});

Deno.test("Listener: a certificate that cannot be used changes nothing", async () => {
  const listener = listenerOn({ bindFailures: [] });
  await assertRejects(() => listener.renew({ ...TLS, key: "-----BEGIN PRIVATE KEY-----" }), Error);
  assert(await canConnect(listener.address.port));
  await listener.close();
});

Deno.test("Listener: close ends the attempts to bind the address", async () => {
  const listener = listenerOn({ bindFailures: [] });
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
    await within(renewing, "the end of the renewal");
  } finally {
    Object.assign(Deno, { listenTls });
  }
});

Deno.test("Certificate: replacements run one after the other, and a rejected certificate is reported once", async () => {
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
    onRejected: (reason) => said.push(`rejected: ${reason}`),
  });
  const pair = (text: string) => ({ cert: text, key: text, files: ["cert", "key"] });
  await Promise.all([
    certificate.replace(pair("a\n")),
    certificate.replace(pair("b")),
    certificate.reload(),
    certificate.replace(pair("bad")),
    certificate.replace(pair("bad")),
    certificate.replace(pair("c")),
  ]);
  assertEquals(used, ["b", "from the files", "c"]);
  assertEquals(said, ["renewed", "renewed", "rejected: no use", "renewed"]);
});
