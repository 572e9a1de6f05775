/** Manifests of Kubernetes, made from the template `kubernetes.yaml`. */

import { type Document, isMap, isSeq, type Node, parseAllDocuments, Scalar, YAMLMap, YAMLSeq } from "yaml";
import {
  commented,
  CONFIG_FOLDER,
  CONTAINER_HOST,
  type ContainerFacts,
  type ContainerFiles,
  SHELL_LINES,
  SQLITE_URL,
  stopSeconds,
  valueOf,
} from "./container_facts.ts";
import template from "./kubernetes.yaml" with { type: "text" };
import { yamlText } from "./yaml_text.ts";

/** The name of all objects. */
const NAME = "llm-proxy";
/** The name of the Secret with the certificate. */
const CERTIFICATE = "llm-proxy-certificate";
const CERTIFICATE_FOLDER = "/etc/llm-proxy-certificate";
/** Ports below this number need a privilege, unless a setting of the pod says otherwise. */
const FIRST_FREE_PORT = 1024;
/** The longest automatic growth, as a multiple of the replicas. */
const MAX_GROWTH = 3;
const FILE_NAME = "llm-proxy.yaml";
/** The end of a command that makes a Secret, or replaces it with new values. */
const APPLIED = "--dry-run=client --output=yaml | kubectl apply --server-side --filename -";

const POD = ["spec", "template", "spec"];
const CONTAINER = [...POD, "containers", 0];

/**
 * The manifests of a configuration: one text with several documents for `kubectl apply`. Secrets are only
 * named. The caller has checked that the store allows the number of replicas.
 */
export async function kubernetesManifests(facts: ContainerFacts): Promise<ContainerFiles> {
  const hash = await sha256(facts.config?.text ?? "");
  const documents = parseAllDocuments(template.replaceAll("\r\n", "\n"));
  if (!Array.isArray(documents)) throw new Error("The template of Kubernetes has no documents");
  const kept = documents.flatMap((document) => {
    const kind = String(document.get("kind"));
    if (NEEDED[kind]?.(facts) === false) return [];
    EDITS[kind]?.(document, { ...facts, hash });
    return [document];
  });
  const commands = [...secretCommands(facts), `kubectl apply --filename ${FILE_NAME}`];
  const body = kept.map((document) => yamlText(document, { directives: false })).join("---\n");
  return { name: FILE_NAME, text: `${heading(facts, commands)}---\n${body}`, commands };
}

/** Which configurations need an object. All other kinds are always there. */
const NEEDED: Readonly<Record<string, (facts: ContainerFacts) => boolean>> = {
  ConfigMap: ({ config }) => config !== undefined,
  PersistentVolumeClaim: ({ store }) => store === "sqlite",
  PodDisruptionBudget: (facts) => maxReplicas(facts) > 1,
  // Without the management plane there are no metrics, and SQLite allows one replica.
  HorizontalPodAutoscaler: isScaled,
};

function isScaled({ store }: ContainerFacts): boolean {
  return store === "postgres";
}

function maxReplicas(facts: ContainerFacts): number {
  return isScaled(facts) ? facts.replicas * MAX_GROWTH : facts.replicas;
}

/** What each kind of object gets from the facts. */
const EDITS: Readonly<Record<string, (document: Document, facts: ContainerFacts & Hashed) => void>> = {
  ConfigMap(document, { config }) {
    if (config === undefined) return;
    const text = new Scalar(config.text);
    text.type = Scalar.BLOCK_LITERAL;
    document.set("data", document.createNode({}));
    document.setIn(["data", config.name], text);
  },
  Service(document, { ports }) {
    document.setIn(
      ["spec", "ports"],
      flowItems(document, ports.map(({ name, port }) => ({ name, port, targetPort: name }))),
    );
  },
  Deployment: editDeployment,
  HorizontalPodAutoscaler(document, facts) {
    document.setIn(["spec", "minReplicas"], facts.replicas);
    document.setIn(["spec", "maxReplicas"], maxReplicas(facts));
  },
  NetworkPolicy(document, { ports, upstreamPorts }) {
    document.setIn(
      ["spec", "ingress", 0, "ports"],
      flowItems(document, ports.map(({ name }) => ({ protocol: "TCP", port: name }))),
    );
    for (const port of upstreamPorts.filter((port) => !ALWAYS_OPEN.has(port))) {
      document.addIn(["spec", "egress", 0, "ports"], flow(document, { protocol: "TCP", port }));
    }
  },
};

/** The ports of the template that pods may connect to in each configuration: names and HTTPS. */
const ALWAYS_OPEN: ReadonlySet<number> = new Set([53, 443]);

/** The hash of the configuration file. */
interface Hashed {
  readonly hash: string;
}

function editDeployment(document: Document, facts: ContainerFacts & Hashed): void {
  const { image, replicas, ports, config, store, hasCertificateFiles, hash } = facts;
  document.setIn(["spec", "replicas"], replicas);
  if (store === "sqlite") {
    // Two processes of two pods must not use one file at the same time.
    const strategy = document.createNode({ type: "Recreate" });
    strategy.commentBefore = " Two pods must not open the database at the same time.";
    document.setIn(["spec", "strategy"], strategy);
  }
  const annotations = ["spec", "template", "metadata", "annotations"];
  if (config === undefined) document.deleteIn(annotations);
  else document.setIn([...annotations, "llm-proxy/config-sha256"], hash);
  document.setIn([...POD, "terminationGracePeriodSeconds"], stopSeconds(facts));
  document.setIn([...CONTAINER, "image"], image);
  document.setIn([...CONTAINER, "env"], flowItems(document, variablesOf(facts)));
  document.setIn(
    [...CONTAINER, "ports"],
    flowItems(document, ports.map(({ name, port }) => ({ name, containerPort: port }))),
  );
  for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
    document.setIn([...CONTAINER, probe, "httpGet", "port"], ports[0].name);
    document.setIn([...CONTAINER, probe, "httpGet", "scheme"], ports[0].tls ? "HTTPS" : "HTTP");
  }
  if (maxReplicas(facts) === 1) document.deleteIn([...POD, "topologySpreadConstraints"]);
  if (ports.some(({ port }) => port < FIRST_FREE_PORT)) {
    const sysctls = [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }];
    document.setIn([...POD, "securityContext", "sysctls"], flowItems(document, sysctls));
  }
  const volumes = new Set([
    "tmp",
    ...(config === undefined ? [] : ["config"]),
    ...(hasCertificateFiles ? ["certificate"] : []),
    ...(store === "none" ? [] : ["data"]),
  ]);
  keepNamed(document, [...CONTAINER, "volumeMounts"], volumes);
  keepNamed(document, [...POD, "volumes"], volumes);
  if (store === "postgres") replaceDataVolume(document);
}

/** With a database on another machine, `/data` has only the file by which commands find the process. */
function replaceDataVolume(document: Document): void {
  const list = document.getIn([...POD, "volumes"]);
  if (!isSeq(list)) throw new Error("The template has no volumes");
  const data = document.createNode({ name: "data", emptyDir: { sizeLimit: "1Mi" } });
  list.items = list.items.map((item) => isMap(item) && item.get("name") === "data" ? data : item);
}

/** The variables of the container. Secrets are references to keys of the Secret. */
function variablesOf(
  { drainDelaySeconds, variables, secrets, config, store, hasCertificateFiles }: ContainerFacts,
): unknown[] {
  const plain = new Map([
    ...variables,
    ["HOST", CONTAINER_HOST],
    ["DRAIN_DELAY_SECONDS", String(drainDelaySeconds)],
    ...(config === undefined ? [] : [["CONFIG_PATH", `${CONFIG_FOLDER}/${config.name}`] as const]),
    ...(store === "sqlite" ? [["DATABASE_URL", SQLITE_URL] as const] : []),
    ...(hasCertificateFiles
      ? [
        ["TLS_CERT_FILE", `${CERTIFICATE_FOLDER}/tls.crt`] as const,
        ["TLS_KEY_FILE", `${CERTIFICATE_FOLDER}/tls.key`] as const,
      ]
      : []),
  ]);
  return [
    // Kubernetes replaces `$(NAME)` in values, and `$$` stands for a dollar.
    ...[...plain].map(([name, value]) => ({ name, value: value.replaceAll("$", "$$$$") })),
    ...secrets.map((key) => ({ name: key, valueFrom: { secretKeyRef: { name: NAME, key } } })),
  ];
}

/** The commands that make the Secrets. They take the values from the shell and from files. */
function secretCommands({ secrets, hasCertificateFiles }: ContainerFacts): string[] {
  return [
    ...(secrets.length === 0 ? [] : [
      [
        `kubectl create secret generic ${NAME}`,
        ...secrets.map((name) => `  --from-literal=${name}="${valueOf(name)}"`),
        `  ${APPLIED}`,
      ].join(" \\\n"),
    ]),
    ...(hasCertificateFiles
      ? [
        [
          `kubectl create secret tls ${CERTIFICATE}`,
          `  --cert="${valueOf("TLS_CERT_FILE")}" --key="${valueOf("TLS_KEY_FILE")}"`,
          `  ${APPLIED}`,
        ].join(" \\\n"),
      ]
      : []),
  ];
}

function heading({ secrets, notes }: ContainerFacts, commands: readonly string[]): string {
  return commented([
    "llm-proxy on Kubernetes 1.23 or later. This file contains no secrets.",
    ...(secrets.length === 0 ? ["To use it:"] : SHELL_LINES),
    "",
    ...commands.flatMap((command) => command.split("\n").map((line) => `  ${line}`)),
    ...(secrets.length === 0 ? [] : [
      "",
      "Pods read their secrets at the start. For new values, make the Secret again, and then:",
      "  kubectl rollout restart deployment llm-proxy",
    ]),
    ...notes.flatMap((note) => ["", note]),
  ]);
}

/** Keeps the items of a list whose `name` is one of `names`. */
function keepNamed(document: Document, path: readonly (string | number)[], names: ReadonlySet<string>): void {
  const list = document.getIn(path);
  if (!isSeq(list)) throw new Error(`The template has no list at ${path.join(".")}`);
  list.items = list.items.filter((item) => isMap(item) && names.has(String(item.get("name"))));
}

function flowItems(document: Document, items: readonly unknown[]): Node {
  const list = new YAMLSeq<Node>();
  list.items = items.map((item) => flow(document, item));
  return list;
}

/** A table in one line. */
function flow(document: Document, value: unknown): Node {
  const node = document.createNode(value);
  if (node instanceof YAMLMap) node.flow = true;
  return node;
}

async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}
