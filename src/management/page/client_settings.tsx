/** The settings of a client, ready to be pasted, and a QR code for phones. */

import { useState } from "preact/hooks";
import {
  call,
  type Connectable,
  type Endpoint,
  get,
  type Listed,
  type QrCode,
  type Settings,
} from "./api.ts";
import { Select } from "./controls.tsx";
import { Choice, Copy, Shown } from "./pieces.tsx";
import { TryIt } from "./try_it.tsx";
import { useLoad } from "./use_load.ts";

export function ClientSettings({ token }: { token: string }) {
  const [client, setClient] = useState("openai-sdk");
  const [endpoint, setEndpoint] = useState("");
  const [url, setUrl] = useState("");
  const known = useLoad(
    async (signal) => ({
      connectable: await get<Connectable>("/connect", signal),
      endpoints: (await get<Listed<Endpoint>>("/endpoints", signal)).data,
    }),
    "",
  );
  return (
    <Shown of={known}>
      {({ connectable, endpoints }) => {
        const urls = addresses(connectable);
        const chosen = url || urls[0] || location.origin;
        const spoken = new Set(endpoints.map(({ provider }) => provider === "generic" ? "openai" : provider));
        const clients = connectable.clients.filter(({ dialects }) => dialects.some((one) => spoken.has(one)));
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
                options={[["", "the one that fits"], ...endpoints.map(({ name }) => [name, name] as const)]}
              />
              <Select
                label="Address of this proxy"
                value={chosen}
                set={setUrl}
                options={urls.map((one) => [one, one] as const)}
              />
            </div>
            <Snippet
              client={clients.some(({ name }) => name === client) ? client : clients[0]?.name ?? client}
              endpoint={endpoint}
              url={chosen}
              token={token}
            />
            <TryIt endpoints={endpoints} models={connectable.models} token={token} />
          </>
        );
      }}
    </Shown>
  );
}

function Snippet(
  { client, endpoint, url, token }: { client: string; endpoint: string; url: string; token: string },
) {
  const [pictured, setPictured] = useState<"none" | "address" | "token">("none");
  const settings = useLoad(async (signal) => {
    const body = { client, url, ...(endpoint && { endpoint }), ...(token && { token }) };
    return (await call<Settings>("POST", "/connect", { body, signal })).body;
  }, [client, endpoint, url, token].join(" "));
  return (
    <Shown of={settings}>
      {({ pieces, notes, endpoint_url }) => (
        <>
          {pieces.map(({ where, text }, index) => (
            <div key={where}>
              <p>Put this {where.startsWith("in ") ? where : `into ${where}`}:</p>
              <div class="snippet" inert={settings.isStale}>
                <pre tabIndex={0} role="region" aria-label={numbered("Settings", index)}>{text}</pre>
                <Copy text={text} label={numbered("Copy settings", index)} />
              </div>
            </div>
          ))}
          {notes.map((note) => <p class="help" key={note}>{note}</p>)}
          <Choice
            label="QR code"
            options={[
              ["none", "No QR code"],
              ["address", "QR: address"],
              ...(token ? [["token", "QR: token"] as const] : []),
            ]}
            value={pictured}
            onChange={setPictured}
          />
          {pictured !== "none" && (
            <Qr
              text={pictured === "token" ? token : endpoint_url}
              label={pictured === "token" ? "The token" : endpoint_url}
            />
          )}
        </>
      )}
    </Shown>
  );
}

/** The first needs no number; a label names one thing alone. */
function numbered(label: string, index: number): string {
  return index === 0 ? label : `${label}, ${index + 1}`;
}

function Qr({ text, label }: { text: string; label: string }) {
  const code = useLoad(
    async (signal) => (await call<QrCode>("POST", "/qr", { body: { text }, signal })).body,
    text,
  );
  return (
    <Shown of={code}>
      {({ size, path }) => (
        <svg class="qr" role="img" aria-label={`QR code: ${label}`} viewBox={`0 0 ${size} ${size}`}>
          <rect width={size} height={size} fill="#fff" />
          <path d={path} fill="#000" />
        </svg>
      )}
    </Shown>
  );
}

/** Where others reach the proxy: as this browser does, unless it runs on the proxy's own machine. */
function addresses({ urls, has_admin_port: hasAdminPort }: Connectable): string[] {
  const isLocal = /^(localhost|127\.|\[::1\])/.test(location.hostname);
  if (hasAdminPort) {
    // The host that this browser knows, with the ports of clients.
    const here = urls.map((url) => Object.assign(new URL(url), { hostname: location.hostname }).origin);
    return [...new Set(isLocal ? [...urls, ...here] : [...here, ...urls])];
  }
  const others = urls.filter((url) => url !== location.origin);
  return isLocal ? [...others, location.origin] : [location.origin, ...others];
}
