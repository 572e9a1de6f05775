/** The page "Tokens": creates, changes, rotates, revokes and deletes tokens. */

import { useState } from "preact/hooks";
import { call, getAll, type NewToken, type Project, type Token } from "./api.ts";
import { Button, ButtonGroup, RowButton, Select } from "./controls.tsx";
import { type Confirmation, ConfirmDialog, Dialog, FormEnd } from "./dialog.tsx";
import { count, moment, money } from "./format.ts";
import { Empty, LimitNotice, LoadView } from "./load_view.tsx";
import { useMe } from "./me.ts";
import { NewTokenDialog } from "./new_token.tsx";
import { RelativeTime } from "./relative_time.tsx";
import { rulesText } from "./rules_form.tsx";
import { StateBadge } from "./state_badge.tsx";
import { type Column, numberColumn, Table } from "./table.tsx";
import { TokenForm } from "./token_form.tsx";
import { type OpenDialog, useDialog } from "./use_dialog.ts";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

/** How long the old value stays valid after a rotation, by minutes. */
const OVERLAPS = [
  ["0", "not at all: reject it at once"],
  ["60", "for one hour"],
  ["1440", "for one day"],
  ["10080", "for one week"],
] as const;

/** What a confirmation asks, does and says, by the kind of its dialog. */
const CONFIRMATIONS = {
  revoke: ({ id, name, token_suffix }: Token): Confirmation => ({
    title: `Revoke ${name}?`,
    action: ["Revoke", () => call("DELETE", `/tokens/${id}`)],
    text:
      `The proxy rejects the token …${token_suffix} from the next request on. You cannot undo this. Its usage ` +
      "stays.",
    done: `Token ${name} revoked.`,
  }),
  delete: ({ id, name }: Token): Confirmation => ({
    title: `Delete ${name}?`,
    action: ["Delete", () => call("POST", `/tokens/${id}/delete`)],
    text: `The usage of the token stays, under the id ${id}.`,
    done: `Token ${name} deleted.`,
  }),
};

type Kind = "form" | "rotate" | keyof typeof CONFIRMATIONS;
type Open = (kind: Kind, token?: Token) => void;

/** Lists tokens with their limits and usage. */
export function Tokens() {
  const { role, may, views } = useMe();
  const [projectId, setProjectId] = useState(() => location.hash.split("?")[1] ?? "");
  const [state, setState] = useState<"active" | "all">("active");
  const query = `?active_only=${state === "active"}${
    projectId && `&project_id=${encodeURIComponent(projectId)}`
  }`;
  const projects = useLoad((signal) => getAll<Project>("/projects", signal), "", 30_000);
  const loaded = useLoad((signal) => getAll<Token>(`/tokens${query}`, signal), query, 30_000);
  const { dialog, message, open, close, done } = useDialog<Kind, Token>(loaded.reload);
  const [created, setCreated] = useState<NewToken>();
  const onCreated = (token: NewToken) => {
    setCreated(token);
    done("");
  };
  const filter = { projectId, setProjectId, state, setState };
  return (
    <LoadView loaded={projects}>
      {(all) => (
        <>
          <div class="row">
            <h1>{views.find(({ name }) => name === "tokens")?.label}</h1>
            {may("changeTokens") && (
              <Button
                class="primary"
                disabled={all.length === 0}
                onClick={() => open("form")}
              >
                New token
              </Button>
            )}
          </div>
          {all.length === 0
            ? (
              <Empty>
                Each token belongs to a project. {role === "admin"
                  ? (
                    <>
                      <a href="#projects">Create a project</a> first.
                    </>
                  )
                  : "You have no projects. An administrator can give you one."}
              </Empty>
            )
            : (
              <>
                <Filter {...filter} projects={all} />
                <p role="status" class="help">{message}</p>
                <LoadView loaded={loaded}>
                  {(tokens) => (
                    <>
                      <LimitNotice items={tokens} what="tokens" />
                      <TokenTable tokens={tokens} projects={all} isAll={state === "all"} open={open} />
                    </>
                  )}
                </LoadView>
              </>
            )}
          {dialog && (
            <TokenDialog
              {...dialog}
              projects={all}
              projectId={projectId}
              onClose={close}
              onCreated={onCreated}
              onDone={done}
            />
          )}
          {created && (
            <NewTokenDialog
              token={created}
              onClose={() => setCreated(undefined)}
            />
          )}
        </>
      )}
    </LoadView>
  );
}

function Filter({ projects, projectId, setProjectId, state, setState }: {
  projects: readonly Project[];
  projectId: string;
  setProjectId: (id: string) => void;
  state: "active" | "all";
  setState: (state: "active" | "all") => void;
}) {
  return (
    <div class="row">
      <Select
        label="Project"
        value={projectId}
        set={setProjectId}
        options={[["", "All"], ...projects.map(({ id, name }) => [id, name] as const)]}
      />
      <ButtonGroup
        label="Show"
        options={[["active", "Active"], ["all", "All"]]}
        value={state}
        onChange={setState}
      />
    </div>
  );
}

function TokenTable({ tokens, projects, isAll, open }: {
  tokens: readonly Token[];
  projects: readonly Project[];
  isAll: boolean;
  open: Open;
}) {
  const { may } = useMe();
  const mayChange = may("changeTokens");
  const projectOf = ({ project_id }: Token) =>
    projects.find(({ id }) => id === project_id)?.name ?? project_id;
  return (
    <Table
      label="Tokens"
      rows={tokens}
      id={({ id }) => id}
      searchText={(token) => [token.name, token.id, token.token_suffix, projectOf(token)].join(" ")}
      empty={isAll
        ? `No tokens yet. A client sends a token as its API key.${
          mayChange ? " Create one with “New token”." : ""
        }`
        : "No active tokens. “All” also shows expired, inactive and revoked tokens."}
      onOpen={mayChange ? (token) => open("form", token) : undefined}
      columns={[
        { title: "Name", cell: ({ name }) => name, sortBy: ({ name }) => name.toLowerCase() },
        { title: "Project", cell: projectOf, sortBy: (token) => projectOf(token).toLowerCase() },
        ...COLUMNS,
        ...mayChange
          ? [{ title: "Actions", cell: (token: Token) => <Actions token={token} open={open} /> }]
          : [],
      ]}
    />
  );
}

/** The columns between the project and the actions. */
const COLUMNS: readonly Column<Token>[] = [
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
  numberColumn("Requests", ({ request_count }) => request_count, count),
  numberColumn("Cost", ({ spent }) => spent.total_micros, money),
  {
    title: "Last used",
    cell: ({ last_used_at }) => <RelativeTime at={last_used_at} />,
    sortBy: ({ last_used_at }) => last_used_at ?? "",
  },
];

function Actions({ token, open }: { token: Token; open: Open }) {
  const button = (label: string, kind: Kind) => (
    <RowButton
      label={label}
      row={token.name}
      run={() => open(kind, token)}
    />
  );
  return token.state === "revoked" ? button("Delete", "delete") : (
    <span class="actions">
      {button("Rotate", "rotate")}
      {button("Revoke", "revoke")}
    </span>
  );
}

function TokenDialog(
  { kind, item, projects, projectId, onClose, onCreated, onDone }: OpenDialog<Kind, Token> & {
    projects: readonly Project[];
    projectId: string;
    onClose: () => void;
    onCreated: (token: NewToken) => void;
    onDone: (message: string) => void;
  },
) {
  if (kind === "form") {
    return (
      <TokenForm
        token={item}
        projects={projects}
        projectId={projectId}
        onClose={onClose}
        onCreated={onCreated}
        onSaved={({ name }) => onDone(`Token ${name} saved.`)}
      />
    );
  }
  if (item === undefined) return null;
  return kind === "rotate"
    ? <RotateDialog token={item} onClose={onClose} onCreated={onCreated} />
    : <ConfirmDialog {...CONFIRMATIONS[kind](item)} onClose={onClose} onDone={onDone} />;
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
        <FormEnd action="Rotate" busy={busy} error={error} onClose={onClose} />
      </form>
    </Dialog>
  );
}
