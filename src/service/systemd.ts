import { shellWord } from "../text/shell_word.ts";
import { fillTemplate } from "./template.ts";
import template from "./llm-proxy.service" with { type: "text" };
import { environmentFile, type ServiceFacts, type ServicePlan } from "./service.ts";

const UNIT = "/etc/systemd/system/llm-proxy.service";
const FOLDER = "/etc/llm-proxy";
const ENVIRONMENT = `${FOLDER}/environment`;
const PROGRAM = "/usr/local/bin/llm-proxy";

/**
 * A systemd unit that may do nothing but what the proxy needs: the network, and reading its two files. The account
 * exists only while the service runs. Keys stand in a file that only root reads.
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

/** Files that only root may read: the service gets copies when it starts. */
const CREDENTIALS: readonly string[] = ["TLS_CERT_FILE", "TLS_KEY_FILE"];

/** A file by the variable that names it. */
export interface Credential {
  /** Of the variable that names the file. */
  readonly name: string;
  readonly path: string;
}

/** What units differ in. */
export interface UnitFacts {
  /** The path of the program. */
  readonly program: string;
  /** A file of variables, which root reads for the service. */
  readonly environmentFile: string;
  /** Undefined: there is no configuration file. */
  readonly configPath: string | undefined;
  /** Files that the service gets copies of. */
  readonly credentials: readonly Credential[];
  /** An account that exists; undefined: one that exists only while the service runs. */
  readonly account?: string;
  /** `OWNER/NAME` of the repository; undefined: a local build. */
  readonly repository: string | undefined;
}

/** The text of a unit, here and in the Debian package. */
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
