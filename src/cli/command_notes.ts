/** The notes below the options in the help of each command. */

/** The notes of one command. */
export interface CommandNotes {
  /** Command lines without the name of the program, each with a description. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** The name of the manual page about the command. */
  readonly page: string;
  /** The shape of the value that `--json` prints. `undefined` if the command has no `--json`. */
  readonly json?: string;
  /** The heading above a top-level command in the list of commands. */
  readonly group?: string;
}

const SERVING = "Run:";
const CLIENTS = "Clients, tokens and usage:";
const OPERATING = "Operate:";
const SHELL = "Shell:";

const PROJECT = '{"id", "name", "active", "limits", "budget", "spent", "provider_keys", "created_at", …}';
const TOKEN = '{"id", "project_id", "name", "state", "token_suffix", "limits", "budget", "spent", …}';
const PERSON = '{"id", "login", "name", "role", "projects", "disabled", "provider", …}';
const INVITED =
  '{"id", "login", "name", "role", "projects", "invitation": {"path", "urls": […], "expires_at"}, …}';
const NEW_TOKEN = '{"token", "id", "project_id", "name", "state", "token_suffix", "limits", …}';
const CERTIFICATE =
  '{"certificate", "key", "authority", "authority_key", "names": […], "addresses": […], "valid_until"}';

/**
 * The notes of every command, by its words, such as `token create`. The empty text means the program itself.
 */
export const COMMAND_NOTES: Readonly<Record<string, CommandNotes>> = {
  "": {
    examples: [
      ["demo", "try it without keys"],
      ["", "run the proxy with the environment, .env and config.toml"],
      ["check --online", "check the configuration and each backend"],
      ["connect claude-code", "print the settings of a client"],
    ],
    page: "install",
  },
  "serve": {
    examples: [
      ["serve --config /etc/llm-proxy/config.toml --watch", "reload when the file changes"],
      ["serve --host 127.0.0.1 --port 8080", "accept connections from this machine only"],
    ],
    page: "configuration",
    group: SERVING,
  },
  "demo": {
    examples: [["demo --port 8080", "choose the port"]],
    page: "install",
    group: SERVING,
  },
  "init": {
    examples: [
      ["init", "ask questions, and write .env"],
      ["init --provider openai --key-file openai.key", "without questions"],
      ["init --provider ollama --tokens --https", "a local Ollama, managed tokens, HTTPS"],
    ],
    page: "install",
    group: SERVING,
  },
  "import": {
    examples: [
      ["import litellm litellm.yaml --output config.toml", "from LiteLLM"],
      ["import olla olla.yaml", "from Olla, to standard output"],
      ["import llama-swap llama-swap.yaml", "from llama-swap"],
    ],
    page: "install",
    group: SERVING,
  },
  "doctor": {
    examples: [
      ["doctor --online", "send a request to each provider too"],
      ["doctor --url https://llm.example.com", "check whether a reverse proxy buffers streams"],
    ],
    page: "troubleshooting",
    json: '{"ok", "findings": [{"check", "status", "message", "advice"}], "not_looked_at": […]}',
    group: OPERATING,
  },
  "check": {
    examples: [
      ["check --online", "list the models of each backend"],
      ["check --changed", "print what a reload would change"],
      ["check --route gpt-5.1 --path /v1/responses", "print which endpoint gets a request, and why"],
      ["check --schema > llm-proxy.schema.json", "write the schema for an editor"],
    ],
    page: "configuration",
    json: '{"valid", "file", "settings": [{"key", "value", "from"}], "warnings": […], ' +
      '"routes": [{"paths", "endpoints": […], "otherwise"}], ' +
      '"allowed_paths": [{"of": "endpoint" | "token", "name", "allowed", "closed", "patterns"}], ' +
      '"sign_in": [{"provider", "issuer", "redirect_uri", "logout_uri", "scim_url", "ok", "detail"}], ' +
      '"jwt": [{"provider", "issuer", "audience": […], "ok", "detail"}], ' +
      '"backends": null | [{"endpoint", "backend", "ok", "reachable", "key", "models", "latency_ms", "detail"}]}\n' +
      'with --changed: {"file", "changed": [{"key", "before", "after"}], "restart": […], "warnings": […]}\n' +
      'with --permissions: {"command", "notes": […]}\n' +
      'with --route: {"model", "path", "endpoint", "sends", "why"}',
    group: SERVING,
  },
  "connect": {
    examples: [
      ["connect claude-code --token TOKEN", "the settings of Claude Code, with a token"],
      ["connect openai-sdk --url http://192.168.1.5:33000", "from another machine"],
    ],
    page: "clients",
    json: '{"client", "title", "pieces": [{"where", "text"}], "notes": […]}',
    group: CLIENTS,
  },
  "run": {
    examples: [
      ["run claude", "Claude Code; the first run asks for the address and the token"],
      ["run codex -- exec 'Explain this folder'", "with arguments of the client"],
      ["run claude --passthrough", "with your own login at Anthropic"],
      ["run --forget", "delete the saved address and token"],
    ],
    page: "clients",
    group: CLIENTS,
  },
  "service": {
    examples: [
      ["service print", "print the files and commands, and change nothing"],
      ["service print --platform kubernetes --replicas 3 > llm-proxy.yaml", "manifests for kubectl apply"],
      ["service print --platform compose > compose.yaml", "two replicas, PostgreSQL and a load balancer"],
      ["service status --json", "for a monitoring program"],
    ],
    page: "install",
    json: 'print: {"files": [{"path", "mode", "text"}], "commands": […]}\n' +
      'install: {"written": […], "named_files": […], "commands": […]}\n' +
      'uninstall: {"removed": […], "kept": […], "commands": […]}\n' +
      'status: {"files": [{"path", "state"}], "health": {"url", "ok", "detail"}}',
    group: OPERATING,
  },
  "tls": {
    examples: [["tls init", "create an authority and a certificate"]],
    page: "https",
    group: OPERATING,
  },
  "tls init": {
    examples: [["tls init --name proxy.home.arpa", "with a further name"]],
    page: "https",
    json: CERTIFICATE,
  },
  "tls renew": {
    examples: [["tls renew --authority", "renew the authority's certificate too"]],
    page: "https",
    json: CERTIFICATE.replace("}", ', "note"}'),
  },
  "tls show": {
    examples: [["tls show --json", "for a monitoring program"]],
    page: "https",
    json: CERTIFICATE,
  },
  "login": {
    examples: [
      ["login --url https://proxy.lan:33000", "print an address and a code, and wait until you confirm"],
      ["login --url https://proxy.lan:33000 --no-browser --expires 7d", "on a server, for a week"],
    ],
    page: "people",
    json: '{"url", "name", "person", "role", "projects", "expires_at"}',
    group: CLIENTS,
  },
  "logout": {
    examples: [["logout", "revoke the token"]],
    page: "people",
    json: '{"url", "state"}',
    group: CLIENTS,
  },
  "whoami": {
    examples: [["whoami --url https://proxy.lan:33000", "who you are at this proxy"]],
    page: "people",
    json: '{"url", "kind", "id", "name", "role", "projects", "provider", "expires_at"}',
    group: CLIENTS,
  },
  "project": {
    examples: [["project create home --budget-month 20", "create a project with a monthly budget"]],
    page: "limits-and-budgets",
    group: CLIENTS,
  },
  "project list": {
    examples: [["project list --json", "for programs"]],
    page: "limits-and-budgets",
    json: `{"data": [${PROJECT}]}`,
  },
  "project show": {
    examples: [["project show home", "one project"]],
    page: "limits-and-budgets",
    json: PROJECT,
  },
  "project create": {
    examples: [["project create lab --requests-per-minute 60 --models 'gpt-*,claude-*'", "with limits"]],
    page: "limits-and-budgets",
    json: PROJECT,
  },
  "project update": {
    examples: [
      ["project update lab --budget-month 50", "change its budget"],
      ["project update lab --key-file openai=key.txt", "give the project its own OpenAI key"],
    ],
    page: "limits-and-budgets",
    json: PROJECT,
  },
  "project deactivate": {
    examples: [["project deactivate lab", "reject its tokens"]],
    page: "limits-and-budgets",
    json: '{"id", "active"}',
  },
  "project revoke-tokens": {
    examples: [["project revoke-tokens lab", "revoke all its tokens"]],
    page: "limits-and-budgets",
    json: '{"revoked_count", "already_revoked_count", "total_tokens"}',
  },
  "project delete": {
    examples: [["project delete lab", "delete a deactivated project"]],
    page: "limits-and-budgets",
    json: '{"id", "state"}',
  },
  "token": {
    examples: [[
      "token create anna --project home --expires 30d",
      "create a token that is valid for 30 days",
    ]],
    page: "limits-and-budgets",
    group: CLIENTS,
  },
  "token list": {
    examples: [["token list --project home --active", "the tokens that the proxy accepts"]],
    page: "limits-and-budgets",
    json: `{"data": [${TOKEN}]}`,
  },
  "token show": { examples: [["token show anna", "one token"]], page: "limits-and-budgets", json: TOKEN },
  "token create": {
    examples: [[
      "token create anna --project home --expires 30d --budget-day 1",
      "with an expiry and a daily budget",
    ]],
    page: "limits-and-budgets",
    json: NEW_TOKEN,
  },
  "token update": {
    examples: [["token update anna --requests-per-minute none", "remove a limit"]],
    page: "limits-and-budgets",
    json: TOKEN,
  },
  "token revoke": {
    examples: [["token revoke anna", "reject it permanently"]],
    page: "limits-and-budgets",
    json: '{"id", "state"}',
  },
  "token delete": {
    examples: [["token delete anna", "delete a revoked token"]],
    page: "limits-and-budgets",
    json: '{"id", "state"}',
  },
  "token generate": {
    examples: [["token generate", "a random PROXY_TOKEN"], [
      "token generate --key",
      "a random ENCRYPTION_KEY",
    ]],
    page: "limits-and-budgets",
    json: '{"value"}',
  },
  "user": {
    examples: [["user add anna --project home", "add a member of a project"]],
    page: "people",
    group: CLIENTS,
  },
  "user list": { examples: [["user list", "all people"]], page: "people", json: `{"data": [${PERSON}]}` },
  "user add": {
    examples: [
      ["user add anna --project home", "a member, who makes own tokens"],
      ["user add ben --role admin", "an administrator"],
    ],
    page: "people",
    json: INVITED,
  },
  "user invite": {
    examples: [["user invite anna", "a new link, by which anna sets a passphrase"]],
    page: "people",
    json: INVITED,
  },
  "user disable": {
    examples: [["user disable anna", "their tokens are rejected from the next request on"]],
    page: "people",
    json: PERSON,
  },
  "user enable": { examples: [["user enable anna", "let anna in again"]], page: "people", json: PERSON },
  "user remove": {
    examples: [["user remove anna", "remove anna, and revoke their tokens"]],
    page: "people",
    json: '{"id", "state"}',
  },
  "token rotate": {
    examples: [["token rotate anna --overlap 1d", "the old value works for one more day"]],
    page: "limits-and-budgets",
    json: NEW_TOKEN,
  },
  "usage": {
    examples: [
      ["usage --group token,model --from 2026-11-01", "the models of each token since a date"],
      ["usage --group day --csv > usage.csv", "for a spreadsheet"],
    ],
    page: "usage-and-cost",
    json:
      '{"data": [{"model" or the group asked for, "requests", "errors", "input_tokens", "output_tokens", ' +
      '"cost_micros", …}], "next_cursor"}',
    group: CLIENTS,
  },
  "prices": {
    examples: [
      ["prices 'gpt-5*'", "models by name, at every provider"],
      ["prices 'anthropic/*' --json", "all models of a provider, for programs"],
      ["prices update --online", "download the newest list"],
    ],
    page: "usage-and-cost",
    json:
      '{"version", "date", "file", "data": [{"provider", "model", "input", "output", "cached", "varies"}]}',
    group: CLIENTS,
  },
  "prices update": {
    examples: [
      ["prices update --online", "download the newest list, show the changes, and ask"],
      ["prices update data.json --yes", "use a file, and do not ask"],
    ],
    page: "usage-and-cost",
    json: '{"file", "written", "date", "version", "added": […], "removed": […], ' +
      '"changed": [{"provider", "model", "used", "before", "after"}], "providers": […], "left_out": […]}',
  },
  "reload": {
    examples: [["reload", "after you changed config.toml"]],
    page: "configuration",
    json: '{"changed": […], "warnings": […]}',
    group: OPERATING,
  },
  "stop": {
    examples: [["stop", "finish the running requests, then exit"]],
    page: "install",
    json: '{"stopping"}',
    group: OPERATING,
  },
  "backup": {
    examples: [["backup llm-proxy-2026-11-01.db", "copy the database to a new file"]],
    page: "backup-and-restore",
    json: '{"file", "bytes"}',
    group: OPERATING,
  },
  "store": {
    examples: [["store copy sqlite:./data/llm-proxy.db postgres://llm@db.lan/llm", "move to PostgreSQL"]],
    page: "several-instances",
    group: OPERATING,
  },
  "store copy": {
    examples: [["store copy sqlite:./data/llm-proxy.db postgres://llm@db.lan/llm", "move to PostgreSQL"]],
    page: "several-instances",
    json: '{"from", "to", "tables": {NAME: rows}}',
    group: OPERATING,
  },
  "restore": {
    examples: [["restore llm-proxy-2026-11-01.db", "replace the database by a backup"]],
    page: "backup-and-restore",
    json: '{"database", "file", "last_change_at", "kept": […]}',
    group: OPERATING,
  },
  "healthcheck": {
    examples: [["healthcheck --url http://192.168.1.5:33000", "check a proxy on another machine"]],
    page: "monitoring",
    json: '{"status"}',
    group: OPERATING,
  },
  "version": {
    examples: [["version --json", "for programs"]],
    page: "install",
    json: '{"version", "deno", "target"}',
    group: SHELL,
  },
  "help": {
    examples: [["help limits", "a page of the manual"], ["help token create", "the help of a command"]],
    page: "commands",
    group: SHELL,
  },
  "completion": {
    examples: [
      ["completion bash > ~/.local/share/bash-completion/completions/llm-proxy", "bash"],
      ["completion zsh > ~/.zfunc/_llm-proxy", "zsh, where fpath has ~/.zfunc before compinit"],
      ["completion fish > ~/.config/fish/completions/llm-proxy.fish", "fish"],
      ["completion powershell >> $PROFILE", "PowerShell"],
    ],
    page: "install",
    group: SHELL,
  },
};
