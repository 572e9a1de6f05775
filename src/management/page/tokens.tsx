/** Tokens: handed out, changed, renewed and revoked. */

import { useState } from "preact/hooks";
import { call, getAll, type NewToken, type Project, type Token } from "./api.ts";
import { count, moment, money } from "./format.ts";
import { NewTokenShown } from "./new_token.tsx";
import { Act, Select } from "./controls.tsx";
import { Choice, Confirm, Dialog, Empty, Failure, Shown, State, useSubmit, When } from "./pieces.tsx";
import { rulesText } from "./rules_form.tsx";
import { Table } from "./table.tsx";
import { TokenForm } from "./token_form.tsx";
import { useLoad } from "./use_load.ts";

const OVERLAPS = [
  ["0", "no longer: it is refused from now on"],
  ["60", "another hour"],
  ["1440", "another day"],
  ["10080", "another week"],
] as const;

type Doing = { readonly what: "create" | "edit" | "rotate" | "revoke" | "delete"; readonly token?: Token };

export function Tokens() {
  const [projectId, setProjectId] = useState(() => location.hash.split("?")[1] ?? "");
  const [which, setWhich] = useState<"active" | "all">("active");
  const query = `?active_only=${which === "active"}${
    projectId && `&project_id=${encodeURIComponent(projectId)}`
  }`;
  const projects = useLoad((signal) => getAll<Project>("/projects", signal), "", 30_000);
  const loaded = useLoad((signal) => getAll<Token>(`/tokens${query}`, signal), query, 30_000);
  const [doing, setDoing] = useState<Doing>();
  const [made, setMade] = useState<NewToken>();
  const [said, setSaid] = useState("");
  const close = () => setDoing(undefined);
  const done = (text: string) => {
    setSaid(text);
    close();
    loaded.reload();
  };
  const shown = (token: NewToken) => {
    setMade(token);
    done("");
  };
  const { token } = doing ?? {};
  return (
    <Shown of={projects}>
      {(all) => (
        <>
          <div class="row">
            <h1>Tokens</h1>
            <button
              type="button"
              class="primary"
              disabled={all.length === 0}
              onClick={() => setDoing({ what: "create" })}
            >
              New token
            </button>
          </div>
          {all.length === 0
            ? (
              <Empty>
                A token belongs to a project: <a href="#projects">make one</a> first.
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
                  <Choice
                    label="Which"
                    options={[["active", "Active"], ["all", "All"]]}
                    value={which}
                    onChange={setWhich}
                  />
                </div>
                <p role="status" class="help">{said}</p>
                <Shown of={loaded}>
                  {(tokens) => (
                    <TokenTable tokens={tokens} projects={all} isAll={which === "all"} onDo={setDoing} />
                  )}
                </Shown>
              </>
            )}
          {(doing?.what === "create" || doing?.what === "edit") && (
            <TokenForm
              token={token}
              projects={all}
              projectId={projectId}
              onClose={close}
              onMade={shown}
              onSaved={({ name }) => done(`${name} is saved.`)}
            />
          )}
          {doing?.what === "rotate" && token && <Rotate token={token} onClose={close} onMade={shown} />}
          {doing?.what === "revoke" && token && (
            <Confirm
              title={`Revoke ${token.name}?`}
              action={["Revoke", () => call("DELETE", `/tokens/${token.id}`)]}
              onClose={close}
              onDone={() => done(`${token.name} is revoked.`)}
            >
              <p>
                The token …{token.token_suffix}{" "}
                is refused from the next request on, for ever. What it has used stays in the usage.
              </p>
            </Confirm>
          )}
          {doing?.what === "delete" && token && (
            <Confirm
              title={`Delete ${token.name}?`}
              action={["Delete", () => call("POST", `/tokens/${token.id}/delete`)]}
              onClose={close}
              onDone={() => done(`${token.name} is deleted.`)}
            >
              <p>What it has used stays in the usage, under {token.id}.</p>
            </Confirm>
          )}
          {made && <NewTokenShown token={made} onClose={() => setMade(undefined)} />}
        </>
      )}
    </Shown>
  );
}

function TokenTable({ tokens, projects, isAll, onDo }: {
  tokens: readonly Token[];
  isAll: boolean;
  projects: readonly Project[];
  onDo: (doing: Doing) => void;
}) {
  const projectOf = ({ project_id }: Token) =>
    projects.find(({ id }) => id === project_id)?.name ?? project_id;
  return (
    <Table
      label="Tokens"
      rows={tokens}
      id={({ id }) => id}
      text={(token) => [token.name, token.id, token.token_suffix, projectOf(token)].join(" ")}
      empty={isAll
        ? "No token here. Whoever is to use this proxy gets one: New token."
        : "No token is active here. “All” shows those that were."}
      onOpen={(token) => onDo({ what: "edit", token })}
      columns={[
        { title: "Name", cell: ({ name }) => name, by: ({ name }) => name.toLowerCase() },
        { title: "Project", cell: projectOf, by: (token) => projectOf(token).toLowerCase() },
        { title: "Ends in", cell: ({ token_suffix }) => <code>…{token_suffix}</code> },
        {
          title: "State",
          cell: ({ state, previous_valid_until: until }) => (
            <>
              <State of={state} />
              {until !== null && Date.parse(until) > Date.now() && (
                <small>old value until {moment(until)}</small>
              )}
            </>
          ),
          by: ({ state }) => state,
        },
        {
          title: "Expires",
          cell: ({ expires_at }) => <When at={expires_at} />,
          by: ({ expires_at }) => expires_at ?? "9",
        },
        { title: "Limits", cell: (token) => rulesText(token) || "those of its project" },
        {
          title: "Requests",
          cell: ({ request_count }) => count(request_count),
          by: ({ request_count }) => request_count,
          isNumber: true,
        },
        {
          title: "Cost",
          cell: ({ spent }) => money(spent.total_micros),
          by: ({ spent }) => spent.total_micros,
          isNumber: true,
        },
        {
          title: "Last used",
          cell: ({ last_used_at }) => <When at={last_used_at} />,
          by: ({ last_used_at }) => last_used_at ?? "",
        },
        {
          title: "Actions",
          cell: (token) =>
            token.state === "revoked"
              ? <Act label="Delete" of={token.name} run={() => onDo({ what: "delete", token })} />
              : (
                <span class="actions">
                  <Act label="Rotate" of={token.name} run={() => onDo({ what: "rotate", token })} />
                  <Act label="Revoke" of={token.name} run={() => onDo({ what: "revoke", token })} />
                </span>
              ),
        },
      ]}
    />
  );
}

function Rotate(
  { token, onClose, onMade }: { token: Token; onClose: () => void; onMade: (token: NewToken) => void },
) {
  const [minutes, setMinutes] = useState("60");
  const { busy, error, submit } = useSubmit(
    async () =>
      (await call<NewToken>("POST", `/tokens/${token.id}/rotate`, {
        body: { overlap_minutes: Number(minutes) },
      })).body,
    onMade,
  );
  return (
    <Dialog title={`Rotate ${token.name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <p>It gets a new value. Its name, limits and counts stay.</p>
        <Select label="The old value holds for" value={minutes} set={setMinutes} options={OVERLAPS} />
        {error && <Failure error={error} />}
        <footer>
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={busy}>Rotate</button>
        </footer>
      </form>
    </Dialog>
  );
}
