/** What help says below the options: examples, the JSON that a command prints, and where the documentation is. */

import type { Command } from "commander";
import { styled } from "./colours.ts";
import { JSON_OPTION } from "./common_options.ts";

/** What is said of one command. */
export interface HelpNotes {
  /** Command lines without the program's name, each with what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** The page of the manual, by its name. */
  readonly page: string;
  /** The value that `--json` prints; a command without one has no `--json`. */
  readonly json?: string;
  /** The heading that a command of the first level stands under. */
  readonly group?: string;
}

const SERVING = "Serve:";
const CLIENTS = "Clients, tokens and usage:";
const OPERATING = "Operate:";
const SHELL = "Shell:";

const PROJECT = '{"id", "name", "active", "limits", "budget", "spent", "provider_keys", "created_at", …}';
const TOKEN = '{"id", "project_id", "name", "state", "token_suffix", "limits", "budget", "spent", …}';
const NEW_TOKEN = '{"token", "id", "project_id", "name", "state", "token_suffix", "limits", …}';
const CERTIFICATE =
  '{"certificate", "key", "authority", "authority_key", "names": […], "addresses": […], "valid_until"}';

/** By the words of the command. */
export const HELP_NOTES: Readonly<Record<string, HelpNotes>> = {
  "": {
    examples: [
      ["demo", "try it without keys"],
      ["", "serve with the configuration of the environment, .env and config.toml"],
      ["check --online", "check the configuration and ask every backend"],
      ["connect claude-code", "print the settings of a client"],
    ],
    page: "install",
  },
  "serve": {
    examples: [
      ["serve --config /etc/llm-proxy/config.toml --watch", "follow the changes of a file"],
      ["serve --host 127.0.0.1 --port 8080", "listen for this machine alone"],
    ],
    page: "configuration",
    group: SERVING,
  },
  "demo": {
    examples: [["demo --port 8080", "serve on a port of your choice"]],
    page: "install",
    group: SERVING,
  },
  "init": {
    examples: [
      ["init", "ask for what is needed, and write .env"],
      ["init --provider openai --key-file openai.key", "without questions"],
      ["init --provider ollama --tokens --https", "a server of your own, tokens for people, HTTPS"],
    ],
    page: "install",
    group: SERVING,
  },
  "doctor": {
    examples: [
      ["doctor --online", "ask the providers too"],
      ["doctor --url https://llm.example.com", "see whether a reverse proxy holds streams back"],
    ],
    page: "troubleshooting",
    json: '{"ok", "findings": [{"check", "status", "message", "advice"}], "not_looked_at": […]}',
    group: OPERATING,
  },
  "check": {
    examples: [
      ["check --online", "ask every backend for its models"],
      ["check --changed", "show what a reload would change in the running proxy"],
      ["check --schema > llm-proxy.schema.json", "keep the schema for an editor"],
    ],
    page: "configuration",
    json: '{"valid", "file", "settings": [{"key", "value", "from"}], "warnings": […], ' +
      '"backends": null | [{"endpoint", "backend", "ok", "reachable", "key", "models", "latency_ms", "detail"}]}\n' +
      'with --changed: {"file", "changed": [{"key", "before", "after"}], "restart": […], "warnings": […]}\n' +
      'with --permissions: {"command", "notes": […]}',
    group: SERVING,
  },
  "connect": {
    examples: [
      ["connect claude-code --token TOKEN", "the settings of Claude Code, with a token"],
      ["connect openai-sdk --url http://192.168.1.5:33000", "from another machine than the proxy's"],
    ],
    page: "clients",
    json: '{"client", "title", "pieces": [{"where", "text"}], "notes": […]}',
    group: CLIENTS,
  },
  "service": {
    examples: [
      ["service print", "show the files and the commands, and change nothing"],
      ["service status --json", "for a program that watches over it"],
    ],
    page: "install",
    json: 'print: {"files": [{"path", "mode", "text"}], "commands": […]}\n' +
      'install: {"written": […], "named_files": […], "commands": […]}\n' +
      'uninstall: {"removed": […], "kept": […], "commands": […]}\n' +
      'status: {"files": [{"path", "state"}], "health": {"url", "ok", "detail"}}',
    group: OPERATING,
  },
  "tls": {
    examples: [["tls init", "make an authority and a certificate"]],
    page: "https",
    group: OPERATING,
  },
  "tls init": {
    examples: [["tls init --name proxy.home.arpa", "with a further name"]],
    page: "https",
    json: CERTIFICATE,
  },
  "tls renew": {
    examples: [["tls renew --authority", "renew the authority's own certificate too"]],
    page: "https",
    json: CERTIFICATE.replace("}", ', "note"}'),
  },
  "tls show": {
    examples: [["tls show --json", "for a program that watches over it"]],
    page: "https",
    json: CERTIFICATE,
  },
  "project": {
    examples: [["project create home --budget-month 20", "make a project with a budget"]],
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
      ["project update lab --key-file openai=key.txt", "give it its own key of a provider"],
    ],
    page: "limits-and-budgets",
    json: PROJECT,
  },
  "project deactivate": {
    examples: [["project deactivate lab", "refuse its tokens"]],
    page: "limits-and-budgets",
    json: '{"id", "active"}',
  },
  "project revoke-tokens": {
    examples: [["project revoke-tokens lab", "revoke all of its tokens"]],
    page: "limits-and-budgets",
    json: '{"revoked_count", "already_revoked_count", "total_tokens"}',
  },
  "project delete": {
    examples: [["project delete lab", "delete a deactivated project"]],
    page: "limits-and-budgets",
    json: '{"id", "state"}',
  },
  "token": {
    examples: [["token create anna --project home --expires 30d", "make a token for 30 days"]],
    page: "limits-and-budgets",
    group: CLIENTS,
  },
  "token list": {
    examples: [["token list --project home --active", "those that are let in"]],
    page: "limits-and-budgets",
    json: `{"data": [${TOKEN}]}`,
  },
  "token show": { examples: [["token show anna", "one token"]], page: "limits-and-budgets", json: TOKEN },
  "token create": {
    examples: [["token create anna --project home --expires 30d --budget-day 1", "with an end and a budget"]],
    page: "limits-and-budgets",
    json: NEW_TOKEN,
  },
  "token update": {
    examples: [["token update anna --requests-per-minute none", "take a limit away"]],
    page: "limits-and-budgets",
    json: TOKEN,
  },
  "token revoke": {
    examples: [["token revoke anna", "refuse it for good"]],
    page: "limits-and-budgets",
    json: '{"id", "state"}',
  },
  "token delete": {
    examples: [["token delete anna", "delete a revoked token"]],
    page: "limits-and-budgets",
    json: '{"id", "state"}',
  },
  "token generate": {
    examples: [["token generate", "a text for PROXY_TOKEN"], [
      "token generate --key",
      "a key for ENCRYPTION_KEY",
    ]],
    page: "limits-and-budgets",
    json: '{"value"}',
  },
  "token rotate": {
    examples: [["token rotate anna --overlap 1d", "the old value works for a day more"]],
    page: "limits-and-budgets",
    json: NEW_TOKEN,
  },
  "usage": {
    examples: [
      ["usage --group token,model --from 2026-11-01", "each token's models since a day"],
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
      ["prices 'gpt-5*'", "the models of these names, at every provider"],
      ["prices 'anthropic/*' --json", "all of a provider, for programs"],
      ["prices update --online", "take the newest list"],
    ],
    page: "usage-and-cost",
    json:
      '{"version", "date", "file", "data": [{"provider", "model", "input", "output", "cached", "varies"}]}',
    group: CLIENTS,
  },
  "prices update": {
    examples: [
      ["prices update --online", "fetch the newest list, show what changes, and ask"],
      ["prices update data.json --yes", "from a file, without a question"],
    ],
    page: "usage-and-cost",
    json: '{"file", "written", "date", "version", "added": […], "removed": […], ' +
      '"changed": [{"provider", "model", "used", "before", "after"}], "providers": […], "left_out": […]}',
  },
  "reload": {
    examples: [["reload", "after a change of config.toml"]],
    page: "configuration",
    json: '{"changed": […], "warnings": […]}',
    group: OPERATING,
  },
  "stop": {
    examples: [["stop", "end it when its requests have ended"]],
    page: "install",
    json: '{"stopping"}',
    group: OPERATING,
  },
  "backup": {
    examples: [["backup llm-proxy-2026-11-01.db", "copy the database into a new file"]],
    page: "backup-and-restore",
    json: '{"file", "bytes"}',
    group: OPERATING,
  },
  "restore": {
    examples: [["restore llm-proxy-2026-11-01.db", "go back to a backup"]],
    page: "backup-and-restore",
    json: '{"database", "file", "last_change_at", "kept": […]}',
    group: OPERATING,
  },
  "healthcheck": {
    examples: [["healthcheck --url http://192.168.1.5:33000", "ask the proxy of another machine"]],
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

/** The words of a command, without the program's name. */
export function wordsOf(command: Command): string {
  const { parent } = command;
  return parent === null ? "" : `${wordsOf(parent)} ${command.name()}`.trim();
}

/** Adds the notes to a program's commands, whose names decide which ones, and `--json` where they tell its value. */
export function addHelpNotes(program: Command): void {
  const notes = HELP_NOTES[wordsOf(program)];
  if (notes !== undefined) {
    if (notes.group !== undefined) program.helpGroup(notes.group);
    if (notes.json !== undefined) program.option(...JSON_OPTION);
    program.addHelpText("after", () => notesText(notes, program));
  }
  program.commands.forEach(addHelpNotes);
}

function notesText({ examples, page, json }: HelpNotes, command: Command): string {
  const lines = examples.map(([line, what]) => [`llm-proxy ${line}`.trim(), what] as const);
  const width = Math.max(...lines.map(([line]) => line.length));
  const subject = command.commands.length > 0 ? "\nllm-proxy help COMMAND shows a command.\n" : "";
  return [
    `\n${styled("bold", lines.length === 1 ? "Example:" : "Examples:")}`,
    ...lines.map(([line, what]) => `  ${line.padEnd(width)}  # ${what}`),
    ...(json === undefined
      ? []
      : [`\n${styled("bold", "JSON:")}`, ...json.split("\n").map((line) => `  ${line}`)]),
    `\n${styled("bold", "Documentation:")} llm-proxy help ${page} (docs/${page}.md)${subject}`,
  ].join("\n");
}
