/** Shows the settings of a client for this proxy, to copy or to scan, and a form to try them. */

import { useState } from "preact/hooks";
import {
  call,
  type Connectable,
  type ConnectSettings,
  type Endpoint,
  get,
  type Listed,
  type QrCode,
} from "./api.ts";
import { ButtonGroup, Select } from "./controls.tsx";
import { CopyButton } from "./copy_button.tsx";
import { LoadView } from "./load_view.tsx";
import { TryIt } from "./try_it.tsx";
import { useLoad } from "./use_load.ts";

/** Settings with a token. If `token` is empty, the settings contain a placeholder. */
export function ClientSettings({ token }: { token: string }) {
  const [client, setClient] = useState("openai-sdk");
  const [endpoint, setEndpoint] = useState("");
  const [url, setUrl] = useState("");
  const loaded = useLoad(
    async (signal) => ({
      connectable: await get<Connectable>("/connect", signal),
      endpoints: (await get<Listed<Endpoint>>("/endpoints", signal)).data,
    }),
    "",
  );
  return (
    <LoadView loaded={loaded}>
      {({ connectable, endpoints }) => {
        const urls = proxyUrls(connectable);
        const chosenUrl = url || urls[0] || location.origin;
        const dialects = new Set(
          endpoints.map(({ provider }) => provider === "generic" ? "openai" : provider),
        );
        const clients = connectable.clients.filter((one) => one.dialects.some((name) => dialects.has(name)));
        return (
          <>
            <div class="row">
              <Select
                label="Client"
                value={client}
                set={setClient}
                options={clients.map(({ name, title }) => [name, title] as const)}
              />
              <Select
                label="Endpoint"
                value={endpoint}
                set={setEndpoint}
                options={[["", "automatic"], ...endpoints.map(({ name }) => [name, name] as const)]}
              />
              <Select
                label="Address of this proxy"
                value={chosenUrl}
                set={setUrl}
                options={urls.map((one) => [one, one] as const)}
              />
            </div>
            <Snippets
              client={clients.some(({ name }) => name === client) ? client : clients[0]?.name ?? client}
              endpoint={endpoint}
              url={chosenUrl}
              token={token}
            />
            <TryIt endpoints={endpoints} models={connectable.models} token={token} />
          </>
        );
      }}
    </LoadView>
  );
}

function Snippets(
  { client, endpoint, url, token }: { client: string; endpoint: string; url: string; token: string },
) {
  const [qrContent, setQrContent] = useState<"none" | "address" | "token">("none");
  const settings = useLoad(async (signal) => {
    const body = { client, url, ...(endpoint && { endpoint }), ...(token && { token }) };
    return (await call<ConnectSettings>("POST", "/connect", { body, signal })).body;
  }, [client, endpoint, url, token].join(" "));
  return (
    <LoadView loaded={settings}>
      {({ pieces, notes, endpoint_url }) => (
        <>
          {pieces.map(({ where, text }, index) => (
            <div key={where}>
              <p>Put this {where.startsWith("in ") ? where : `into ${where}`}:</p>
              <div class="snippet" inert={settings.isStale}>
                <pre tabIndex={0} role="region" aria-label={numbered("Settings", index)}>{text}</pre>
                <CopyButton text={text} label={numbered("Copy settings", index)} />
              </div>
            </div>
          ))}
          {notes.map((note) => <p class="help" key={note}>{note}</p>)}
          <ButtonGroup
            label="QR code"
            options={[
              ["none", "None"],
              ["address", "Address"],
              ...(token ? [["token", "Token"] as const] : []),
            ]}
            value={qrContent}
            onChange={setQrContent}
          />
          {qrContent !== "none" && (
            <Qr
              text={qrContent === "token" ? token : endpoint_url}
              label={qrContent === "token" ? "The token" : endpoint_url}
            />
          )}
        </>
      )}
    </LoadView>
  );
}

/** Makes labels unique: the first stays as it is, the next ones get a number. */
function numbered(label: string, index: number): string {
  return index === 0 ? label : `${label}, ${index + 1}`;
}

function Qr({ text, label }: { text: string; label: string }) {
  const code = useLoad(
    async (signal) => (await call<QrCode>("POST", "/qr", { body: { text }, signal })).body,
    text,
  );
  return (
    <LoadView loaded={code}>
      {({ size, path }) => (
        <svg class="qr" role="img" aria-label={`QR code: ${label}`} viewBox={`0 0 ${size} ${size}`}>
          <rect width={size} height={size} fill="#fff" />
          <path d={path} fill="#000" />
        </svg>
      )}
    </LoadView>
  );
}

/**
 * The URLs of the proxy, the best for clients first: the browser's own, unless the browser reaches it by
 * loopback.
 */
function proxyUrls({ urls, has_admin_port: hasAdminPort }: Connectable): string[] {
  const isLocal = /^(localhost|127\.|\[::1\])/.test(location.hostname);
  if (hasAdminPort) {
    // The host name of this browser with the ports of clients.
    const here = urls.map((url) => Object.assign(new URL(url), { hostname: location.hostname }).origin);
    return [...new Set(isLocal ? [...urls, ...here] : [...here, ...urls])];
  }
  const others = urls.filter((url) => url !== location.origin);
  return isLocal ? [...others, location.origin] : [location.origin, ...others];
}
