import { type Endpoint, get, type Listed } from "./api.ts";
import { count } from "./format.ts";
import { LoadView } from "./load_view.tsx";
import { StateBadge } from "./state_badge.tsx";
import { useLoad } from "./use_load.ts";

const REFRESH_MS = 30_000;

/** Lists the backends of all endpoints with their states. */
export function Backends() {
  const loaded = useLoad((signal) => get<Listed<Endpoint>>("/endpoints", signal), "", REFRESH_MS);
  return (
    <section>
      <h2>Backends</h2>
      <LoadView loaded={loaded}>
        {({ data }) => (
          <ul class="backends">
            {data.flatMap((endpoint) =>
              (endpoint.backends ?? []).map((backend) => (
                <li key={`${endpoint.name}/${backend.name}`}>
                  <span>{endpoint.name} → {backend.name}</span>
                  <StateBadge state={backend.state} />
                  {backend.in_flight > 0 && <span>{count(backend.in_flight)} running</span>}
                </li>
              ))
            )}
          </ul>
        )}
      </LoadView>
    </section>
  );
}
