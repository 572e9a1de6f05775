/** Rules for paths at endpoints whose base URL has a path: what counts is the path that is sent. */

import { assertEquals } from "@std/assert";
import { checkEndpointPath, checkTokenPath } from "../../src/admission/checked_paths.ts";
import type { Endpoint } from "../../src/config/config.ts";
import { defaultPathsOf } from "../../src/config/values/path_rules.ts";
import { PRESET_NAMES, PRESETS } from "../../src/config/values/presets.ts";
import { ProxyFault } from "../../src/faults.ts";
import type { Principal } from "../../src/principal.ts";
import { PATH_SPELLINGS } from "../support/data/path_spellings.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";

const LOCAL = defaultPathsOf(PRESETS.ollama, []);
const GENERIC = defaultPathsOf(PRESETS.generic, ["http://127.0.0.1"]);

function endpointAt(urls: readonly string[], paths: readonly string[]): Endpoint {
  const backends = urls.map((url) => {
    const { origin, pathname } = new URL(url);
    return testBackend(origin, { path: pathname === "/" ? "" : pathname });
  });
  return testEndpoint("there", backends, { paths });
}

/** Whether rules of an endpoint, or the same rules of a token, allow `METHOD PATH`. */
function verdicts(urls: readonly string[], rules: readonly string[], request: string): string {
  const [method = "", path = ""] = request.split(" ");
  const head = { method, path, query: "", fields: [], isWebSocket: false };
  const principal: Principal = {
    kind: "token",
    key: "anna",
    name: "anna",
    subjects: [{ what: "token", key: "anna", rules: { paths: rules } }],
    keys: new Map(),
  };
  const checks = {
    endpoint: () => checkEndpointPath(endpointAt(urls, rules), head),
    token: () =>
      checkTokenPath(principal, endpointAt(urls, ["all"]), { ...head, request: head, apiPath: path }),
  };
  return Object.entries(checks).filter(([, check]) => allows(check)).map(([name]) => name).join(" ") ||
    "none";
}

function allows(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (!(error instanceof ProxyFault)) throw error;
    return false;
  }
}

const CLOSED: readonly (readonly [path: string, rules: readonly string[], ...requests: string[]])[] = [
  [
    "/api",
    GENERIC,
    "POST /pull",
    "POST /api/pull",
    "DELETE /delete",
    "DELETE /api/delete",
    "POST /api/api/pull",
  ],
  ["/api", LOCAL, "POST /pull", "POST /api/pull"],
  ["/api", GENERIC, "POST /blobs/sha256:00", "POST /me"],
  ["/v1/organization", GENERIC, "GET /users", "GET /v1/organization/users", "POST /chat/completions"],
  ["/x/v1/organization", ["!admin"], "GET /users", "GET /organization/users"],
  ["/v1/organization", [...GENERIC, "!/x"], "GET /users"],
  ["/v1/files", ["!files"], "GET /", "GET /file-1/content", "GET /v1/files/file-1"],
  ["/models", GENERIC, "POST /load", "POST /models/load"],
  ["/slots", GENERIC, "POST /0", "POST /slots/0"],
  // The version is in the path too.
  ["/x/openai/v1", ["!files"], "GET /files", "GET /v1/files", "GET /openai/v1/files"],
];

for (const [path, rules, ...requests] of CLOSED) {
  Deno.test(`rules for paths ${rules.join(" ")}: what a base URL with ${path} closes`, () => {
    const found = requests.map((request) => [request, verdicts([`http://127.0.0.1${path}`], rules, request)]);
    assertEquals(found, requests.map((request) => [request, "none"]));
  });
}

Deno.test("rules for paths: the path must be allowed at every backend, whatever the paths of their base URLs", () => {
  const urls = ["http://127.0.0.1/v1", "http://127.0.0.1/api"];
  assertEquals(verdicts(urls, GENERIC, "POST /pull"), "none");
  assertEquals(verdicts(urls.toReversed(), GENERIC, "POST /pull"), "none");
  assertEquals(verdicts(urls.slice(0, 1), GENERIC, "POST /pull"), "endpoint token");
  assertEquals(verdicts(urls, GENERIC, "POST /chat/completions"), "endpoint token");
});

Deno.test("rules for paths: no spelling opens what the path of the base URL closes", () => {
  for (
    const [base, path] of [
      ["/llm/api", "/pull"],
      ["/api", "/api/pull"],
      ["/v1/organization", "/users"],
      ["/v1/organization", "/v1/organization/users"],
    ] as const
  ) {
    const opened = Object.entries(PATH_SPELLINGS)
      .map(([name, spell]) => [name, `POST ${spell(path)}`] as const)
      .filter(([, request]) => verdicts([`http://127.0.0.1${base}`], GENERIC, request) !== "none");
    assertEquals(opened, [], `${base} and ${path}`);
  }
});

Deno.test("rules for paths: a pattern matches the path without that of the base URL, and opens it", () => {
  const at = (path: string, rules: readonly string[], request: string) =>
    verdicts([`http://127.0.0.1${path}`], rules, request);
  assertEquals(at("/openai/v1", ["/v1/files*"], "GET /files/a"), "endpoint token");
  assertEquals(at("/openai", ["inference", "/files*"], "GET /files/a"), "endpoint token");
  assertEquals(at("/api", ["inference", "/pull"], "POST /pull"), "endpoint token");
  assertEquals(at("/api", ["inference", "/pull", "!model_management"], "POST /pull"), "none");
  assertEquals(at("/api", ["!/pull"], "POST /pull"), "none");
  assertEquals(at("/api", ["all"], "POST /pull"), "endpoint token");
});

/** Usual inference, below a base URL with the version and without it. */
const USUAL = [
  "POST /chat/completions",
  "POST /v1/chat/completions",
  "POST /v1/completions",
  "POST /v1/responses",
  "POST /v1/messages",
  "POST /v1/messages/count_tokens",
  "POST /v1/embeddings",
  "POST /v1/audio/transcriptions",
  "POST /v1/images/generations",
  "POST /v1beta/models/gemini-2.5-pro:streamGenerateContent",
  "GET /v1/models",
  "GET /models",
  "GET /v1/models/meta/llama",
];
/** Base URLs that people configure at `generic` or at a provider, besides those of the presets. */
const BASE_URLS: readonly string[] = [
  "https://api.groq.com",
  "https://mine.openai.azure.com",
  "https://mine.openai.azure.com/openai",
  "https://mine.openai.azure.com/openai/v1",
  "https://mine.services.ai.azure.com/api/projects/mine/openai/v1",
  "https://generativelanguage.googleapis.com/v1beta",
  "https://generativelanguage.googleapis.com/v1beta/openai",
  "https://aiplatform.googleapis.com/v1/projects/p/locations/l/endpoints/openapi",
  "https://gateway.ai.cloudflare.com/v1/0123456789abcdef/mine/openai",
  "https://api.cloudflare.com/client/v4/accounts/0123456789abcdef/ai/v1",
  "https://models.github.ai/inference",
  "https://models.github.ai/orgs/mine/inference",
  "https://api.fireworks.ai/inference/v1",
  "https://api.deepseek.com/anthropic",
  "https://api.deepinfra.com/v1/openai",
  "https://open.bigmodel.cn/api/paas/v4",
  "https://dashscope.aliyuncs.com/compatible-mode/v1",
  "http://127.0.0.1:11434/v1",
  "http://127.0.0.1:3000/api",
  "http://127.0.0.1:3000/ollama",
  "http://127.0.0.1:12434/engines/v1",
  "http://127.0.0.1:12434/engines/llama.cpp/v1",
  "http://127.0.0.1:8080/upstream/qwen",
  "http://127.0.0.1:8080/upstream/qwen/v1",
  "http://127.0.0.1/llm",
];

function refusedOf(url: string, rules: readonly string[], requests: readonly string[]): string[] {
  const { pathname } = new URL(url);
  // Some SDKs repeat the path of the base URL.
  const repeated = pathname === "/" ? [] : requests.map((request) => request.replace(" /", ` ${pathname}/`));
  return [...requests, ...repeated].filter((request) => verdicts([url], rules, request) !== "endpoint token");
}

for (const name of PRESET_NAMES) {
  const preset = PRESETS[name];
  if (!("baseUrl" in preset)) continue;
  Deno.test(`rules for paths: usual inference stays allowed at the base URL of ${name}`, () => {
    const url = preset.baseUrl;
    for (const rules of [defaultPathsOf(preset, [new URL(url).origin]), LOCAL, GENERIC]) {
      assertEquals(refusedOf(url, rules, USUAL), [], rules.join());
    }
  });
}

for (const url of BASE_URLS) {
  Deno.test(`rules for paths: usual inference stays allowed at ${url}`, () => {
    for (const rules of [LOCAL, GENERIC]) assertEquals(refusedOf(url, rules, USUAL), [], rules.join());
  });
}

Deno.test("rules for paths: what a local server has at its root stays allowed behind a prefix", () => {
  const requests = [
    "POST /completion",
    "POST /embedding",
    "POST /infill",
    "POST /tokenize",
    "POST /score",
    "POST /rerank",
    "GET /health",
    "GET /props",
    "GET /version",
    "POST /api/chat",
    "POST /api/show",
    "GET /api/tags",
    "HEAD /",
  ];
  for (const url of ["http://127.0.0.1/llm", "http://127.0.0.1/a/b", "http://127.0.0.1"]) {
    assertEquals(refusedOf(url, LOCAL, requests), [], url);
  }
  assertEquals(
    refusedOf("https://mine.openai.azure.com/openai", GENERIC, ["POST /deployments/m/chat/completions"]),
    [],
  );
});
