/** The proxy itself. */

import { API, get, type Health } from "./api.ts";
import { bytes, count, duration } from "./format.ts";
import { Facts } from "./facts.tsx";
import { Failure, Shown, State, useSubmit } from "./pieces.tsx";
import { useLoad } from "./use_load.ts";

export function About() {
  const loaded = useLoad((signal) => get<Health>("/health", signal), "", 10_000);
  // A download that is refused says nothing: whoever has to sign in is asked to before.
  const { error, submit } = useSubmit(
    () => get("/health"),
    () => document.forms.namedItem("backup")?.submit(),
  );
  return (
    <>
      <h1>About</h1>
      <Shown of={loaded}>
        {(health) => (
          <Facts
            of={[
              ["Version", health.version],
              ["Up for", duration(health.uptime_seconds * 1000)],
              ["Running", count(health.in_flight)],
              ["Database", <State key="storage" of={health.storage} />],
              ["Its size", bytes(health.database_bytes)],
              ["Exchanges that could not be written", count(health.dropped_exchanges)],
            ]}
          />
        )}
      </Shown>
      <h2>Backup</h2>
      <p>
        The whole database, copied while it is in use. Keep the key file (or ENCRYPTION_KEY) with it: without
        it provider keys of projects cannot be read.
      </p>
      <form name="backup" method="post" action={`${API}/backup`}>
        <button type="button" onClick={submit}>Download a backup</button>
      </form>
      {error && <Failure error={error} />}
      <h2>For programs</h2>
      <p>
        All of this is an API: <a href={`${API}/openapi.json`}>its description</a>. Programs use{" "}
        <code>/manage</code> with the management token, Prometheus reads <code>/metrics</code>.
      </p>
    </>
  );
}
