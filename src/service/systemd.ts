import { shellWord } from "../text/shell_word.ts";
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
  const loaded = credentials.map(({ name, path }) =>
    `LoadCredential=${name}:${path}\nEnvironment=${name}=%d/${name}\n`
  ).join("");
  return `[Unit]
Description=LLM API proxy
${
    repository === undefined
      ? ""
      : `Documentation=https://github.com/${repository}\n`
  }Wants=network-online.target
After=network-online.target

[Service]
ExecStart=${program}
ExecReload=/bin/kill -HUP $MAINPID
EnvironmentFile=${environmentFile}
${configPath === undefined ? "" : `Environment=CONFIG_PATH=${configPath}\n`}${loaded}Restart=on-failure
RestartSec=2
# Running answers may end; DRAIN_SECONDS is 30.
TimeoutStopSec=45
LimitNOFILE=65536

${account === undefined ? "DynamicUser=yes" : `User=${account}\nGroup=${account}`}
StateDirectory=llm-proxy
StateDirectoryMode=0700
WorkingDirectory=%S/llm-proxy
UMask=0077

# Nothing but the network and its own folder.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
# Netlink tells this machine's addresses; names are looked up over local sockets too.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# MemoryDenyWriteExecute stays off: the engine compiles as it runs.

[Install]
WantedBy=multi-user.target
`;
}
