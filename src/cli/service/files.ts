/** Prints, writes and removes the files of a service. */

import type { ServiceFile, ServicePlan } from "../../service/service.ts";
import { CommandError } from "../command_error.ts";
import { exists, isAccessDenied } from "../files.ts";
import { writeResult, writeText } from "../output.ts";
import { namedFiles } from "./named_files.ts";

/** Prints the files and the commands of an installation. It leaves out secrets. */
export function printService(plan: ServicePlan): void {
  writeResult(
    {
      files: plan.files.map(({ path, mode, text, shown = text }) => ({
        path,
        mode: modeText(mode),
        text: shown,
      })),
      commands: plan.installCommands,
    },
    () => planText(plan),
  );
}

/**
 * Writes the files, and prints the commands to run next. Throws a {@link CommandError} if a folder is not
 * writable.
 */
export function installService(plan: ServicePlan): void {
  const written: string[] = [];
  for (const file of plan.files) {
    const { path } = file;
    try {
      writePrivately(path, file);
    } catch (error) {
      if (!isAccessDenied(error)) throw error;
      if (written.length === 0) writeText(`${planText(plan)}\n`);
      const soFar = written.length === 0 ? "" : ` (already written: ${written.join(", ")})`;
      throw new CommandError(`Cannot write ${path}: permission denied${soFar}. Run the command with sudo.`);
    }
    written.push(path);
  }
  const named = plan.files.flatMap(({ text, shown }) => shown !== undefined ? [] : namedFiles(text));
  writeResult(
    { written, named_files: named, commands: plan.installCommands },
    () =>
      (named.length === 0
        ? ""
        : "The configuration names other files. Copy them to the folder of the service's configuration: " +
          `${named.join(", ")}\n`) +
      `Written:\n${written.map((path) => `  ${path}\n`).join("")}${
        commandsText("Now run", plan.installCommands)
      }`,
  );
}

/** Removes the service, but keeps keys and settings. Prints the commands to run next. */
export function uninstallService({ files, removed, uninstallCommands }: ServicePlan): void {
  const gone: string[] = [];
  for (const path of removed) {
    try {
      Deno.removeSync(path);
      gone.push(path);
    } catch (error) {
      if (isAccessDenied(error)) {
        throw new CommandError(`Cannot remove ${path}: permission denied. Run the command with sudo.`);
      }
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const kept = files.map(({ path }) => path).filter((path) => !removed.includes(path) && exists(path));
  const commands = gone.length === 0 ? [] : uninstallCommands;
  writeResult(
    { removed: gone, kept, commands },
    () =>
      (kept.length === 0 ? "" : `Kept, with your keys and settings: ${kept.join(", ")}\n`) +
      (gone.length === 0
        ? "No service was installed.\n"
        : `Removed: ${gone.join(", ")}\n${commandsText("Now run", commands)}`),
  );
}

function planText({ files, installCommands }: ServicePlan): string {
  return files.map(fileText).join("\n") + commandsText("Then run", installCommands);
}

function fileText({ path, text, mode, shown = text }: ServiceFile): string {
  return `# ${path} (mode ${modeText(mode)})\n${shown}`;
}

function modeText(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function commandsText(title: string, commands: readonly string[]): string {
  return `\n${title}:\n${commands.map((command) => `  ${command}\n`).join("")}`;
}

/**
 * Writes a file that has its mode from the first byte. It removes an old file first, because the mode of the
 * old file may allow more.
 */
function writePrivately(path: string, { text, mode }: ServiceFile): void {
  const folder = path.replace(/[/\\][^/\\]*$/, "");
  // The folder may exist although this user could not create it. The user only needs the right to write the
  // file.
  if (!exists(folder)) Deno.mkdirSync(folder, { recursive: true });
  if (exists(path)) Deno.removeSync(path);
  Deno.writeTextFileSync(path, text, { mode, createNew: true });
  if (Deno.build.os !== "windows") Deno.chmodSync(path, mode);
}
