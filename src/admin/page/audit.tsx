/** Who changed what. */

import { useState } from "preact/hooks";
import { type AuditEntry, get, getAll, type Listed, type Project, type Token } from "./api.ts";
import { moment } from "./format.ts";
import { Failure, Shown, useSubmit } from "./pieces.tsx";
import { Table } from "./table.tsx";
import { useLoad } from "./use_load.ts";

const PART = 200;

export function Audit() {
  const [older, setOlder] = useState<readonly AuditEntry[]>([]);
  const [cursor, setCursor] = useState<string | null>();
  const loaded = useLoad(async (signal) => {
    const [projects, tokens] = await Promise.all([
      getAll<Project>("/projects", signal),
      getAll<Token>("/tokens", signal),
    ]);
    const names = new Map([...projects, ...tokens].map(({ id, name }) => [id, name]));
    return { ...await get<Listed<AuditEntry>>(`/audit?limit=${PART}`, signal), names };
  }, "");
  const next = cursor === undefined ? loaded.value?.next_cursor : cursor;
  const { busy, error, submit } = useSubmit(
    () => get<Listed<AuditEntry>>(`/audit?limit=${PART}&cursor=${next}`),
    ({ data, next_cursor }) => {
      setOlder([...older, ...data]);
      setCursor(next_cursor);
    },
  );
  return (
    <>
      <h1>Audit</h1>
      <p class="help">Every change to projects and tokens, newest first. Secrets are never in it.</p>
      <Shown of={loaded}>
        {({ data, names }) => (
          <Table
            label="Changes"
            rows={[...data, ...older]}
            id={({ id }) => String(id)}
            text={(entry) => `${names.get(entry.subject_id)} ${JSON.stringify(entry)}`}
            empty="Nothing has been changed yet."
            columns={[
              { title: "When", cell: ({ at }) => moment(at), by: ({ at }) => at },
              { title: "Who", cell: ({ actor }) => actor, by: ({ actor }) => actor },
              { title: "From", cell: ({ source }) => source, by: ({ source }) => source },
              { title: "What", cell: ({ action }) => action, by: ({ action }) => action },
              {
                title: "Of",
                cell: ({ subject_id }) => (
                  <span title={subject_id}>{names.get(subject_id) ?? subject_id}</span>
                ),
                by: ({ subject_id }) => names.get(subject_id) ?? subject_id,
              },
              { title: "Changes", cell: ({ changes }) => <code class="wide">{changesText(changes)}</code> },
            ]}
          />
        )}
      </Shown>
      {error && <Failure error={error} />}
      {next != null && <button type="button" disabled={busy} onClick={submit}>Show older ones</button>}
    </>
  );
}

/** What was set, and what was taken away. */
function changesText(changes: AuditEntry["changes"]): string {
  return Object.entries(changes).map(([name, value]): string => {
    if (value === null) return `${name} removed`;
    if (typeof value !== "object") return `${name}: ${value}`;
    return `${name}: ${Array.isArray(value) ? value.join(" ") || "nothing" : changesText({ ...value })}`;
  }).join(", ");
}
