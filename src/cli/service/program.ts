/** The command line of `llm-proxy service`. */

import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { CONTAINER_PLATFORMS, type ContainerPlatform } from "../../service/container_facts.ts";
import type { Platform } from "../../service/service.ts";
import { CONFIG_OPTION, configFlags } from "../common_options.ts";
import type { ContainerOptions } from "./container.ts";
import type { ServiceAction } from "./service.ts";

/** The most processes for one configuration. A higher number is probably a typing error. */
const MAX_REPLICAS = 100;

/** Adds `llm-proxy service`. */
export function addServiceCommand(program: Command): void {
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
      "run the proxy as a service of systemd, launchd or NSSM, or print its files for Kubernetes or Docker Compose, " +
        "with the current configuration",
    )
    .addOption(
      new Option("--platform <name>", "default: the platform of this machine").choices([
        "systemd",
        "launchd",
        "windows",
        ...CONTAINER_PLATFORMS,
      ]),
    )
    .addOption(
      new Option(
        "--replicas <n>",
        "with kubernetes or compose: the number of processes; default: 2, or 1 with SQLite",
      )
        .argParser(replicasArgument),
    )
    .option("--image <name>", "with kubernetes or compose: the image; default: the image of this release")
    .option(...CONFIG_OPTION)
    .action(async (
      action: ServiceAction,
      { config, ...options }: { config?: string; platform?: Platform | ContainerPlatform } & ContainerOptions,
    ) => {
      const { service } = await import("./service.ts");
      await service(action, options, configFlags(config));
    });
}

function replicasArgument(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > MAX_REPLICAS) {
    throw new InvalidArgumentError(`Not a number of replicas (1 to ${MAX_REPLICAS}).`);
  }
  return count;
}
