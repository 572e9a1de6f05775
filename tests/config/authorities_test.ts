import { assertEquals } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { configSources } from "../support/proxies/config_sources.ts";

const NEEDED = {
  ENDPOINTS: "openai",
  OPENAI_BASE_URL: "https://api.test.example/v1",
  OPENAI_API_KEY: "sk-1",
  PROXY_TOKEN: "a-token-of-clients",
};
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\n";

for (
  const [what, env, files, expected, warning] of [
    ["nothing", {}, {}, undefined, undefined],
    ["empty variables", { SSL_CERT_FILE: "", SSL_CERT_DIR: "" }, {}, undefined, undefined],
    [
      "a file",
      { SSL_CERT_FILE: "ca.pem" },
      { "ca.pem": CERTIFICATE },
      { file: "ca.pem", folders: [] },
      undefined,
    ],
    ["folders", { SSL_CERT_DIR: "/a::/b" }, {}, { file: undefined, folders: ["/a", "/b"] }, undefined],
    [
      "a file in .env",
      {},
      { ".env": "SSL_CERT_FILE=ca.pem\n", "ca.pem": CERTIFICATE },
      { file: "ca.pem", folders: [] },
      undefined,
    ],
    [
      "a missing file",
      { SSL_CERT_FILE: "ca.pem" },
      {},
      { file: "ca.pem", folders: [] },
      'SSL_CERT_FILE names "ca.pem", which cannot be read: there is no such file',
    ],
    [
      "a file with something else",
      { SSL_CERT_FILE: "ca.pem" },
      { "ca.pem": "der" },
      { file: "ca.pem", folders: [] },
      'SSL_CERT_FILE names "ca.pem", which contains no certificate in PEM format',
    ],
  ] as const
) {
  Deno.test(`authorities: SSL_CERT_FILE and SSL_CERT_DIR with ${what}`, async () => {
    const { config, warnings } = await loadConfig(configSources({ ...NEEDED, ...env }, files));
    assertEquals(config.authorities, expected && { ...expected, folders: [...expected.folders] });
    const about = warnings.map(({ origin, message }) => `${origin} ${message}`).filter((one) =>
      /SSL_CERT/.test(one)
    );
    assertEquals(about, warning === undefined ? [] : [warning]);
  });
}

Deno.test("authorities: a reload names the variable that changed, and where it is set", async () => {
  const load = (dotenv: string, env = {}) =>
    loadConfig(configSources({ ...NEEDED, ...env }, { ".env": dotenv, "ca.pem": CERTIFICATE }));
  const [none, named] = [await load(""), await load("SSL_CERT_FILE=ca.pem\n")];
  assertEquals(named.resolver.changedSince(none.resolver), [
    { key: "SSL_CERT_FILE", before: undefined, after: "ca.pem" },
  ]);
  const originOf = async ({ settings }: typeof none) =>
    (await settings()).flatMap(({ key, origin }) => /SSL/.test(key) ? [[key, origin]] : []);
  assertEquals(await originOf(none), []);
  assertEquals(await originOf(named), [["SSL_CERT_FILE", ".env"]]);
  assertEquals(await originOf(await load("", { SSL_CERT_DIR: "/a" })), [[
    "SSL_CERT_DIR",
    "env SSL_CERT_DIR",
  ]]);
  assertEquals(named.config.hash, none.config.hash, "replicas on other machines have other files");
});
