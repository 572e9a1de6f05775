/** The page "Tokens": creates, changes, rotates, revokes and deletes tokens. */

import { useState } from "preact/hooks";
import { call, getAll, type NewToken, type Project, type Token } from "./api.ts";
import { ButtonGroup, RowButton, Select } from "./controls.tsx";
import { ConfirmDialog, Dialog } from "./dialog.tsx";
import { count, moment, money } from "./format.ts";
import { Empty, ErrorMessage, LoadView } from "./load_view.tsx";
import { NewTokenDialog } from "./new_token.tsx";
import { RelativeTime } from "./relative_time.tsx";
import { rulesText } from "./rules_form.tsx";
import { StateBadge } from "./state_badge.tsx";
import { Table } from "./table.tsx";
import { TokenForm } from "./token_form.tsx";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

/** How long the old value stays valid after a rotation, by minutes. */
const OVERLAPS = [
  ["0", "not at all: reject it at once"],
  ["60", "for one hour"],
  ["1440", "for one day"],
  ["10080", "for one week"],
] as const;

/** The open dialog, and the token that it is about. */
type OpenDialog = {
  readonly kind: "create" | "edit" | "rotate" | "revoke" | "delete";
  readonly token?: Token;
};

/** Lists tokens with their limits and usage. */
export function Tokens() {
  const [projectId, setProjectId] = useState(() => location.hash.split("?")[1] ?? "");
  const [state, setState] = useState<"active" | "all">("active");
  const query = `?active_only=${state === "active"}${
    projectId && `&project_id=${encodeURIComponent(projectId)}`
  }`;
  const projects = useLoad((signal) => getAll<Project>("/projects", signal), "", 30_000);
  const loaded = useLoad((signal) => getAll<Token>(`/tokens${query}`, signal), query, 30_000);
  const [dialog, setDialog] = useState<OpenDialog>();
  const [created, setCreated] = useState<NewToken>();
  const [message, setMessage] = useState("");
  const close = () => setDialog(undefined);
  const done = (text: string) => {
    setMessage(text);
    close();
    loaded.reload();
  };
  const showValue = (token: NewToken) => {
    setCreated(token);
    done("");
  };
  const { token } = dialog ?? {};
  return (
    <LoadView loaded={projects}>
      {(all) => (
        <>
          <div class="row">
            <h1>Tokens</h1>
            <button
              type="button"
              class="primary"
              disabled={all.length === 0}
              onClick={() => setDialog({ kind: "create" })}
            >
              New token
            </button>
          </div>
          {all.length === 0
            ? (
              <Empty>
                Each token belongs to a project. <a href="#projects">Create a project</a> first.
              </Empty>
            )
            : (
              <>
                <div class="row">
                  <Select
                    label="Project"
                    value={projectId}
                    set={setProjectId}
                    options={[["", "All"], ...all.map(({ id, name }) => [id, name] as const)]}
                  />
                  <ButtonGroup
                    label="Show"
                    options={[["active", "Active"], ["all", "All"]]}
                    value={state}
                    onChange={setState}
                  />
                </div>
                <p role="status" class="help">{message}</p>
                <LoadView loaded={loaded}>
                  {(tokens) => (
                    <TokenTable
                      tokens={tokens}
                      projects={all}
                      isAll={state === "all"}
                      openDialog={setDialog}
                    />
                  )}
                </LoadView>
              </>
            )}
          {(dialog?.kind === "create" || dialog?.kind === "edit") && (
            <TokenForm
              token={token}
              projects={all}
              projectId={projectId}
              onClose={close}
              onCreated={showValue}
              onSaved={({ name }) => done(`Token ${name} saved.`)}
            />
          )}
          {dialog?.kind === "rotate" && token && (
            <RotateDialog token={token} onClose={close} onCreated={showValue} />
          )}
          {dialog?.kind === "revoke" && token && (
            <ConfirmDialog
              title={`Revoke ${token.name}?`}
              action={["Revoke", () => call("DELETE", `/tokens/${token.id}`)]}
              onClose={close}
              onDone={() => done(`Token ${token.name} revoked.`)}
            >
              <p>
                The proxy rejects the token …{token.token_suffix}{" "}
                from the next request on. You cannot undo this. Its usage stays.
              </p>
            </ConfirmDialog>
          )}
          {dialog?.kind === "delete" && token && (
            <ConfirmDialog
              title={`Delete ${token.name}?`}
              action={["Delete", () => call("POST", `/tokens/${token.id}/delete`)]}
              onClose={close}
              onDone={() => done(`Token ${token.name} deleted.`)}
            >
              <p>The usage of the token stays, under the id {token.id}.</p>
            </ConfirmDialog>
          )}
          {created && <NewTokenDialog token={created} onClose={() => setCreated(undefined)} />}
        </>
      )}
    </LoadView>
  );
}

function TokenTable({ tokens, projects, isAll, openDialog }: {
  tokens: readonly Token[];
  isAll: boolean;
  projects: readonly Project[];
  openDialog: (dialog: OpenDialog) => void;
}) {
  const projectOf = ({ project_id }: Token) =>
    projects.find(({ id }) => id === project_id)?.name ?? project_id;
  return (
    <Table
      label="Tokens"
      rows={tokens}
      id={({ id }) => id}
      searchText={(token) => [token.name, token.id, token.token_suffix, projectOf(token)].join(" ")}
      empty={isAll
        ? "No tokens yet. A client sends a token as its API key. Create one with “New token”."
        : "No active tokens. “All” also shows expired, inactive and revoked tokens."}
      onOpen={(token) => openDialog({ kind: "edit", token })}
      columns={[
        { title: "Name", cell: ({ name }) => name, sortBy: ({ name }) => name.toLowerCase() },
        { title: "Project", cell: projectOf, sortBy: (token) => projectOf(token).toLowerCase() },
        { title: "Ends in", cell: ({ token_suffix }) => <code>…{token_suffix}</code> },
        {
          title: "State",
          cell: ({ state, previous_valid_until: until }) => (
            <>
              <StateBadge state={state} />
              {until !== null && Date.parse(until) > Date.now() && (
                <small>old value valid until {moment(until)}</small>
              )}
            </>
          ),
          sortBy: ({ state }) => state,
        },
        {
          title: "Expires",
          cell: ({ expires_at }) => <RelativeTime at={expires_at} />,
          sortBy: ({ expires_at }) => expires_at ?? "9",
        },
        { title: "Limits", cell: (token) => rulesText(token) || "project limits" },
        {
          title: "Requests",
          cell: ({ request_count }) => count(request_count),
          sortBy: ({ request_count }) => request_count,
          isNumber: true,
        },
        {
          title: "Cost",
          cell: ({ spent }) => money(spent.total_micros),
          sortBy: ({ spent }) => spent.total_micros,
          isNumber: true,
        },
        {
          title: "Last used",
          cell: ({ last_used_at }) => <RelativeTime at={last_used_at} />,
          sortBy: ({ last_used_at }) => last_used_at ?? "",
        },
        {
          title: "Actions",
          cell: (token) =>
            token.state === "revoked"
              ? (
                <RowButton
                  label="Delete"
                  row={token.name}
                  run={() => openDialog({ kind: "delete", token })}
                />
              )
              : (
                <span class="actions">
                  <RowButton
                    label="Rotate"
                    row={token.name}
                    run={() => openDialog({ kind: "rotate", token })}
                  />
                  <RowButton
                    label="Revoke"
                    row={token.name}
                    run={() => openDialog({ kind: "revoke", token })}
                  />
                </span>
              ),
        },
      ]}
    />
  );
}

function RotateDialog(
  { token, onClose, onCreated }: { token: Token; onClose: () => void; onCreated: (token: NewToken) => void },
) {
  const [minutes, setMinutes] = useState("60");
  const { busy, error, submit } = useSubmit(
    async () =>
      (await call<NewToken>("POST", `/tokens/${token.id}/rotate`, {
        body: { overlap_minutes: Number(minutes) },
      })).body,
    onCreated,
  );
  return (
    <Dialog title={`Rotate ${token.name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <p>The token gets a new value. Its name, limits and usage stay.</p>
        <Select label="Keep the old value valid" value={minutes} set={setMinutes} options={OVERLAPS} />
        {error && <ErrorMessage error={error} />}
        <footer>
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={busy}>Rotate</button>
        </footer>
      </form>
    </Dialog>
  );
}
