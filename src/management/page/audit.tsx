/** The page "Audit log": changes, sign-ins, rejected attempts and backups. */

import { useState } from "preact/hooks";
import { type AuditEntry, get, getAll, type Listed, type Project, type Token } from "./api.ts";
import { actionText, changesText } from "./audit_text.ts";
import { Button } from "./controls.tsx";
import { moment } from "./format.ts";
import { ErrorMessage, LoadView } from "./load_view.tsx";
import { Table } from "./table.tsx";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

/** Entries that one request loads. */
const BATCH = 200;

/** Lists the audit log, the newest entries first. */
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
    return { ...await get<Listed<AuditEntry>>(`/audit?limit=${BATCH}`, signal), nameOf };
  }, "");
  const next = cursor === undefined ? loaded.value?.next_cursor : cursor;
  const { busy, error, submit } = useSubmit(
    () => get<Listed<AuditEntry>>(`/audit?limit=${BATCH}&cursor=${next}`),
    ({ data, next_cursor }) => {
      setOlder([...older, ...data]);
      setCursor(next_cursor);
    },
  );
  return (
    <>
      <h1>Audit log</h1>
      <p class="help">Changes, sign-ins, rejected attempts and backups. The log never contains secrets.</p>
      <LoadView loaded={loaded}>
        {({ data, nameOf }) => (
          <Table
            label="Audit log"
            rows={[...data, ...older]}
            id={({ id }) => String(id)}
            searchText={(entry) => `${nameOf(entry)} ${actionText(entry)} ${JSON.stringify(entry)}`}
            empty="No entries yet."
            columns={[
              { title: "Time", cell: ({ at }) => moment(at), sortBy: ({ at }) => at },
              { title: "Actor", cell: ({ actor }) => actor, sortBy: ({ actor }) => actor },
              { title: "Address", cell: ({ source }) => source, sortBy: ({ source }) => source },
              { title: "Action", cell: actionText, sortBy: actionText },
              {
                title: "Target",
                cell: (entry) => <span title={entry.subject_id}>{nameOf(entry)}</span>,
                sortBy: nameOf,
              },
              { title: "Details", cell: ({ changes }) => <code class="wide">{changesText(changes)}</code> },
            ]}
          />
        )}
      </LoadView>
      {error && <ErrorMessage error={error} />}
      {next != null && <Button disabled={busy} onClick={submit}>Load older entries</Button>}
    </>
  );
}
