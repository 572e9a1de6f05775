/** The settings of `llm-proxy run` for each client, and the promise that no argument has the token. */

import { assertEquals } from "@std/assert";
import type { Launch, Launcher, LaunchFacts } from "../../src/connect/launch.ts";
import { mergedJson } from "../../src/connect/launch.ts";
import { LAUNCHER_NAMES, launcherOf, LAUNCHERS } from "../../src/connect/launchers.ts";

const TOKEN = "token-of-anna";

function launch(name: string, facts: Partial<LaunchFacts> = {}): Launch {
  const launcher = launcherOf(name);
  if (launcher === undefined) throw new Error(`no launcher ${name}`);
  return launcher.launch({
    endpointUrl: "http://10.0.0.9:33000/lab",
    dialect: launcher.dialects[0] ?? "openai",
    token: TOKEN,
    keepsOwnKey: false,
    chosenModel: undefined,
    model: "some-model",
    hasResponses: false,
    authority: undefined,
    folder: "/private",
    args: [],
    variable: () => undefined,
    readJson: () => undefined,
    listFolder: () => [],
    ...facts,
  });
}

for (const name of LAUNCHER_NAMES) {
  Deno.test(`launchers: ${name} gets the address and the token, and no argument has the token`, () => {
    const { variables, args = [], files = {} } = launch(name);
    const all = JSON.stringify([variables, args, files]);
    assertEquals([all.includes("10.0.0.9:33000"), all.includes(TOKEN)], [true, true]);
    assertEquals(args.join(" ").includes(TOKEN), false);
  });

  Deno.test(`launchers: ${name} starts without a token too`, () => {
    const { variables, files = {} } = launch(name, { token: undefined });
    assertEquals(JSON.stringify([variables, files]).includes("no-token"), true);
  });
}

Deno.test("launchers: clients that can keep their own key do not get the token as their key", () => {
  for (const [name, { canKeepOwnKey }] of Object.entries<Launcher>(LAUNCHERS)) {
    if (canKeepOwnKey !== true) continue;
    const { variables, files = {}, args = [] } = launch(name, { keepsOwnKey: true });
    const places = Object.entries(variables).filter(([, value]) => value === TOKEN).map(([place]) => place);
    // Codex reads the value of a header from a variable.
    assertEquals(places, name === "codex" ? ["LLM_PROXY_TOKEN"] : [], name);
    assertEquals(JSON.stringify([variables, files, args]).includes("x-llm-proxy-token"), true, name);
  }
});

Deno.test("launchers: a model that the user names reaches each client", () => {
  for (const name of LAUNCHER_NAMES) {
    const { variables, args, files } = launch(name, {
      chosenModel: "chosen",
      model: "chosen",
      hasResponses: true,
    });
    assertEquals(JSON.stringify([variables, args, files]).includes("chosen"), true, name);
  }
  assertEquals(launch("codex", { hasResponses: true }).args?.join(" ").includes("model="), false);
});

Deno.test("launchers: aider and goose, which no test starts", () => {
  assertEquals(launch("aider"), {
    variables: { OPENAI_API_KEY: TOKEN },
    args: ["--openai-api-base", "http://10.0.0.9:33000/lab/v1", "--model", "openai/some-model"],
  });
  assertEquals(launch("aider", { args: ["--model=x"] }).args, [
    "--openai-api-base",
    "http://10.0.0.9:33000/lab/v1",
  ]);
  assertEquals(launch("goose").variables, {
    GOOSE_PROVIDER: "openai",
    GOOSE_MODEL: "some-model",
    GOOSE_PLANNER_PROVIDER: "openai",
    GOOSE_PLANNER_MODEL: "some-model",
    GOOSE_LEAD_PROVIDER: "openai",
    OPENAI_HOST: "http://10.0.0.9:33000",
    OPENAI_BASE_PATH: "lab/v1/chat/completions",
    OPENAI_API_KEY: TOKEN,
  });
});

Deno.test("launchers: Gemini CLI keeps its home if its settings name the kind of the key already", () => {
  const fitting = { security: { auth: { selectedType: "gemini-api-key" } }, theme: "dark" };
  const kept = launch("gemini", { readJson: () => fitting });
  assertEquals([kept.files, kept.links, "GEMINI_CLI_HOME" in kept.variables], [undefined, undefined, false]);
  const other = launch("gemini", {
    variable: (name) => name === "HOME" || name === "USERPROFILE" ? "/home/anna" : undefined,
    readJson: (path) => path === "/home/anna/.gemini/settings.json" ? { theme: "dark" } : undefined,
    listFolder: () => ["settings.json", "history"],
  });
  assertEquals(other.variables["GEMINI_CLI_HOME"], "/private");
  assertEquals(other.links, { ".gemini/history": "/home/anna/.gemini/history" });
  assertEquals(JSON.parse(other.files?.[".gemini/settings.json"] ?? ""), {
    theme: "dark",
    security: { auth: { selectedType: "gemini-api-key" } },
  });
});

Deno.test("launchers: names of llm-proxy connect work too, and names of objects do not", () => {
  assertEquals(launcherOf("claude-code"), LAUNCHERS.claude);
  assertEquals([launcherOf("constructor"), launcherOf("open-webui")], [undefined, undefined]);
});

Deno.test("merged JSON: objects are merged, and other values are replaced", () => {
  assertEquals(mergedJson({ a: { b: 1, c: [1] }, d: 1 }, { a: { c: [2] }, e: 2 }), {
    a: { b: 1, c: [2] },
    d: 1,
    e: 2,
  });
});
