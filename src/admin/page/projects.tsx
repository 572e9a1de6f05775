/** Projects: made, changed, and taken out of use. */

import { useState } from "preact/hooks";
import { call, type Endpoint, get, getAll, type Listed, type Project } from "./api.ts";
import { moment, money, relative } from "./format.ts";
import { Act, Check, Input } from "./controls.tsx";
import { Confirm, Dialog, Failure, Shown, State, useSubmit } from "./pieces.tsx";
import { type Draft, draftOf, RulesForm, rulesOf, rulesText } from "./rules_form.tsx";
import { Table } from "./table.tsx";
import { useLoad } from "./use_load.ts";

type Doing = { readonly what: "create" | "edit" | "deactivate" | "revoke"; readonly project?: Project };

export function Projects() {
  const loaded = useLoad((signal) => getAll<Project>("/projects", signal), "", 30_000);
  const [doing, setDoing] = useState<Doing>();
  const [said, setSaid] = useState("");
  const close = () => setDoing(undefined);
  const done = (text: string) => {
    setSaid(text);
    close();
    loaded.reload();
  };
  const { project } = doing ?? {};
  return (
    <>
      <div class="row">
        <h1>Projects</h1>
        <button type="button" class="primary" onClick={() => setDoing({ what: "create" })}>
          New project
        </button>
      </div>
      <p role="status" class="help">{said}</p>
      <Shown of={loaded}>
        {(projects) => (
          <Table
            label="Projects"
            rows={projects}
            id={({ id }) => id}
            text={({ name, id }) => `${name} ${id}`}
            empty="No project yet. A project is a group of tokens: a person, a program, a team."
            onOpen={(one) => setDoing({ what: "edit", project: one })}
            columns={[
              { title: "Name", cell: ({ name }) => name, by: ({ name }) => name.toLowerCase() },
              {
                title: "State",
                cell: ({ active }) => <State of={active ? "active" : "inactive"} />,
                by: ({ active }) => active ? 0 : 1,
              },
              { title: "Limits", cell: rulesText },
              {
                title: "This month",
                cell: ({ spent }) => money(spent.month_micros),
                by: ({ spent }) => spent.month_micros,
                isNumber: true,
              },
              {
                title: "In all",
                cell: ({ spent }) => money(spent.total_micros),
                by: ({ spent }) => spent.total_micros,
                isNumber: true,
              },
              {
                title: "Made",
                cell: ({ created_at }) => <span title={moment(created_at)}>{relative(created_at)}</span>,
                by: ({ created_at }) => created_at,
              },
              {
                title: "Actions",
                cell: (one) => (
                  <span class="actions">
                    <a href={`#tokens?${one.id}`}>
                      Tokens<span class="unseen">of {one.name}</span>
                    </a>
                    <Act
                      label="Revoke its tokens"
                      of={one.name}
                      run={() => setDoing({ what: "revoke", project: one })}
                    />
                    {one.active && (
                      <Act
                        label="Deactivate"
                        of={one.name}
                        run={() => setDoing({ what: "deactivate", project: one })}
                      />
                    )}
                  </span>
                ),
              },
            ]}
          />
        )}
      </Shown>
      {(doing?.what === "create" || doing?.what === "edit") && (
        <ProjectForm
          project={project}
          onClose={close}
          onDone={({ name }) => done(`${name} is saved.`)}
        />
      )}
      {doing?.what === "deactivate" && project && (
        <Confirm
          title={`Deactivate ${project.name}?`}
          action={["Deactivate", () => call("DELETE", `/projects/${project.id}`)]}
          onClose={close}
          onDone={() => done(`${project.name} is not active any more.`)}
        >
          <p>
            All its tokens are refused from the next request on, until it is made active again. Nothing is
            deleted.
          </p>
        </Confirm>
      )}
      {doing?.what === "revoke" && project && (
        <Confirm
          title={`Revoke all tokens of ${project.name}?`}
          action={[
            "Revoke all",
            () => call<{ revoked_count: number }>("POST", `/projects/${project.id}/tokens/revoke`),
          ]}
          onClose={close}
          onDone={() => done(`All tokens of ${project.name} are revoked.`)}
        >
          <p>Each of them is refused from the next request on, for ever. Whoever uses one needs a new one.</p>
        </Confirm>
      )}
    </>
  );
}

function ProjectForm({ project, onClose, onDone }: {
  project: Project | undefined;
  onClose: () => void;
  onDone: (project: Project) => void;
}) {
  const [name, setName] = useState(project?.name ?? "");
  const [isActive, setActive] = useState(project?.active ?? true);
  const [draft, setDraft] = useState<Draft>(() => draftOf(project));
  const [keys, setKeys] = useState<Readonly<Record<string, string | null>>>({});
  // The version that is shown here: what somebody else changes meanwhile is not written over.
  const fresh = useLoad(
    async (signal) => ({
      etag: project && (await call("GET", `/projects/${project.id}`, { signal })).etag,
      endpoints: (await get<Listed<Endpoint>>("/endpoints", signal)).data,
    }),
    "",
  );
  const { busy, error, submit } = useSubmit(async () => {
    const given = Object.fromEntries(Object.entries(keys).filter(([, key]) => key !== ""));
    const body = {
      name,
      active: isActive,
      ...rulesOf(draft),
      ...(Object.keys(given).length > 0 && { provider_keys: given }),
    };
    return (project === undefined
      ? await call<Project>("POST", "/projects", { body })
      : await call<Project>("PATCH", `/projects/${project.id}`, { body, etag: fresh.value?.etag ?? null }))
      .body;
  }, onDone);
  return (
    <Dialog title={project === undefined ? "New project" : `Project ${project.name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <Input label="Name" name="name" required maxLength={100} value={name} set={setName} />
        {project && <Check label="Active" value={isActive} set={setActive} />}
        <RulesForm draft={draft} onChange={setDraft} />
        <details>
          <summary>Provider keys of its own</summary>
          <p class="help">They are sent instead of the proxy's, kept encrypted, and never shown again.</p>
          <Shown of={fresh}>
            {({ endpoints }) =>
              endpoints.map((endpoint) => {
                const set = project?.provider_keys[endpoint.name];
                const isTakenAway = keys[endpoint.name] === null;
                return (
                  <div key={endpoint.name}>
                    <Input
                      label={`Key for ${endpoint.name}`}
                      help={isTakenAway
                        ? "It is taken away when you save."
                        : set
                        ? `Set, it ends in ${set.suffix}. Empty: it stays.`
                        : "Empty: the proxy's own."}
                      type="password"
                      disabled={isTakenAway}
                      value={keys[endpoint.name] ?? ""}
                      set={(value) => setKeys({ ...keys, [endpoint.name]: value })}
                    />
                    {set && (
                      <button
                        type="button"
                        onClick={() => setKeys({ ...keys, [endpoint.name]: isTakenAway ? "" : null })}
                      >
                        {isTakenAway ? "Keep it" : "Take it away"}
                      </button>
                    )}
                  </div>
                );
              })}
          </Shown>
        </details>
        {error && <Failure error={error} />}
        <footer>
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={busy || fresh.value === undefined}>Save</button>
        </footer>
      </form>
    </Dialog>
  );
}
