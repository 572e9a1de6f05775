import { fillTemplate } from "./template.ts";
import template from "./install.ps1" with { type: "text" };
import { environmentFile, type ServiceFacts, type ServicePlan } from "./service.ts";

const FOLDER = "C:\\ProgramData\\llm-proxy";
const PROGRAM = "C:\\Program Files\\llm-proxy\\llm-proxy.exe";
const SCRIPT = `${FOLDER}\\install.ps1`;

/**
 * A Windows service by NSSM (https://nssm.cc) with the account LocalService. The program reads its keys from
 * `.env` in its working directory, which only the service and administrators can read.
 */
export function windowsService({ program, variables, config }: ServiceFacts): ServicePlan {
  const all = new Map([
    ...variables,
    ...(config === undefined ? [] : [["CONFIG_PATH", config.name] as const]),
  ]);
  return {
    files: [
      { path: SCRIPT, text: scriptText(program), mode: 0o644 },
      environmentFile(`${FOLDER}\\.env`, all),
      ...(config === undefined
        ? []
        : [{ path: `${FOLDER}\\${config.name}`, text: config.text, mode: 0o644 }]),
    ],
    installCommands: [
      `powershell -ExecutionPolicy Bypass -File "${SCRIPT}"   # as administrator; needs nssm.exe`,
    ],
    uninstallCommands: ["nssm stop llm-proxy", "nssm remove llm-proxy confirm"],
    removed: [SCRIPT],
  };
}

function scriptText(program: string): string {
  return fillTemplate(template, {
    SOURCE: quoted(program),
    PROGRAM: quoted(PROGRAM),
    FOLDER: quoted(FOLDER),
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
