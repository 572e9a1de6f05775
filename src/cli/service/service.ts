/** `llm-proxy service …`: the files of a system service, and its status. */

import { REPOSITORY } from "../../release.ts";
import { loadConfig } from "../../config/load.ts";
import type { Flags } from "../../config/read/resolver.ts";
import { processSources } from "../../config/sources/env.ts";
import { launchdService } from "../../service/launchd.ts";
import { CONTAINER_PLATFORMS, type ContainerPlatform } from "../../service/container_facts.ts";
import { isQuotable, type Platform, type ServiceFacts, type ServicePlan } from "../../service/service.ts";
import { systemdService } from "../../service/systemd.ts";
import { windowsService } from "../../service/windows.ts";
import { CommandError } from "../command_error.ts";
import { installService, printService, uninstallService } from "./files.ts";
import type { ContainerOptions } from "./container.ts";
import { refuseLiteralSecrets } from "./refuse_literal_secrets.ts";
import { printStatus } from "./status.ts";

/** The argument of `llm-proxy service`. */
export type ServiceAction = "install" | "uninstall" | "status" | "print";

const PLANS: Record<Platform, (facts: ServiceFacts) => ServicePlan> = {
  systemd: systemdService,
  launchd: launchdService,
  windows: windowsService,
};

/** Facts for plans whose texts are not used, but only their paths. */
const NO_FACTS: ServiceFacts = {
  program: "llm-proxy",
  variables: new Map(),
  config: undefined,
  user: "",
};

/**
 * Prints, writes or removes the files of a service, or prints its status. The program may not start other
 * programs, so it prints the commands that the user has to run next.
 */
export async function service(
  action: ServiceAction,
  { platform = ownPlatform(), ...options }: { platform?: Platform | ContainerPlatform } & ContainerOptions,
  flags: Flags,
): Promise<void> {
  if (isForContainers(platform)) {
    if (action !== "print") {
      throw new CommandError(`--platform ${platform} works only with \`service print\`.`, 2);
    }
    const { printContainers } = await import("./container.ts");
    return await printContainers(platform, { options, flags });
  }
  if (options.replicas !== undefined || options.image !== undefined) {
    throw new CommandError("--replicas and --image work only with --platform kubernetes or compose.", 2);
  }
  switch (action) {
    case "print":
      return printService(PLANS[platform](await readFacts(flags, platform)));
    case "install":
      return installService(PLANS[platform](await readFacts(flags, platform)));
    case "uninstall":
      return uninstallService(PLANS[platform](NO_FACTS));
    case "status":
      return await printStatus(PLANS[platform](NO_FACTS));
    default:
      action satisfies never;
  }
}

function isForContainers(platform: Platform | ContainerPlatform): platform is ContainerPlatform {
  return CONTAINER_PLATFORMS.some((one) => one === platform);
}

function ownPlatform(): Platform {
  if (Deno.build.os === "windows") return "windows";
  return Deno.build.os === "darwin" ? "launchd" : "systemd";
}

/** Reads the current configuration, of which the service gets a copy. */
async function readFacts(flags: Flags, platform: Platform): Promise<ServiceFacts> {
  const loaded = await loadConfig(processSources, flags);
  refuseLiteralSecrets(
    loaded,
    "and every user can read the configuration file of a service.\n" +
      'Write "${NAME}" there and put NAME=… into .env. Only the owner of the service can read the copy of .env.',
  );
  const { path, variables } = loaded;
  const name = /\.json$/i.test(path ?? "") ? "config.json" : "config.toml";
  const config = path === undefined ? undefined : { name, text: Deno.readTextFileSync(path) };
  // `CONFIG_PATH` is left out, because the path of the configuration file depends on the platform.
  const kept = new Map([...variables].filter(([variable]) => variable !== "CONFIG_PATH"));
  const unwritable = [...kept].filter(([, value]) => !isQuotable(value)).map(([variable]) => variable);
  if (unwritable.length > 0) {
    throw new CommandError(
      `${unwritable.join(", ")}: an environment file cannot hold a value with both kinds of quotes.`,
    );
  }
  return {
    // If the program runs from source, `deno task compile` has to make the binary first.
    program: Deno.build.standalone
      ? Deno.execPath()
      : `dist/llm-proxy${platform === "windows" ? ".exe" : ""}`,
    variables: kept,
    config,
    user: processSources.get("SUDO_USER") ?? processSources.get("USER") ?? "daemon",
    repository: REPOSITORY,
  };
}
