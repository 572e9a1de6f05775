/** Who changed what, came in or was refused. */

import { useState } from "preact/hooks";
import { type AuditEntry, get, getAll, type Listed, type Project, type Token } from "./api.ts";
import { actionText, changesText } from "./audit_words.ts";
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
    const nameOf = ({ subject_id }: AuditEntry) => names.get(subject_id) ?? subject_id;
    return { ...await get<Listed<AuditEntry>>(`/audit?limit=${PART}`, signal), nameOf };
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
      <p class="help">Changes, sign-ins, refusals and backups. Secrets are never in it.</p>
      <Shown of={loaded}>
        {({ data, nameOf }) => (
          <Table
            label="Entries"
            rows={[...data, ...older]}
            id={({ id }) => String(id)}
            text={(entry) => `${nameOf(entry)} ${actionText(entry)} ${JSON.stringify(entry)}`}
            empty="Nothing yet."
            columns={[
              { title: "When", cell: ({ at }) => moment(at), by: ({ at }) => at },
              { title: "Who", cell: ({ actor }) => actor, by: ({ actor }) => actor },
              { title: "From", cell: ({ source }) => source, by: ({ source }) => source },
              { title: "What", cell: actionText, by: actionText },
              {
                title: "Of",
                cell: (entry) => <span title={entry.subject_id}>{nameOf(entry)}</span>,
                by: nameOf,
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
