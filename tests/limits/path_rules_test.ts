/** Rules for paths: groups and patterns together, and every spelling that a server could read differently. */

import { assertEquals } from "@std/assert";
import { pathRejection, pathRulesOf } from "../../src/limits/path_rules.ts";
import { PATH_SPELLINGS } from "../support/data/path_spellings.ts";
import { shortestRun } from "../support/time/shortest_run.ts";

/** What rules say of a request like `GET /v1/models`: `yes`, the group that they reject, or `unclear`. */
function verdict(entries: readonly string[], request: string, { isWebSocket = false } = {}): string {
  const [methods = "", path = ""] = request.split(" ");
  const refusal = pathRejection(pathRulesOf(entries), {
    methods: methods.split(","),
    paths: [path],
    isWebSocket,
  });
  if (refusal === undefined) return "yes";
  return "unclear" in refusal ? "unclear" : refusal.group;
}

const LOCAL = ["inference", "models"];
const HOSTED = ["!admin"];

const RULES: readonly (readonly [entries: readonly string[], cases: Readonly<Record<string, string>>])[] = [
  [LOCAL, {
    // Ollama.
    "POST /api/chat": "yes",
    "POST /api/generate": "yes",
    "POST /api/embed": "yes",
    "POST /api/embeddings": "yes",
    "POST /api/show": "yes",
    "GET /api/tags": "yes",
    "GET /api/ps": "yes",
    "GET /api/version": "yes",
    "HEAD /": "yes",
    "POST /api/pull": "model_management",
    "POST /api/push": "model_management",
    "POST /api/create": "model_management",
    "POST /api/copy": "model_management",
    "DELETE /api/delete": "model_management",
    "HEAD /api/blobs/sha256:00": "model_management",
    "POST /api/tags": "other",
    "POST /": "other",
    // llama.cpp.
    "POST /completion": "yes",
    "POST /embedding": "yes",
    "POST /apply-template": "yes",
    "GET /health": "yes",
    "GET /props": "yes",
    "POST /props": "model_management",
    "GET /slots": "model_management",
    "POST /slots/0": "model_management",
    "POST /slots/embeddings": "model_management",
    "POST /lora-adapters": "model_management",
    "POST /models/load": "model_management",
    // llama-swap.
    "GET /unload": "model_management",
    "GET /running": "model_management",
    "GET /logs/stream": "model_management",
    "GET /api/events": "model_management",
    "GET /upstream/m": "model_management",
    "GET /upstream/m/": "model_management",
    "POST /upstream/m/slots/0": "model_management",
    "POST /upstream/m/props": "model_management",
    "POST /upstream/m/unheard/of": "model_management",
    "POST /upstream/m/v1/chat/completions": "yes",
    "GET /upstream/m/v1/models": "yes",
    "GET /upstream/m/health": "yes",
    // vLLM and LM Studio.
    "POST /v1/chat/completions": "yes",
    "POST /v1/messages": "yes",
    "POST /v1/responses": "yes",
    "POST /tokenize": "yes",
    "GET /v1/models/meta/llama": "yes",
    "DELETE /v1/models/x": "model_management",
    "POST /v1/load_lora_adapter": "model_management",
    "POST /sleep": "model_management",
    "POST /reset_prefix_cache": "model_management",
    "POST /api/v1/models/unload": "model_management",
    "POST /api/v1/chat": "yes",
    "GET /v1/responses/resp_1": "stored",
    "GET /v1/chat/completions": "stored",
    "GET /v1/files": "files",
    "GET /docs": "other",
    "POST /unheard/of": "other",
  }],
  [HOSTED, {
    "POST /v1/chat/completions": "yes",
    "DELETE /v1/models/ft:gpt": "yes",
    "GET /v1/files": "yes",
    "POST /unheard/of": "yes",
    "GET /v1/organization/users": "admin",
    "GET /organization/usage/completions": "admin",
    "POST /v1/organizations/api_keys/x": "admin",
    "GET /v1/keys": "admin",
    "GET /credits": "admin",
    "GET /v1/projects/p/users": "admin",
    "POST /v1/projects/p/locations/l/publishers/google/models/gemini:generateContent": "yes",
    "POST /openai/deployments/organization/chat/completions": "yes",
    "POST /model/arn:aws:bedrock:eu:1:inference-profile%2Fx/converse": "yes",
    "GET /v1/models/meta-llama%2FLlama-3": "yes",
  }],
  [["all"], { "GET /v1/organization/users": "yes", "DELETE /api/delete": "yes", "GET /%2525252525": "yes" }],
  [["!all"], { "POST /v1/chat/completions": "inference" }],
  [[], { "POST /v1/chat/completions": "inference" }],
  [["inference", "!*/images/*"], {
    "POST /v1/chat/completions": "yes",
    "POST /v1/images/generations": "inference",
    "POST /v1/images;x/generations": "other",
  }],
  [["models", "/v1/files*", "!*/content"], {
    "GET /v1/models": "yes",
    "GET /v1/files/a": "yes",
    "GET /v1/files/a/content": "files",
    "GET /v1/files%2Fa": "unclear",
    "POST /v1/chat/completions": "inference",
  }],
  [["/v1/*", "!files"], {
    "POST /v1/chat/completions": "yes",
    "GET /v1/files": "files",
    "GET /v1/containers/c/files": "files",
    "GET /v2/rerank": "inference",
  }],
  [["!files", "!/v1/models"], { "GET /v1/models": "models", "GET /files": "files", "GET /x": "yes" }],
  // A method that another header or parameter names.
  [LOCAL, {
    "GET,DELETE /v1/models/x": "model_management",
    "POST,GET /v1/chat/completions": "stored",
    "delete /v1/models/x": "model_management",
  }],
];

for (const [entries, cases] of RULES) {
  Deno.test(`pathRejection: ${entries.join(" ") || "nothing"}`, () => {
    assertEquals(
      Object.fromEntries(Object.keys(cases).map((request) => [request, verdict(entries, request)])),
      cases,
    );
  });
}

for (
  const [entries, method, paths] of [
    [LOCAL, "POST", ["/api/delete", "/api/pull", "/slots/0", "/v1/load_lora_adapter", "/props"]],
    [[...LOCAL, "other"], "POST", ["/api/delete", "/slots/0", "/v1/load_lora_adapter", "/sleep"]],
    [HOSTED, "GET", ["/v1/organization/users", "/v1/organizations/users", "/v1/keys", "/v1/credits"]],
    [["!admin", "!model_management"], "POST", ["/api/delete", "/organization/users", "/models/load"]],
    [["!model_management"], "GET", ["/unload", "/running", "/logs", "/logs/stream", "/upstream/m"]],
    [["!model_management"], "POST", ["/upstream/m/slots/0", "/upstream/m/api/pull", "/upstream/m/x"]],
    [["!files"], "GET", ["/v1/files", "/v1/files/a/content"]],
  ] as const
) {
  Deno.test(`pathRejection: no spelling opens what is closed by ${entries.join(" ")}`, () => {
    for (const path of paths) {
      const opened = Object.entries(PATH_SPELLINGS)
        .map(([name, spell]) => [name, spell(path)] as const)
        .filter(([, spelled]) => verdict(entries, `${method} ${spelled}`) === "yes");
      assertEquals(opened, [], path);
    }
  });
}

Deno.test("pathRejection: an allowed path after a closed one opens nothing, for servers that compare the beginning of a path", () => {
  for (
    const path of [
      "/api/delete",
      "/api/pull",
      "/slots/0",
      "/props",
      "/sleep",
      "/models/load",
      "/model/new",
      "/unload",
      "/logs",
      "/upstream/m/slots",
    ]
  ) {
    for (const end of ["/api/chat", "/v1/chat/completions", "/embeddings", "/models/x:generateContent"]) {
      assertEquals(verdict(LOCAL, `POST ${path}${end}`), "model_management", path + end);
    }
  }
  for (const path of ["/v1/organization/users", "/v1/keys", "/dashboard"]) {
    assertEquals(verdict(HOSTED, `POST ${path}/v1/chat/completions`), "admin", path);
  }
});

Deno.test("pathRejection: a WebSocket is inference only where an API has one", () => {
  const isWebSocket = { isWebSocket: true };
  const live = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";
  for (const path of ["/v1/realtime", "/v1/responses", live]) {
    assertEquals(verdict(LOCAL, `GET ${path}`, isWebSocket), "yes", path);
  }
  for (const path of ["/llm", "/embedding", "/system", "/api/chat", "/v1/models"]) {
    assertEquals(verdict(LOCAL, `GET ${path}`, isWebSocket), "other", path);
    assertEquals(verdict(HOSTED, `GET ${path}`, isWebSocket), "yes", path);
  }
  assertEquals(verdict(HOSTED, "GET /v1/organization/x", isWebSocket), "admin");
});

Deno.test("pathRejection: a long path in many readings costs little", () => {
  const took = shortestRun(() => {
    for (const part of ["/a;b", "/%2561", "//", "/. ", "/..;"]) {
      const path = part.replaceAll(" ", "%20").repeat(1_000);
      verdict(LOCAL, `POST ${path}`);
    }
  });
  assertEquals(took < 500, true, `${took} ms`);
});
