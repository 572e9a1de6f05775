/** The page "Projects": creates, changes, deactivates and deletes projects. */

import { useState } from "preact/hooks";
import { call, getAll, type Project } from "./api.ts";
import { money } from "./format.ts";
import { RowButton } from "./controls.tsx";
import { ConfirmDialog } from "./dialog.tsx";
import { ErrorMessage, LoadView } from "./load_view.tsx";
import { ProjectForm } from "./project_form.tsx";
import { RelativeTime } from "./relative_time.tsx";
import { rulesText } from "./rules_form.tsx";
import { StateBadge } from "./state_badge.tsx";
import { Table } from "./table.tsx";
import { useLoad } from "./use_load.ts";

/** The open dialog, and the project that it is about. */
type OpenDialog = {
  readonly kind: "create" | "edit" | "deactivate" | "revoke" | "delete";
  readonly project?: Project;
};

/** Lists all projects with their limits and cost. */
export function Projects() {
  const loaded = useLoad((signal) => getAll<Project>("/projects", signal), "", 30_000);
  const [dialog, setDialog] = useState<OpenDialog>();
  const [message, setMessage] = useState("");
  const close = () => setDialog(undefined);
  const done = (text: string) => {
    setMessage(text);
    close();
    loaded.reload();
  };
  const [error, setError] = useState<Error>();
  const activate = ({ id, name }: Project) =>
    call("PATCH", `/projects/${id}`, { body: { active: true } })
      .then(() => done(`Project ${name} activated.`), setError);
  const { project } = dialog ?? {};
  return (
    <>
      <div class="row">
        <h1>Projects</h1>
        <button type="button" class="primary" onClick={() => setDialog({ kind: "create" })}>
          New project
        </button>
      </div>
      <p role="status" class="help">{message}</p>
      {error && <ErrorMessage error={error} />}
      <LoadView loaded={loaded}>
        {(projects) => (
          <Table
            label="Projects"
            rows={projects}
            id={({ id }) => id}
            searchText={({ name, id }) => `${name} ${id}`}
            empty="No projects yet. A project groups the tokens of a person, program or team under common limits."
            onOpen={(one) => setDialog({ kind: "edit", project: one })}
            columns={[
              { title: "Name", cell: ({ name }) => name, sortBy: ({ name }) => name.toLowerCase() },
              {
                title: "State",
                cell: ({ active }) => <StateBadge state={active ? "active" : "inactive"} />,
                sortBy: ({ active }) => active ? 0 : 1,
              },
              { title: "Limits", cell: (one) => rulesText(one) || "none" },
              {
                title: "Cost this month",
                cell: ({ spent }) => money(spent.month_micros),
                sortBy: ({ spent }) => spent.month_micros,
                isNumber: true,
              },
              {
                title: "Total cost",
                cell: ({ spent }) => money(spent.total_micros),
                sortBy: ({ spent }) => spent.total_micros,
                isNumber: true,
              },
              {
                title: "Created",
                cell: ({ created_at }) => <RelativeTime at={created_at} />,
                sortBy: ({ created_at }) => created_at,
              },
              {
                title: "Actions",
                cell: (one) => (
                  <span class="actions">
                    <a href={`#tokens?${one.id}`}>
                      Tokens<span class="unseen">of {one.name}</span>
                    </a>
                    <RowButton
                      label="Revoke all tokens"
                      row={one.name}
                      run={() => setDialog({ kind: "revoke", project: one })}
                    />
                    {one.active
                      ? (
                        <RowButton
                          label="Deactivate"
                          row={one.name}
                          run={() => setDialog({ kind: "deactivate", project: one })}
                        />
                      )
                      : (
                        <>
                          <RowButton label="Activate" row={one.name} run={() => activate(one)} />
                          <RowButton
                            label="Delete"
                            row={one.name}
                            run={() => setDialog({ kind: "delete", project: one })}
                          />
                        </>
                      )}
                  </span>
                ),
              },
            ]}
          />
        )}
      </LoadView>
      {(dialog?.kind === "create" || dialog?.kind === "edit") && (
        <ProjectForm
          project={project}
          onClose={close}
          onSaved={({ name }) => done(`Project ${name} saved.`)}
        />
      )}
      {dialog?.kind === "deactivate" && project && (
        <ConfirmDialog
          title={`Deactivate ${project.name}?`}
          action={["Deactivate", () => call("DELETE", `/projects/${project.id}`)]}
          onClose={close}
          onDone={() => done(`Project ${project.name} deactivated.`)}
        >
          <p>
            The proxy rejects all tokens of this project from the next request on, until you activate the
            project again. Nothing is deleted.
          </p>
        </ConfirmDialog>
      )}
      {dialog?.kind === "delete" && project && (
        <ConfirmDialog
          title={`Delete ${project.name}?`}
          action={["Delete", () => call("POST", `/projects/${project.id}/delete`)]}
          onClose={close}
          onDone={() => done(`Project ${project.name} deleted.`)}
        >
          <p>
            This also deletes its tokens. All of them must be revoked first. Their usage stays, under the id
            {" "}
            {project.id}.
          </p>
        </ConfirmDialog>
      )}
      {dialog?.kind === "revoke" && project && (
        <ConfirmDialog
          title={`Revoke all tokens of ${project.name}?`}
          action={[
            "Revoke all",
            () => call<{ revoked_count: number }>("POST", `/projects/${project.id}/tokens/revoke`),
          ]}
          onClose={close}
          onDone={() => done(`All tokens of project ${project.name} revoked.`)}
        >
          <p>
            The proxy rejects these tokens from the next request on. You cannot undo this. Clients that use
            them need new tokens.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}
