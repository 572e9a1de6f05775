import { assertEquals, assertStringIncludes } from "@std/assert";
import { findingsText } from "../../src/cli/doctor/finding.ts";
import { checkNames } from "../../src/cli/doctor/names.ts";
import { checkOutboundProxies } from "../../src/cli/doctor/outbound.ts";
import { checkLocalProviders, describeProviders } from "../../src/cli/doctor/providers.ts";
import { checkTime } from "../../src/cli/doctor/time.ts";
import type { ProbeResult } from "../../src/forwarding/probe.ts";
import { createAuthority, issueCertificate } from "../../src/tls/authority.ts";
import { examineCertificate } from "../../src/tls/examine.ts";
import { loadConfig } from "../../src/config/load.ts";
import { RELEASED } from "../../src/release.ts";

const NOW = Date.parse(RELEASED) + 3_600_000;
const DAY_MS = 24 * 3_600_000;
const PROBE: ProbeResult = {
  endpoint: "openai",
  backend: "api.openai.com",
  ok: true,
  reachable: true,
  key: "accepted",
  models: 2,
  modelNames: [],
  latencyMs: 10,
  aheadMs: 0,
  detail: "",
};

async function configOf(toml: string, env: Record<string, string> = {}) {
  const { config } = await loadConfig({
    get: (name) => ({ PROXY_TOKEN: "a-token-for-all-clients", ...env })[name],
    readTextFile(path) {
      if (path === "config.toml") return toml;
      throw new Deno.errors.NotFound(path);
    },
  });
  return config;
}

for (
  const [what, epochMs, aheadMs, status] of [
    ["right", NOW, 500, "ok"],
    ["a day before this version was made", NOW - DAY_MS, undefined, "ok"],
    ["years before this version was made", NOW - 900 * DAY_MS, undefined, "problem"],
    ["two minutes ahead of a provider's", NOW, 120_000, "warning"],
    ["a day behind a provider's", NOW, -DAY_MS, "problem"],
  ] as const
) {
  Deno.test(`doctor: a clock that is ${what}: ${status}`, () => {
    const [finding] = checkTime(epochMs, aheadMs === undefined ? undefined : [{ ...PROBE, aheadMs }]);
    assertEquals(finding?.status, status, finding?.text);
  });
}

Deno.test("doctor: a name that cannot be resolved, a name that can, and an address, which needs no lookup", async () => {
  const config = await configOf(`
[endpoints.lost]
base_url = "https://lost.test/v1"
api_key = "none"
[endpoints.found]
base_url = "https://found.test/v1"
api_key = "none"
[endpoints.bare]
base_url = "http://192.0.2.7:8000"
api_key = "none"
[endpoints.hidden]
base_url = "https://hidden.test"
api_key = "none"
proxy_url = "http://proxy.test:3128"
`);
  const asked: string[] = [];
  const findings = await checkNames(config, (name) => {
    asked.push(name);
    return name === "lost.test"
      ? Promise.reject(new Error("ENOTFOUND"))
      : Promise.resolve(["192.0.2.1", "192.0.2.2"]);
  });
  assertEquals(
    asked.sort(),
    ["found.test", "lost.test", "proxy.test"],
    "a name behind an outbound proxy is not looked up",
  );
  assertEquals(findings.map(({ status }) => status), ["problem", "ok", "ok"]);
  assertStringIncludes(findings[1]?.text ?? "", "found.test (found) resolves to 192.0.2.1 and 1 more");
});

Deno.test("doctor: the findings about providers", () => {
  const results: ProbeResult[] = [
    PROBE,
    { ...PROBE, ok: false, key: "refused", detail: "it answered 401" },
    { ...PROBE, ok: false, reachable: false, key: "not told", detail: "it refused the connection" },
    { ...PROBE, ok: false, key: "not told", detail: "it answered 503" },
    { ...PROBE, key: "not told", models: undefined, detail: "it answered 404" },
  ];
  assertEquals(describeProviders(results).map(({ status, text }) => `${status}: ${text}`), [
    "ok: openai (api.openai.com) accepts the key, 2 models, 10 ms",
    "problem: openai (api.openai.com) rejects the key (it answered 401)",
    "problem: cannot reach openai (api.openai.com): it refused the connection",
    "problem: openai (api.openai.com): it answered 503",
    "ok: openai (api.openai.com) answers, but does not show whether it accepts the key, 10 ms",
  ]);
});

async function examined(
  { days = 0, hosts = ["10.0.0.7"], key, cut = false }: {
    days?: number;
    hosts?: string[];
    key?: string;
    cut?: boolean;
  },
): Promise<string[]> {
  const subject = { names: ["nas.local"], addresses: ["10.0.0.7"] };
  const authority = await createAuthority(subject, NOW);
  const other = await createAuthority({ names: ["other.local"] }, NOW);
  const issued = await issueCertificate(authority, subject, NOW);
  const leaf = issued.certificate.slice(0, issued.certificate.indexOf("-----END CERTIFICATE-----") + 26);
  const tls = {
    cert: cut ? leaf + other.certificate : issued.certificate,
    key: key ?? issued.key,
    files: [],
  };
  const found = await examineCertificate(tls, { hosts, epochMs: NOW + days * DAY_MS });
  return found.filter(({ status }) => status !== "ok").map(({ status, text }) => `${status}: ${text}`);
}

Deno.test("doctor: certificates", async () => {
  assertEquals(await examined({}), []);
  const expired = await examined({ days: 400 });
  assertEquals(expired.length, 1);
  assertStringIncludes(expired[0] ?? "", "problem: the certificate expired on");
  assertStringIncludes((await examined({ days: 380 }))[0] ?? "", "warning: the certificate expires on");
  const early = await examined({ days: -3 });
  assertStringIncludes(early[0] ?? "", "problem: the certificate is valid from");
  assertEquals(await examined({ hosts: ["10.0.0.7", "10.0.0.8", "llm.example.com"] }), [
    "warning: it is not valid for 10.0.0.8, llm.example.com: clients that connect to that name or address reject it",
  ]);
  const { key } = await createAuthority({ names: [] }, NOW);
  assertEquals(await examined({ key }), [
    "problem: the private key does not match the certificate: no client can connect over HTTPS",
  ]);
  assertEquals(await examined({ cut: true }), [
    "problem: the chain is broken: its certificate 1 is not signed by the next one",
  ]);
  const [unreadable] = await examineCertificate({ cert: "x", key: "", files: [] }, {
    hosts: [],
    epochMs: NOW,
  });
  assertEquals(unreadable?.status, "problem");
});

Deno.test("doctor: the text has advice below each finding, and names what was not checked", () => {
  const text = findingsText([
    { check: "files", status: "ok", text: "fine" },
    { check: "time", status: "warning", text: "late", advice: "set it" },
  ], ["whether openai answers (--online)"]);
  assertEquals(
    text,
    "ok       files  fine\nwarning  time   late\n                → set it\n\n" +
      "Not checked: whether openai answers (--online).\nNo problems, one warning.\n",
  );
});

Deno.test("doctor: without --online no connection leaves this machine, and the text names what was not checked", async () => {
  const config = await configOf(`
[endpoints.groq]
api_key = "some-key-of-groq"
[endpoints.hidden]
base_url = "https://hidden.test"
api_key = "none"
proxy_url = "http://192.0.2.9:3128"
`);
  const outbound = await checkOutboundProxies(config, { isOnline: false });
  assertEquals(outbound, { findings: [], notChecked: ["the outbound proxy http://192.0.2.9:3128"] });
  assertEquals(await checkLocalProviders(config), {
    findings: [],
    notChecked: ["whether groq, hidden answers (--online)"],
  });
});
