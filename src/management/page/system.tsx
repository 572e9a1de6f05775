/** The page "System": the state of the proxy, backups and the API. */

import { API, get, type SystemState } from "./api.ts";
import { Button } from "./controls.tsx";
import { Facts } from "./facts.tsx";
import { bytes, count, duration } from "./format.ts";
import { ErrorMessage, LoadView } from "./load_view.tsx";
import { StateBadge } from "./state_badge.tsx";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

/** Shows the state of the proxy, downloads backups and names the API. */
export function System() {
  const loaded = useLoad((signal) => get<SystemState>("/system", signal), "", 10_000);
  // A form download shows no error. This call asks for a sign-in first, where the session has ended.
  const { error, submit } = useSubmit(
    () => get("/health"),
    () => document.forms.namedItem("backup")?.submit(),
  );
  return (
    <>
      <h1>System</h1>
      <LoadView loaded={loaded}>
        {(health) => (
          <>
            <Facts
              list={[
                ["Version", health.version],
                ["Uptime", duration(health.uptime_seconds * 1000)],
                ["Running requests", count(health.in_flight)],
                ["Database", <StateBadge key="storage" state={health.storage} />],
                ["Database size", bytes(health.database_bytes)],
                ["Requests not recorded", count(health.dropped_exchanges)],
                ["Configuration", health.config_hash],
                ...health.replicas.map((one): [string, string] => [
                  `Replica ${one.id}`,
                  `${one.version} · ${one.config_hash}`,
                ]),
              ]}
            />
            {health.replicas_differ && (
              <p role="alert">The replicas have different configurations or versions.</p>
            )}
            <h2>Backup</h2>
            <p>
              {health.backups
                ? "Download a copy of the whole database while the proxy runs."
                : "Back up the PostgreSQL database on its server, with pg_dump."}{" "}
              Back up the key file (or ENCRYPTION_KEY) too: without it, the proxy cannot decrypt the provider
              keys of projects.
            </p>
            {health.backups && (
              <form name="backup" method="post" action={`${API}/backup`}>
                <Button onClick={submit}>Download backup</Button>
              </form>
            )}
            {error && <ErrorMessage error={error} />}
          </>
        )}
      </LoadView>
      <h2>API</h2>
      <p>
        The management API does everything that this page does. See its{" "}
        <a href={`${API}/openapi.json`}>OpenAPI description</a>. Programs call <code>/manage</code>{" "}
        with the management token. Prometheus reads <code>/metrics</code>.
      </p>
    </>
  );
}
