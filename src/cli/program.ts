/** The command line: which commands there are, and how they end. */

import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { VariableName } from "../config/env.ts";
import type { Flags } from "../config/resolver.ts";
import type { Platform } from "../service/service.ts";
import { VERSION } from "../version.ts";
import { nearest } from "../config/suggest.ts";
import { CommandError } from "./command_error.ts";
import type { ConnectOptions } from "./connect.ts";
import { demo } from "./demo.ts";
import type { DoctorOptions } from "./doctor/doctor.ts";
import type { InitOptions } from "./init/from_flags.ts";
import { healthcheck } from "./healthcheck.ts";
import { addManageCommands } from "./manage_program.ts";
import { writeErr, writeOut } from "./output.ts";
import { serve } from "./serve.ts";
import type { ServiceAction } from "./service.ts";
import type { TlsOptions } from "./tls.ts";
import { usageErrorText } from "./usage_error.ts";

/** Runs what the arguments ask for. Gives the exit code: 0 done, 2 wrong usage, which has been said. */
export async function runCommandLine(args: readonly string[]): Promise<0 | 2> {
  const program = buildProgram();
  checkCommand(program, args[0]);
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

/** The parser would take an unknown command for an argument of `serve`. */
function checkCommand(program: Command, name: string | undefined): void {
  const known = ["help", ...program.commands.map((command) => command.name())];
  if (name === undefined || name.startsWith("-") || known.includes(name)) return;
  const near = nearest(name, known);
  const hint = near === undefined ? `the commands are ${known.join(", ")}` : `did you mean ${near}?`;
  throw new CommandError(`There is no command ${JSON.stringify(name)}; ${hint}`, 2);
}

interface CheckOptions {
  readonly config?: string;
  readonly online?: true;
  readonly schema?: true;
  readonly permissions?: true;
  readonly watch?: true;
}

/** The options of `serve`, by the variable that each one stands for. */
const SERVE_OPTIONS = [
  [
    "--config <file>",
    "configuration file, TOML or JSON (CONFIG_PATH; default config.toml where it exists)",
    "CONFIG_PATH",
  ],
  ["--host <address>", "address to listen on (HOST; default 0.0.0.0)", "HOST"],
  ["--port <port>", "port to listen on (PORT; default 33000)", "PORT"],
  ["--log-level <level>", "debug, info, warn or error (LOG_LEVEL; default info)", "LOG_LEVEL"],
  ["--log-format <format>", "pretty or json (LOG_FORMAT; default pretty)", "LOG_FORMAT"],
] as const satisfies readonly (readonly [string, string, VariableName])[];

function buildProgram(): Command {
  const program = new Command("llm-proxy")
    .description("A transparent LLM API proxy: clients hold one token, the providers' keys stay here.")
    .exitOverride()
    .showHelpAfterError("(llm-proxy --help shows what there is)")
    .configureOutput({
      writeOut,
      writeErr,
      outputError: (text, write) => write(usageErrorText(text)),
    });

  const serving = program.command("serve", { isDefault: true })
    .description("serve until told to end; the configuration comes from the environment and from .env");
  for (const [flags, description] of SERVE_OPTIONS) serving.option(flags, description);
  serving.option("--access-log", "log one line per exchange (ACCESS_LOG=1)")
    .option("--watch", "read the configuration file again when it changes (SIGHUP does so too)")
    .action((options: Record<string, string | true>) =>
      serve(serveFlags(options), { watch: options["watch"] === true })
    );

  addInitCommand(program);

  program.command("check")
    .description("check the configuration and show what it comes to; exit code 0, or 2 for a wrong one")
    .option("--config <file>", "configuration file (CONFIG_PATH; default config.toml where it exists)")
    .option("--online", "ask each backend for its models, through its proxy; exit code 1 if one fails")
    .option("--schema", "print the JSON Schema of configuration files, for editors")
    .option("--permissions", "print the command line that serves it from source with the fewest rights")
    .option("--watch", "with --permissions: for serve --watch")
    .action(async ({ config, online, schema, permissions, watch }: CheckOptions) => {
      if (permissions === true) {
        const { printPermissions } = await import("./permissions.ts");
        return await printPermissions({ watch: watch === true }, configFlag(config));
      }
      const { check, printSchema } = await import("./check.ts");
      if (schema === true) return printSchema();
      await check({ online: online === true }, configFlag(config));
    });

  program.command("doctor")
    .description(
      "look at all that the proxy depends on, and say what to do; exit code 1 if there is a problem",
    )
    .option("--online", "ask each provider for its models too, and try outbound proxies")
    .option(
      "--url <url>",
      "the address that clients use: look whether what is in front of the proxy holds streams back",
    )
    .option("--json", "print JSON")
    .option("--config <file>", "configuration file (CONFIG_PATH; default config.toml where it exists)")
    .action(async ({ config, ...options }: DoctorOptions & { config?: string }) => {
      const { doctor } = await import("./doctor/doctor.ts");
      await doctor(options, configFlag(config));
    });

  program.command("connect")
    .argument(
      "<client>",
      "claude-code, codex, gemini-cli, opencode, qwen-code, cline, continue, openai-sdk, …",
    )
    .description(
      "print the settings under which a client uses this proxy; --url does without a configuration",
    )
    .option("--token <token>", "put this token in, instead of a placeholder (LLM_PROXY_TOKEN)")
    .option("--url <url>", "this proxy's address for clients, if not the one of this machine on its network")
    .option("--endpoint <name>", "the endpoint to use, if not the first that speaks the client's dialect")
    .option("--ca <file>", "the file on the client's machine that holds the proxy's authority, for https")
    .option("--passthrough", "without a configuration: the endpoint passes the client's own key on")
    .option("--config <file>", "configuration file (CONFIG_PATH; default config.toml where it exists)")
    .action(async (client: string, { config, ...options }: ConnectOptions & { config?: string }) => {
      const { connect } = await import("./connect.ts");
      await connect(client, options, configFlag(config));
    });

  program.command("service")
    .addArgument(new Argument("<action>").choices(["install", "uninstall", "status", "print"]))
    .description(
      "run from the start of the machine, with the present configuration; by systemd, launchd or NSSM",
    )
    .addOption(
      new Option("--platform <name>", "if not this machine's").choices(["systemd", "launchd", "windows"]),
    )
    .option("--config <file>", "configuration file (CONFIG_PATH; default config.toml where it exists)")
    .action(async (
      action: ServiceAction,
      { config, ...options }: { config?: string; platform?: Platform },
    ) => {
      const { service } = await import("./service.ts");
      await service(action, options, configFlag(config));
    });

  addTlsCommands(program);
  addManageCommands(program);

  program.command("demo")
    .description("serve in front of a built-in upstream, to try it without keys")
    .option("--port <port>", "port to listen on (default PORT, else 33000, else any free one)", parsePort)
    .action(({ port }: { port?: number }) => demo({ port }));

  program.command("healthcheck")
    .description("ask the running proxy whether it is well; exit code 0 or 1")
    .option(
      "--url <url>",
      "where it is, if not where HOST and PORT say; HTTPS_PORT and ADMIN_PORT answer as well",
    )
    .action(({ url }: { url?: string }) => healthcheck({ url }));

  const version = `llm-proxy ${VERSION} (deno ${Deno.version.deno}, ${Deno.build.target})`;
  program.version(version, "-V, --version", "print the version, Deno's version and the target");
  program.command("version")
    .description("print the version, Deno's version and the target")
    .action(() => writeOut(`${version}\n`));
  return program;
}

function addInitCommand(program: Command): void {
  program.command("init")
    .description("write a configuration: asks at a terminal, or takes flags; never overwrites a file")
    .option(
      "--provider <name>",
      "openai, anthropic, ollama, …; may be repeated. With it nothing is asked",
      collect,
    )
    .option(
      "--key-file <file>",
      "a file with the key, or - for standard input; with several providers PROVIDER=FILE, repeated. Without it " +
        "OPENAI_API_KEY and the like are taken from the environment",
      collect,
    )
    .option(
      "--base-url <url>",
      "the provider's address, if not the usual one; or PROVIDER=URL, repeated",
      collect,
    )
    .option("--tokens", "managed tokens, in place of one token for all: a database, limits and an admin page")
    .option("--https", "make a certificate as `tls init` does, and serve HTTPS beside HTTP")
    .option("--name <name>", "a further name or address for the certificate; may be repeated", collect)
    .option("--port <port>", "the port to listen on (default 33000)")
    .option("--folder <folder>", "where to write (default: this one)")
    .option("--online", "ask each provider for its models first, and write nothing if one fails")
    .action(async (options: InitOptions) => await (await import("./init/init.ts")).init(options));
}

function collect(value: string, values: readonly string[] = []): string[] {
  return [...values, value];
}

function addTlsCommands(program: Command): void {
  const tls = program.command("tls").description("a certificate for this machine, and an authority to trust");
  const command = (name: string, description: string) =>
    tls.command(name).description(description)
      .option("--folder <folder>", "where the files are", "data/tls")
      .option("--name <name>", "a further name or address; may be repeated", collect, []);
  command("init", "make an authority and a certificate, and say how clients come to trust it")
    .action(async (options: TlsOptions) => await (await import("./tls.ts")).tlsInit(options));
  command("renew", "make a new certificate by the same authority; a running proxy takes it by itself")
    .option("--authority", "make the authority's own certificate again too, by the same key")
    .action(async (options: TlsOptions & { authority?: true }) =>
      await (await import("./tls.ts")).tlsRenew(options)
    );
}

function configFlag(path: string | undefined): Flags {
  return path === undefined ? {} : { CONFIG_PATH: { value: path, origin: "--config" } };
}

function serveFlags(options: Record<string, string | true>): Flags {
  const flags: { -readonly [Name in keyof Flags]: Flags[Name] } = {};
  for (const [usage, , name] of SERVE_OPTIONS) {
    const flag = usage.split(" ")[0] ?? usage;
    const value = options[flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof value === "string") flags[name] = { value, origin: flag };
  }
  if (options["accessLog"] === true) flags.ACCESS_LOG = { value: "1", origin: "--access-log" };
  return flags;
}

function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new InvalidArgumentError("Not a port (0 to 65535).");
  }
  return Number(text);
}
