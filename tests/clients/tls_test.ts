/**
 * The certificate of `llm-proxy tls init`, as programs with different TLS libraries see it: by name and by
 * address.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { issueCertificate } from "../../src/tls/authority.ts";
import { certificateWarnings } from "../../src/tls/certificate_warnings.ts";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import { FakeUpstream } from "../support/upstreams/fake_upstream.ts";
import { command as cleanCommand } from "../support/processes/command.ts";
import { unless, without } from "../support/runner/left_out.ts";
import { limitingAuthority } from "../support/proxies/limiting_authority.ts";
import { proxyCommand, ProxyProcess } from "../support/processes/proxy_process.ts";
import { clientProgram, withoutClient } from "../support/clients/real_clients.ts";

/** How a program reads an address and trusts an authority. `URL` and `CA` are put in. */
interface TlsClient {
  readonly title: string;
  readonly program: string | undefined;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const FETCH = "fetch('URL').then((answer) => answer.text()).then(console.log)";
const installed = (program: string) => without(program) === undefined ? program : undefined;
const bun = clientProgram("bun", "bun");

const CLIENTS: readonly TlsClient[] = [
  { title: "Bun's fetch", program: bun, args: ["-e", FETCH], env: { NODE_EXTRA_CA_CERTS: "CA" } },
  {
    title: "Node's fetch",
    program: installed("node"),
    args: ["-e", FETCH],
    env: { NODE_EXTRA_CA_CERTS: "CA" },
  },
  { title: "Deno's fetch", program: Deno.execPath(), args: ["eval", FETCH], env: { DENO_CERT: "CA" } },
  { title: "curl", program: installed("curl"), args: ["-sS", "--cacert", "CA", "URL"], env: {} },
  {
    title: "Python's urllib",
    program: installed("python3"),
    args: ["-c", "import urllib.request; print(urllib.request.urlopen('URL').read().decode())"],
    env: { SSL_CERT_FILE: "CA" },
  },
];

/** What a client reads at an address, or what it says instead. */
async function read({ program = "", args, env }: TlsClient, url: string, ca: string): Promise<string> {
  const put = (text: string) => text.replace("URL", url).replace(/^CA$/, ca);
  const { success, stdout, stderr } = await cleanCommand(program, {
    args: args.map(put),
    env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, put(value)])),
    stdin: "null",
  }).output();
  return new TextDecoder().decode(success ? stdout : stderr).trim();
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function command(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await proxyCommand(args, {}).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout);
}

/** Serves with the certificate of a folder, and gives the port. */
async function whileServing(folder: string, test: (port: string, output: string) => Promise<void>) {
  await using upstream = new FakeUpstream();
  const env = { TLS_CERT_FILE: `${folder}/cert.pem`, TLS_KEY_FILE: `${folder}/key.pem` };
  await using proxy = await ProxyProcess.start({ upstream: upstream.origin, env });
  await test(new URL(proxy.url).port, proxy.output);
}

/** The files of an authority that limits addresses, as earlier versions made it, and a certificate by it. */
async function writeLimiting(folder: string): Promise<void> {
  const names = ["localhost", Deno.hostname().toLowerCase()];
  const authority = await limitingAuthority(names);
  const issued = await issueCertificate(authority, { names, addresses: ["127.0.0.1"] }, Date.now());
  const files = {
    "ca.pem": authority.certificate,
    "ca-key.pem": authority.key,
    "cert.pem": issued.certificate,
    "key.pem": issued.key,
  };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
}

for (const client of CLIENTS) {
  Deno.test({
    ...unless(
      withoutClient(client.title, client.program),
      `tls init: ${client.title} takes the certificate by name and by address`,
    ),
    fn: () =>
      withFolder(async (folder) => {
        await command("tls", "init", "--folder", folder);
        await whileServing(folder, async (port) => {
          for (const host of ["localhost", "127.0.0.1"]) {
            assertEquals(
              await read(client, `https://${host}:${port}/healthz`, `${folder}/ca.pem`),
              "ok",
              host,
            );
          }
        });
      }),
  });
}

for (const client of CLIENTS) {
  Deno.test({
    ...unless(
      withoutClient(client.title, client.program),
      `tls renew --authority: ${client.title} takes it by the new authority, and by the one of before`,
    ),
    fn: () =>
      withFolder(async (folder) => {
        await writeLimiting(folder);
        await Deno.copyFile(`${folder}/ca.pem`, `${folder}/before.pem`);
        const said = await command("tls", "renew", "--authority", "--folder", folder);
        assertStringIncludes(said, "Clients can keep the old");
        await whileServing(folder, async (port, output) => {
          assertEquals(output.includes("limits IP addresses"), false, output);
          const url = `https://127.0.0.1:${port}/healthz`;
          assertEquals(await read(client, url, `${folder}/ca.pem`), "ok");
          // Of the certificate of before BoringSSL does not know the limits, and says so.
          const before = await read(client, url, `${folder}/before.pem`);
          assertStringIncludes(before, client.program === bun ? "UNSUPPORTED_CONSTRAINT_TYPE" : "ok");
        });
      }),
  });
}

Deno.test("tls: an authority that limits addresses is named at the start, by check and by renew, with what to do", () =>
  withFolder(async (folder) => {
    await writeLimiting(folder);
    const words = "llm-proxy tls renew --authority";
    await whileServing(folder, (_, output) => Promise.resolve(assertStringIncludes(output, words)));
    assertStringIncludes(await command("tls", "renew", "--folder", folder), words);
    const [cert, key] = [
      await Deno.readTextFile(`${folder}/cert.pem`),
      await Deno.readTextFile(`${folder}/key.pem`),
    ];
    const server = { ...DEFAULT_SERVER_SETTINGS, host: "localhost", port: 0, tls: { cert, key, files: [] } };
    assertStringIncludes((await certificateWarnings({ server }))[0] ?? "", words);
  }));
