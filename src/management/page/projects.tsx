/** Projects: made, changed, and taken out of use. */

import { useState } from "preact/hooks";
import { call, getAll, type Project } from "./api.ts";
import { money } from "./format.ts";
import { Act } from "./controls.tsx";
import { Confirm, Failure, Shown, State, When } from "./pieces.tsx";
import { ProjectForm } from "./project_form.tsx";
import { rulesText } from "./rules_form.tsx";
import { Table } from "./table.tsx";
import { useLoad } from "./use_load.ts";

type Doing = {
  readonly what: "create" | "edit" | "deactivate" | "revoke" | "delete";
  readonly project?: Project;
};

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
  const [failure, setFailure] = useState<Error>();
  const activate = ({ id, name }: Project) =>
    call("PATCH", `/projects/${id}`, { body: { active: true } })
      .then(() => done(`${name} is active again.`), setFailure);
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
      {failure && <Failure error={failure} />}
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
              { title: "Limits", cell: (one) => rulesText(one) || "none" },
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
                cell: ({ created_at }) => <When at={created_at} />,
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
                    {one.active
                      ? (
                        <Act
                          label="Deactivate"
                          of={one.name}
                          run={() => setDoing({ what: "deactivate", project: one })}
                        />
                      )
                      : (
                        <>
                          <Act label="Activate" of={one.name} run={() => activate(one)} />
                          <Act
                            label="Delete"
                            of={one.name}
                            run={() => setDoing({ what: "delete", project: one })}
                          />
                        </>
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
      {doing?.what === "delete" && project && (
        <Confirm
          title={`Delete ${project.name}?`}
          action={["Delete", () => call("POST", `/projects/${project.id}/delete`)]}
          onClose={close}
          onDone={() => done(`${project.name} is deleted.`)}
        >
          <p>
            Its tokens have to be revoked, and are deleted too. What they have used stays in the usage, under
            {" "}
            {project.id}.
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
