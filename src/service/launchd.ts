import { shellWord } from "../text/shell_word.ts";
import { fillTemplate } from "./template.ts";
import template from "./llm-proxy.plist" with { type: "text" };
import { environmentFile, type ServiceFacts, type ServicePlan } from "./service.ts";

const LABEL = "llm-proxy";
const PLIST = `/Library/LaunchDaemons/${LABEL}.plist`;
const FOLDER = "/usr/local/etc/llm-proxy";
const PROGRAM = "/usr/local/bin/llm-proxy";
const LOG = "/usr/local/var/log/llm-proxy.log";

/**
 * A launchd daemon, which starts with the machine. The program reads its keys from `.env` in its working
 * directory, because launchd has no environment files and every user can read a plist.
 */
export function launchdService({ program, variables, config, user }: ServiceFacts): ServicePlan {
  const all = new Map([
    ...variables,
    ...(config === undefined ? [] : [["CONFIG_PATH", config.name] as const]),
  ]);
  const environment = `${FOLDER}/.env`;
  return {
    files: [
      { path: PLIST, text: plistText(user), mode: 0o644 },
      environmentFile(environment, all),
      ...(config === undefined ? [] : [{ path: `${FOLDER}/${config.name}`, text: config.text, mode: 0o644 }]),
    ],
    installCommands: [
      ...(program === PROGRAM ? [] : [`sudo install -m 755 ${shellWord(program)} ${PROGRAM}`]),
      `sudo chown ${user} ${environment}`,
      `sudo install -d -o ${user} /usr/local/var/log`,
      // The folder of the database.
      `sudo install -d -m 700 -o ${user} ${FOLDER}/data`,
      `sudo launchctl bootstrap system ${PLIST}`,
    ],
    uninstallCommands: [`sudo launchctl bootout system/${LABEL}`],
    removed: [PLIST],
  };
}

function plistText(user: string): string {
  return fillTemplate(template, { LABEL, PROGRAM, FOLDER, LOG, USER: escaped(user) });
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
