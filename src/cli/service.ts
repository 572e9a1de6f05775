import { processSources } from "../config/sources/env.ts";
import { loadAddress, loadConfig } from "../config/load.ts";
import { pathText } from "../config/problem.ts";
import type { Flags } from "../config/read/resolver.ts";
import { REPOSITORY } from "../release.ts";
import { launchdService } from "../service/launchd.ts";
import {
  isQuotable,
  type Platform,
  type ServiceFacts,
  type ServiceFile,
  type ServicePlan,
} from "../service/service.ts";
import { systemdService } from "../service/systemd.ts";
import { windowsService } from "../service/windows.ts";
import { CommandError } from "./command_error.ts";
import { askHealth } from "./healthcheck.ts";
import { writeAnswer, writeText } from "./output.ts";

/** What can be done with a service. */
export type ServiceAction = "install" | "uninstall" | "status" | "print";

const PLANS: Record<Platform, (facts: ServiceFacts) => ServicePlan> = {
  systemd: systemdService,
  launchd: launchdService,
  windows: windowsService,
};

/** The platform of this machine. */
function ownPlatform(): Platform {
  if (Deno.build.os === "windows") return "windows";
  return Deno.build.os === "darwin" ? "launchd" : "systemd";
}

/**
 * `llm-proxy service …`: the program may not start others, so it writes the files and names the commands. `root` is
 * put before every path, for packagers.
 */
export async function service(
  action: ServiceAction,
  { platform = ownPlatform() }: { platform?: Platform },
  flags: Flags,
): Promise<void> {
  switch (action) {
    case "print":
      return printPlan(PLANS[platform](await readFacts(flags, platform)));
    case "install":
      return install(PLANS[platform](await readFacts(flags, platform)));
    case "uninstall":
      return uninstall(PLANS[platform](NO_FACTS));
    case "status":
      return await status(PLANS[platform](NO_FACTS));
    default:
      action satisfies never;
  }
}

/** Enough for the paths of a service. */
const NO_FACTS: ServiceFacts = {
  program: "llm-proxy",
  variables: new Map(),
  config: undefined,
  user: "nobody",
};

/** Reads the present configuration, which the service is to have. */
async function readFacts(flags: Flags, platform: Platform): Promise<ServiceFacts> {
  const { path, variables, literalSecrets } = await loadConfig(processSources, flags);
  if (literalSecrets.length > 0) {
    const places = literalSecrets.map(pathText).join(", ");
    throw new CommandError(
      `${path} holds secrets itself (${places}), and a service's configuration is readable by all.\n` +
        'Write "${NAME}" there and put NAME=… into .env: it goes to a file that only its owner reads.',
      2,
    );
  }
  const name = /\.json$/i.test(path ?? "") ? "config.json" : "config.toml";
  const config = path === undefined ? undefined : { name, text: Deno.readTextFileSync(path) };
  // Each platform has a place of its own for the file.
  const kept = new Map([...variables].filter(([variable]) => variable !== "CONFIG_PATH"));
  const unwritable = [...kept].filter(([, value]) => !isQuotable(value)).map(([variable]) => variable);
  if (unwritable.length > 0) {
    throw new CommandError(
      `${unwritable.join(", ")}: a value with both kinds of quotes cannot be written to an environment file.`,
    );
  }
  return {
    // From source there is no program yet: `deno task compile` makes it.
    program: Deno.build.standalone
      ? Deno.execPath()
      : `dist/llm-proxy${platform === "windows" ? ".exe" : ""}`,
    variables: kept,
    config,
    user: processSources.get("SUDO_USER") ?? processSources.get("USER") ?? "nobody",
    repository: REPOSITORY,
  };
}

function printed({ path, text, mode, shown = text }: ServiceFile): string {
  return `# ${path} (mode ${mode.toString(8).padStart(4, "0")})\n${shown}`;
}

function printPlan(plan: ServicePlan): void {
  writeAnswer(
    {
      // As they are shown: keys are left out.
      files: plan.files.map(({ path, mode, text, shown = text }) => ({
        path,
        mode: mode.toString(8).padStart(4, "0"),
        text: shown,
      })),
      commands: plan.installCommands,
    },
    () => planText(plan),
  );
}

function install(plan: ServicePlan): void {
  const written: string[] = [];
  for (const file of plan.files) {
    const { path } = file;
    try {
      writePrivately(path, file);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (written.length === 0) writeText(`${planText(plan)}\n`);
      const soFar = written.length === 0 ? "" : ` (written so far: ${written.join(", ")})`;
      throw new CommandError(
        `Cannot write ${path}: not permitted${soFar}. Nothing else was done; run it with sudo.`,
      );
    }
    written.push(path);
  }
  const named = plan.files.flatMap(({ text, shown }) =>
    shown !== undefined ? [] : [...text.matchAll(NAMED_FILE)].map(([, name]) => name)
  );
  writeAnswer(
    { written, named_files: named, commands: plan.installCommands },
    () =>
      (named.length === 0
        ? ""
        : `The configuration names files, which the service must find beside it: ${named.join(", ")}\n`) +
      `Written:\n${written.map((path) => `  ${path}\n`).join("")}${
        commandsText("Now run", plan.installCommands)
      }`,
  );
}

function planText({ files, installCommands }: ServicePlan): string {
  return files.map(printed).join("\n") + commandsText("Then run", installCommands);
}

/** Files that a configuration file names. */
const NAMED_FILE = /^\s*(?:ca_file|tls_cert_file|tls_key_file)\s*=\s*"([^"]+)"/gm;

/** Writes a file that nobody else could read even for a moment, if its mode says so. */
function writePrivately(path: string, { text, mode }: ServiceFile): void {
  const folder = path.replace(/[/\\][^/\\]*$/, "");
  // Also where it may not be made, since only the file is to be written.
  if (!exists(folder)) Deno.mkdirSync(folder, { recursive: true });
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.writeTextFileSync(path, text, { mode, createNew: true });
  if (Deno.build.os !== "windows") Deno.chmodSync(path, mode);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function uninstall({ files, removed, uninstallCommands }: ServicePlan): void {
  const gone: string[] = [];
  for (const path of removed) {
    try {
      Deno.removeSync(path);
      gone.push(path);
    } catch (error) {
      if (isRefusal(error)) {
        throw new CommandError(`Cannot remove ${path}: not permitted. Run it with rights (sudo).`);
      }
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const kept = files.map(({ path }) => path).filter((path) => !removed.includes(path) && exists(path));
  const commands = gone.length === 0 ? [] : uninstallCommands;
  writeAnswer(
    { removed: gone, kept, commands },
    () =>
      (kept.length === 0 ? "" : `Kept, with your keys and settings: ${kept.join(", ")}\n`) +
      (gone.length === 0
        ? "No service was installed.\n"
        : `Removed: ${gone.join(", ")}\n${commandsText("Now run", commands)}`),
  );
}

function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}

async function status({ files }: ServicePlan): Promise<void> {
  const states = files.map(({ path, mode }) => ({ path, state: fileState(path, mode) }));
  const { host, port, tls } = await loadAddress(processSources);
  const url = `${tls ? "https" : "http"}://${host === "0.0.0.0" ? "127.0.0.1" : host}:${port}/healthz`;
  const problem = await healthProblem();
  const health = { url, ok: problem === undefined, detail: problem ?? "well" };
  writeAnswer(
    { files: states, health },
    () => states.map(({ path, state }) => `${path}: ${state}\n`).join("") + `${url}: ${health.detail}\n`,
  );
  if (!health.ok || states.some(({ state }) => state !== "present")) {
    throw new CommandError("The service is not as it should be.");
  }
}

/** Undefined: the proxy is well. */
async function healthProblem(): Promise<string | undefined> {
  try {
    await askHealth(undefined);
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
}

function fileState(path: string, mode: number): string {
  try {
    const { mode: actual } = Deno.statSync(path);
    const isOpen = actual !== null && mode === 0o600 && (actual & 0o077) !== 0;
    return isOpen ? `others may read it: chmod 600 ${path}` : "present";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    if (isRefusal(error)) return "present, or at least not to be seen";
    throw error;
  }
}

function commandsText(title: string, commands: readonly string[]): string {
  return `\n${title}:\n${commands.map((command) => `  ${command}\n`).join("")}`;
}
