import { assert, assertEquals } from "@std/assert";
import { validate as autoscaler } from "kubernetes-models/_schemas/IoK8sApiAutoscalingV2HorizontalPodAutoscaler";
import { validate as claim } from "kubernetes-models/_schemas/IoK8sApiCoreV1PersistentVolumeClaim";
import { validate as configMap } from "kubernetes-models/_schemas/IoK8sApiCoreV1ConfigMap";
import { validate as deployment } from "kubernetes-models/_schemas/IoK8sApiAppsV1Deployment";
import { validate as policy } from "kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy";
import { validate as budget } from "kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget";
import { validate as service } from "kubernetes-models/_schemas/IoK8sApiCoreV1Service";
import { parseAllDocuments } from "yaml";
import type { ContainerFacts } from "../../src/service/container_facts.ts";
import { kubernetesManifests } from "../../src/service/kubernetes.ts";
import { MIGRATION_MS } from "../../src/storage/postgres/migrate.ts";
import { FACTS } from "./container_facts.ts";

/** A manifest as plain data. */
interface Manifest {
  readonly kind: string;
  // Tests read any field.
  // deno-lint-ignore no-explicit-any
  readonly [field: string]: any;
}

const SQLITE: ContainerFacts = {
  ...FACTS,
  replicas: 1,
  store: "sqlite",
  secrets: ["GROQ_KEY", "MANAGEMENT_TOKEN"],
};
const PLAIN: ContainerFacts = { ...FACTS, store: "none", config: undefined, secrets: ["PROXY_TOKEN"] };
const TLS: ContainerFacts = {
  ...FACTS,
  ports: [{ name: "https", port: 33443, tls: true }],
  hasCertificateFiles: true,
};

/** The API version of each kind, and the validator of its schema. */
const KINDS: Readonly<Record<string, readonly [apiVersion: string, validate: (data: unknown) => boolean]>> = {
  ConfigMap: ["v1", configMap],
  PersistentVolumeClaim: ["v1", claim],
  Service: ["v1", service],
  Deployment: ["apps/v1", deployment],
  PodDisruptionBudget: ["policy/v1", budget],
  HorizontalPodAutoscaler: ["autoscaling/v2", autoscaler],
  NetworkPolicy: ["networking.k8s.io/v1", policy],
};

Deno.test("kubernetesManifests: line breaks of YAML 1.1 alone are escaped", async () => {
  const text = "# \u2028 sep \x85 nel \u2029 end\nvalue = 1\n";
  const variables = new Map([["ENDPOINTS", "a\u2028b"]]);
  const facts = {
    ...FACTS,
    variables,
    config: { name: "config.toml", path: "config.toml", text },
    notes: ["a\x85b"],
  };
  const printed = await kubernetesManifests(facts);
  assertEquals(/[\x85\u2028\u2029]/.test(printed.text), false);
  const manifests = await manifestsOf(facts);
  assertEquals(manifests.get("ConfigMap")?.["data"]["config.toml"], text);
  assert(JSON.stringify(manifests.get("Deployment")).includes("a\u2028b"));
});

async function manifestsOf(facts: ContainerFacts): Promise<Map<string, Manifest>> {
  const { text } = await kubernetesManifests(facts);
  const documents = parseAllDocuments(text);
  assert(Array.isArray(documents));
  assertEquals(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]), []);
  // Every document of Kubernetes is a table with a kind, which the tests below check.
  const manifests = documents.map((document) => document.toJS() as Manifest);
  return new Map(manifests.map((manifest) => [manifest.kind, manifest]));
}

/**
 * The paths of fields that a schema does not know. The schemas allow unknown fields. A known field cannot be
 * a function, and no schema looks at an unknown one.
 */
function unknownFields(root: unknown, isValid: (data: unknown) => boolean): string[] {
  const found: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    // An object and a list are both tables of their entries.
    const table = value as Record<string, unknown>;
    for (const [key, item] of Object.entries(table)) {
      table[key] = () => {};
      const isKnown = !isValid(root);
      table[key] = item;
      if (!isKnown) found.push(`${path}.${key}`);
      else visit(item, `${path}.${key}`);
    }
  };
  visit(root, "");
  return found;
}

for (const [name, facts] of Object.entries({ postgres: FACTS, sqlite: SQLITE, plain: PLAIN, tls: TLS })) {
  Deno.test(`kubernetesManifests: ${name}: every field is in the schemas of Kubernetes, with the right type`, async () => {
    for (const [kind, manifest] of await manifestsOf(facts)) {
      const [apiVersion, validate] = KINDS[kind] ?? [];
      assert(validate !== undefined, kind);
      assertEquals(manifest.apiVersion, apiVersion, kind);
      // The validators keep their errors beside themselves.
      assert(validate(manifest), `${kind}: ${JSON.stringify(Reflect.get(validate, "errors"))}`);
      assertEquals(unknownFields(manifest, validate), [], kind);
    }
  });
}

Deno.test("unknownFields: finds a misspelled field", async () => {
  const manifest = (await manifestsOf(FACTS)).get("Deployment");
  assert(manifest !== undefined);
  manifest.spec.template.spec.containers[0].livenesProbe = {};
  assertEquals(unknownFields(manifest, deployment), [".spec.template.spec.containers.0.livenesProbe"]);
});

Deno.test("kubernetesManifests: the objects of each database", async () => {
  const kindsOf = async (facts: ContainerFacts) => [...(await manifestsOf(facts)).keys()];
  assertEquals(await kindsOf(FACTS), [
    "ConfigMap",
    "Service",
    "Deployment",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
  ]);
  assertEquals(await kindsOf(SQLITE), [
    "ConfigMap",
    "PersistentVolumeClaim",
    "Service",
    "Deployment",
    "NetworkPolicy",
  ]);
  assertEquals(await kindsOf(PLAIN), ["Service", "Deployment", "PodDisruptionBudget", "NetworkPolicy"]);
});

Deno.test("kubernetesManifests: secrets are references and commands; other variables have their values", async () => {
  const { text, commands } = await kubernetesManifests(FACTS);
  const { env } = (await manifestsOf(FACTS)).get("Deployment")?.spec.template.spec.containers[0] ?? {};
  const reference = (key: string) => ({
    name: key,
    valueFrom: { secretKeyRef: { name: "llm-proxy", key } },
  });
  assertEquals(env, [
    { name: "LOG_LEVEL", value: "debug" },
    // Kubernetes reads $$ as $.
    { name: "ALLOWED_HOSTS", value: "a$$b.test" },
    { name: "HOST", value: "::" },
    { name: "DRAIN_DELAY_SECONDS", value: "5" },
    { name: "CONFIG_PATH", value: "/etc/llm-proxy/config.toml" },
    ...FACTS.secrets.map(reference),
  ]);
  assertEquals(commands, [
    "kubectl create secret generic llm-proxy \\\n" +
    '  --from-literal=GROQ_KEY="${GROQ_KEY:?}" \\\n' +
    '  --from-literal=MANAGEMENT_TOKEN="${MANAGEMENT_TOKEN:?}" \\\n' +
    '  --from-literal=DATABASE_URL="${DATABASE_URL:?}" \\\n' +
    "  --dry-run=client --output=yaml | kubectl apply --server-side --filename -",
    "kubectl apply --filename llm-proxy.yaml",
  ]);
  assert(
    text.startsWith("# llm-proxy on Kubernetes") &&
      text.includes("\n#   kubectl rollout restart deployment llm-proxy\n#\n# Mount ca.pem too.\n---\n"),
    text,
  );
  for (const line of commands.flatMap((command) => command.split("\n"))) {
    assert(text.includes(`\n#   ${line}\n`), line);
  }
});

Deno.test("kubernetesManifests: the file is in the ConfigMap byte for byte, and its hash starts new pods", async () => {
  const hashOf = async (text: string) => {
    const manifests = await manifestsOf({
      ...FACTS,
      config: { name: "config.toml", path: "config.toml", text },
    });
    assertEquals(manifests.get("ConfigMap")?.data, { "config.toml": text });
    return manifests.get("Deployment")?.spec.template.metadata.annotations["llm-proxy/config-sha256"];
  };
  const first = await hashOf(FACTS.config?.text ?? "");
  assertEquals([first.length, await hashOf("a = 1\n") === first], [64, false]);
  for (const text of ["", "a", "a\n\n\n", "  a\nb", "\ta\r\n", "---\n# x\n"]) await hashOf(text);
});

Deno.test("kubernetesManifests: the pod has no privileges and may drain longer than DRAIN_SECONDS", async () => {
  const { spec } = (await manifestsOf(FACTS)).get("Deployment")?.spec.template ?? {};
  const { securityContext } = spec.containers[0];
  assertEquals(securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    privileged: false,
    capabilities: { drop: ["ALL"] },
  });
  assertEquals(spec.securityContext, {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    fsGroup: 65532,
    seccompProfile: { type: "RuntimeDefault" },
  });
  assertEquals(spec.automountServiceAccountToken, false);
  assert(spec.terminationGracePeriodSeconds > FACTS.drainDelaySeconds + FACTS.drainSeconds);
});

Deno.test("kubernetesManifests: a pod may upgrade the database for as long as it takes", async () => {
  const { progressDeadlineSeconds, template } = (await manifestsOf(FACTS)).get("Deployment")?.spec ?? {};
  const { periodSeconds, failureThreshold } = template.spec.containers[0].startupProbe;
  // The attempts of the first minutes can end with one that takes as long.
  assert(periodSeconds * failureThreshold * 1000 > 2 * MIGRATION_MS);
  assert(progressDeadlineSeconds > periodSeconds * failureThreshold);
});

Deno.test("kubernetesManifests: one replica that the autoscaler multiplies is spread, and drained one by one", async () => {
  const manifests = await manifestsOf({ ...FACTS, replicas: 1 });
  assertEquals(manifests.get("HorizontalPodAutoscaler")?.spec.maxReplicas, 3);
  assert(manifests.has("PodDisruptionBudget"));
  assert("topologySpreadConstraints" in manifests.get("Deployment")?.spec.template.spec);
  const alone = (await manifestsOf(SQLITE)).get("Deployment")?.spec.template.spec;
  assert(!("topologySpreadConstraints" in alone));
});

Deno.test("kubernetesManifests: the pod without privileges may listen on a low port", async () => {
  const sysctlsOf = async (port: number) => {
    const facts = { ...PLAIN, ports: [{ name: "http", port, tls: false }] } as const;
    return (await manifestsOf(facts)).get("Deployment")?.spec.template.spec.securityContext.sysctls;
  };
  assertEquals(await sysctlsOf(443), [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }]);
  assertEquals(await sysctlsOf(33000), undefined);
});

Deno.test("kubernetesManifests: SQLite: one pod with a volume, and never two at a time", async () => {
  const { strategy, replicas, template } = (await manifestsOf(SQLITE)).get("Deployment")?.spec ?? {};
  const { volumes, containers: [{ env, volumeMounts }] } = template.spec;
  assertEquals([strategy, replicas], [{ type: "Recreate" }, 1]);
  assertEquals(volumes.at(-1), { name: "data", persistentVolumeClaim: { claimName: "llm-proxy" } });
  assertEquals(volumeMounts.at(-1), { name: "data", mountPath: "/data" });
  assert(
    env.some(({ name, value }: { name: string; value?: string }) =>
      name === "DATABASE_URL" && value === "sqlite:/data/llm-proxy.db"
    ),
  );
});

Deno.test("kubernetesManifests: PostgreSQL: commands in a pod find its process by a file in /data", async () => {
  const { volumes, containers: [{ volumeMounts }] } = (await manifestsOf(FACTS)).get("Deployment")?.spec
    .template.spec;
  assertEquals(volumes.at(-1), { name: "data", emptyDir: { sizeLimit: "1Mi" } });
  assertEquals(volumeMounts.at(-1), { name: "data", mountPath: "/data" });
  const plain = (await manifestsOf(PLAIN)).get("Deployment")?.spec.template.spec;
  assertEquals(plain.volumes, [{ name: "tmp", emptyDir: { sizeLimit: "64Mi" } }]);
});

Deno.test("kubernetesManifests: TLS: a Secret with the certificate, and probes with HTTPS", async () => {
  const { containers: [container], volumes } = (await manifestsOf(TLS)).get("Deployment")?.spec.template.spec;
  assertEquals(
    ["startupProbe", "readinessProbe", "livenessProbe"].map((probe) => container[probe].httpGet),
    ["/healthz", "/readyz", "/healthz"].map((path) => ({ path, port: "https", scheme: "HTTPS" })),
  );
  assertEquals(volumes.find(({ name }: { name: string }) => name === "certificate"), {
    name: "certificate",
    secret: { secretName: "llm-proxy-certificate" },
  });
  const { commands } = await kubernetesManifests(TLS);
  assertEquals(
    commands[1],
    "kubectl create secret tls llm-proxy-certificate \\\n" +
      '  --cert="${TLS_CERT_FILE:?}" --key="${TLS_KEY_FILE:?}" \\\n' +
      "  --dry-run=client --output=yaml | kubectl apply --server-side --filename -",
  );
});

Deno.test("kubernetesManifests: the autoscaler and the network policy follow the configuration", async () => {
  const manifests = await manifestsOf(FACTS);
  const { minReplicas, maxReplicas } = manifests.get("HorizontalPodAutoscaler")?.spec ?? {};
  assertEquals([minReplicas, maxReplicas], [3, 9]);
  const { ingress, egress } = manifests.get("NetworkPolicy")?.spec ?? {};
  const portsOf = (rules: { ports: { port: unknown }[] }[]) =>
    rules.flatMap(({ ports }) => ports.map(({ port }) => port));
  assertEquals(portsOf(ingress), ["http", "admin"]);
  assertEquals(portsOf(egress), [53, 53, 443, 5432, 11434]);
});
