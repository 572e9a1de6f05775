/** The view "People": adds, invites, changes, disables and removes people. */

import { useState } from "preact/hooks";
import { call, getAll, type Person, type Project } from "./api.ts";
import { Button, RowButton } from "./controls.tsx";
import { type Confirmation, ConfirmDialog } from "./dialog.tsx";
import { InvitationDialog } from "./invitation.tsx";
import { LimitNotice, LoadView } from "./load_view.tsx";
import { useMe } from "./me.ts";
import { PersonForm } from "./person_form.tsx";
import { RelativeTime } from "./relative_time.tsx";
import { StateBadge } from "./state_badge.tsx";
import { type Column, Table } from "./table.tsx";
import { useDialog } from "./use_dialog.ts";
import { useLoad } from "./use_load.ts";

/** What a confirmation asks, does and says, by the kind of its dialog. */
const CONFIRMATIONS = {
  disable: ({ id, name }: Person): Confirmation => ({
    title: `Disable ${name}?`,
    action: ["Disable", () => call("PATCH", `/people/${id}`, { body: { disabled: true } })],
    text: "The proxy rejects the tokens of this person from the next request on, and ends their sessions, " +
      "until you enable the person again.",
    done: `${name} disabled.`,
  }),
  enable: ({ id, name }: Person): Confirmation => ({
    title: `Enable ${name}?`,
    action: ["Enable", () => call("PATCH", `/people/${id}`, { body: { disabled: false } })],
    text: "The person can sign in again, and their tokens are valid again.",
    done: `${name} enabled.`,
  }),
  remove: ({ id, name }: Person): Confirmation => ({
    title: `Remove ${name}?`,
    action: ["Remove", () => call("DELETE", `/people/${id}`)],
    text:
      `This also revokes the person's tokens. You cannot undo this. Their usage stays, under the id ${id}.`,
    done: `${name} removed.`,
  }),
};

type Kind = "form" | "invite" | keyof typeof CONFIRMATIONS;
type Open = (kind: Kind, person?: Person) => void;

/** Lists the people who can sign in, with their roles and projects. */
export function People() {
  const loaded = useLoad(
    async (signal) => {
      const [people, projects] = await Promise.all([
        getAll<Person>("/people", signal),
        getAll<Project>("/projects", signal),
      ]);
      return { people, projects };
    },
    "",
    30_000,
  );
  const { dialog, message, open, close, done } = useDialog<Kind, Person>(loaded.reload);
  const [added, setAdded] = useState<Person>();
  return (
    <>
      <div class="row">
        <h1>People</h1>
        <Button class="primary" onClick={() => open("form")}>New person</Button>
      </div>
      <p role="status" class="help">{message}</p>
      <LoadView loaded={loaded}>
        {({ people, projects }) => (
          <>
            <LimitNotice items={people} what="people" />
            <PeopleTable people={people} projects={projects} open={open} />
            {dialog?.kind === "form" && (
              <PersonForm
                person={dialog.item}
                projects={projects}
                onClose={close}
                onSaved={(person) => {
                  if (dialog.item === undefined) setAdded(person);
                  done(`${person.name} saved.`);
                }}
              />
            )}
          </>
        )}
      </LoadView>
      {dialog?.kind === "invite" && dialog.item && <InvitationDialog person={dialog.item} onClose={close} />}
      {added && <InvitationDialog person={added} onClose={() => setAdded(undefined)} />}
      {dialog?.item && dialog.kind in CONFIRMATIONS && (
        <ConfirmDialog
          {...CONFIRMATIONS[dialog.kind as keyof typeof CONFIRMATIONS](dialog.item)}
          onClose={close}
          onDone={done}
        />
      )}
    </>
  );
}

function PeopleTable(
  { people, projects, open }: { people: readonly Person[]; projects: readonly Project[]; open: Open },
) {
  const projectsOf = ({ projects: ids }: Person) =>
    ids === "all"
      ? "all"
      : ids.map((id) => projects.find((one) => one.id === id)?.name ?? id).join(", ") || "none";
  return (
    <Table
      label="People"
      rows={people}
      id={({ id }) => id}
      searchText={(person) => [person.name, person.login, person.role, projectsOf(person)].join(" ")}
      empty="No people yet. Add a person, and send them the invitation link."
      onOpen={(person) => open("form", person)}
      columns={[
        ...COLUMNS,
        { title: "Projects", cell: projectsOf },
        ADDED,
        { title: "Actions", cell: (person) => <Actions person={person} open={open} /> },
      ]}
    />
  );
}

const COLUMNS: readonly Column<Person>[] = [
  { title: "Name", cell: ({ name }) => name, sortBy: ({ name }) => name.toLowerCase() },
  { title: "Signs in as", cell: ({ login }) => login, sortBy: ({ login }) => login },
  { title: "Role", cell: ({ role }) => role, sortBy: ({ role }) => role },
  {
    title: "State",
    cell: ({ disabled }) => <StateBadge state={disabled ? "disabled" : "active"} />,
    sortBy: ({ disabled }) => disabled ? 1 : 0,
  },
];
const ADDED: Column<Person> = {
  title: "Added",
  cell: ({ created_at }) => <RelativeTime at={created_at} />,
  sortBy: ({ created_at }) => created_at,
};

function Actions({ person, open }: { person: Person; open: Open }) {
  const { id } = useMe();
  const { name, disabled, provider } = person;
  const button = (label: string, kind: Kind) => (
    <RowButton
      label={label}
      row={name}
      run={() => open(kind, person)}
    />
  );
  return (
    <span class="actions">
      {!disabled && provider === null && button("Invite", "invite")}
      {/* The API lets no administrator disable or remove themselves. */}
      {person.id !== id && (
        <>
          {disabled ? button("Enable", "enable") : button("Disable", "disable")}
          {button("Remove", "remove")}
        </>
      )}
    </span>
  );
}
