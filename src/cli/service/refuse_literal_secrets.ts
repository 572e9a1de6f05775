import type { LoadedConfig } from "../../config/load.ts";
import { pathText } from "../../config/problem.ts";
import { CommandError } from "../command_error.ts";

/**
 * Throws a {@link CommandError} if the configuration file contains secrets, because more people could read
 * its copy.
 */
export function refuseLiteralSecrets({ path, literalSecrets }: LoadedConfig, advice: string): void {
  if (literalSecrets.length === 0) return;
  const places = literalSecrets.map(pathText).join(", ");
  throw new CommandError(`${path} contains secrets (${places}), ${advice}`, 2);
}
