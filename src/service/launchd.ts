import { shellWord } from "../text/shell_word.ts";
import { environmentFile, type ServiceFacts, type ServicePlan } from "./service.ts";

const LABEL = "llm-proxy";
const PLIST = `/Library/LaunchDaemons/${LABEL}.plist`;
const FOLDER = "/usr/local/etc/llm-proxy";
const PROGRAM = "/usr/local/bin/llm-proxy";
const LOG = "/usr/local/var/log/llm-proxy.log";

/**
 * A launchd daemon, which runs from the start of the machine. launchd has no file for keys and a plist is readable
 * by all: the program reads them from the `.env` of its working folder.
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
      // Where the management plane keeps its data.
      `sudo install -d -m 700 -o ${user} ${FOLDER}/data`,
      `sudo launchctl bootstrap system ${PLIST}`,
    ],
    uninstallCommands: [`sudo launchctl bootout system/${LABEL}`],
    removed: [PLIST],
  };
}

function plistText(user: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array>
    <string>${PROGRAM}</string>
  </array>
  <key>UserName</key>
  <string>${escaped(user)}</string>
  <key>WorkingDirectory</key>
  <string>${FOLDER}</string>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ExitTimeOut</key>
  <integer>45</integer>
  <key>Umask</key>
  <integer>63</integer>
  <key>SoftResourceLimits</key>
  <dict>
    <key>NumberOfFiles</key>
    <integer>65536</integer>
  </dict>
  <key>StandardOutPath</key>
  <string>${LOG}</string>
  <key>StandardErrorPath</key>
  <string>${LOG}</string>
</dict>
</plist>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
