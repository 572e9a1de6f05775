/** The command line with all its commands. */

import { Argument, Command, InvalidArgumentError } from "commander";
import { TOKEN_VARIABLE } from "../connect/client.ts";
import { CLIENT_NAMES } from "../connect/clients.ts";
import { VERSION } from "../release.ts";
import { hasColours } from "./colours.ts";
import { CONFIG_OPTION, configFlags, ONLINE_OPTION } from "./common_options.ts";
import { type Shell, SHELLS } from "./completion/shells.ts";
import type { ConnectOptions } from "./connect.ts";
import { describe } from "./description.ts";
import type { DoctorOptions } from "./doctor/doctor.ts";
import { addHelpNotes } from "./help_notes.ts";
import { addImportCommand } from "./import/program.ts";
import { addInitCommand } from "./init/program.ts";
import { addLoginCommands } from "./login/program.ts";
import { addManageCommands, RUNNING_URL } from "./manage/program.ts";
import { writeNote, writeOut, writeResult } from "./output.ts";
import { addPricesCommands } from "./prices/program.ts";
import { addRunCommand } from "./run_client/program.ts";
import { addServeCommand } from "./serve_command.ts";
import { addServiceCommand } from "./service/program.ts";
import { addTlsCommands } from "./tls/program.ts";

/**
 * Builds the parser. Most commands load their modules only when they run, so that each command starts fast.
 */
export function buildProgram(): Command {
  const program = new Command("llm-proxy")
    .description(
      "A transparent LLM API proxy. Clients hold one token; the keys of the providers stay on the proxy.",
    )
    .exitOverride()
    .helpOption("-h, --help", "print this help")
    .configureHelp({ styleTitle: (title) => `\x1b[1m${title}\x1b[22m` })
    .configureOutput({
      writeOut,
      // The parser would print the help here if a subcommand is missing. `run` prints the errors.
      writeErr: writeNote,
      outputError: () => {},
      getOutHasColors: () => hasColours("out"),
      getErrHasColors: () => hasColours("err"),
    });
  addServeCommand(program);
  addInitCommand(program);
  addImportCommand(program);
  addCheckCommand(program);
  addDoctorCommand(program);
  addConnectCommand(program);
  addRunCommand(program);
  addServiceCommand(program);
  addTlsCommands(program);
  addLoginCommands(program);
  addManageCommands(program);
  addPricesCommands(program);

  program.command("demo")
    .description("run the proxy with a fake provider inside the program, to try it without keys")
    .option("--port <port>", "port to listen on (default PORT, else 33000, else any free port)", parsePort)
    .action(async ({ port }: { port?: number }) => await (await import("./demo/demo.ts")).demo({ port }));

  program.command("healthcheck")
    .description("check whether the running proxy answers; exit code 0 or 1")
    .option(
      "--url <url>",
      "address of the running proxy, at PORT, HTTPS_PORT or ADMIN_PORT (default: by HOST and PORT)",
    )
    .action(async ({ url }: { url?: string }) =>
      await (await import("./healthcheck.ts")).healthcheck({ url })
    );

  addShellCommands(program);
  addHelpNotes(program);
  return program;
}

interface CheckOptions {
  readonly config?: string;
  readonly online?: true;
  readonly schema?: true;
  readonly permissions?: true;
  readonly watch?: true;
  readonly changed?: true;
  readonly url?: string;
  readonly route?: string;
  readonly path?: string;
}

function addCheckCommand(program: Command): void {
  program.command("check")
    .description(
      "check the configuration and print every setting; exit code 2 if the configuration is invalid",
    )
    .option(...CONFIG_OPTION)
    .option(...ONLINE_OPTION)
    .option("--schema", "print the JSON Schema of configuration files, for editors")
    .option("--permissions", "print the command that runs the proxy from source with the fewest permissions")
    .option("--watch", "with --permissions: also what serve --watch needs")
    .option("--changed", "print what a reload would change in the running proxy (needs the management plane)")
    .option("--url <url>", `with --changed: ${RUNNING_URL}`)
    .option(
      "--route <model>",
      "print which endpoint gets a request for a model without the name of an endpoint",
    )
    .option("--path <path>", "with --route: the path of the request (default /v1/chat/completions)")
    .action(async ({ config, online, schema, permissions, watch, changed, url, ...others }: CheckOptions) => {
      if (changed === true) return await (await import("./check_changed.ts")).checkChanged({ config, url });
      if (permissions === true) {
        const { printPermissions } = await import("./permissions.ts");
        return await printPermissions({ watch: watch === true }, configFlags(config));
      }
      if (others.route !== undefined) {
        const { checkRoute } = await import("./check_route.ts");
        const { route: model, path } = others;
        return await checkRoute({ model, path, online: online === true }, configFlags(config));
      }
      const { check, printSchema } = await import("./check.ts");
      if (schema === true) return printSchema();
      await check({ online: online === true }, configFlags(config));
    });
}

function addDoctorCommand(program: Command): void {
  program.command("doctor")
    .description("check everything that the proxy depends on, and suggest fixes; exit code 1 for a problem")
    .option(...ONLINE_OPTION)
    .option(
      "--url <url>",
      "the address that clients use: check whether a reverse proxy there buffers streams",
    )
    .option(...CONFIG_OPTION)
    .action(async ({ config, ...options }: DoctorOptions & { config?: string }) => {
      const { doctor } = await import("./doctor/doctor.ts");
      await doctor(options, configFlags(config));
    });
}

function addConnectCommand(program: Command): void {
  program.command("connect")
    .addArgument(clientArgument())
    .description("print the settings that connect a client to this proxy; on another machine, use --url")
    .option("--token <token>", `the token to print instead of a placeholder (${TOKEN_VARIABLE})`)
    .option("--url <url>", "address of the proxy for clients (default: the address of this machine)")
    .option("--endpoint <name>", "the endpoint (default: the first one that speaks the client's dialect)")
    .option("--ca <file>", "for https: the proxy's ca.pem on the machine of the client")
    .option("--passthrough", "without a configuration: the endpoint forwards the client's own key")
    .option(...CONFIG_OPTION)
    .action(async (client: string, { config, ...options }: ConnectOptions & { config?: string }) => {
      const { connect } = await import("./connect.ts");
      await connect(client, options, configFlags(config));
    });
}

/**
 * Returns the argument for the name of a client. The parser only suggests the names. `connect` checks them,
 * and suggests the nearest name for a wrong one.
 */
function clientArgument(): Argument {
  const argument = new Argument("<client>", "the client to connect");
  argument.argChoices = [...CLIENT_NAMES];
  return argument;
}

function addShellCommands(program: Command): void {
  program.helpCommand(false);
  program.command("help").argument("[topic...]", "a page like limits, or a command like token create")
    .description("print a page of the manual or the help of a command; without a topic, list both")
    .action(async (words: string[]) => await (await import("./help.ts")).help(program, words));

  const version = `llm-proxy ${VERSION} (deno ${Deno.version.deno}, ${Deno.build.target})`;
  program.version(
    version,
    "-V, --version",
    "print the version of the program and of Deno, and the platform it was built for",
  );
  program.command("version")
    .description("print the version of the program and of Deno, and the platform it was built for")
    .action(() =>
      writeResult(
        { version: VERSION, deno: Deno.version.deno, target: Deno.build.target },
        () => `${version}\n`,
      )
    );

  program.command("completion")
    .addArgument(new Argument("<shell>", "the shell that runs the script").choices(SHELLS))
    .description("print a script that makes a shell complete commands, options and values")
    .action(async (shell: Shell) => {
      const { completionScript } = await import("./completion/completion.ts");
      writeOut(completionScript(shell, describe(program)));
    });
}

function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new InvalidArgumentError("Not a port (0 to 65535).");
  }
  return Number(text);
}
