/**
 * Configuration files of other programs for `llm-proxy import`, and where each of their models has to lead.
 */

import type { ImportedProgram } from "../../../src/cli/import/import.ts";

/** The path of Anthropic's API. */
const MESSAGES = "/v1/messages";

/** LiteLLM with deployments, fallbacks and an alias. Keys in clear begin with `canary-`. */
export const LITELLM = `
model_list:
  - model_name: fast
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: os.environ/OPENAI_API_KEY
      rpm: 60
  - model_name: gpt-4o
    litellm_params:
      model: gpt-4o
      temperature: 0.2
  - model_name: local
    litellm_params:
      model: openai/llama-3.3
      api_base: http://192.168.1.20:8000/v1
      api_key: canary-of-local
      input_cost_per_token: 0.00000015
      output_cost_per_token: 0.0000006
  - model_name: chat
    litellm_params: { model: groq/llama-3.3-70b, weight: 3 }
  - model_name: chat
    litellm_params:
      model: azure/my-gpt
      api_base: https://lab.openai.azure.com/
      api_version: "2024-06-01"
      api_key: os.environ/AZURE_KEY
      weight: 1
      timeout: 90
  - model_name: claude
    litellm_params: { model: anthropic/claude-sonnet-5, api_key: os.environ/ANTHROPIC_API_KEY }
  - model_name: titan
    litellm_params: { model: bedrock/amazon.titan }
  - model_name: mystery
    litellm_params: { model: some-model }
router_settings:
  routing_strategy: simple-shuffle
  num_retries: 2
  timeout: 300
  model_group_alias: { cheap: fast }
  fallbacks:
    - local: [gpt-4o, claude, gone]
  redis_password: canary-of-redis
litellm_settings:
  drop_params: true
  max_budget: 25
  budget_duration: 30d
  callbacks: [langfuse]
general_settings:
  master_key: canary-of-master
  database_url: postgresql://user:canary-of-database@db/litellm
environment_variables:
  LANGFUSE_SECRET: canary-of-langfuse
`;

/** LiteLLM with names that contain `*`. */
export const LITELLM_PATTERNS = `
model_list:
  - { model_name: "*", litellm_params: { model: "openai/*" } }
  - { model_name: "openai/*", litellm_params: { model: "openai/*" } }
  - { model_name: "groq/*", litellm_params: { model: "groq/*" } }
  - { model_name: "local/*", litellm_params: { model: "hosted_vllm/*", api_base: "http://127.0.0.1:9000" } }
  - { model_name: "local/*", litellm_params: { model: "hosted_vllm/*", api_base: "http://127.0.0.1:9001" } }
  - { model_name: "llama-*", litellm_params: { model: "groq/llama-*" } }
  - { model_name: "llama-3-*", litellm_params: { model: "openai/llama-3-*", api_base: "http://127.0.0.1:9002" } }
  - { model_name: "any-*", litellm_params: { model: groq/gemma-4 } }
  - { model_name: "team-*", litellm_params: { model: "openai/gpt-*" } }
  - { model_name: "\${odd}", litellm_params: { model: "groq/\${name}" } }
  - { model_name: any-one, litellm_params: { model: openai/gpt-4o } }
router_settings:
  model_group_alias: { cheap: any-one, quick: { model: groq/gemma-4, hidden: true } }
`;

/** LiteLLM with patterns that need no prefix. */
export const LITELLM_ONE = `
model_list:
  - { model_name: "gpt-*", litellm_params: { model: "openai/gpt-*" } }
  - { model_name: "*", litellm_params: { model: "groq/*" } }
router_settings:
  model_group_alias: { gone: nothing }
`;

/** LiteLLM with one pattern. */
const LITELLM_PREFIX = `
model_list:
  - { model_name: "openai/*", litellm_params: { model: "openai/*" } }
`;

/** LiteLLM with two prefixes for one upstream, and several deployments of a pattern. */
export const LITELLM_PREFIXES = `
model_list:
  - { model_name: "openai/*", litellm_params: { model: "openai/*", api_key: os.environ/FIRST_KEY } }
  - { model_name: "openai/*", litellm_params: { model: "openai/*", api_key: os.environ/SECOND_KEY } }
  - { model_name: "groq/*", litellm_params: { model: "groq/*" } }
  - { model_name: "lab/*", litellm_params: { model: "groq/*" } }
`;

/** Olla with servers of several types. */
export const OLLA = `
server:
  host: 0.0.0.0
  port: 40114
  shutdown_timeout: 1m30s
  cors: { enabled: true, allowed_origins: ["https://chat.example.com"] }
  rate_limits: { global_requests_per_minute: 1000 }
proxy:
  engine: olla
  load_balancer: priority
  connection_timeout: 500ms
  response_timeout: 0s
  retry: { enabled: true, max_attempts: 3 }
discovery:
  type: static
  static:
    endpoints:
      - { url: "http://10.0.0.2:11434", name: attic, type: ollama, priority: 50 }
      - { url: "http://10.0.0.1:11434", name: desk, type: ollama, priority: 100, check_interval: 2s }
      - url: http://anna:canary-in-url@10.0.0.3:8000
        name: lab
        type: vllm
        auth: { type: bearer, token: canary-of-lab }
      - url: http://10.0.0.4:9000
        name: other
        type: sglang
        auth: { type: api_key, key: "\${OTHER_KEY}", header: X-Key }
        headers: { x-team: lab }
      - url: http://10.0.0.5:9000
        name: basic
        type: lemonade
        auth: { type: basic, username: anna, password: canary-of-anna }
model_aliases:
  small: ["llama3.2:3b", "llama-3.2-3b"]
`;

/** llama-swap with aliases, renamed models and peers. */
export const LLAMA_SWAP = `
startPort: 9000
logLevel: warn
macros:
  server: llama-server --port \${PORT}
  host: 127.0.0.1
apiKeys: [canary-of-clients]
models:
  zeta:
    cmd: \${server} -m zeta.gguf
    ttl: 300
    aliases: [gpt-4o-mini]
  alpha:
    cmd: \${server} -m alpha.gguf
    proxy: http://\${host}:\${PORT}
    useModelName: org/alpha
    timeouts: { connect: 5, responseHeader: 0 }
  remote-a: { cmd: none, proxy: "http://10.0.0.9:8080" }
  remote-b: { cmd: none, proxy: "http://10.0.0.9:8080", aliases: [second-b, alpha] }
peers:
  cloud: { proxy: "https://llm.example.com/api", apiKey: "\${env.CLOUD_KEY}", models: [big/model, zeta] }
  lab: { proxy: "http://\${env.LAB_HOST}:8080", apiKey: canary-of-lab }
hooks: { on_startup: { preload: [zeta] } }
`;

/** A model that a client of the other program asks for. */
export interface ImportedModel {
  readonly model: string;
  readonly endpoint: string;
  /** The names that the backends get, in the order of the backends. A single name is that of each backend. */
  readonly upstream: readonly string[];
  /** The path of the API. Default: that of chat completions. */
  readonly path?: string;
}

const to = (endpoint: string, model: string, ...upstream: readonly string[]): ImportedModel => ({
  model,
  endpoint,
  upstream: upstream.length === 0 ? [model] : upstream,
});

/** The files, and where each of their models has to lead. */
export const IMPORT_CASES: readonly {
  readonly name: string;
  readonly program: ImportedProgram;
  readonly file: string;
  readonly models: readonly ImportedModel[];
}[] = [
  {
    name: "deployments",
    program: "litellm",
    file: LITELLM,
    models: [
      to("openai", "fast", "gpt-4o-mini"),
      to("openai", "cheap", "gpt-4o-mini"),
      to("openai", "gpt-4o"),
      to("local", "local", "llama-3.3", "gpt-4o"),
      to("chat", "chat", "llama-3.3-70b", "my-gpt"),
      { ...to("anthropic", "claude", "claude-sonnet-5"), path: MESSAGES },
    ],
  },
  {
    name: "patterns with prefixes",
    program: "litellm",
    file: LITELLM_PATTERNS,
    models: [
      to("openai", "some-model"),
      to("openai", "openai/gpt-4o", "gpt-4o"),
      to("groq", "groq/openai/gpt-oss-120b", "openai/gpt-oss-120b"),
      to("local", "local/qwen", "qwen"),
      to("groq", "llama-4"),
      to("127.0.0.1-9002", "llama-3-8b"),
      to("groq", "any-model", "gemma-4"),
      to("groq", "${odd}", "${name}"),
      to("openai", "any-one", "gpt-4o"),
      to("openai", "cheap", "gpt-4o"),
      to("groq", "quick", "gemma-4"),
    ],
  },
  {
    name: "patterns without prefixes",
    program: "litellm",
    file: LITELLM_ONE,
    models: [to("openai", "gpt-5"), to("groq", "llama-4"), to("groq", "claude-sonnet-5")],
  },
  {
    name: "one prefix",
    program: "litellm",
    file: LITELLM_PREFIX,
    models: [to("openai", "openai/gpt-5", "gpt-5")],
  },
  {
    name: "several prefixes",
    program: "litellm",
    file: LITELLM_PREFIXES,
    models: [
      to("groq", "groq/llama-4", "llama-4"),
      to("lab", "lab/llama-4", "llama-4"),
      to("openai-2", "openai-2/gpt-5", "gpt-5"),
    ],
  },
  { name: "aliases", program: "olla", file: OLLA, models: [to("ollama", "small", "llama3.2:3b")] },
  {
    name: "models, aliases and peers",
    program: "llama-swap",
    file: LLAMA_SWAP,
    models: [
      to("zeta", "zeta"),
      to("zeta", "gpt-4o-mini", "zeta"),
      to("alpha", "alpha", "org/alpha"),
      to("llama-swap", "remote-a"),
      to("llama-swap", "remote-b"),
      to("llama-swap", "second-b", "remote-b"),
      to("cloud", "big/model"),
    ],
  },
];
