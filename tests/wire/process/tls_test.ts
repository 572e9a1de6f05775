/** Certificates: made, renewed, and exchanged while exchanges run. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Certificate } from "pkijs";
import { DEFAULT_SERVER_SETTINGS } from "../../../src/config/values/defaults.ts";
import { createAuthority, issueCertificate } from "../../../src/tls/authority.ts";
import { certificateWarnings } from "../../../src/tls/certificate_warnings.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { HttpReader } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const YEAR_MS = 365 * 24 * 3_600_000;

async function run(args: readonly string[], folder: string) {
  const { code, stdout, stderr } = await proxyCommand(args, {}, folder).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Whether a client that trusts only this authority takes the server for `hostname`. */
async function trusts(port: number, ca: string, hostname = "localhost"): Promise<boolean> {
  try {
    using connection = await Deno.connectTls({ hostname, port, caCerts: [ca] });
    await connection.handshake();
    return true;
  } catch (error) {
    assertStringIncludes(String(error), "invalid peer certificate");
    return false;
  }
}

Deno.test("tls init: an authority and a certificate, with the right modes, and never in place of other files", () =>
  inFolder(async (folder) => {
    const made = await run(["tls", "init", "--folder", "tls", "--name", "llm.example.com"], folder);
    assertEquals([made.code, made.err], [0, ""]);
    for (
      const word of [
        "TLS_CERT_FILE=tls/cert.pem",
        "update-ca-certificates",
        "NODE_EXTRA_CA_CERTS",
        "certutil",
      ]
    ) {
      assertStringIncludes(made.out, word);
    }
    for (
      const [name, mode] of [["ca.pem", 0o644], ["ca-key.pem", 0o600], ["cert.pem", 0o644], [
        "key.pem",
        0o600,
      ]] as const
    ) {
      const info = await Deno.stat(`${folder}/tls/${name}`);
      if (info.mode !== null) assertEquals(info.mode & 0o777, mode, name);
    }
    const before = await Deno.readTextFile(`${folder}/tls/ca.pem`);
    const again = await run(["tls", "init", "--folder", "tls"], folder);
    assertEquals([again.code, again.out], [1, ""]);
    assertStringIncludes(again.err, "`llm-proxy tls renew` makes a new certificate");
    assertEquals(await Deno.readTextFile(`${folder}/tls/ca.pem`), before);
  }));

Deno.test("tls renew: a new certificate with the same authority and the same names", () =>
  inFolder(async (folder) => {
    await run(
      ["tls", "init", "--folder", "tls", "--name", "llm.example.com", "--name", "203.0.113.9"],
      folder,
    );
    const read = (name: string) => Deno.readTextFile(`${folder}/tls/${name}`);
    const [ca, cert, key] = await Promise.all([read("ca.pem"), read("cert.pem"), read("key.pem")]);
    const renewed = await run(["tls", "renew", "--folder", "tls"], folder);
    assertEquals([renewed.code, renewed.err], [0, ""]);
    assertStringIncludes(renewed.out, "llm.example.com");
    assertEquals(await read("ca.pem"), ca);
    assert(await read("cert.pem") !== cert && await read("key.pem") !== key);
    const listener = Deno.listenTls({
      hostname: "127.0.0.1",
      port: 0,
      cert: await read("cert.pem"),
      key: await read("key.pem"),
    });
    const accepting = listener.accept().then(async (connection) => {
      await connection.handshake();
      connection.close();
    });
    assert(await trusts(listener.addr.port, ca));
    await accepting;
    listener.close();
    const refused = await run(["tls", "renew", "--folder", "tls", "--name", "api.openai.com"], folder);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.err, "The authority does not allow api.openai.com");
    assertStringIncludes(
      refused.err,
      "`llm-proxy tls renew --authority --name api.openai.com` adds the names",
    );
    const nowhere = await run(["tls", "renew", "--folder", "nowhere"], folder);
    assertEquals([nowhere.code, nowhere.err.trim()], [
      1,
      "There is no authority in nowhere. `llm-proxy tls init` creates one.",
    ]);
    await Deno.rename(`${folder}/tls/ca-key.pem`, `${folder}/elsewhere.pem`);
    const keyless = await run(["tls", "renew", "--folder", "tls"], folder);
    assertEquals([keyless.code, keyless.err.trim()], [
      1,
      "tls/ca-key.pem is missing. Put it back for this command.",
    ]);
    const odd = await run(["tls", "init", "--folder", "other", "--name", "a b"], folder);
    assertEquals(odd.code, 2);
  }));

Deno.test("tls renew --authority: the authority allows a further name, with the same key", () =>
  inFolder(async (folder) => {
    const read = (name: string) => Deno.readTextFile(`${folder}/tls/${name}`);
    await run(["tls", "init", "--folder", "tls"], folder);
    const [ca, caKey] = [await read("ca.pem"), await read("ca-key.pem")];
    const renewed = await run(
      ["tls", "renew", "--authority", "--folder", "tls", "--name", "llm.example.com"],
      folder,
    );
    assertEquals([renewed.code, renewed.err], [0, ""]);
    assertStringIncludes(renewed.out, "Each client has to trust the new tls/ca.pem");
    assertEquals(await read("ca-key.pem"), caKey);
    assert(await read("ca.pem") !== ca);
    // The name is within the authority's from now on.
    const plain = await run(["tls", "renew", "--folder", "tls", "--name", "llm.example.com"], folder);
    assertEquals([plain.code, plain.err], [0, ""]);
    assert(!plain.out.includes("limits IP addresses"), plain.out);
  }));

Deno.test("the authority: it and what it signs tell their keys, which strict readers such as Python's ask for", async () => {
  const subject = { names: ["pi"], addresses: ["192.168.1.20"] };
  const authority = await createAuthority(subject, Date.now());
  const issued = await issueCertificate(authority, subject, Date.now());
  const oids = (pem: string): string[] => {
    const [, base64 = ""] = /-----BEGIN CERTIFICATE-----([^-]+)-/.exec(pem) ?? [];
    return Certificate.fromBER(Uint8Array.fromBase64(base64.replace(/\s/g, ""))).extensions
      ?.map(({ extnID }) => extnID) ?? [];
  };
  assert(oids(authority.certificate).includes("2.5.29.14"), "the authority's own");
  assert(oids(issued.certificate).includes("2.5.29.14") && oids(issued.certificate).includes("2.5.29.35"));
});

Deno.test("the authority: what it signs beyond its names no client takes", async () => {
  const subject = { names: ["pi"], addresses: [] };
  const authority = await createAuthority(subject, Date.now());
  for (const [name, isTaken] of [["localhost", true], ["evil.test", false]] as const) {
    const issued = await issueCertificate(
      authority,
      { names: [name, "localhost"], addresses: [] },
      Date.now(),
    );
    const listener = Deno.listenTls({
      hostname: "127.0.0.1",
      port: 0,
      cert: issued.certificate,
      key: issued.key,
    });
    const accepting = listener.accept().then(async (connection) => {
      await connection.handshake().catch(() => {});
      connection.close();
    });
    assertEquals(await trusts(listener.addr.port, authority.certificate), isTaken, name);
    await accepting;
    listener.close();
  }
});

Deno.test("TLS: a certificate whose files change is used for new connections, and running exchanges go on", () =>
  inFolder(async (folder) => {
    const subject = { names: ["localhost"], addresses: ["127.0.0.1"] };
    const [first, second] = [
      await createAuthority(subject, Date.now()),
      await createAuthority(subject, Date.now()),
    ];
    const files = [`${folder}/cert.pem`, `${folder}/key.pem`] as const;
    const write = async (authority: typeof first): Promise<void> => {
      const issued = await issueCertificate(authority, subject, Date.now());
      await Deno.writeTextFile(files[0], issued.certificate);
      await Deno.writeTextFile(files[1], issued.key);
    };
    await write(first);
    const go = Promise.withResolvers<void>();
    await using upstream = new FakeUpstream({
      script: async (exchange) => {
        await exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        await go.promise;
        await exchange.write("world");
      },
    });
    const tls = { cert: await Deno.readTextFile(files[0]), key: await Deno.readTextFile(files[1]), files };
    await using proxy = new LocalProxy(upstream, {
      apiKey: SECRETS.openaiKey,
      sweepMs: 50,
      server: { tls, httpsPort: 0 },
    });
    const port = proxy.httpsPort ?? 0;
    assert(port > 0 && await trusts(port, first.certificate));
    const running = await Deno.connectTls({ hostname: "localhost", port, caCerts: [first.certificate] });
    await running.write(
      new TextEncoder().encode(
        `GET /openai/v1/x HTTP/1.1\r\nHost: p\r\nX-Api-Key: ${SECRETS.proxyToken}\r\nConnection: close\r\n\r\n`,
      ),
    );
    const reader = new HttpReader(running);
    await reader.head();

    await Deno.writeTextFile(files[1], "no key at all");
    const { detail } = await proxy.logged("certificate_refused");
    assertStringIncludes(String(detail), "the previous certificate stays in use");
    assert(await trusts(port, first.certificate));

    await write(second);
    await proxy.logged("certificate_renewed");
    assertEquals(await trusts(port, first.certificate), false);
    assert(await trusts(port, second.certificate));
    const { host } = new URL(proxy.url);
    assertEquals(
      await (await fetch(`http://${host}/healthz`)).text(),
      "ok",
      "the plain port is the same as before",
    );

    go.resolve();
    assertEquals(new TextDecoder().decode(await reader.bytes(10) ?? undefined), "helloworld");
    running.close();
    const refusals = proxy.log.filter(({ event }) => event === "certificate_refused");
    assert(refusals.length <= 2, "said once for each thing that is wrong");
  }));

Deno.test("TLS beside plain HTTP: both ports serve, and the start names them", async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
  const folder = new URL("../../support/tls/", import.meta.url).pathname;
  await using proxy = await ProxyProcess.start({
    upstream: upstream.origin,
    env: { TLS_CERT_FILE: `${folder}cert.pem`, TLS_KEY_FILE: `${folder}key.pem`, HTTPS_PORT: "0" },
  });
  const [plain = "", secure = ""] = proxy.url.split(" ");
  assertEquals([plain.split(":")[0], secure.split(":")[0]], ["http", "https"]);
  assertEquals(await (await fetch(`${plain}/healthz`)).text(), "ok");
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(`${folder}ca.pem`)] });
  const { port } = new URL(secure);
  assertEquals(await (await fetch(`https://localhost:${port}/healthz`, { client })).text(), "ok");
});

Deno.test("TLS: a client that speaks plain HTTP to the port for HTTPS is named in the log, with what to do", async () => {
  await using upstream = new FakeUpstream();
  const folder = new URL("../../support/tls/", import.meta.url).pathname;
  await using proxy = await ProxyProcess.start({
    upstream: upstream.origin,
    env: { TLS_CERT_FILE: `${folder}cert.pem`, TLS_KEY_FILE: `${folder}key.pem` },
  });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(proxy.url).port) });
  await client.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n"));
  const { client: address, detail } = await proxy.logged(({ event }) => event === "plain_http");
  assertEquals(address, "127.0.0.1");
  assertStringIncludes(String(detail), "must begin with https://");
});

Deno.test("TLS: HTTPS_PORT without a certificate, or the same as PORT, is said at the start", () =>
  inFolder(async (folder) => {
    const env = {
      OPENAI_BASE_URL: "http://127.0.0.1:9",
      OPENAI_API_KEY: SECRETS.openaiKey,
      ENDPOINTS: "openai",
      PROXY_TOKEN: SECRETS.proxyToken,
    };
    const { code, stderr } = await proxyCommand([], { ...env, PORT: "4000", HTTPS_PORT: "4000" }, folder)
      .output();
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 2);
    assertStringIncludes(text, "HTTPS_PORT  needs a certificate");
    assertStringIncludes(text, "HTTPS_PORT  is the same as port");
  }));

Deno.test("TLS: a certificate that ends soon, or has ended, is named at the start", () =>
  inFolder(async (folder) => {
    const subject = { names: ["localhost"], addresses: [] };
    for (
      const [madeAt, words] of [[Date.now() - YEAR_MS - 10 * 24 * 3_600_000, ": renew it"], [
        Date.now() - 2 * YEAR_MS,
        "clients reject it",
      ]] as const
    ) {
      const authority = await createAuthority(subject, madeAt);
      const issued = await issueCertificate(authority, subject, madeAt);
      await Deno.writeTextFile(`${folder}/cert.pem`, issued.certificate);
      await Deno.writeTextFile(`${folder}/key.pem`, issued.key);
      await using upstream = new FakeUpstream();
      await using proxy = await ProxyProcess.start({
        upstream: upstream.origin,
        env: { TLS_CERT_FILE: `${folder}/cert.pem`, TLS_KEY_FILE: `${folder}/key.pem` },
      });
      assertStringIncludes(proxy.output, words);
    }
  }));

Deno.test("TLS: a key that is another certificate's is named before anybody connects", async () => {
  const subject = { names: ["localhost"], addresses: [] };
  const authority = await createAuthority(subject, Date.now());
  const [one, other] = [
    await issueCertificate(authority, subject, Date.now()),
    await issueCertificate(authority, subject, Date.now()),
  ];
  assertEquals(await certificateWarnings(served(one.certificate, one.key)), []);
  const [warning] = await certificateWarnings(served(one.certificate, other.key));
  assertStringIncludes(warning ?? "", "the private key does not match the certificate");
});

function served(cert: string, key: string) {
  return {
    server: { ...DEFAULT_SERVER_SETTINGS, host: "localhost", port: 0, tls: { cert, key, files: [] } },
  };
}
