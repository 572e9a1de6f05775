/** Templates for the container apps of Unraid and CasaOS. */

import { imageName } from "../../../src/build/repository.ts";
import { type Release, SUMMARY } from "./release.ts";

interface Variable {
  readonly name: string;
  readonly title: string;
  readonly value: string;
  readonly isSecret: boolean;
}

const VARIABLES: readonly Variable[] = [
  { name: "ENDPOINTS", title: "Providers to serve", value: "openai,anthropic", isSecret: false },
  {
    name: "OPENAI_BASE_URL",
    title: "Address of OpenAI",
    value: "https://api.openai.com/v1",
    isSecret: false,
  },
  { name: "OPENAI_API_KEY", title: "Key for OpenAI", value: "", isSecret: true },
  {
    name: "ANTHROPIC_BASE_URL",
    title: "Address of Anthropic",
    value: "https://api.anthropic.com",
    isSecret: false,
  },
  { name: "ANTHROPIC_API_KEY", title: "Key for Anthropic", value: "", isSecret: true },
  { name: "PROXY_TOKEN", title: "Token that clients send in place of a key", value: "", isSecret: true },
  { name: "MANAGEMENT_TOKEN", title: "Token for the admin page; switches it on", value: "", isSecret: true },
];

/** Returns an Unraid template. The account is that of Unraid (99:100), which owns the files in `appdata`. */
export function unraidTemplate({ version, repository, homepage }: Release): string {
  const image = imageName(repository);
  const setting = (attributes: Record<string, string>, value: string) =>
    `  <Config ${Object.entries(attributes).map(([name, text]) => `${name}="${escaped(text)}"`).join(" ")}>${
      escaped(value)
    }</Config>\n`;
  const variables = VARIABLES.map(({ name, title, value, isSecret }) =>
    setting({
      Name: title,
      Target: name,
      Default: value,
      Mode: "",
      Description: "",
      Type: "Variable",
      Display: "always",
      Required: "false",
      Mask: String(isSecret),
    }, value)
  ).join("");
  const place = { Description: "", Display: "always", Required: "true", Mask: "false" };
  return `<?xml version="1.0"?>
<Container version="2">
  <Name>llm-proxy</Name>
  <Repository>${image}:${minor(version)}</Repository>
  <Registry>https://${image}</Registry>
  <Network>bridge</Network>
  <Privileged>false</Privileged>
  <Support>${homepage}/issues</Support>
  <Project>${homepage}</Project>
  <Overview>${escaped(SUMMARY)}. Enter the keys of the providers and a token for clients.</Overview>
  <Category>Network:Proxy AI:</Category>
  <WebUI>http://[IP]:[PORT:33000]/</WebUI>
  <ExtraParams>--user 99:100 --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --stop-timeout 40</ExtraParams>
${
    setting({ Name: "Port", Target: "33000", Default: "33000", Mode: "tcp", Type: "Port", ...place }, "33000")
  }${
    setting({
      Name: "Database",
      Target: "/data",
      Default: "/mnt/user/appdata/llm-proxy",
      Mode: "rw",
      Type: "Path",
      ...place,
    }, "/mnt/user/appdata/llm-proxy")
  }${variables}</Container>
`;
}

/** Returns a compose file for CasaOS. A named volume gets the owner of `/data` in the image. */
export function casaosCompose({ version, repository, owner, homepage }: Release): string {
  const environment = VARIABLES.map(({ name, value }) => `      ${name}: ${JSON.stringify(value)}\n`).join(
    "",
  );
  const described = VARIABLES.map(({ name, title }) =>
    `        - container: ${name}\n          description:\n            en_us: ${JSON.stringify(title)}\n`
  ).join("");
  return `name: llm-proxy
services:
  llm-proxy:
    image: ${imageName(repository)}:${version}
    environment:
${environment}    ports:
      - target: 33000
        published: "33000"
        protocol: tcp
    volumes:
      - type: volume
        source: data
        target: /data
    read_only: true
    tmpfs:
      - /tmp
    cap_drop:
      - ALL
    security_opt:
      - no-new-privileges:true
    restart: unless-stopped
    stop_grace_period: 40s
    x-casaos:
      envs:
${described}      ports:
        - container: "33000"
          description:
            en_us: "The proxy, and with MANAGEMENT_TOKEN the admin page"
      volumes:
        - container: /data
          description:
            en_us: "The database"
volumes:
  data:
x-casaos:
  architectures:
    - amd64
    - arm64
  main: llm-proxy
  author: ${JSON.stringify(owner)}
  developer: ${JSON.stringify(owner)}
  category: Network
  title:
    en_us: llm-proxy
  tagline:
    en_us: "One token for clients, the providers' keys stay on the proxy"
  description:
    en_us: ${JSON.stringify(SUMMARY)}
  project_url: ${homepage}
  index: /
  port_map: "33000"
  scheme: http
`;
}

/**
 * Returns the image tag that gets patch releases, such as `1.2` for `1.2.3`. A pre-release has no such tag.
 */
function minor(version: string): string {
  return version.includes("-") ? version : version.split(".").slice(0, 2).join(".");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  )
    .replaceAll("'", "&apos;");
}
