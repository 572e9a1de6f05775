/** The list of management tokens: those of the user's commands, or all of them for an administrator. */

import { call, getAll, type ManagementToken } from "./api.ts";
import { RowButton } from "./controls.tsx";
import { type Confirmation, ConfirmDialog } from "./dialog.tsx";
import { moment, UNKNOWN } from "./format.ts";
import { LoadView } from "./load_view.tsx";
import { RelativeTime } from "./relative_time.tsx";
import { type Column, Table } from "./table.tsx";
import { useDialog } from "./use_dialog.ts";
import { useLoad } from "./use_load.ts";

/** Lists the tokens that work, with a button that revokes each. */
export function ManagementTokens() {
  const loaded = useLoad((signal) => getAll<ManagementToken>("/management-tokens", signal), "", 30_000);
  const { dialog, message, open, close, done } = useDialog<"revoke", ManagementToken>(loaded.reload);
  return (
    <>
      <h2>Management tokens</h2>
      <p class="help">
        <code>llm-proxy login</code> makes one for a command on another machine:{" "}
        <a href="#device">sign in a command</a>.
      </p>
      <p role="status" class="help">{message}</p>
      <LoadView loaded={loaded}>
        {(tokens) => (
          <Table
            label="Management tokens"
            rows={tokens.filter(({ state }) => state === "active")}
            id={({ id }) => id}
            empty="No management tokens."
            columns={[
              ...COLUMNS,
              {
                title: "Actions",
                cell: (token) => (
                  <RowButton
                    label="Revoke"
                    row={token.name}
                    run={() => open("revoke", token)}
                  />
                ),
              },
            ]}
          />
        )}
      </LoadView>
      {dialog?.item && <ConfirmDialog {...confirmationOf(dialog.item)} onClose={close} onDone={done} />}
    </>
  );
}

const COLUMNS: readonly Column<ManagementToken>[] = [
  { title: "Name", cell: ({ name }) => name },
  { title: "Made by", cell: ({ made_by }) => made_by },
  { title: "Role", cell: ({ role }) => role },
  { title: "Last used", cell: ({ last_used_at }) => <RelativeTime at={last_used_at} /> },
  { title: "Until", cell: ({ expires_at }) => expires_at === null ? UNKNOWN : moment(expires_at) },
];

function confirmationOf({ id, name }: ManagementToken): Confirmation {
  return {
    title: "Revoke the token?",
    action: ["Revoke", () => call("DELETE", `/management-tokens/${id}`)],
    text: `The proxy rejects ${name} from the next request on.`,
    done: `${name} is revoked.`,
  };
}
