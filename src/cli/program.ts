/** The command line: which commands there are, and how they end. */

import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { LOG_FORMATS, LOG_LEVELS } from "../config/values/defaults.ts";
import type { VariableName } from "../config/sources/variables.ts";
import type { Flags } from "../config/read/resolver.ts";
import type { Platform } from "../service/service.ts";
import { VERSION } from "../release.ts";
import { closestName } from "../config/values/suggest.ts";
import { CommandError } from "./command_error.ts";
import type { ConnectOptions } from "./connect.ts";
import { demo } from "./demo.ts";
import type { DoctorOptions } from "./doctor/doctor.ts";
import type { InitOptions } from "./init/from_flags.ts";
import { healthcheck } from "./healthcheck.ts";
import { CLIENT_NAMES } from "../connect/clients.ts";
import { hasColours } from "./colours.ts";
import { CONFIG_OPTION, FOLDER_OPTION, ONLINE_OPTION, suggesting } from "./common_options.ts";
import { type Shell, SHELLS } from "./completion/shells.ts";
import { describe } from "./description.ts";
import { addHelpNotes, wordsOf } from "./help_notes.ts";
import { addManageCommands, RUNNING_URL } from "./manage/program.ts";
import { addPricesCommands } from "./prices/program.ts";
import { writeAnswer, writeNote, writeOut } from "./output.ts";
import { serve } from "./serve.ts";
import type { ServiceAction } from "./service.ts";
import type { TlsOptions } from "./tls.ts";
import { usageErrorText } from "./usage_error.ts";

/** Runs what the arguments ask for. Throws a {@link CommandError} for wrong usage. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const program = buildProgram();
  checkCommand(program, args[0]);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(program, args, error);
  }
}

/** What is wrong with the arguments, in the words of all other failures. */
function usageError(
  program: Command,
  args: readonly string[],
  { code, message }: CommanderError,
): CommandError {
  const command = commandOf(program, args);
  const line = `llm-proxy ${wordsOf(command)}`.trim();
  if (code === "commander.help") {
    // The help has been shown.
    return new CommandError(`${line} needs a command: ${names(command).join(", ")}`, 2);
  }
  const text = usageErrorText(message).trim().replace(/^error: /, "").replace(
    /\n\(Did you mean (?:one of )?(.*?)\??\)$/s,
    "; did you mean $1?",
  );
  return new CommandError(`${text}\n${line} --help shows what there is.`, 2);
}

/** The command that arguments name, as far as they do. */
function commandOf(program: Command, args: readonly string[]): Command {
  const next = program.commands.find((command) => command.name() === args[0]);
  return next === undefined ? program : commandOf(next, args.slice(1));
}

function names(command: Command): string[] {
  return command.commands.map((one) => one.name());
}

/** The parser would take an unknown command for an argument of `serve`. */
function checkCommand(program: Command, name: string | undefined): void {
  const known = program.commands.map((command) => command.name());
  if (name === undefined || name.startsWith("-") || known.includes(name)) return;
  const near = closestName(name, known);
  const hint = near === undefined ? `the commands are ${known.join(", ")}` : `did you mean ${near}?`;
  throw new CommandError(`There is no command ${JSON.stringify(name)}; ${hint}`, 2);
}

interface CheckOptions {
  readonly config?: string;
  readonly online?: true;
  readonly schema?: true;
  readonly permissions?: true;
  readonly watch?: true;
  readonly changed?: true;
  readonly url?: string;
}

/** The options of `serve`, by the variable that each one stands for. */
const SERVE_OPTIONS = [
  [...CONFIG_OPTION, "CONFIG_PATH", []],
  ["--host <address>", "address to listen on (HOST; default 0.0.0.0)", "HOST", []],
  ["--port <port>", "port to listen on (PORT; default 33000)", "PORT", []],
  ["--log-level <level>", "least severe level of the log (LOG_LEVEL; default info)", "LOG_LEVEL", LOG_LEVELS],
  [
    "--log-format <format>",
    "for people or for programs (LOG_FORMAT; default pretty)",
    "LOG_FORMAT",
    LOG_FORMATS,
  ],
] as const satisfies readonly (readonly [string, string, VariableName, readonly string[]])[];

/** The command line with all its commands. */
export function buildProgram(): Command {
  const program = new Command("llm-proxy")
    .description("A transparent LLM API proxy: clients hold one token, the providers' keys stay here.")
    .exitOverride()
    .configureHelp({ styleTitle: (title) => `\x1b[1m${title}\x1b[22m` })
    .configureOutput({
      writeOut,
      // Help that stands in for a missing command; failures are written where all are.
      writeErr: writeNote,
      outputError: () => {},
      getOutHasColors: () => hasColours("out"),
      getErrHasColors: () => hasColours("err"),
    });

  const serving = program.command("serve", { isDefault: true })
    .description("serve until told to end; the configuration comes from the environment and from .env");
  for (const [flags, description, , values] of SERVE_OPTIONS) {
    const option = new Option(flags, description);
    serving.addOption(values.length > 0 ? suggesting(option, values) : option);
  }
  serving.option("--access-log", "log one line per exchange (ACCESS_LOG=1)")
    .option("--watch", "read the configuration file again when it changes (SIGHUP does so too)")
    .action((options: Record<string, string | true>) =>
      serve(serveFlags(options), { watch: options["watch"] === true })
    );

  addInitCommand(program);

  program.command("check")
    .description("check the configuration and show what it comes to; exit code 0, or 2 for a wrong one")
    .option(...CONFIG_OPTION)
    .option(...ONLINE_OPTION)
    .option("--schema", "print the JSON Schema of configuration files, for editors")
    .option("--permissions", "print the command line that serves it from source with the fewest rights")
    .option("--watch", "with --permissions: for serve --watch")
    .option("--changed", "show what a reload would change in the running proxy (needs MANAGEMENT_TOKEN)")
    .option("--url <url>", `with --changed: ${RUNNING_URL}`)
    .action(async ({ config, online, schema, permissions, watch, changed, url }: CheckOptions) => {
      if (changed === true) return await (await import("./check_changed.ts")).checkChanged({ config, url });
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
    .option(...ONLINE_OPTION)
    .option(
      "--url <url>",
      "the address that clients use: look whether what is in front of the proxy holds streams back",
    )
    .option(...CONFIG_OPTION)
    .action(async ({ config, ...options }: DoctorOptions & { config?: string }) => {
      const { doctor } = await import("./doctor/doctor.ts");
      await doctor(options, configFlag(config));
    });

  program.command("connect")
    .addArgument(clientArgument())
    .description(
      "print the settings under which a client uses this proxy; --url does without a configuration",
    )
    .option("--token <token>", "put this token in, instead of a placeholder (LLM_PROXY_TOKEN)")
    .option("--url <url>", "address of the proxy for clients; default: this machine's on its network")
    .option("--endpoint <name>", "the endpoint to use, if not the first that speaks the client's dialect")
    .option("--ca <file>", "the file on the client's machine that holds the proxy's authority, for https")
    .option("--passthrough", "without a configuration: the endpoint passes the client's own key on")
    .option(...CONFIG_OPTION)
    .action(async (client: string, { config, ...options }: ConnectOptions & { config?: string }) => {
      const { connect } = await import("./connect.ts");
      await connect(client, options, configFlag(config));
    });

  program.command("service")
    .addArgument(
      new Argument("<action>", "what to do with the service").choices([
        "install",
        "uninstall",
        "status",
        "print",
      ]),
    )
    .description(
      "run from the start of the machine, with the present configuration; by systemd, launchd or NSSM",
    )
    .addOption(
      new Option("--platform <name>", "if not this machine's").choices(["systemd", "launchd", "windows"]),
    )
    .option(...CONFIG_OPTION)
    .action(async (
      action: ServiceAction,
      { config, ...options }: { config?: string; platform?: Platform },
    ) => {
      const { service } = await import("./service.ts");
      await service(action, options, configFlag(config));
    });

  addTlsCommands(program);
  addManageCommands(program);
  addPricesCommands(program);

  program.command("demo")
    .description("serve in front of a built-in upstream, to try it without keys")
    .option("--port <port>", "port to listen on (default PORT, else 33000, else any free one)", parsePort)
    .action(({ port }: { port?: number }) => demo({ port }));

  program.command("healthcheck")
    .description("ask the running proxy whether it is well; exit code 0 or 1")
    .option(
      "--url <url>",
      "address of the running proxy; default: by HOST and PORT. HTTPS_PORT and ADMIN_PORT answer as well",
    )
    .action(({ url }: { url?: string }) => healthcheck({ url }));

  program.helpCommand(false);
  program.command("help").argument("[topic...]", "a page like limits, or a command like token create")
    .description("print a page of the manual, or the help of a command; alone: which there are")
    .action(async (words: string[]) => await (await import("./help.ts")).help(program, words));

  const version = `llm-proxy ${VERSION} (deno ${Deno.version.deno}, ${Deno.build.target})`;
  program.version(version, "-V, --version", "print the version, Deno's version and the target");
  program.command("version")
    .description("print the version, Deno's version and the target")
    .action(() =>
      writeAnswer(
        { version: VERSION, deno: Deno.version.deno, target: Deno.build.target },
        () => `${version}\n`,
      )
    );

  program.command("completion")
    .addArgument(new Argument("<shell>", "the shell that runs the script").choices(SHELLS))
    .description("print a script by which a shell completes commands, options and their values")
    .action(async (shell: Shell) => {
      const { completionScript } = await import("./completion/completion.ts");
      writeOut(completionScript(shell, describe(program)));
    });
  addHelpNotes(program);
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
    .option(...FOLDER_OPTION)
    .option(...ONLINE_OPTION)
    .action(async (options: InitOptions) => await (await import("./init/init.ts")).init(options));
}

/** Checked by `connect` itself, which knows a nearer name for a wrong one. */
function clientArgument(): Argument {
  const argument = new Argument("<client>", "the client to connect");
  argument.argChoices = [...CLIENT_NAMES];
  return argument;
}

function collect(value: string, values: readonly string[] = []): string[] {
  return [...values, value];
}

function addTlsCommands(program: Command): void {
  const tls = program.command("tls").description("a certificate for this machine, and an authority to trust");
  const command = (name: string, description: string) =>
    tls.command(name).description(description)
      .option(...FOLDER_OPTION, "data/tls");
  const more = ["--name <name>", "a further name or address; can be repeated"] as const;
  command("init", "make an authority and a certificate, and say how clients come to trust it")
    .option(...more, collect, [])
    .action(async (options: TlsOptions) => await (await import("./tls.ts")).tlsInit(options));
  command("renew", "make a new certificate by the same authority; a running proxy takes it by itself")
    .option(...more, collect, [])
    .option("--authority", "make the authority's own certificate again too, by the same key")
    .action(async (options: TlsOptions & { authority?: true }) =>
      await (await import("./tls.ts")).tlsRenew(options)
    );
  command("show", "show for which names the certificate is, and until when")
    .action(async (options: { folder: string }) => (await import("./tls.ts")).tlsShow(options));
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
