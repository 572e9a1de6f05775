import { shellWord } from "../text/shell_word.ts";
import { fillTemplate } from "./template.ts";
import template from "./llm-proxy.service" with { type: "text" };
import { environmentFile, type ServiceFacts, type ServicePlan } from "./service.ts";

const UNIT = "/etc/systemd/system/llm-proxy.service";
const FOLDER = "/etc/llm-proxy";
const ENVIRONMENT = `${FOLDER}/environment`;
const PROGRAM = "/usr/local/bin/llm-proxy";

/**
 * A sandboxed systemd unit: the service can use the network and its own folder. Its account exists only while
 * it runs. Keys are in a file that only root can read.
 */
export function systemdService({ program, variables, config, repository }: ServiceFacts): ServicePlan {
  const configPath = config && `${FOLDER}/${config.name}`;
  const credentials = CREDENTIALS.flatMap((name) => {
    const path = variables.get(name);
    return path === undefined ? [] : [{ name, path }];
  });
  const others = new Map([...variables].filter(([name]) => !credentials.some((one) => one.name === name)));
  const files = [
    {
      path: UNIT,
      text: unitText({ program: PROGRAM, environmentFile: ENVIRONMENT, configPath, credentials, repository }),
      mode: 0o644,
    },
    environmentFile(ENVIRONMENT, others),
    ...(config === undefined || configPath === undefined
      ? []
      : [{ path: configPath, text: config.text, mode: 0o644 }]),
  ];
  return {
    files,
    installCommands: [
      ...(program === PROGRAM ? [] : [`sudo install -m 755 ${shellWord(program)} ${PROGRAM}`]),
      "sudo systemctl daemon-reload",
      "sudo systemctl enable --now llm-proxy",
      "systemctl status llm-proxy",
    ],
    uninstallCommands: ["sudo systemctl stop llm-proxy", "sudo systemctl daemon-reload"],
    removed: [UNIT, "/etc/systemd/system/multi-user.target.wants/llm-proxy.service"],
  };
}

/** Variables that name files which only root can read. systemd gives the service a copy of each file. */
const CREDENTIALS: readonly string[] = ["TLS_CERT_FILE", "TLS_KEY_FILE"];

/** A file that systemd copies for the service. */
export interface Credential {
  /** The variable that names the file. */
  readonly name: string;
  /** The path of the original file. */
  readonly path: string;
}

/** The values of the unit template. */
export interface UnitFacts {
  /** The path of the program. */
  readonly program: string;
  /** The file with the environment variables of the service. */
  readonly environmentFile: string;
  /** The path of the configuration file. `undefined` if there is no file. */
  readonly configPath: string | undefined;
  /** Files that systemd copies for the service. */
  readonly credentials: readonly Credential[];
  /**
   * An existing account to run the service. If `undefined`, systemd makes an account that exists only while
   * the service runs.
   */
  readonly account?: string;
  /** `OWNER/NAME` of the repository. `undefined` for a local build. */
  readonly repository: string | undefined;
}

/** The text of the systemd unit. The Debian package uses it too. */
export function unitText(
  { program, environmentFile, configPath, credentials, account, repository }: UnitFacts,
): string {
  return fillTemplate(template, {
    PROGRAM: program,
    ENVIRONMENT_FILE: environmentFile,
    DOCUMENTATION: repository === undefined ? [] : [`Documentation=https://github.com/${repository}`],
    CONFIGURATION: configPath === undefined ? [] : [`Environment=CONFIG_PATH=${configPath}`],
    CREDENTIALS: credentials.flatMap(({ name, path }) => [
      `LoadCredential=${name}:${path}`,
      `Environment=${name}=%d/${name}`,
    ]),
    ACCOUNT: account === undefined ? ["DynamicUser=yes"] : [`User=${account}`, `Group=${account}`],
  });
}
