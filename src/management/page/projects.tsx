/** The page "Projects": creates, changes, deactivates and deletes projects. */

import { useState } from "preact/hooks";
import { call, getAll, type Project } from "./api.ts";
import { Button, RowButton } from "./controls.tsx";
import { type Confirmation, ConfirmDialog } from "./dialog.tsx";
import { money } from "./format.ts";
import { ErrorMessage, LimitNotice, LoadView } from "./load_view.tsx";
import { useMe } from "./me.ts";
import { ProjectForm } from "./project_form.tsx";
import { RelativeTime } from "./relative_time.tsx";
import { rulesText } from "./rules_form.tsx";
import { StateBadge } from "./state_badge.tsx";
import { type Column, numberColumn, Table } from "./table.tsx";
import { type OpenDialog, useDialog } from "./use_dialog.ts";
import { useLoad } from "./use_load.ts";

/** What a confirmation asks, does and says, by the kind of its dialog. */
const CONFIRMATIONS = {
  deactivate: ({ id, name }: Project): Confirmation => ({
    title: `Deactivate ${name}?`,
    action: ["Deactivate", () => call("DELETE", `/projects/${id}`)],
    text: "The proxy rejects all tokens of this project from the next request on, until you activate the " +
      "project again. Nothing is deleted.",
    done: `Project ${name} deactivated.`,
  }),
  delete: ({ id, name }: Project): Confirmation => ({
    title: `Delete ${name}?`,
    action: ["Delete", () => call("POST", `/projects/${id}/delete`)],
    text:
      "This also deletes its tokens. All of them must be revoked first. Their usage stays, under the id " +
      `${id}.`,
    done: `Project ${name} deleted.`,
  }),
  revoke: ({ id, name }: Project): Confirmation => ({
    title: `Revoke all tokens of ${name}?`,
    action: ["Revoke all", () => call("POST", `/projects/${id}/tokens/revoke`)],
    text: "The proxy rejects these tokens from the next request on. You cannot undo this. Clients that use " +
      "them need new tokens.",
    done: `All tokens of project ${name} revoked.`,
  }),
};

type Kind = "form" | keyof typeof CONFIRMATIONS;

/** Lists the projects of the user with their limits and cost. */
export function Projects() {
  const { may } = useMe();
  const mayChange = may("changeProjects");
  const loaded = useLoad((signal) => getAll<Project>("/projects", signal), "", 30_000);
  const { dialog, message, open, close, done } = useDialog<Kind, Project>(loaded.reload);
  const [error, setError] = useState<Error>();
  const activate = ({ id, name }: Project) =>
    call("PATCH", `/projects/${id}`, { body: { active: true } })
      .then(() => done(`Project ${name} activated.`), setError);
  return (
    <>
      <div class="row">
        <h1>Projects</h1>
        {mayChange && <Button class="primary" onClick={() => open("form")}>New project</Button>}
      </div>
      <p role="status" class="help">{message}</p>
      {error && <ErrorMessage error={error} />}
      <LoadView loaded={loaded}>
        {(projects) => (
          <>
            <LimitNotice items={projects} what="projects" />
            <Table
              label="Projects"
              rows={projects}
              id={({ id }) => id}
              searchText={({ name, id }) => `${name} ${id}`}
              empty={mayChange
                ? "No projects yet. A project groups the tokens of a person, program or team under common limits."
                : "You have no projects. An administrator can give you one."}
              onOpen={mayChange ? (one) => open("form", one) : undefined}
              columns={[
                ...COLUMNS,
                {
                  title: "Actions",
                  cell: (one) => <Actions project={one} open={open} activate={activate} />,
                },
              ]}
            />
          </>
        )}
      </LoadView>
      {dialog && <ProjectDialog {...dialog} onClose={close} onDone={done} />}
    </>
  );
}

const COLUMNS: readonly Column<Project>[] = [
  { title: "Name", cell: ({ name }) => name, sortBy: ({ name }) => name.toLowerCase() },
  {
    title: "State",
    cell: ({ active }) => <StateBadge state={active ? "active" : "inactive"} />,
    sortBy: ({ active }) => active ? 0 : 1,
  },
  { title: "Limits", cell: (one) => rulesText(one) || "none" },
  numberColumn("Cost this month", ({ spent }) => spent?.month_micros, money),
  numberColumn("Total cost", ({ spent }) => spent?.total_micros, money),
  {
    title: "Created",
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
    sortBy: ({ created_at }) => created_at,
  },
];

function Actions({ project, open, activate }: {
  project: Project;
  open: (kind: Kind, project: Project) => void;
  activate: (project: Project) => void;
}) {
  const { may } = useMe();
  const button = (label: string, run: () => void) => <RowButton label={label} row={project.name} run={run} />;
  return (
    <span class="actions">
      <a href={`#tokens?${project.id}`}>
        Tokens<span class="unseen">of {project.name}</span>
      </a>
      {may("revokeProject") && button("Revoke all tokens", () => open("revoke", project))}
      {may("changeProjects") && (project.active ? button("Deactivate", () => open("deactivate", project)) : (
        <>
          {button("Activate", () => activate(project))}
          {button("Delete", () => open("delete", project))}
        </>
      ))}
    </span>
  );
}

function ProjectDialog({ kind, item, onClose, onDone }: OpenDialog<Kind, Project> & {
  onClose: () => void;
  onDone: (message: string) => void;
}) {
  if (kind === "form") {
    return (
      <ProjectForm
        project={item}
        onClose={onClose}
        onSaved={({ name }) => onDone(`Project ${name} saved.`)}
      />
    );
  }
  return item && <ConfirmDialog {...CONFIRMATIONS[kind](item)} onClose={onClose} onDone={onDone} />;
}
