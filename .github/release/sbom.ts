/**
 * `deno task sbom [--output FILE]`: writes the software bill of materials of the program as JSON of CycloneDX
 * 1.6, to `dist/llm-proxy-VERSION.cdx.json` or to another file. The file is the same for all platforms, and
 * has no time and no random values: the same sources give the same bytes.
 */

import { parseArgs } from "node:util";
import * as Enums from "@cyclonedx/cyclonedx-library/Enums";
import * as Models from "@cyclonedx/cyclonedx-library/Models";
import * as Serialize from "@cyclonedx/cyclonedx-library/Serialize";
import * as SPDX from "@cyclonedx/cyclonedx-library/SPDX";
import * as Spec from "@cyclonedx/cyclonedx-library/Spec";
import { type BundledPackage, bundledPackages, keyOf } from "./bundled_packages.ts";

/** The entry files of the program and of the admin page. */
const ENTRIES = ["src/main.ts", "src/management/page/main.tsx"];

const { values } = parseArgs({ options: { output: { type: "string" } } });
const { version, license } = JSON.parse(await Deno.readTextFile("deno.json"));
const output = values.output ?? `dist/llm-proxy-${version}.cdx.json`;

const bom = describe(await bundledPackages(ENTRIES));
bom.serialNumber = await serialNumberOf(serialised(bom));
if (values.output === undefined) await Deno.mkdir("dist", { recursive: true });
await Deno.writeTextFile(output, serialised(bom));
console.log(`${output} is ready.`);

function describe(packages: readonly BundledPackage[]): Models.Bom {
  const program = component(Enums.ComponentType.Application, {
    name: "llm-proxy",
    version,
    purl: `pkg:generic/llm-proxy@${version}`,
    license,
  });
  const runtime = component(Enums.ComponentType.Platform, {
    name: "deno",
    version: Deno.version.deno,
    purl: `pkg:github/denoland/deno@v${Deno.version.deno}`,
    license: "MIT",
  });
  const libraries = new Map(packages.map((one) => [keyOf(one), libraryOf(one)]));
  program.dependencies.add(runtime.bomRef);
  for (const one of packages) {
    const library = libraries.get(keyOf(one));
    if (library === undefined) continue;
    if (one.isDirect) program.dependencies.add(library.bomRef);
    for (const key of one.dependsOn) {
      const wanted = libraries.get(key);
      if (wanted === undefined) throw new Error(`Cannot list ${key}, which ${keyOf(one)} depends on`);
      library.dependencies.add(wanted.bomRef);
    }
  }
  return new Models.Bom({
    metadata: new Models.Metadata({ component: program }),
    components: new Models.ComponentRepository([runtime, ...libraries.values()]),
  });
}

function libraryOf({ name, version, license, sha512 }: BundledPackage): Models.Component {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const library = component(Enums.ComponentType.Library, { name, version, purl, license });
  library.hashes.set(Enums.HashAlgorithm["SHA-512"], sha512);
  return library;
}

function component(
  type: Enums.ComponentType,
  { name, version, purl, license }: { name: string; version: string; purl: string; license: string },
): Models.Component {
  const stated = SPDX.isSupportedSpdxId(license)
    ? new Models.SpdxLicense(license)
    : new Models.LicenseExpression(license);
  const licenses = new Models.LicenseRepository([stated]);
  return new Models.Component(type, name, { bomRef: purl, version, purl, licenses });
}

function serialised(bom: Models.Bom): string {
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return `${new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/**
 * Returns a UUID (RFC 9562, 5.8) of the contents. Most documents have a random UUID; this one is
 * reproducible.
 */
async function serialNumberOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hex = new Uint8Array(digest).toHex();
  const variant = (parseInt(hex.charAt(16), 16) & 0b0011 | 0b1000).toString(16);
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, variant + hex.slice(17, 20)];
  return `urn:uuid:${[...uuid, hex.slice(20, 32)].join("-")}`;
}
