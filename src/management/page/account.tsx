/** The view "My account": who is signed in, and the sessions. */

import { call, getAll, type Session } from "./api.ts";
import { RowButton } from "./controls.tsx";
import { type Confirmation, ConfirmDialog } from "./dialog.tsx";
import { Facts } from "./facts.tsx";
import { moment } from "./format.ts";
import { LoadView } from "./load_view.tsx";
import { ManagementTokens } from "./management_tokens.tsx";
import { useMe } from "./me.ts";
import { RelativeTime } from "./relative_time.tsx";
import { type Column, Table } from "./table.tsx";
import { WaysIn } from "./ways_in.tsx";
import { useDialog } from "./use_dialog.ts";
import { useLoad } from "./use_load.ts";

/** Shows the user with the role, and lists the sessions and management tokens that the user may end. */
export function Account() {
  const { name, role } = useMe();
  const loaded = useLoad((signal) => getAll<Session>("/sessions", signal), "", 30_000);
  const { dialog, message, open, close, done } = useDialog<"end", Session>(loaded.reload);
  return (
    <>
      <h1>My account</h1>
      <Facts list={[["Name", name], ["Role", role]]} />
      <WaysIn />
      <h2>Sessions</h2>
      <p role="status" class="help">{message}</p>
      <LoadView loaded={loaded}>
        {(sessions) => (
          <Table
            label="Sessions"
            rows={sessions}
            id={({ id }) => id}
            empty="No sessions."
            columns={[
              ...role === "admin" ? [PERSON] : [],
              ...COLUMNS,
              {
                title: "Actions",
                cell: (session) =>
                  session.current
                    ? "this session"
                    : <RowButton label="End" row={nameOf(session)} run={() => open("end", session)} />,
              },
            ]}
          />
        )}
      </LoadView>
      <ManagementTokens />
      {dialog?.item && <ConfirmDialog {...confirmationOf(dialog.item)} onClose={close} onDone={done} />}
    </>
  );
}

/** Whose session it is; administrators see the sessions of all people. */
const PERSON: Column<Session> = { title: "Person", cell: personOf, sortBy: personOf };

const COLUMNS: readonly Column<Session>[] = [
  { title: "Browser", cell: ({ browser }) => browser },
  { title: "Address", cell: ({ address }) => address },
  {
    title: "Last used",
    cell: ({ last_used_at }) => <RelativeTime at={last_used_at} />,
    sortBy: ({ last_used_at }) => last_used_at,
  },
  {
    title: "Signed in",
    cell: ({ created_at }) => moment(created_at),
    sortBy: ({ created_at }) => created_at,
  },
];

function personOf({ person_name: name }: Session): string {
  return name ?? "MANAGEMENT_TOKEN";
}

function nameOf(session: Session): string {
  return `the session of ${personOf(session)} at ${session.address}`;
}

function confirmationOf(session: Session): Confirmation {
  return {
    title: "End the session?",
    action: ["End", () => call("DELETE", `/sessions/${session.id}`)],
    text: `The browser at ${session.address} must sign in again.`,
    done: "The session has ended.",
  };
}
