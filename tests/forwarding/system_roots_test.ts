import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { AuthorityPlaces } from "../../src/config/config.ts";
import { createHttp1Transport } from "../../src/forwarding/transport/http1.ts";
import { SystemRoots } from "../../src/forwarding/transport/system_roots.ts";
import { type Transport, TransportError } from "../../src/forwarding/transport/transport.ts";
import { textOf } from "../support/data/body_text.ts";
import { ForwardProxy } from "../support/upstreams/forward_proxy.ts";
import { pem, TRUSTING, withTlsUpstream } from "../support/upstreams/tls_upstream.ts";
import { upstreamRequest } from "../support/upstreams/upstream_exchange.ts";

/** Runs a test with a transport on a system that has these files of authorities. */
async function withSystem(
  names: readonly string[],
  test: (transport: Transport) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  for (const name of names) await Deno.writeTextFile(`${folder}/${name}`, pem(name));
  const files = ["missing.pem", ...names].map((name) => `${folder}/${name}`);
  const transport = createHttp1Transport(new SystemRoots(undefined, files));
  try {
    await test(transport);
  } finally {
    transport.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("system roots: a certificate by an authority of the system is trusted, also on later connections", () =>
  withTlsUpstream((origin) =>
    withSystem(["ca.pem"], async (transport) => {
      const ask = async () => await textOf((await transport.send(upstreamRequest({ origin }))).body);
      assertEquals(await Promise.all([ask(), ask(), ask()]), ["http/1.1", "http/1.1", "http/1.1"]);
      transport.renew();
      assertEquals(await ask(), "http/1.1");
    })
  ));

Deno.test("system roots: an https:// forward proxy and its upstream, by an authority of the system", () =>
  withTlsUpstream((origin) =>
    withSystem(["ca.pem"], async (transport) => {
      await using proxy = new ForwardProxy({ scheme: "https" });
      const outbound = { scheme: "https", hostname: "localhost", port: proxy.port } as const;
      const connection = { key: "x", pool: { maxIdle: 1, idleMs: 1_000 }, proxy: outbound };
      const { body } = await transport.send(upstreamRequest({ origin, connection }));
      assertEquals(await textOf(body), "http/1.1");
      transport.close();
    })
  ));

Deno.test("system roots: a certificate for another name is refused although the system knows its authority", () =>
  withTlsUpstream((origin) =>
    withSystem(["ca.pem"], async (transport) => {
      const other = origin.replace("localhost", "127.0.0.1");
      await assertRejects(
        () => transport.send(upstreamRequest({ origin: other })),
        TransportError,
        "not valid for name",
      );
    })
  ));

for (const names of [[], ["other_ca.pem"]]) {
  Deno.test(`system roots: an authority that is not in ${names[0] ?? "any file"} stays unknown`, () =>
    withTlsUpstream((origin) =>
      withSystem(names, async (transport) => {
        for (let round = 0; round < 2; round++) {
          await assertRejects(
            () => transport.send(upstreamRequest({ origin })),
            TransportError,
            "UnknownIssuer",
          );
        }
      })
    ));
}

Deno.test("system roots: ca_file and the authorities of the system count together", () =>
  withTlsUpstream((origin) =>
    withSystem(["ca.pem"], async (transport) => {
      const connection = { ...TRUSTING, key: "other", caCerts: [pem("other_ca.pem")] };
      const { body } = await transport.send(upstreamRequest({ origin, connection }));
      assertEquals(await textOf(body), "http/1.1");
    })
  ));

/** The result of a request with authorities at some places, in a folder that the test prepares. */
async function askWith(
  placesIn: (folder: string) => Promise<AuthorityPlaces>,
  { systemFile }: { systemFile?: string } = {},
): Promise<string> {
  const folder = await Deno.makeTempDir();
  const files: string[] = [];
  if (systemFile !== undefined) {
    files.push(`${folder}/system.crt`);
    await Deno.writeTextFile(`${folder}/system.crt`, pem(systemFile));
  }
  const transport = createHttp1Transport(new SystemRoots(await placesIn(folder), files));
  let result = "";
  await withTlsUpstream(async (origin) => {
    try {
      result = await textOf((await transport.send(upstreamRequest({ origin }))).body);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      result = error.message;
    } finally {
      transport.close();
    }
  });
  await Deno.remove(folder, { recursive: true });
  return result;
}

Deno.test("system roots: SSL_CERT_FILE is used in place of the file of the system", async () => {
  const named = (name: string) => async (folder: string) => {
    await Deno.writeTextFile(`${folder}/named.pem`, pem(name));
    return { file: `${folder}/named.pem`, folders: [] };
  };
  assertEquals(await askWith(named("ca.pem"), { systemFile: "other_ca.pem" }), "http/1.1");
  assertStringIncludes(await askWith(named("other_ca.pem"), { systemFile: "ca.pem" }), "UnknownIssuer");
  assertStringIncludes(await askWith(named("key.pem")), "UnknownIssuer");
});

Deno.test("system roots: SSL_CERT_DIR adds each certificate of its folders to the file of the system", async () => {
  const inFolder = async (root: string) => {
    const folder = `${root}/certs`;
    await Deno.mkdir(`${folder}/private`, { recursive: true });
    await Deno.mkdir(`${root}/store`);
    await Deno.writeTextFile(`${root}/store/company.crt`, pem("ca.pem"));
    await Deno.symlink(`${root}/store/company.crt`, `${folder}/company.pem`);
    await Deno.symlink("company.pem", `${folder}/3f4a7e1c.0`);
    await Deno.symlink("/nothing/there", `${folder}/broken.pem`);
    await Deno.writeTextFile(`${folder}/README`, "no certificate");
    await Deno.writeTextFile(`${folder}/other.pem`, pem("other_ca.pem"));
    return { file: undefined, folders: [`${root}/missing`, folder] };
  };
  assertEquals(await askWith(inFolder, { systemFile: "other_ca.pem" }), "http/1.1");
  assertEquals(await askWith(inFolder), "http/1.1");
  const empty = (root: string) => Promise.resolve({ file: undefined, folders: [root] });
  assertStringIncludes(await askWith(empty), "UnknownIssuer");
});

Deno.test("system roots: other places count from the next connection on", () =>
  withTlsUpstream(async (origin) => {
    const folder = await Deno.makeTempDir();
    for (const name of ["ca.pem", "other_ca.pem"]) await Deno.writeTextFile(`${folder}/${name}`, pem(name));
    const roots = new SystemRoots({ file: `${folder}/other_ca.pem`, folders: [] });
    const transport = createHttp1Transport(roots);
    const ask = async () => await textOf((await transport.send(upstreamRequest({ origin }))).body);
    await assertRejects(ask, TransportError, "UnknownIssuer");
    roots.configure({ file: `${folder}/ca.pem`, folders: [] });
    transport.renew();
    assertEquals(await ask(), "http/1.1");
    roots.configure({ file: `${folder}/other_ca.pem`, folders: [] });
    transport.renew();
    await assertRejects(ask, TransportError, "UnknownIssuer");
    transport.close();
    await Deno.remove(folder, { recursive: true });
  }));
