/** How `llm-proxy run` starts each client. Names are from the documentation of each program. */

import { AGENTS } from "./agents.ts";
import { TOKEN_VARIABLE } from "./client.ts";
import {
  hasOption,
  keyOf,
  type Launch,
  type Launcher,
  type LaunchFacts,
  mergedJson,
  tokenHeaders,
  withTokenHeader,
} from "./launch.ts";

/** The clients that `llm-proxy run` starts, by the names of their programs. */
export const LAUNCHERS = {
  claude: {
    ...identity("claude-code"),
    program: "claude",
    install: "npm install -g @anthropic-ai/claude-code",
    canKeepOwnKey: true,
    launch: launchClaude,
  },
  codex: {
    ...identity("codex"),
    program: "codex",
    install: "npm install -g @openai/codex",
    canKeepOwnKey: true,
    launch: launchCodex,
  },
  gemini: {
    ...identity("gemini-cli"),
    program: "gemini",
    install: "npm install -g @google/gemini-cli",
    canKeepOwnKey: true,
    launch: launchGemini,
  },
  opencode: {
    ...identity("opencode"),
    program: "opencode",
    install: "npm install -g opencode-ai",
    needsModel: true,
    canKeepOwnKey: true,
    launch: launchOpencode,
  },
  qwen: {
    ...identity("qwen-code"),
    program: "qwen",
    install: "npm install -g @qwen-code/qwen-code",
    needsModel: true,
    canKeepOwnKey: true,
    launch: launchQwen,
  },
  cn: {
    ...identity("continue"),
    program: "cn",
    install: "npm install -g @continuedev/cli",
    needsModel: true,
    launch: launchContinue,
  },
  aider: {
    ...identity("aider"),
    program: "aider",
    install: "python -m pip install aider-install && aider-install",
    needsModel: true,
    launch: launchAider,
  },
  goose: {
    title: "Goose",
    dialects: ["openai"],
    program: "goose",
    install: "https://github.com/block/goose",
    needsModel: true,
    launch: launchGoose,
  },
} as const satisfies Record<string, Launcher>;

/** The names of the clients that `llm-proxy run` starts. */
export const LAUNCHER_NAMES: readonly string[] = Object.keys(LAUNCHERS);

/** Names of `llm-proxy connect` for clients whose program has another name. */
const CONNECT_NAMES: Readonly<Record<string, keyof typeof LAUNCHERS>> = {
  "claude-code": "claude",
  "gemini-cli": "gemini",
  "qwen-code": "qwen",
  "continue": "cn",
};

/** The launcher of a client, by the name of its program or its name for `llm-proxy connect`. */
export function launcherOf(name: string): Launcher | undefined {
  const program = Object.hasOwn(CONNECT_NAMES, name) ? CONNECT_NAMES[name] : name;
  return Object.entries<Launcher>(LAUNCHERS).find(([known]) => known === program)?.[1];
}

function identity(agent: keyof typeof AGENTS): Pick<Launcher, "title" | "dialects"> {
  const { title, dialects } = AGENTS[agent];
  return { title, dialects };
}

/**
 * The variables are in the environment and in a file for `--settings`: an `env` table in the user's settings
 * of Claude Code wins over the environment, and `--settings` wins over that table.
 */
function launchClaude(facts: LaunchFacts): Launch {
  const { endpointUrl, keepsOwnKey, authority, folder } = facts;
  const own = {
    ANTHROPIC_BASE_URL: endpointUrl,
    ...(keepsOwnKey ? {} : { ANTHROPIC_AUTH_TOKEN: keyOf(facts) }),
    ANTHROPIC_CUSTOM_HEADERS: withTokenHeader(facts, "ANTHROPIC_CUSTOM_HEADERS", "\n"),
    CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1",
    ANTHROPIC_MODEL: facts.chosenModel ?? facts.variable("ANTHROPIC_MODEL"),
    NODE_EXTRA_CA_CERTS: authority ?? facts.variable("NODE_EXTRA_CA_CERTS"),
  };
  const hasSettings = hasOption(facts, "--settings");
  return {
    variables: {
      ...own,
      // These lead to other servers, or send another key.
      CLAUDE_CODE_USE_BEDROCK: undefined,
      CLAUDE_CODE_USE_FOUNDRY: undefined,
      CLAUDE_CODE_USE_VERTEX: undefined,
      ...(keepsOwnKey ? {} : { ANTHROPIC_API_KEY: undefined }),
    },
    ...(hasSettings ? {} : {
      args: ["--settings", `${folder}/settings.json`],
      files: { "settings.json": JSON.stringify({ env: own }) },
    }),
  };
}

function launchCodex(facts: LaunchFacts): Launch {
  const { endpointUrl, token, keepsOwnKey, hasResponses, chosenModel, authority } = facts;
  // The default of Codex is a model of OpenAI.
  const model = chosenModel ?? (hasResponses ? undefined : facts.model);
  const provider = "model_providers.llm-proxy";
  const ownKey = facts.variable("OPENAI_API_KEY") ? `env_key="OPENAI_API_KEY"` : "requires_openai_auth=true";
  const settings = [
    `model_provider="llm-proxy"`,
    `${provider}.name="llm-proxy"`,
    `${provider}.base_url=${JSON.stringify(`${endpointUrl}/v1`)}`,
    `${provider}.wire_api="responses"`,
    `${provider}.${keepsOwnKey ? ownKey : `env_key="${TOKEN_VARIABLE}"`}`,
    ...(keepsOwnKey && token !== undefined
      ? [`${provider}.env_http_headers={"x-llm-proxy-token"="${TOKEN_VARIABLE}"}`]
      : []),
    ...(model === undefined ? [] : [`model=${JSON.stringify(model)}`]),
  ];
  return {
    variables: {
      [TOKEN_VARIABLE]: keyOf(facts),
      ...(authority !== undefined && { CODEX_CA_CERTIFICATE: authority }),
    },
    args: settings.flatMap((setting) => ["-c", setting]),
  };
}

/**
 * Gemini CLI reads the kind of its key only from the settings of the user. If they name another kind, the
 * client gets a home folder for this process, with links to all files of the user and a copy of the settings
 * with the right kind.
 */
function launchGemini(facts: LaunchFacts): Launch {
  const { endpointUrl, keepsOwnKey, authority, folder } = facts;
  const own = `${facts.variable("GEMINI_CLI_HOME") ?? userHome(facts)}/.gemini`;
  const settings = facts.readJson(`${own}/settings.json`) ?? {};
  const wanted = mergedJson(settings, { security: { auth: { selectedType: "gemini-api-key" } } });
  const needsHome = JSON.stringify(settings) !== JSON.stringify(wanted);
  const linked = facts.listFolder(own).filter((name) => name !== "settings.json");
  return {
    variables: {
      GOOGLE_GEMINI_BASE_URL: endpointUrl,
      ...(keepsOwnKey ? {} : { GEMINI_API_KEY: keyOf(facts), GOOGLE_API_KEY: undefined }),
      GEMINI_CLI_CUSTOM_HEADERS: withTokenHeader(facts, "GEMINI_CLI_CUSTOM_HEADERS", ","),
      ...(facts.chosenModel !== undefined && { GEMINI_MODEL: facts.chosenModel }),
      // These lead to other servers.
      GOOGLE_GENAI_USE_GCA: undefined,
      GOOGLE_GENAI_USE_VERTEXAI: undefined,
      ...authorityVariable("NODE_EXTRA_CA_CERTS", authority),
      ...(needsHome && { GEMINI_CLI_HOME: folder }),
    },
    ...(needsHome && {
      files: { ".gemini/settings.json": JSON.stringify(wanted, null, 2) },
      links: Object.fromEntries(linked.map((name) => [`.gemini/${name}`, `${own}/${name}`])),
    }),
  };
}

/** The settings are those of `llm-proxy connect`, but the key is in the environment of the process. */
function launchOpencode(facts: LaunchFacts): Launch {
  const { dialect, hasResponses, endpointUrl, keepsOwnKey, model = "", authority } = facts;
  const isCompatible = dialect !== "anthropic" && !hasResponses;
  const name = isCompatible ? "llm-proxy" : dialect === "anthropic" ? "anthropic" : "openai";
  const headers = tokenHeaders(facts);
  // The provider `llm-proxy` has no login of the user.
  const ownKey = isCompatible ? facts.variable("OPENAI_API_KEY") : undefined;
  const key = keepsOwnKey ? ownKey : keyOf(facts);
  const provider = {
    ...(isCompatible && { npm: "@ai-sdk/openai-compatible", name }),
    options: {
      baseURL: `${endpointUrl}/v1`,
      ...(key !== undefined && { apiKey: key }),
      ...(Object.keys(headers).length > 0 && { headers }),
    },
    models: { [model]: {} },
  };
  const config = { model: `${name}/${model}`, provider: { [name]: provider } };
  return {
    variables: {
      OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
      ...authorityVariable("NODE_EXTRA_CA_CERTS", authority),
    },
  };
}

/** The places of the settings of an administrator, which win over those of the user. */
const QWEN_SYSTEM_SETTINGS: Readonly<Partial<Record<typeof Deno.build.os, string>>> = {
  linux: "/etc/qwen-code/settings.json",
  darwin: "/Library/Application Support/QwenCode/settings.json",
  windows: "C:\\ProgramData\\qwen-code\\settings.json",
};
const QWEN_SYSTEM_VARIABLE = "QWEN_CODE_SYSTEM_SETTINGS_PATH";

/**
 * The kind of the key is in the settings of the administrator, because those of the user may name another.
 */
function launchQwen(facts: LaunchFacts): Launch {
  const { endpointUrl, keepsOwnKey, model, authority, folder } = facts;
  const customHeaders = tokenHeaders(facts);
  const path = facts.variable(QWEN_SYSTEM_VARIABLE) ?? QWEN_SYSTEM_SETTINGS[Deno.build.os];
  const settings = mergedJson((path === undefined ? undefined : facts.readJson(path)) ?? {}, {
    security: { auth: { selectedType: "openai" } },
    ...(Object.keys(customHeaders).length > 0 && { model: { generationConfig: { customHeaders } } }),
  });
  return {
    variables: {
      OPENAI_BASE_URL: `${endpointUrl}/v1`,
      ...(keepsOwnKey ? {} : { OPENAI_API_KEY: keyOf(facts) }),
      OPENAI_MODEL: model,
      ...authorityVariable("NODE_EXTRA_CA_CERTS", authority),
      [QWEN_SYSTEM_VARIABLE]: `${folder}/settings.json`,
    },
    files: { "settings.json": JSON.stringify(settings, null, 2) },
  };
}

/** Continue reads its key only from a file. JSON is valid YAML. */
function launchContinue(facts: LaunchFacts): Launch {
  const { dialect, model, endpointUrl, authority, folder } = facts;
  const config = {
    name: "llm-proxy",
    version: "1.0.0",
    schema: "v1",
    models: [{
      name: "llm-proxy",
      provider: dialect === "anthropic" ? "anthropic" : "openai",
      model,
      apiBase: `${endpointUrl}/v1`,
      apiKey: keyOf(facts),
      ...(authority !== undefined && { requestOptions: { caBundlePath: authority } }),
    }],
  };
  return {
    variables: {},
    args: hasOption(facts, "--config") ? [] : ["--config", `${folder}/config.yaml`],
    files: { "config.yaml": JSON.stringify(config, null, 2) },
  };
}

function launchAider(facts: LaunchFacts): Launch {
  const { endpointUrl, model, authority } = facts;
  return {
    variables: { OPENAI_API_KEY: keyOf(facts), ...authorityVariable("SSL_CERT_FILE", authority) },
    // An argument wins over a `.env` of the project, which wins over the environment.
    args: [
      "--openai-api-base",
      `${endpointUrl}/v1`,
      ...(hasOption(facts, "--model") ? [] : ["--model", `openai/${model}`]),
    ],
  };
}

/**
 * Goose joins the host and the path. The environment wins over its settings, which may name other providers
 * for plans and for the first turns. A path with `chat/completions` keeps it from `/responses`.
 */
function launchGoose(facts: LaunchFacts): Launch {
  const { origin, pathname } = new URL(facts.endpointUrl);
  return {
    variables: {
      GOOSE_PROVIDER: "openai",
      GOOSE_MODEL: facts.model,
      GOOSE_PLANNER_PROVIDER: "openai",
      GOOSE_PLANNER_MODEL: facts.model,
      GOOSE_LEAD_PROVIDER: "openai",
      OPENAI_HOST: origin,
      OPENAI_BASE_PATH: `${pathname.slice(1)}/v1/chat/completions`,
      OPENAI_API_KEY: keyOf(facts),
      ...authorityVariable("SSL_CERT_FILE", facts.authority),
      ...authorityVariable("GOOSE_CA_CERT_PATH", facts.authority),
    },
  };
}

function authorityVariable(name: string, authority: string | undefined): Record<string, string> {
  return authority === undefined ? {} : { [name]: authority };
}

function userHome({ variable }: LaunchFacts): string {
  return variable(Deno.build.os === "windows" ? "USERPROFILE" : "HOME") ?? "";
}
