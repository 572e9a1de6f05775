/** The command line: which commands there are, and how they end. */

import { Command, CommanderError, InvalidArgumentError } from "commander";
import type { VariableName } from "../config/env.ts";
import type { Flags } from "../config/resolver.ts";
import { VERSION } from "../version.ts";
import { demo } from "./demo.ts";
import { healthcheck } from "./healthcheck.ts";
import { writeErr, writeOut } from "./output.ts";
import { serve } from "./serve.ts";

/** Runs what the arguments ask for. Gives the exit code: 0 done, 2 wrong usage, which has been said. */
export async function runCommandLine(args: readonly string[]): Promise<0 | 2> {
  try {
    await buildProgram().parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
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
    .configureOutput({ writeOut, writeErr });

  const serving = program.command("serve", { isDefault: true })
    .description("serve until told to end; the configuration comes from the environment and from .env");
  for (const [flags, description] of SERVE_OPTIONS) serving.option(flags, description);
  serving.option("--access-log", "log one line per exchange (ACCESS_LOG=1)")
    .option("--watch", "read the configuration file again when it changes (SIGHUP does so too)")
    .action((options: Record<string, string | true>) =>
      serve(serveFlags(options), { watch: options["watch"] === true })
    );

  program.command("demo")
    .description("serve in front of a built-in upstream, to try it without keys")
    .option("--port <port>", "port to listen on (default 33000, or any free one)", parsePort)
    .action(({ port }: { port?: number }) => demo({ port }));

  program.command("healthcheck")
    .description("ask the running proxy whether it is well; exit code 0 or 1")
    .option("--url <url>", "where it is, if not where HOST and PORT say")
    .action(({ url }: { url?: string }) => healthcheck({ url }));

  program.command("version")
    .description("print the version, Deno's version and the target")
    .action(() => writeOut(`llm-proxy ${VERSION} (deno ${Deno.version.deno}, ${Deno.build.target})\n`));
  return program;
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
